"""IAM and STS: the resource is told by a parameter (Service Authorization Reference, IAM and STS)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from daypass.localaws.needs.model import TAG_KEYS, Keys, Need

if TYPE_CHECKING:
    from collections.abc import Mapping

    from daypass.localaws.iam.state import Account

# Lists are of a path, and IAM names it in its refusals.
_LISTS: Final = {
    "ListRoles": "role{PathPrefix}",
    "ListPolicies": "policy{PathPrefix}",
    "ListOpenIDConnectProviders": "oidc-provider/*",
}
_CREATED: Final = {"CreateRole": "role{Path}{RoleName}", "CreatePolicy": "policy{Path}{PolicyName}"}
_DEFAULTS: Final = {"Path": "/", "PathPrefix": "/"}
_NO_RESOURCE: Final = frozenset(
    {
        *("GetAccessKeyInfo", "DecodeAuthorizationMessage"),
        *("EnableOutboundWebIdentityFederation", "DisableOutboundWebIdentityFederation"),
        "GetOutboundWebIdentityFederationInfo",
    }
)

WITHOUT_PERMISSION: Final = frozenset({("sts", "GetCallerIdentity")})
"""Needs no permission, and no Deny takes it away (AWS STS API reference, GetCallerIdentity)."""

# What a session may not do at all needs no permission to be refused.
JUDGED_BY_ITSELF: Final = frozenset({("sts", "AssumeRole"), ("sts", "GetSessionToken"), ("sts", "GetFederationToken")})
"""AssumeRole asks the role's trust policy too; the other two are refused to every session, with words of their own."""


def needs(service: str, action: str, given: Mapping[str, str], account: Account) -> tuple[Need, ...]:
    """The permissions for an operation of IAM or STS; `given` are its parameters as on the wire."""
    if (service, action) in WITHOUT_PERMISSION | JUDGED_BY_ITSELF:
        return ()
    if (service, action) == ("sts", "GetWebIdentityToken"):
        return _web_identity_token(given)
    resource = _resource(action, given, account)
    keys: Keys = _tags(given)
    if "PermissionsBoundary" in given:
        keys["iam:PermissionsBoundary"] = (given["PermissionsBoundary"],)
    if action in {"AttachRolePolicy", "DetachRolePolicy"} and "PolicyArn" in given:
        keys["iam:PolicyARN"] = (given["PolicyArn"],)
    role = account.roles.get(given.get("RoleName", "").lower())
    if role is not None:
        keys |= {f"{prefix}:ResourceTag/{key}": (value,) for key, value in role.tags for prefix in ("aws", "iam")}
    return (Need(f"{service}:{action}", resource, resource or "*", keys, TAG_KEYS),)


def _web_identity_token(given: Mapping[str, str]) -> tuple[Need, ...]:
    """GetWebIdentityToken, and with tags one more (IAM User Guide, "Controlling access" of outbound federation)."""
    audiences = tuple(value for name, value in given.items() if name.startswith("Audience.member."))
    keys: Keys = {
        **_tags(given),
        "sts:SigningAlgorithm": (given.get("SigningAlgorithm", ""),),
        "sts:DurationSeconds": (given.get("DurationSeconds", "300"),),
        **({"sts:IdentityTokenAudience": audiences} if audiences else {}),
    }
    actions = ["sts:GetWebIdentityToken"]
    if any(name.startswith("Tags.member.") for name in given):
        actions.append("sts:TagGetWebIdentityToken")
    multivalued = TAG_KEYS | {"sts:IdentityTokenAudience"}
    return tuple(Need(action, "*", None, keys, multivalued) for action in actions)


def _resource(action: str, given: Mapping[str, str], account: Account) -> str | None:
    arn = f"arn:aws:iam::{account.number}:"
    if action in _LISTS or action in _CREATED:
        return arn + (_LISTS | _CREATED)[action].format_map({"RoleName": "", "PolicyName": "", **_DEFAULTS, **given})
    if action == "CreateOpenIDConnectProvider":
        return f"{arn}oidc-provider/{given.get('Url', '').removeprefix('https://')}"
    if "RoleName" in given:
        role = account.roles.get(given["RoleName"].lower())
        return f"{arn}role/{given['RoleName']}" if role is None else str(role.arn)
    if action in _NO_RESOURCE:
        return "*"
    return given.get("OpenIDConnectProviderArn") or given.get("PolicyArn") or given.get("RoleArn")


def _tags(given: Mapping[str, str]) -> Keys:
    """Of `Tags.member.N.Key` and `Value`, and `TagKeys.member.N`."""
    tags = {
        name.split(".")[2]: value
        for name, value in given.items()
        if name.startswith("Tags.member.") and name.endswith(".Key")
    }
    named = [value for name, value in given.items() if name.startswith("TagKeys.member.")]
    keys = (*tags.values(), *named)
    return {
        **{f"aws:RequestTag/{key}": (given.get(f"Tags.member.{index}.Value", ""),) for index, key in tags.items()},
        **({"aws:TagKeys": keys} if keys else {}),
    }
