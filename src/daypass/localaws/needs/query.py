"""IAM and STS: the resource is told by a parameter (Service Authorization Reference, IAM and STS)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from daypass.localaws import model
from daypass.localaws.iam.providers import issuer_part
from daypass.localaws.iam.state import PARTITION
from daypass.localaws.needs.model import TAG_KEYS, Keys, Need

if TYPE_CHECKING:
    from collections.abc import Mapping

    from daypass.localaws.iam.state import Account

# Lists are of a path, and IAM names it in its refusals.
_LISTS: Final = {
    "ListRoles": "role{PathPrefix}",
    "ListPolicies": "policy{PathPrefix}",
    "ListOpenIDConnectProviders": "oidc-provider/*",
    "ListSAMLProviders": "saml-provider/*",
}
_CREATED: Final = {"CreateRole": "role{Path}{RoleName}", "CreatePolicy": "policy{Path}{PolicyName}"}
_DEFAULTS: Final = {"Path": "/", "PathPrefix": "/"}
_NO_RESOURCE: Final = frozenset(
    {
        *("GetAccessKeyInfo", "DecodeAuthorizationMessage"),
        *("GetAccountSummary", "GetAccountAuthorizationDetails", "ListAccountAliases"),
        *("EnableOutboundWebIdentityFederation", "DisableOutboundWebIdentityFederation"),
        "GetOutboundWebIdentityFederationInfo",
    }
)
# Whoever makes a thing with tags needs the permission to tag it as well (IAM User Guide, "Tags for IAM resources").
_TAGGED: Final = {
    "CreateRole": "TagRole",
    "CreatePolicy": "TagPolicy",
    "CreateOpenIDConnectProvider": "TagOpenIDConnectProvider",
}
# Where `iam:PermissionsBoundary` is the boundary that the role has.
_WITHIN_BOUNDARY: Final = frozenset(
    {
        *("AttachRolePolicy", "DetachRolePolicy", "PutRolePolicy", "DeleteRolePolicy"),
        "DeleteRolePermissionsBoundary",
    }
)

WITHOUT_PERMISSION: Final = frozenset({("sts", "GetCallerIdentity")})
"""Needs no permission, and no Deny takes it away (AWS STS API reference, GetCallerIdentity)."""

# What a session may not do at all needs no permission to be refused.
JUDGED_BY_ITSELF: Final = frozenset({("sts", "AssumeRole"), ("sts", "GetSessionToken"), ("sts", "GetFederationToken")})
"""AssumeRole asks the role's trust policy too; the other two are refused to every session, with words of their own."""


def needs(service: str, action: str, given: Mapping[str, str], account: Account) -> tuple[Need, ...]:
    """The permissions for an operation of IAM or STS; `given` are its parameters as on the wire.

    Parameters that the operation does not have count for nothing: one more `RoleName` does not make a policy a role.
    """
    if (service, action) in WITHOUT_PERMISSION | JUDGED_BY_ITSELF:
        return ()
    given = own(service, action, given)
    if (service, action) == ("sts", "GetWebIdentityToken"):
        return _web_identity_token(given)
    resource = _resource(action, given, account)
    tags = _tags(given)
    keys: Keys = dict(tags)
    if "PermissionsBoundary" in given:
        keys["iam:PermissionsBoundary"] = (given["PermissionsBoundary"],)
    if action in {"AttachRolePolicy", "DetachRolePolicy"} and "PolicyArn" in given:
        keys["iam:PolicyARN"] = (given["PolicyArn"],)
    role = account.roles.get(given.get("RoleName", "").lower())
    if role is not None and action not in _CREATED:
        keys |= {f"{prefix}:ResourceTag/{key}": (value,) for key, value in role.tags for prefix in ("aws", "iam")}
        if action in _WITHIN_BOUNDARY and role.boundary is not None:
            keys["iam:PermissionsBoundary"] = (role.boundary,)
    tagged = account.policies.get(resource or "") or account.providers.get(resource or "")
    if tagged is not None:
        keys |= {f"aws:ResourceTag/{key}": (value,) for key, value in tagged.tags}
    need = Need(f"{service}:{action}", resource, resource or "*", keys, TAG_KEYS)
    if not tags or action not in _TAGGED:
        return (need,)
    return (need, Need(f"{service}:{_TAGGED[action]}", resource, resource or "*", tags, TAG_KEYS))


def own(service: str, action: str, given: Mapping[str, str]) -> Mapping[str, str]:
    """The parameters that the operation has."""
    operation = model.operation(service, action)
    members = {} if operation is None or operation.input_shape is None else operation.input_shape.members
    return {name: value for name, value in given.items() if name.partition(".")[0] in members}


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
    arn = f"arn:{PARTITION}:iam::{account.number}:"
    if action in _LISTS or action in _CREATED:
        return arn + (_LISTS | _CREATED)[action].format_map({"RoleName": "", "PolicyName": "", **_DEFAULTS, **given})
    if action == "CreateOpenIDConnectProvider":
        url = given.get("Url", "")
        issuer = issuer_part(url)
        return f"{arn}oidc-provider/{issuer if isinstance(issuer, str) else url.removeprefix('https://')}"
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
