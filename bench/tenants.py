"""A noisy tenant and a quiet one on one server: how much longer the quiet one waits (threats, row 80)."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from bench import servers
from bench.load import Measured, measure
from daypass.config import Settings

if TYPE_CHECKING:
    from pathlib import Path

MAY = Settings.__dataclass_fields__["limit_organization_tokens_per_minute"].default / 60
WAITS_LONGER = 2.0
"""How many times its p99 alone the quiet tenant's may be."""


def section(folder: Path, seconds: float) -> list[dict]:
    """Measure, print, and return the rows; `failures` are the quiet tenant's, and one when it waits too long."""
    # Each workload has its own limit below its organization's; here the organization's is to decide.
    more = {"DAYPASS_LIMIT_WORKLOAD_TOKENS_PER_MINUTE": "0"}
    with servers.tenants(folder, ["quiet", "noisy"], more) as (running, secrets, _):
        quiet, noisy = (servers.id_token_request(running.port, secrets[slug], "ES256") for slug in ("quiet", "noisy"))

        def ask(request: bytes, per_second: float, longer: float = 0) -> Measured:
            return measure(
                running.port, request, pid=running.pid, connections=16, seconds=seconds + longer, per_second=per_second
            )

        alone = ask(quiet, MAY / 2)
        with ThreadPoolExecutor(1) as other:
            flood = other.submit(ask, noisy, MAY * 10, 1)
            beside = ask(quiet, MAY / 2)
            refused = flood.result()
    ratio = beside.p99_ms / alone.p99_ms
    for where, got in (("the quiet one alone", alone), ("beside the noisy one", beside)):
        print(f"  {where:<44} {got.per_second:>6.0f}/s   p50 {got.p50_ms:.2f} ms  p99 {got.p99_ms:.2f} ms")
    print(f"  {'the noisy one':<44} {refused.per_second:>6.0f}/s   answered with 429: {refused.failures}")
    print(f"  the quiet one's p99 is {ratio:.2f} times what it is alone; the limit is {WAITS_LONGER:g}")
    too_long = int(ratio > WAITS_LONGER)
    return [
        {
            "what": "quiet tenant beside a noisy one",
            "p99_ms": round(beside.p99_ms, 2),
            "p99_ratio_to_alone": round(ratio, 2),
            "failures": alone.failures + beside.failures + too_long,
        }
    ]
