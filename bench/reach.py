"""What proofs cost: who can enter and what changes, on policies of 20 statements with 5 patterns each.

Run: python bench/reach.py
"""

from __future__ import annotations

import json
from time import perf_counter
from typing import TYPE_CHECKING

from daypass.trust.diff import diff
from daypass.trust.document import Policy
from daypass.trust.reach import who

if TYPE_CHECKING:
    from collections.abc import Callable

ISSUER = "token.actions.githubusercontent.com"
STATEMENTS, PATTERNS = 20, 5

FORMS = {
    "prefixes": "repo:acme{n}/app{m}:ref:refs/heads/*",
    "any owner": "repo:*/app{n}{m}:ref:refs/heads/*",
    "stars inside": "repo:*acme{n}*/app{m}*:ref:*",
    "stars around": "*a{n}*b{m}*",
    "one character": "repo:acme{n}/app?{m}?:*",
    "exact": "repo:acme{n}/app{m}:ref:refs/heads/main",
}


def policy(form: str, *, changed: bool = False, denies: int = 0) -> Policy:
    """Of 20 statements: `changed` opens one pattern of the last, `denies` of them deny."""
    statements = []
    for n in range(STATEMENTS):
        patterns = [form.format(n=n, m=m) for m in range(PATTERNS)]
        if changed and n == STATEMENTS - 1:
            patterns[-1] += "*"
        statements.append(
            {
                "Effect": "Deny" if n < denies else "Allow",
                "Principal": {"Federated": f"arn:aws:iam::111122223333:oidc-provider/{ISSUER}"},
                "Action": "sts:AssumeRoleWithWebIdentity",
                "Condition": {
                    "StringEquals": {f"{ISSUER}:aud": ["sts.amazonaws.com", f"audience-{n}"]},
                    "StringLike": {f"{ISSUER}:sub": patterns, f"{ISSUER}:repository_owner_id": [f"{n}?", f"*{n}"]},
                },
            }
        )
    return Policy.parse(json.dumps({"Version": "2012-10-17", "Statement": statements}))


def seconds(call: Callable[[], object]) -> float:
    """Of one call, the best of three."""
    times = []
    for _ in range(3):
        start = perf_counter()
        call()
        times.append(perf_counter() - start)
    return min(times)


def main() -> None:
    """Print a line for each form of patterns: seconds for `who`, `diff` of equals and `diff` of a change."""
    print(f"{STATEMENTS} statements x {PATTERNS} patterns, three keys; milliseconds")
    print(f"{'':>14} {'who':>8} {'who only':>9} {'equal':>8} {'changed':>8} {'10 deny':>8}")
    for name, form in FORMS.items():
        old, same, new, denying = policy(form), policy(form), policy(form, changed=True), policy(form, denies=10)
        assert diff(old, old).undecided is None, name
        times = (
            seconds(lambda old=old: who(old)),
            seconds(lambda old=old: who(old, only="repo:acme*")),
            seconds(lambda old=old, same=same: diff(old, same)),
            seconds(lambda old=old, new=new: diff(old, new)),
            seconds(lambda old=old, denying=denying: diff(old, denying)),
        )
        print(f"{name:>14} " + " ".join(f"{time * 1e3:8.0f}" for time in times))


if __name__ == "__main__":
    main()
