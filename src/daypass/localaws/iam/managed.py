"""Managed policies: an account's own, which can be changed, and those of AWS."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from daypass.localaws.faults import AwsError
from daypass.localaws.iam import aws_managed
from daypass.localaws.iam.documents import permissions_policy, size
from daypass.localaws.iam.paging import page
from daypass.localaws.iam.state import PARTITION, ManagedPolicy, PolicyVersion, new_policy_id
from daypass.localaws.iam.tags import shown_tags, with_tags, without_tags

if TYPE_CHECKING:
    from daypass.localaws.iam.state import Account, Call
    from daypass.permissions.document import PermissionsPolicy

_MOST_CHARACTERS: Final = 6_144
_MOST_POLICIES: Final = 1_500
_TAG_QUOTA: Final = "TagsPerPolicy"


def managed_policy(account: Account, arn: str) -> ManagedPolicy | None:
    """The managed policy of this ARN that roles of the account may have."""
    return account.policies.get(arn) or aws_managed.aws_managed_policy(arn)


def not_attachable(arn: str) -> AwsError:
    """What is said when a policy that is not there is to be attached."""
    return no_such_policy(arn, f"Policy {arn} does not exist or is not attachable.")


def no_such_boundary(account: Account, arn: str) -> AwsError | None:
    """What is said of a boundary that is not there; None when it is."""
    if managed_policy(account, arn) is not None:
        return None
    return no_such_policy(arn, f"Scope ARN: {arn} does not exist or is not attachable.")


def no_such_policy(arn: str, text: str) -> AwsError:
    """AWS's text; the log tells which of AWS's own policies are kept here."""
    if not aws_managed.is_of_aws(arn):
        return AwsError("NoSuchEntity", 404, text)
    here = ", ".join(sorted(each.rpartition("/")[2] for each in aws_managed.arns()))
    detail = f"the local AWS does not keep the AWS managed policy {arn}; it has: {here}"
    return AwsError("NoSuchEntity", 404, text, detail=detail)


def find_policy(call: Call) -> ManagedPolicy | AwsError:
    """The policy that a call names: one of the account, or of AWS."""
    arn = call.given["PolicyArn"]
    return managed_policy(call.account, arn) or no_such_policy(arn, f"Policy {arn} was not found.")


def checked_policy(text: str) -> PermissionsPolicy | AwsError:
    """A text that a managed policy may have."""
    policy = permissions_policy(text)
    if not isinstance(policy, AwsError) and size(text) > _MOST_CHARACTERS:
        return AwsError("LimitExceeded", 409, f"Cannot exceed quota for PolicySize: {_MOST_CHARACTERS}")
    return policy


def put_policy(account: Account, policy: ManagedPolicy) -> dict[str, Any]:
    """Keep the policy as it is now."""
    account.policies[policy.arn] = policy
    return {}


def create_policy(call: Call) -> dict[str, Any] | AwsError:
    """CreatePolicy."""
    path, name, text = call.given.get("Path", "/"), call.given["PolicyName"], call.given["PolicyDocument"]
    if any(each.name.lower() == name.lower() for each in call.account.policies.values()):
        told = f"A policy called {name} already exists. Duplicate names are not allowed."
        return AwsError("EntityAlreadyExists", 409, told)
    if len(call.account.policies) >= _MOST_POLICIES:
        return AwsError("LimitExceeded", 409, f"Cannot exceed quota for PoliciesPerAccount: {_MOST_POLICIES}")
    policy = checked_policy(text)
    if isinstance(policy, AwsError):
        return policy
    tags = with_tags((), call.given.get("Tags", ()), quota=_TAG_QUOTA)
    if isinstance(tags, AwsError):
        return tags
    made = ManagedPolicy(
        arn=f"arn:{PARTITION}:iam::{call.account.number}:policy{path}{name}",
        policy_id=new_policy_id(),
        versions=(PolicyVersion(1, policy, call.now),),
        default=1,
        last_number=1,
        created_at=call.now,
        updated_at=call.now,
        path=path,
        description=call.given.get("Description", ""),
        tags=tags,
    )
    put_policy(call.account, made)
    return {"Policy": shown_policy(made, call.account)}


def get_policy(call: Call) -> dict[str, Any] | AwsError:
    """GetPolicy."""
    found = find_policy(call)
    if isinstance(found, AwsError):
        return found
    described = {"Description": found.description} if found.description else {}
    return {"Policy": {**shown_policy(found, call.account), **described}}


def list_policies(call: Call) -> dict[str, Any] | AwsError:
    """ListPolicies: the account's own, and AWS's that are here; without descriptions and tags, as AWS lists them."""
    given = call.given
    scope, prefix = given.get("Scope", "All"), given.get("PathPrefix", "/")
    usage = given.get("PolicyUsageFilter", "")
    own = list(call.account.policies.values()) if scope in {"All", "Local"} else []
    of_aws = [aws_managed.aws_managed_policy(arn) for arn in aws_managed.arns()] if scope in {"All", "AWS"} else []
    listed = []
    for each in (*own, *of_aws):
        if each is None or not each.path.startswith(prefix):
            continue
        shown = shown_policy(each, call.account)
        attached, boundary = shown["AttachmentCount"], shown["PermissionsBoundaryUsageCount"]
        used = {"PermissionsPolicy": attached, "PermissionsBoundary": boundary}.get(usage, attached + boundary)
        if used or not (given.get("OnlyAttached") or usage):
            listed.append({name: value for name, value in shown.items() if name != "Tags"})
    return page("Policies", sorted(listed, key=lambda item: item["Arn"]), given, key=lambda item: item["Arn"])


def delete_policy(call: Call) -> dict[str, Any] | AwsError:
    """DeletePolicy: one that nobody has, with its last version."""
    found = find_policy(call)
    if isinstance(found, AwsError):
        return found
    if any(found.arn in (*role.attached, role.boundary) for role in call.account.roles.values()):
        return AwsError("DeleteConflict", 409, "Cannot delete a policy attached to entities.")
    if len(found.versions) > 1:
        told = (
            "This policy has more than one version. Before you delete a policy, you must delete the policy's versions."
            " The default version is deleted with the policy."
        )
        return AwsError("DeleteConflict", 409, told)
    del call.account.policies[found.arn]
    return {}


def list_entities_for_policy(call: Call) -> dict[str, Any] | AwsError:
    """ListEntitiesForPolicy. Only roles can have policies here."""
    found, given = find_policy(call), call.given
    if isinstance(found, AwsError):
        return found
    prefix, wanted = given.get("PathPrefix", "/"), given.get("EntityFilter", "Role")
    usage = given.get("PolicyUsageFilter")
    roles = [
        {"RoleName": role.arn.name, "RoleId": role.role_id}
        for role in call.account.roles.values()
        if wanted == "Role"
        and role.arn.path.startswith(prefix)
        and (
            (usage != "PermissionsBoundary" and found.arn in role.attached)
            or (usage != "PermissionsPolicy" and found.arn == role.boundary)
        )
    ]
    by_name = sorted(roles, key=lambda role: role["RoleName"])
    listed = page("PolicyRoles", by_name, given, key=lambda role: role["RoleName"])
    return listed if isinstance(listed, AwsError) else {"PolicyGroups": [], "PolicyUsers": [], **listed}


def tag_policy(call: Call) -> dict[str, Any] | AwsError:
    """TagPolicy. Keys that differ in letter case are two."""
    found = find_policy(call)
    if isinstance(found, AwsError):
        return found
    tags = with_tags(found.tags, call.given["Tags"], quota=_TAG_QUOTA)
    return tags if isinstance(tags, AwsError) else put_policy(call.account, replace(found, tags=tags))


def untag_policy(call: Call) -> dict[str, Any] | AwsError:
    """UntagPolicy: keys that are not there do not matter."""
    found = find_policy(call)
    if isinstance(found, AwsError):
        return found
    return put_policy(call.account, replace(found, tags=without_tags(found.tags, call.given["TagKeys"])))


def list_policy_tags(call: Call) -> dict[str, Any] | AwsError:
    """ListPolicyTags, sorted by key."""
    found = find_policy(call)
    if isinstance(found, AwsError):
        return found
    return page("Tags", shown_tags(sorted(found.tags)), call.given, key=lambda tag: tag["Key"])


def shown_policy(policy: ManagedPolicy, account: Account) -> dict[str, Any]:
    """A policy as IAM describes it, without its description."""
    roles = account.roles.values()
    return {
        "PolicyName": policy.name,
        "PolicyId": policy.policy_id,
        "Arn": policy.arn,
        "Path": policy.path,
        "DefaultVersionId": f"v{policy.default}",
        "AttachmentCount": sum(policy.arn in role.attached for role in roles),
        "PermissionsBoundaryUsageCount": sum(policy.arn == role.boundary for role in roles),
        "IsAttachable": True,
        "CreateDate": policy.created_at,
        "UpdateDate": policy.updated_at,
        **({"Tags": shown_tags(policy.tags)} if policy.tags else {}),
    }
