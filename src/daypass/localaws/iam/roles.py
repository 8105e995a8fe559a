"""Roles: the operations on them and on their inline policies. A trust policy is kept only if it can be evaluated."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from daypass.errors import DaypassError, JsonMalformed, PolicyMalformed, PolicyUnsupported
from daypass.localaws.faults import AwsError
from daypass.localaws.iam.paging import page
from daypass.localaws.iam.state import PARTITION, IamRole, new_role_id
from daypass.names import RoleArn
from daypass.tokens import strict_json
from daypass.trust.document import Policy
from daypass.trust.role_trust import check_role_trust

if TYPE_CHECKING:
    from daypass.localaws.iam.state import Account, Call

_MOST_ROLES: Final = 1000
_MOST_INLINE_CHARACTERS: Final = 10_240
_DEFAULT_SESSION_SECONDS: Final = 3600


def create_role(call: Call) -> dict[str, Any] | AwsError:
    """CreateRole."""
    if "PermissionsBoundary" in call.given:
        return AwsError("NotImplemented", 501, "The local AWS does not evaluate permissions boundaries yet.")
    name = call.given["RoleName"]
    if name.lower() in call.account.roles:
        return AwsError("EntityAlreadyExists", 409, f"Role with name {name} already exists.")
    if len(call.account.roles) >= _MOST_ROLES:
        return AwsError("LimitExceeded", 409, f"Cannot exceed quota for RolesPerAccount: {_MOST_ROLES}")
    policy = _trust_policy(call.given["AssumeRolePolicyDocument"])
    if isinstance(policy, AwsError):
        return policy
    role = IamRole(
        arn=RoleArn(partition=PARTITION, account=call.account.number, path=call.given.get("Path", "/"), name=name),
        role_id=new_role_id(),
        trust_policy=policy,
        created_at=call.now,
        description=call.given.get("Description", ""),
        max_session_seconds=call.given.get("MaxSessionDuration", _DEFAULT_SESSION_SECONDS),
        tags=tuple((tag["Key"], tag["Value"]) for tag in call.given.get("Tags", ())),
    )
    call.account.roles[name.lower()] = role
    return {"Role": _shown(role, whole=True)}


def get_role(call: Call) -> dict[str, Any] | AwsError:
    """GetRole."""
    role = _find(call)
    return role if isinstance(role, AwsError) else {"Role": {**_shown(role, whole=True), "RoleLastUsed": {}}}


def list_roles(call: Call) -> dict[str, Any] | AwsError:
    """ListRoles, by name; without tags, as AWS lists them."""
    prefix = call.given.get("PathPrefix", "/")
    found = [_shown(role, whole=False) for role in call.account.roles.values() if role.arn.path.startswith(prefix)]
    return page(
        "Roles", sorted(found, key=lambda role: role["RoleName"]), call.given, key=lambda role: role["RoleName"]
    )


def update_assume_role_policy(call: Call) -> dict[str, Any] | AwsError:
    """UpdateAssumeRolePolicy."""
    role = _find(call)
    if isinstance(role, AwsError):
        return role
    policy = _trust_policy(call.given["PolicyDocument"])
    return policy if isinstance(policy, AwsError) else _put(call.account, replace(role, trust_policy=policy))


def update_role(call: Call) -> dict[str, Any] | AwsError:
    """UpdateRole: description and maximum session duration, each only when given."""
    role = _find(call)
    if isinstance(role, AwsError):
        return role
    return _put(
        call.account,
        replace(
            role,
            description=call.given.get("Description", role.description),
            max_session_seconds=call.given.get("MaxSessionDuration", role.max_session_seconds),
        ),
    )


def delete_role(call: Call) -> dict[str, Any] | AwsError:
    """DeleteRole. Its inline policies must have gone before."""
    role = _find(call)
    if isinstance(role, AwsError):
        return role
    if role.inline_policies:
        return AwsError("DeleteConflict", 409, "Cannot delete entity, must delete policies first.")
    del call.account.roles[role.arn.name.lower()]
    return {}


def put_role_policy(call: Call) -> dict[str, Any] | AwsError:
    """PutRolePolicy: kept and given back; it is not evaluated yet."""
    role = _find(call)
    if isinstance(role, AwsError):
        return role
    document = call.given["PolicyDocument"]
    try:
        parsed = strict_json.parse(document, max_bytes=4 * 131_072, max_depth=64, max_members=4096)
    except JsonMalformed:
        return AwsError("MalformedPolicyDocument", 400, "This policy contains invalid Json")
    if not isinstance(parsed, dict) or "Statement" not in parsed:
        return AwsError("MalformedPolicyDocument", 400, "Syntax errors in policy.")
    policies = {**dict(role.inline_policies), call.given["PolicyName"]: document}
    if sum(len("".join(text.split())) for text in policies.values()) > _MOST_INLINE_CHARACTERS:
        text = f"Maximum policy size of {_MOST_INLINE_CHARACTERS} bytes exceeded for role {role.arn.name}"
        return AwsError("LimitExceeded", 409, text)
    return _put(call.account, replace(role, inline_policies=tuple(policies.items())))


def get_role_policy(call: Call) -> dict[str, Any] | AwsError:
    """GetRolePolicy."""
    role = _find(call)
    if isinstance(role, AwsError):
        return role
    name = call.given["PolicyName"]
    document = dict(role.inline_policies).get(name)
    if document is None:
        return _no_policy(name)
    return {"RoleName": role.arn.name, "PolicyName": name, "PolicyDocument": _encoded(document)}


def list_role_policies(call: Call) -> dict[str, Any] | AwsError:
    """ListRolePolicies, by name."""
    role = _find(call)
    if isinstance(role, AwsError):
        return role
    names = sorted(dict(role.inline_policies))
    listed = page("PolicyNames", [{"name": name} for name in names], call.given, key=lambda item: item["name"])
    return {**listed, "PolicyNames": [item["name"] for item in listed["PolicyNames"]]}


def delete_role_policy(call: Call) -> dict[str, Any] | AwsError:
    """DeleteRolePolicy."""
    role = _find(call)
    if isinstance(role, AwsError):
        return role
    rest = tuple(item for item in role.inline_policies if item[0] != call.given["PolicyName"])
    if len(rest) == len(role.inline_policies):
        return _no_policy(call.given["PolicyName"])
    return _put(call.account, replace(role, inline_policies=rest))


def _trust_policy(text: str) -> Policy | AwsError:
    try:
        policy = Policy.parse(text)
        check_role_trust(policy)
    except PolicyMalformed as fault:
        code = str(fault.facts.get("aws_code", "MalformedPolicyDocument"))
        status = 409 if code == "LimitExceeded" else 400
        return AwsError(code, status, str(fault.facts.get("aws_message") or fault.message), detail=_told(fault))
    except PolicyUnsupported as fault:
        text = f"The local AWS cannot evaluate this policy yet: {fault.message}"
        return AwsError("MalformedPolicyDocument", 400, text, detail=_told(fault))
    return policy


def _told(fault: DaypassError) -> str:
    return f"{fault.message}\n{fault.advice}" if fault.advice else fault.message


def _find(call: Call) -> IamRole | AwsError:
    name = call.given["RoleName"]
    missing = AwsError("NoSuchEntity", 404, f"The role with name {name} cannot be found.")
    return call.account.roles.get(name.lower()) or missing


def _put(account: Account, role: IamRole) -> dict[str, Any]:
    account.roles[role.arn.name.lower()] = role
    return {}


def _no_policy(name: str) -> AwsError:
    return AwsError("NoSuchEntity", 404, f"The role policy with name {name} cannot be found.")


def _shown(role: IamRole, *, whole: bool) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "Path": role.arn.path,
        "RoleName": role.arn.name,
        "RoleId": role.role_id,
        "Arn": str(role.arn),
        "CreateDate": role.created_at,
        "AssumeRolePolicyDocument": _encoded(role.trust_policy.text),
        "MaxSessionDuration": role.max_session_seconds,
    }
    if role.description:
        shown["Description"] = role.description
    if whole and role.tags:
        shown["Tags"] = [{"Key": key, "Value": value} for key, value in role.tags]
    return shown


def _encoded(document: str) -> str:
    """A policy document as IAM gives it back: percent-encoded (RFC 3986)."""
    return quote(document, safe="-_.~")
