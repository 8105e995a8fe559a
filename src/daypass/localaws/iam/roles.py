"""Roles: the operations on them, on their inline policies, and on the managed policies that they have."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from daypass.localaws.faults import AwsError
from daypass.localaws.iam.documents import encoded, permissions_policy, size, trust_policy, without_name
from daypass.localaws.iam.managed import managed_policy, no_such_boundary, not_attachable
from daypass.localaws.iam.paging import page
from daypass.localaws.iam.state import PARTITION, IamRole, new_role_id
from daypass.localaws.iam.tags import shown_tags, with_tags, without_tags
from daypass.names import RoleArn

if TYPE_CHECKING:
    from daypass.localaws.iam.state import Account, Call

_MOST_ROLES: Final = 1000
_MOST_INLINE_CHARACTERS: Final = 10_240
_MOST_ATTACHED: Final = 10
_DEFAULT_SESSION_SECONDS: Final = 3600
_TAG_QUOTA: Final = "TagsPerRole"
_NOT_LISTED: Final = frozenset({"Tags", "PermissionsBoundary"})


def create_role(call: Call) -> dict[str, Any] | AwsError:
    """CreateRole."""
    name = call.given["RoleName"]
    if name.lower() in call.account.roles:
        return AwsError("EntityAlreadyExists", 409, f"Role with name {name} already exists.")
    if len(call.account.roles) >= _MOST_ROLES:
        return AwsError("LimitExceeded", 409, f"Cannot exceed quota for RolesPerAccount: {_MOST_ROLES}")
    policy = trust_policy(call.given["AssumeRolePolicyDocument"], call.control)
    if isinstance(policy, AwsError):
        return policy
    boundary = call.given.get("PermissionsBoundary")
    if boundary is not None and (missing := no_such_boundary(call.account, boundary)):
        return missing
    tags = with_tags((), call.given.get("Tags", ()), quota=_TAG_QUOTA, fold_case=True)
    if isinstance(tags, AwsError):
        return tags
    role = IamRole(
        arn=RoleArn(partition=PARTITION, account=call.account.number, path=call.given.get("Path", "/"), name=name),
        role_id=new_role_id(),
        trust_policy=policy,
        created_at=call.now,
        description=call.given.get("Description", ""),
        max_session_seconds=call.given.get("MaxSessionDuration", _DEFAULT_SESSION_SECONDS),
        tags=tags,
        boundary=boundary,
    )
    call.account.roles[name.lower()] = role
    return {"Role": shown_role(role)}


def get_role(call: Call) -> dict[str, Any] | AwsError:
    """GetRole."""
    role = _find(call)
    if isinstance(role, AwsError):
        return role
    return {"Role": {**shown_role(role), "RoleLastUsed": shown_last_use(role, call.account)}}


def list_roles(call: Call) -> dict[str, Any] | AwsError:
    """ListRoles, by name; without tags, boundary and last use, as AWS lists them."""
    prefix = call.given.get("PathPrefix", "/")
    found = [
        {name: value for name, value in shown_role(role).items() if name not in _NOT_LISTED}
        for role in call.account.roles.values()
        if role.arn.path.startswith(prefix)
    ]
    by_name = sorted(found, key=lambda role: role["RoleName"])
    return page("Roles", by_name, call.given, key=lambda role: role["RoleName"])


def update_assume_role_policy(call: Call) -> dict[str, Any] | AwsError:
    """UpdateAssumeRolePolicy."""
    role = _find(call)
    if isinstance(role, AwsError):
        return role
    policy = trust_policy(call.given["PolicyDocument"], call.control)
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


def update_role_description(call: Call) -> dict[str, Any] | AwsError:
    """UpdateRoleDescription: the older way, which tells the role as it is then."""
    role = _find(call)
    if isinstance(role, AwsError):
        return role
    changed = replace(role, description=call.given["Description"])
    _put(call.account, changed)
    return {"Role": shown_role(changed)}


def tag_role(call: Call) -> dict[str, Any] | AwsError:
    """TagRole. Letter case does not tell keys apart."""
    role = _find(call)
    if isinstance(role, AwsError):
        return role
    tags = with_tags(role.tags, call.given["Tags"], quota=_TAG_QUOTA, fold_case=True)
    return tags if isinstance(tags, AwsError) else _put(call.account, replace(role, tags=tags))


def untag_role(call: Call) -> dict[str, Any] | AwsError:
    """UntagRole: keys that are not there do not matter."""
    role = _find(call)
    if isinstance(role, AwsError):
        return role
    return _put(call.account, replace(role, tags=without_tags(role.tags, call.given["TagKeys"], fold_case=True)))


def list_role_tags(call: Call) -> dict[str, Any] | AwsError:
    """ListRoleTags, sorted by key."""
    role = _find(call)
    if isinstance(role, AwsError):
        return role
    return page("Tags", shown_tags(sorted(role.tags)), call.given, key=lambda tag: tag["Key"])


def list_instance_profiles_for_role(call: Call) -> dict[str, Any] | AwsError:
    """ListInstanceProfilesForRole: there are none here, and tools ask before they delete a role."""
    role = _find(call)
    return role if isinstance(role, AwsError) else page("InstanceProfiles", [], call.given, key=lambda _: "")


def delete_role(call: Call) -> dict[str, Any] | AwsError:
    """DeleteRole. Its policies must have gone before; its boundary goes with it."""
    role = _find(call)
    if isinstance(role, AwsError):
        return role
    if role.inline_policies:
        return AwsError("DeleteConflict", 409, "Cannot delete entity, must delete policies first.")
    if role.attached:
        return AwsError("DeleteConflict", 409, "Cannot delete entity, must detach all policies first.")
    del call.account.roles[role.arn.name.lower()]
    call.account.last_used.pop(role.role_id, None)
    for other in tuple(call.account.roles.values()):
        policy = without_name(other.trust_policy, str(role.arn), role.role_id)
        if policy is not other.trust_policy:
            _put(call.account, replace(other, trust_policy=policy))
    return {}


def put_role_policy(call: Call) -> dict[str, Any] | AwsError:
    """PutRolePolicy."""
    role = _find(call)
    if isinstance(role, AwsError):
        return role
    policy = permissions_policy(call.given["PolicyDocument"])
    if isinstance(policy, AwsError):
        return policy
    policies = {**dict(role.inline_policies), call.given["PolicyName"]: policy}
    if sum(size(each.text) for each in policies.values()) > _MOST_INLINE_CHARACTERS:
        text = f"Maximum policy size of {_MOST_INLINE_CHARACTERS} bytes exceeded for role {role.arn.name}"
        return AwsError("LimitExceeded", 409, text)
    return _put(call.account, replace(role, inline_policies=tuple(policies.items())))


def get_role_policy(call: Call) -> dict[str, Any] | AwsError:
    """GetRolePolicy."""
    role = _find(call)
    if isinstance(role, AwsError):
        return role
    name = call.given["PolicyName"]
    policy = dict(role.inline_policies).get(name)
    if policy is None:
        return _no_policy(name)
    return {"RoleName": role.arn.name, "PolicyName": name, "PolicyDocument": encoded(policy.text)}


def list_role_policies(call: Call) -> dict[str, Any] | AwsError:
    """ListRolePolicies, by name."""
    role = _find(call)
    if isinstance(role, AwsError):
        return role
    names = sorted(dict(role.inline_policies))
    listed = page("PolicyNames", [{"name": name} for name in names], call.given, key=lambda item: item["name"])
    if isinstance(listed, AwsError):
        return listed
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


def attach_role_policy(call: Call) -> dict[str, Any] | AwsError:
    """AttachRolePolicy; again is no fault."""
    role, arn = _find(call), call.given["PolicyArn"]
    if isinstance(role, AwsError):
        return role
    if managed_policy(call.account, arn) is None:
        return not_attachable(arn)
    attached = tuple(dict.fromkeys((*role.attached, arn)))
    if len(attached) > _MOST_ATTACHED:
        return AwsError("LimitExceeded", 409, f"Cannot exceed quota for PoliciesPerRole: {_MOST_ATTACHED}")
    return _put(call.account, replace(role, attached=attached))


def detach_role_policy(call: Call) -> dict[str, Any] | AwsError:
    """DetachRolePolicy."""
    role, arn = _find(call), call.given["PolicyArn"]
    if isinstance(role, AwsError):
        return role
    if arn not in role.attached:
        return AwsError("NoSuchEntity", 404, f"Policy {arn} was not found.")
    return _put(call.account, replace(role, attached=tuple(each for each in role.attached if each != arn)))


def list_attached_role_policies(call: Call) -> dict[str, Any] | AwsError:
    """ListAttachedRolePolicies, by name."""
    role = _find(call)
    if isinstance(role, AwsError):
        return role
    prefix = call.given.get("PathPrefix", "/")
    found = (managed_policy(call.account, arn) for arn in role.attached)
    listed = [
        {"PolicyName": each.name, "PolicyArn": each.arn}
        for each in found
        if each is not None and each.path.startswith(prefix)
    ]

    def key(item: dict[str, Any]) -> str:
        return f"{item['PolicyName']} {item['PolicyArn']}"

    return page("AttachedPolicies", sorted(listed, key=key), call.given, key=key)


def put_role_permissions_boundary(call: Call) -> dict[str, Any] | AwsError:
    """PutRolePermissionsBoundary."""
    role, arn = _find(call), call.given["PermissionsBoundary"]
    if isinstance(role, AwsError):
        return role
    return no_such_boundary(call.account, arn) or _put(call.account, replace(role, boundary=arn))


def delete_role_permissions_boundary(call: Call) -> dict[str, Any] | AwsError:
    """DeleteRolePermissionsBoundary."""
    role = _find(call)
    if isinstance(role, AwsError):
        return role
    if role.boundary is None:
        text = f"Role {role.arn.name} does not have a permissions boundary."
        return AwsError("NoSuchEntity", 404, text)
    return _put(call.account, replace(role, boundary=None))


def _find(call: Call) -> IamRole | AwsError:
    name = call.given["RoleName"]
    missing = AwsError("NoSuchEntity", 404, f"The role with name {name} cannot be found.")
    return call.account.roles.get(name.lower()) or missing


def _put(account: Account, role: IamRole) -> dict[str, Any]:
    account.roles[role.arn.name.lower()] = role
    return {}


def _no_policy(name: str) -> AwsError:
    return AwsError("NoSuchEntity", 404, f"The role policy with name {name} cannot be found.")


def shown_role(role: IamRole) -> dict[str, Any]:
    """A role as IAM describes it, without its last use."""
    shown: dict[str, Any] = {
        "Path": role.arn.path,
        "RoleName": role.arn.name,
        "RoleId": role.role_id,
        "Arn": str(role.arn),
        "CreateDate": role.created_at,
        "AssumeRolePolicyDocument": encoded(role.trust_policy.text),
        "MaxSessionDuration": role.max_session_seconds,
    }
    if role.description:
        shown["Description"] = role.description
    if role.boundary is not None:
        shown["PermissionsBoundary"] = shown_boundary(role.boundary)
    if role.tags:
        shown["Tags"] = shown_tags(role.tags)
    return shown


def shown_boundary(arn: str) -> dict[str, str]:
    """A boundary as IAM describes it. AWS answers `Policy`; the model knows but `PermissionsBoundaryPolicy`."""
    return {"PermissionsBoundaryType": "Policy", "PermissionsBoundaryArn": arn}


def shown_last_use(role: IamRole, account: Account) -> dict[str, Any]:
    """When the role was last used; empty when never."""
    used = account.last_used.get(role.role_id)
    return {} if used is None else {"LastUsedDate": used.at, "Region": used.region}
