"""The vectors of AssumeRole, made into values for the pure decision. Over HTTP IAM and STS make the same world."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from daypass.names import RoleArn
from daypass.permissions.document import PermissionsPolicy
from daypass.permissions.evaluate import Attached, Policies
from daypass.sts.assume_role.caller import Caller
from daypass.sts.decide import Role
from daypass.sts.observed import Observed
from daypass.trust.document import Policy
from support.vectors import cases

if TYPE_CHECKING:
    from _pytest.mark import ParameterSet

ACCOUNT = "111122223333"
CALLER_ROLE = f"arn:aws:iam::{ACCOUNT}:role/runner"
CALLER_ARN = f"arn:aws:sts::{ACCOUNT}:assumed-role/runner/job"
ROLE_ID = "AROAEXAMPLEEXAMPLE123"
CALLER_ROLE_ID = "AROAEXAMPLEEXAMPLE456"
MANAGED = ("arn:aws:iam::aws:policy/AdministratorAccess",)


@dataclass(frozen=True, slots=True)
class AssumeRoleCase:
    """A vector. `caller` and `role` are as written in it; `parameters` are those to send."""

    caller: Any
    role: dict[str, Any] | None
    parameters: dict[str, str]
    observed: Observed
    expect: dict[str, Any]

    @property
    def account(self) -> str:
        """Of the role."""
        return ACCOUNT if self.role is None else str(self.role.get("account", ACCOUNT))


def assume_role_cases() -> list[ParameterSet]:
    """Every vector, for `parametrize`."""
    return cases("sts_assume_role")


def build(vector: dict[str, Any]) -> AssumeRoleCase:
    """A vector, with the parameters that it leaves out."""
    role = vector["role"]
    account = ACCOUNT if role is None else role.get("account", ACCOUNT)
    parameters: dict[str, str | None] = {
        "RoleArn": f"arn:aws:iam::{account}:role/ci/deploy",
        "RoleSessionName": "ci-1",
        "DurationSeconds": "900",
        **vector.get("parameters", {}),
    }
    return AssumeRoleCase(
        caller=vector["caller"],
        role=role,
        parameters={name: value for name, value in parameters.items() if value is not None},
        observed=Observed.parse(f"{name}={value}" for name, value in vector.get("settings", {}).items()),
        expect=vector["expect"],
    )


def document(statements: list[dict[str, Any]]) -> str:
    """A policy of these statements."""
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


def role_of(case: AssumeRoleCase) -> Role | None:
    """The role as the decision takes it."""
    if case.role is None:
        return None
    arn = RoleArn.parse(f"arn:aws:iam::{case.account}:role/ci/deploy")
    trust = Policy.parse(document(case.role["trust"]))
    return Role(arn, ROLE_ID, trust, case.role.get("max_session_seconds", 3600))


def role_keys(case: AssumeRoleCase) -> dict[str, tuple[str, ...]]:
    """The condition keys of the role's tags."""
    tags = {} if case.role is None else case.role.get("tags", {})
    return {f"aws:ResourceTag/{key}": (value,) for key, value in tags.items()}


def caller_of(case: AssumeRoleCase) -> Caller:
    """The caller as the decision takes it."""
    given = case.caller
    if given == "administrator":
        root = f"arn:aws:iam::{ACCOUNT}:root"
        return Caller("aws", ACCOUNT, root, keys={"aws:PrincipalArn": (root,)})
    tags = given.get("tags", {})
    return Caller(
        partition="aws",
        account=ACCOUNT,
        arn=CALLER_ARN,
        role=RoleArn.parse(CALLER_ROLE),
        role_id=CALLER_ROLE_ID,
        policies=Policies(_layer(given, "permissions") or (), _layer(given, "boundary"), _layer(given, "policy")),
        keys={
            "aws:PrincipalArn": (CALLER_ROLE,),
            "aws:MultiFactorAuthPresent": ("false",),
            **{f"aws:PrincipalTag/{key}": (value,) for key, value in tags.items()},
        },
        source_identity=given.get("source_identity"),
        transitive_tags={key: tags[key] for key in given.get("transitive", [])},
    )


def _layer(given: dict[str, Any], name: str) -> tuple[Attached, ...] | None:
    if name not in given:
        return None
    return (Attached(name, PermissionsPolicy.parse(document(given[name]))),)
