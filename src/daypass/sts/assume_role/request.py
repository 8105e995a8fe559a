"""AssumeRole's parameters, after the limits of AWS's model were held."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from daypass.errors import ArnInvalid
from daypass.names import RoleArn
from daypass.sts import answers
from daypass.sts.assume_role import texts
from daypass.sts.refusal import Refusal, refuse
from daypass.sts.request import DEFAULT_DURATION_SECONDS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


@dataclass(frozen=True, slots=True)
class AssumeRoleRequest:
    """Parameters in good form; `policy` is a text, not read yet. `tags` are in the order they were given."""

    role_arn: RoleArn
    session_name: str
    duration_seconds: int = DEFAULT_DURATION_SECONDS
    external_id: str | None = None
    source_identity: str | None = None
    tags: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    transitive_keys: tuple[str, ...] = ()
    policy: str | None = None
    policy_arns: tuple[str, ...] = ()


def read_request(given: Mapping[str, Any]) -> AssumeRoleRequest | Refusal:
    """Read the operation's input, by the names and types of AWS's model.

    `ProvidedContexts` and `MinimumSessionTokenSize` are not looked at.
    """
    try:
        role_arn = RoleArn.parse(given["RoleArn"])
    except ArnInvalid as fault:
        return refuse(answers.ROLE_ARN_INVALID, fault.message, arn=given["RoleArn"])
    if no := _multi_factor(given):
        return no
    pairs = [(tag["Key"], tag["Value"]) for tag in given.get("Tags", ())]
    transitive = tuple(given.get("TransitiveTagKeys", ()))
    if no := _check_tags([key for key, _ in pairs], transitive):
        return no
    return AssumeRoleRequest(
        role_arn=role_arn,
        session_name=given["RoleSessionName"],
        duration_seconds=given.get("DurationSeconds", DEFAULT_DURATION_SECONDS),
        external_id=given.get("ExternalId"),
        source_identity=given.get("SourceIdentity"),
        tags=MappingProxyType(dict(pairs)),
        transitive_keys=transitive,
        policy=given.get("Policy"),
        policy_arns=tuple(each["arn"] for each in given.get("PolicyArns", ()) if "arn" in each),
    )


def _multi_factor(given: Mapping[str, Any]) -> Refusal | None:
    """Nobody here has a device, so no code is right."""
    named = [name for name in ("SerialNumber", "TokenCode") if name in given]
    if not named:
        return None
    if len(named) == 1:
        return refuse(texts.MFA_INCOMPLETE, f"only {named[0]} was given")
    return refuse(texts.NO_MFA_DEVICE, "there are no MFA devices here")


def _check_tags(keys: Sequence[str], transitive: Sequence[str]) -> Refusal | None:
    folded = [key.lower() for key in keys]
    if len(set(folded)) < len(folded):
        return refuse(texts.TAG_KEYS_TWICE, "two tags have the same key, letter case aside")
    for key in keys:
        if key.lower().startswith("aws:"):
            return refuse(texts.TAG_RESERVED, "such tags are AWS's own", key=key)
    for key in transitive:
        if key.lower() not in folded:
            return refuse(texts.TRANSITIVE_KEY_UNKNOWN, f"there is no tag `{key}` in this request")
    return None
