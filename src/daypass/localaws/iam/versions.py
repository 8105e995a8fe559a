"""Versions of managed policies: five at most, one of them the default, which is what holds.

AWS IAM User Guide, "Versioning IAM policies".
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from daypass.localaws.faults import AwsError
from daypass.localaws.iam.documents import encoded
from daypass.localaws.iam.managed import checked_policy, find_policy, put_policy
from daypass.localaws.iam.paging import page
from daypass.localaws.iam.state import PolicyVersion

if TYPE_CHECKING:
    from daypass.localaws.iam.state import Call, ManagedPolicy

_MOST_VERSIONS: Final = 5


def create_policy_version(call: Call) -> dict[str, Any] | AwsError:
    """CreatePolicyVersion: it holds at once only when `SetAsDefault` is asked for."""
    found = find_policy(call)
    if isinstance(found, AwsError):
        return found
    policy = checked_policy(call.given["PolicyDocument"])
    if isinstance(policy, AwsError):
        return policy
    if len(found.versions) >= _MOST_VERSIONS:
        told = (
            f"A managed policy can have up to {_MOST_VERSIONS} versions. Before you create a new version, you must"
            " delete an existing version."
        )
        return AwsError("LimitExceeded", 409, told)
    made = PolicyVersion(found.last_number + 1, policy, call.now)
    changed = replace(
        found,
        versions=(*found.versions, made),
        default=made.number if call.given.get("SetAsDefault") else found.default,
        last_number=made.number,
        updated_at=call.now,
    )
    put_policy(call.account, changed)
    return {"PolicyVersion": _shown(made, changed)}


def get_policy_version(call: Call) -> dict[str, Any] | AwsError:
    """GetPolicyVersion. Of AWS's own policies only the default version is kept here."""
    found = find_policy(call)
    if isinstance(found, AwsError):
        return found
    version = found.version(call.given["VersionId"])
    if version is None:
        return _no_such(call)
    return {"PolicyVersion": {"Document": encoded(version.policy.text), **_shown(version, found)}}


def list_policy_versions(call: Call) -> dict[str, Any] | AwsError:
    """ListPolicyVersions, newest first; without their texts, as AWS lists them."""
    found = find_policy(call)
    if isinstance(found, AwsError):
        return found
    newest = found.last_number
    listed = [_shown(version, found) for version in reversed(found.versions)]
    return page("Versions", listed, call.given, key=lambda item: f"{newest - int(item['VersionId'][1:]):09}")


def set_default_policy_version(call: Call) -> dict[str, Any] | AwsError:
    """SetDefaultPolicyVersion: every role that has the policy has this version now."""
    found = find_policy(call)
    if isinstance(found, AwsError):
        return found
    version = found.version(call.given["VersionId"])
    if version is None:
        return _no_such(call)
    return put_policy(call.account, replace(found, default=version.number, updated_at=call.now))


def delete_policy_version(call: Call) -> dict[str, Any] | AwsError:
    """DeletePolicyVersion: any but the default."""
    found = find_policy(call)
    if isinstance(found, AwsError):
        return found
    version = found.version(call.given["VersionId"])
    if version is None:
        return _no_such(call)
    if version.number == found.default:
        return AwsError("DeleteConflict", 409, "Cannot delete the default version of a policy.")
    rest = tuple(each for each in found.versions if each is not version)
    return put_policy(call.account, replace(found, versions=rest))


def _no_such(call: Call) -> AwsError:
    arn, version = call.given["PolicyArn"], call.given["VersionId"]
    return AwsError("NoSuchEntity", 404, f"Policy {arn} version {version} does not exist or is not attachable.")


def _shown(version: PolicyVersion, policy: ManagedPolicy) -> dict[str, Any]:
    return {
        "VersionId": version.id,
        "IsDefaultVersion": version.number == policy.default,
        "CreateDate": version.created_at,
    }
