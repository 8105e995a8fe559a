"""What the trust engine costs: one hostile pattern, and one decision.

Run: python bench/trust.py
"""

from __future__ import annotations

import json
from time import perf_counter
from typing import TYPE_CHECKING

from daypass.trust.context import Context
from daypass.trust.decision import Request
from daypass.trust.document import Policy
from daypass.trust.evaluate import evaluate
from daypass.trust.statement import Principal, PrincipalKind
from daypass.trust.wildcard import Pattern

if TYPE_CHECKING:
    from collections.abc import Callable

PROVIDER = "arn:aws:iam::111122223333:oidc-provider/idp.example.com"
POLICY = {
    "Version": "2012-10-17",
    "Statement": {
        "Effect": "Allow",
        "Principal": {"Federated": PROVIDER},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": {
            "StringEquals": {"idp.example.com:aud": "sts.amazonaws.com"},
            "StringLike": {"idp.example.com:sub": "organization:org_a:project:*:workspace:wsp_?"},
        },
    },
}


def best(call: Callable[[], object], rounds: int) -> float:
    """Seconds for one call, the best of five runs."""
    times = []
    for _ in range(5):
        start = perf_counter()
        for _ in range(rounds):
            call()
        times.append((perf_counter() - start) / rounds)
    return min(times)


def main() -> None:
    text = "a" * 10_000
    for name, pattern in {
        "1,000 stars": "*a" * 1_000 + "*b*",
        "1,000 stars, ?": "*a?" * 1_000 + "*b*",
        "1,000 places with ?": "*" + "a?" * 500 + "b*",
    }.items():
        compiled = Pattern.parse(pattern)
        print(f"{name:>20} against 10 kB: {best(lambda c=compiled: c.matches(text), 3) * 1e3:8.3f} ms")
    policy = Policy.parse(json.dumps(POLICY))
    request = Request(
        Principal(PrincipalKind.FEDERATED, PROVIDER),
        "sts:AssumeRoleWithWebIdentity",
        Context(
            {
                "idp.example.com:aud": ("sts.amazonaws.com",),
                "idp.example.com:sub": ("organization:org_a:project:prj_b:workspace:wsp_c",),
            }
        ),
    )
    assert evaluate(policy, request).allowed
    print(f"{'one decision':>20}: {best(lambda: evaluate(policy, request), 1_000) * 1e6:8.1f} us")


if __name__ == "__main__":
    main()
