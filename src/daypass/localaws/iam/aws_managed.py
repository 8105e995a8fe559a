"""Managed policies of AWS itself: those that jobs are given most, word for word, each in its default version.

The texts are AWS's (AWS Managed Policy Reference Guide), in `aws_managed_policies.json` as they were in October 2026.
The others change often and are many: a role cannot have them here, and the refusal says so. The unique ids are ours.
"""

from __future__ import annotations

import base64
import hashlib
import json
from datetime import datetime
from functools import cache
from importlib.resources import files
from typing import Any, Final

from daypass.localaws.iam.state import PARTITION, ManagedPolicy, PolicyVersion
from daypass.permissions.document import PermissionsPolicy

_PREFIX: Final = f"arn:{PARTITION}:iam::aws:policy"


def is_of_aws(arn: str) -> bool:
    """Whether an ARN is one of AWS's own managed policies, kept here or not."""
    return arn.startswith(f"{_PREFIX}/")


@cache
def arns() -> tuple[str, ...]:
    """The ARNs of those that are kept here."""
    return tuple(_kept())


def aws_managed_policy(arn: str) -> ManagedPolicy | None:
    """A policy of AWS by its ARN; None when it is not kept here."""
    return _made(arn) if is_of_aws(arn) and arn in _kept() else None


@cache
def _made(arn: str) -> ManagedPolicy:
    kept = _kept()[arn]
    number, created = int(kept["version"].removeprefix("v")), datetime.fromisoformat(kept["created"])
    updated = datetime.fromisoformat(kept["updated"])
    policy = PermissionsPolicy.parse(json.dumps(kept["document"]))
    digest = base64.b32encode(hashlib.sha256(arn.encode()).digest()).decode()
    return ManagedPolicy(
        arn=arn,
        policy_id=f"ANPA{digest[:17]}",
        versions=(PolicyVersion(number, policy, updated),),
        default=number,
        last_number=number,
        created_at=created,
        updated_at=updated,
        path=kept["path"],
    )


@cache
def _kept() -> dict[str, Any]:
    text = files(__package__).joinpath("aws_managed_policies.json").read_text(encoding="utf-8")
    return {f"{_PREFIX}{kept['path']}{name}": kept for name, kept in json.loads(text).items()}
