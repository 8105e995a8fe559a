"""Managed policies: an account's own, and those of AWS whose text is here, word for word."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from daypass.localaws.faults import AwsError
from daypass.localaws.iam.documents import encoded, permissions_policy, size
from daypass.localaws.iam.paging import page
from daypass.localaws.iam.state import PARTITION, ManagedPolicy, new_policy_id
from daypass.permissions.document import PermissionsPolicy

if TYPE_CHECKING:
    from collections.abc import Mapping

    from daypass.localaws.iam.state import Account, Call

_MOST_CHARACTERS: Final = 6_144
_MOST_POLICIES: Final = 1_500
_VERSION: Final = "v1"
_OF_AWS: Final = f"arn:{PARTITION}:iam::aws:policy/"
# AWS Managed Policy Reference Guide. The others change often and are long: they are refused, not guessed.
_TEXTS_OF_AWS: Final[Mapping[str, str]] = {
    "AdministratorAccess": ('{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}'),
}


def managed_policy(account: Account, arn: str) -> ManagedPolicy | None:
    """The managed policy of this ARN that roles of the account may have."""
    return account.policies.get(arn) or _of_aws().get(arn)


def not_attachable(arn: str) -> AwsError:
    """What is said when a policy that is not there is to be attached."""
    return _missing_of_aws(arn) or _no_such(f"Policy {arn} does not exist or is not attachable.")


def no_such_boundary(account: Account, arn: str) -> AwsError | None:
    """What is said of a boundary that is not there; None when it is."""
    if managed_policy(account, arn) is not None:
        return None
    return _missing_of_aws(arn) or _no_such(f"Scope ARN: {arn} does not exist or is not attachable.")


def create_policy(call: Call) -> dict[str, Any] | AwsError:
    """CreatePolicy."""
    path, name, text = call.given.get("Path", "/"), call.given["PolicyName"], call.given["PolicyDocument"]
    if any(each.name.lower() == name.lower() for each in call.account.policies.values()):
        told = f"A policy called {name} already exists. Duplicate names are not allowed."
        return AwsError("EntityAlreadyExists", 409, told)
    if len(call.account.policies) >= _MOST_POLICIES:
        return AwsError("LimitExceeded", 409, f"Cannot exceed quota for PoliciesPerAccount: {_MOST_POLICIES}")
    policy = permissions_policy(text)
    if isinstance(policy, AwsError):
        return policy
    if size(text) > _MOST_CHARACTERS:
        return AwsError("LimitExceeded", 409, f"Cannot exceed quota for PolicySize: {_MOST_CHARACTERS}")
    made = ManagedPolicy(
        arn=f"arn:{PARTITION}:iam::{call.account.number}:policy{path}{name}",
        policy_id=new_policy_id(),
        policy=policy,
        created_at=call.now,
        path=path,
        description=call.given.get("Description", ""),
        tags=tuple((tag["Key"], tag["Value"]) for tag in call.given.get("Tags", ())),
    )
    call.account.policies[made.arn] = made
    return {"Policy": _shown(made, call.account, whole=False)}


def get_policy(call: Call) -> dict[str, Any] | AwsError:
    """GetPolicy."""
    found = _find(call)
    return found if isinstance(found, AwsError) else {"Policy": _shown(found, call.account, whole=True)}


def get_policy_version(call: Call) -> dict[str, Any] | AwsError:
    """GetPolicyVersion."""
    found, version = _find(call), call.given["VersionId"]
    if isinstance(found, AwsError):
        return found
    if version != _VERSION:
        return _no_such(f"Policy {found.arn} version {version} does not exist or is not attachable.")
    return {
        "PolicyVersion": {
            "Document": encoded(found.policy.text),
            "VersionId": _VERSION,
            "IsDefaultVersion": True,
            "CreateDate": found.created_at,
        }
    }


def list_policies(call: Call) -> dict[str, Any] | AwsError:
    """ListPolicies: the account's own, and AWS's that are here."""
    scope, prefix = call.given.get("Scope", "All"), call.given.get("PathPrefix", "/")
    own = call.account.policies.values() if scope in {"All", "Local"} else ()
    of_aws = _of_aws().values() if scope in {"All", "AWS"} else ()
    listed = [_shown(each, call.account, whole=False) for each in (*own, *of_aws) if each.path.startswith(prefix)]
    if call.given.get("OnlyAttached"):
        listed = [item for item in listed if item["AttachmentCount"]]
    return page("Policies", sorted(listed, key=lambda item: item["Arn"]), call.given, key=lambda item: item["Arn"])


def delete_policy(call: Call) -> dict[str, Any] | AwsError:
    """DeletePolicy."""
    found = _find(call)
    if isinstance(found, AwsError):
        return found
    if found.arn not in call.account.policies:
        return AwsError("AccessDenied", 403, f"Policy {found.arn} is AWS's own and cannot be deleted.")
    if any(found.arn in (*role.attached, role.boundary) for role in call.account.roles.values()):
        return AwsError("DeleteConflict", 409, "Cannot delete a policy attached to entities.")
    del call.account.policies[found.arn]
    return {}


def _find(call: Call) -> ManagedPolicy | AwsError:
    arn = call.given["PolicyArn"]
    missing = _missing_of_aws(arn) or _no_such(f"Policy {arn} was not found.")
    return managed_policy(call.account, arn) or missing


def _no_such(text: str) -> AwsError:
    return AwsError("NoSuchEntity", 404, text)


def _missing_of_aws(arn: str) -> AwsError | None:
    if not arn.startswith(_OF_AWS):
        return None
    here = ", ".join(_TEXTS_OF_AWS)
    text = f"The local AWS does not have the AWS managed policy {arn}. It has: {here}."
    return AwsError("NotImplemented", 501, text)


@cache
def _of_aws() -> dict[str, ManagedPolicy]:
    made = datetime(2015, 2, 6, 18, 39, 46, tzinfo=UTC)
    return {
        _OF_AWS + name: ManagedPolicy(
            _OF_AWS + name, f"ANPAAWS{name.upper()[:14]}", PermissionsPolicy.parse(text), made
        )
        for name, text in _TEXTS_OF_AWS.items()
    }


def _shown(policy: ManagedPolicy, account: Account, *, whole: bool) -> dict[str, Any]:
    roles = account.roles.values()
    shown: dict[str, Any] = {
        "PolicyName": policy.name,
        "PolicyId": policy.policy_id,
        "Arn": policy.arn,
        "Path": policy.path,
        "DefaultVersionId": _VERSION,
        "AttachmentCount": sum(policy.arn in role.attached for role in roles),
        "PermissionsBoundaryUsageCount": sum(policy.arn == role.boundary for role in roles),
        "IsAttachable": True,
        "CreateDate": policy.created_at,
        "UpdateDate": policy.created_at,
    }
    if whole and policy.description:
        shown["Description"] = policy.description
    if policy.tags:
        shown["Tags"] = [{"Key": key, "Value": value} for key, value in policy.tags]
    return shown
