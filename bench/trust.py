"""What one decision of a trust policy costs, beside the other evaluators that are at hand.

Run: python -m bench.trust
"""

from __future__ import annotations

import json
import shutil
import statistics
import subprocess
from pathlib import Path
from time import process_time
from typing import TYPE_CHECKING

from daypass.trust.compile import compile_policy
from daypass.trust.context import Context
from daypass.trust.decision import Request
from daypass.trust.document import Policy
from daypass.trust.evaluate import evaluate
from daypass.trust.statement import Principal, PrincipalKind

if TYPE_CHECKING:
    from collections.abc import Callable

ISSUER = "gitlab.com"
PROVIDER = f"arn:aws:iam::111122223333:oidc-provider/{ISSUER}"
ACTION = "sts:AssumeRoleWithWebIdentity"
SUBJECT = "project_path:mygroup/myproject:ref_type:branch:ref:main"
STRANGER = "project_path:stranger/myproject:ref_type:branch:ref:main"
HOSTILE_TEXT = "a" * 10_000
HOSTILE = {
    "four stars": "*a*a*a*a*b",
    "1,000 stars": "*a" * 1_000 + "*b*",
    "1,000 stars and ?": "*a?" * 1_000 + "*b*",
    "400 times *a?b": "*a?b" * 400 + "*",
    "500 times a?": "*" + "a?" * 500 + "b*",
    "900 times ?a": "*" + "?a" * 900 + "b*",
    "500 letters, ?": "*" + "a" * 500 + "?b*",
}

PACKAGES = Path(__file__).parent / "node"

NODE = """
const { runSimulation } = require('@cloud-copilot/iam-simulate');
const input = JSON.parse(require('fs').readFileSync(0));
(async () => {
  const costs = [];
  let last;
  for (let round = 0; round < 7; round++) {
    const start = process.cpuUsage();
    for (let n = 0; n < 200; n++) last = await runSimulation(input, {});
    const used = process.cpuUsage(start);
    costs.push((used.user + used.system) / 200);
  }
  costs.sort((a, b) => a - b);
  console.log(JSON.stringify({ us: costs[3], result: last.overallResult || last.resultType }));
})();
"""


def policy_text(pattern: str = "project_path:mygroup/*:ref_type:branch:ref:main") -> str:
    condition = {
        "StringEquals": {f"{ISSUER}:aud": "https://gitlab.com"},
        "StringLike": {f"{ISSUER}:sub": pattern},
    }
    statement = {"Effect": "Allow", "Principal": {"Federated": PROVIDER}, "Action": ACTION, "Condition": condition}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def request(subject: str) -> Request:
    context = Context({f"{ISSUER}:aud": ("https://gitlab.com",), f"{ISSUER}:sub": (subject,)})
    return Request(Principal(PrincipalKind.FEDERATED, PROVIDER), ACTION, context)


def microseconds(call: Callable[[], object], times: int) -> float:
    """Of CPU for one call, the median of seven rounds."""
    rounds = []
    for _ in range(7):
        start = process_time()
        for _ in range(times):
            call()
        rounds.append((process_time() - start) / times * 1e6)
    return statistics.median(rounds)


def row(what: str, cost: float, limit: float | None = None, note: str = "") -> dict:
    told = f"  (limit {limit:g})" if limit is not None else ""
    print(f"  {what:<44} {cost:>9.2f} us CPU{told}{'  ' + note if note else ''}")
    return {"what": what, "cpu_us": round(cost, 2), "limit_us": limit, "note": note, "failures": 0}


def ours() -> list[dict]:
    policy = Policy.parse(policy_text())
    compiled = compile_policy(policy)
    friend, stranger = request(SUBJECT), request(STRANGER)
    assert compiled.allows(friend)
    assert not compiled.allows(stranger)
    rows = [
        row("compiled decision, allowed", microseconds(lambda: compiled.allows(friend), 20_000), 3),
        row("compiled decision, denied", microseconds(lambda: compiled.allows(stranger), 20_000), 3),
        row("with every reason, allowed", microseconds(lambda: evaluate(policy, friend), 5_000), 60),
        row("with every reason, denied", microseconds(lambda: evaluate(policy, stranger), 5_000), 60),
        row("parse", microseconds(lambda: Policy.parse(policy_text()), 500)),
    ]
    costs = {}
    for name, pattern in HOSTILE.items():
        hostile, against = Policy.parse(policy_text(pattern)), request(HOSTILE_TEXT)
        fast = compile_policy(hostile)
        assert not fast.allows(against)
        costs[name] = microseconds(lambda fast=fast, against=against: fast.allows(against), 20)
        explained = microseconds(lambda hostile=hostile, against=against: evaluate(hostile, against), 20)
        costs[f"{name}, with every reason"] = explained
    decisions = {name: cost for name, cost in costs.items() if "reason" not in name}
    worst = max(decisions, key=decisions.__getitem__)
    rows.append(row("worst hostile pattern, 10 kB subject", costs[worst], 1_000, worst))
    slowest = max(costs, key=costs.__getitem__)
    rows.append(row("the same with every reason", costs[slowest], None, slowest))
    return rows


def motos() -> list[dict]:
    try:
        from moto.iam.access_control import IAMPolicy, PermissionResult  # noqa: PLC0415 (may not be installed)
    except ImportError:
        print("  moto: left out, it is not installed")
        return []

    # Without the principal: moto knows no federated one.
    parsed = IAMPolicy(policy_text())

    def permits(subject: str) -> bool:
        values = {f"{ISSUER}:aud": "https://gitlab.com", f"{ISSUER}:sub": subject}
        return parsed.is_action_permitted(ACTION, incoming_condition_values=values) is PermissionResult.PERMITTED

    assert permits(SUBJECT)
    wrong = "wrong: permits a stranger" if permits(STRANGER) else ""
    return [row("moto's evaluator", microseconds(lambda: permits(SUBJECT), 5_000), None, wrong)]


def iam_simulates() -> list[dict]:
    """npm's evaluator, where node finds it."""
    node = shutil.which("node")
    if node is None:
        print("  iam-simulate: left out, there is no node")
        return []
    if not (PACKAGES / "node_modules" / "@cloud-copilot" / "iam-simulate").is_dir():
        print("  iam-simulate: left out, it is not installed (npm ci --prefix bench/node)")
        return []
    role = "arn:aws:iam::111122223333:role/ci"
    simulated = {
        "identityPolicies": [],
        "serviceControlPolicies": [],
        "resourceControlPolicies": [],
        "resourcePolicy": json.loads(policy_text()),
        "request": {
            "principal": PROVIDER,
            "action": ACTION,
            "resource": {"resource": role, "accountId": "111122223333"},
            "contextVariables": {f"{ISSUER}:aud": "https://gitlab.com", f"{ISSUER}:sub": SUBJECT},
        },
    }
    done = subprocess.run(
        [node, "-e", NODE], cwd=PACKAGES, input=json.dumps(simulated), capture_output=True, text=True, check=False
    )
    if done.returncode:
        print(f"  iam-simulate: left out, it failed: {done.stderr.strip().splitlines()[-1:]}")
        return []
    answer = json.loads(done.stdout)
    wrong = "" if answer["result"] == "Allowed" else f"wrong: {answer['result']}"
    return [row("iam-simulate (npm)", answer["us"], None, wrong)]


def section() -> list[dict]:
    """Measure and print everything."""
    print(f"Trust policies, one decision each ({Path(__file__).name}):")
    return [*ours(), *motos(), *iam_simulates()]


if __name__ == "__main__":
    section()
