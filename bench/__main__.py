"""`make bench`: the hot paths, as ratios against raw signatures and a peer, all in one run on one machine.

Absolute figures say little on another machine, and less on a busy one; the ratios carry over. The load comes from a
second process, so a two-core machine gives the server one core.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import tempfile
from pathlib import Path

from bench import (
    exchanging,
    holding,
    identity,
    issuing,
    login,
    reach,
    servers,
    starting,
    subjects,
    tenants,
    trust,
)
from bench.load import Measured, measure
from bench.primitives import sign_per_second, verify_per_second


def _row(name: str, got: Measured, limit_us: float, limit_name: str) -> dict:
    row = {
        "what": name,
        "per_second": round(got.per_second),
        "server_cpu_us": round(got.cpu_us),
        "p50_ms": round(got.p50_ms, 2),
        "p99_ms": round(got.p99_ms, 2),
        "failures": got.failures,
        "limit": limit_name,
        "limit_us": round(limit_us, 1),
        "cpu_ratio_to_limit": round(got.cpu_us / limit_us, 2),
    }
    print(
        f"  {name:<44} {row['per_second']:>6}/s  {row['server_cpu_us']:>5} us CPU"
        f"  = {row['cpu_ratio_to_limit']:>5} x {limit_name} ({limit_us:.0f} us)"
        f"   p50 {row['p50_ms']} ms  p99 {row['p99_ms']} ms" + (f"  FAILURES {got.failures}" if got.failures else "")
    )
    return row


def main() -> int:
    """Run everything and print; the exit status is 1 when any request failed."""
    options = argparse.ArgumentParser(prog="make bench")
    options.add_argument("--seconds", type=float, default=4.0, help="of load per figure")
    options.add_argument("--json", type=Path, help="also write the figures here")
    chosen = options.parse_args()
    seconds = chosen.seconds
    print(
        f"Python {platform.python_version()} on {platform.machine()}, {os.cpu_count()} cores, {seconds:g} s a figure\n"
    )
    rows = []
    print("Raw cryptography, one core:")
    raw = {algorithm: 1e6 / sign_per_second(algorithm) for algorithm in ("RS256", "ES256")}
    raw_verify = 1e6 / verify_per_second()
    print(f"  RS256 sign {raw['RS256']:.0f} us, ES256 sign {raw['ES256']:.0f} us, RS256 verify {raw_verify:.0f} us\n")
    rows += trust.section()
    print()
    rows += reach.section()
    print()
    rows += starting.section()
    print()
    rows += holding.section()
    print()
    rows += login.section()
    print()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        print("Tokens issued, one worker, audit on (an answer leaves when its row is on disk):")
        with servers.identity_provider(folder) as (running, secret, _):
            for algorithm in ("RS256", "ES256"):
                request = servers.id_token_request(running.port, secret, algorithm)
                for connections in (16, 64):
                    got = measure(running.port, request, pid=running.pid, connections=connections, seconds=seconds)
                    label = f"{algorithm}, {connections} connections"
                    rows.append(_row(label, got, raw[algorithm], f"raw {algorithm} sign"))
            print("\nThe key set, 16 connections:")
            request = servers.get_request(running.port, "/keys")
            got = measure(running.port, request, pid=running.pid, connections=16, seconds=seconds)
            rows.append(_row("GET /keys", got, raw["ES256"], "raw ES256 sign"))
        print("\nOne tenant asks for ten times what it may have, another for half of it:")
        (folder / "tenants").mkdir()
        rows += tenants.section(folder / "tenants", seconds)
        print("\nES256 tokens in process, without HTTP, 64 at once:")
        without, durable = issuing.unaudited(seconds), issuing.audited(folder / "audited", seconds)
        for where, each in (("rows in memory only", without), ("rows on disk", durable)):
            print(f"  {where:<44} {each.per_second:>6.0f}/s  {each.cpu_us:>5.0f} us CPU")
        print(f"  with the rows on disk {durable.per_second / without.per_second:.2f} times as many")
        print("\nWhose a subject is, asked for every token:")
        rows += subjects.section(folder)
        print("\nThe exchange, without HTTP, 16 at once, rows and used tokens on disk:")
        rows += exchanging.section(folder, raw, raw_verify)
        print("\nAssumeRoleWithWebIdentity, 16 connections:")
        with servers.local_aws(folder) as (running, role, token):
            request = servers.assume_role_request(running.port, role, token)
            ours = measure(running.port, request, pid=running.pid, connections=16, seconds=seconds)
            rows.append(_row("local AWS: everything checked", ours, raw_verify, "raw RS256 verify"))
            half = ours.per_second / 2
            got = measure(running.port, request, pid=running.pid, connections=16, seconds=seconds, per_second=half)
            rows.append(_row("local AWS: at half of that load", got, raw_verify, "raw RS256 verify"))
        with servers.moto(folder) as running:
            request = servers.assume_role_request(running.port, role, token)
            theirs = measure(running.port, request, pid=running.pid, connections=16, seconds=seconds)
            rows.append(_row("moto: nothing checked", theirs, raw_verify, "raw RS256 verify"))
        print(
            f"\n  the local AWS answers {ours.per_second / theirs.per_second:.1f} times as many as moto,"
            f" for {ours.cpu_us / theirs.cpu_us:.2f} of its CPU time"
        )
        print("\nA signed request of a session, CPU time of the server per request, 8 connections:")
        (folder / "signed").mkdir()
        rows += identity.section(folder / "signed", seconds)
    if chosen.json:
        chosen.json.write_text(json.dumps(rows, indent=2) + "\n", "utf-8")
    failed = sum(row["failures"] for row in rows)
    if failed:
        print(f"\n{failed} requests failed or figures exceed their limit", file=sys.stderr)
    return int(failed > 0)


if __name__ == "__main__":
    raise SystemExit(main())
