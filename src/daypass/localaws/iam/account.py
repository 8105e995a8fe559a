"""The account as a whole: what it has, what it may have, and all of it at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from daypass.localaws.faults import AwsError
from daypass.localaws.iam import aws_managed
from daypass.localaws.iam.documents import encoded
from daypass.localaws.iam.managed import managed_policy, shown_policy
from daypass.localaws.iam.paging import page
from daypass.localaws.iam.roles import shown_last_use, shown_role

if TYPE_CHECKING:
    from daypass.localaws.iam.state import Account, Call, IamRole, ManagedPolicy

# IAM User Guide, "IAM and AWS STS quotas": the defaults.
_QUOTAS: Final = {
    "AccessKeysPerUserQuota": 2,
    "AssumeRolePolicySizeQuota": 2_048,
    "AttachedPoliciesPerGroupQuota": 10,
    "AttachedPoliciesPerRoleQuota": 10,
    "AttachedPoliciesPerUserQuota": 10,
    "GlobalEndpointTokenVersion": 1,
    "GroupPolicySizeQuota": 5_120,
    "GroupsPerUserQuota": 10,
    "GroupsQuota": 300,
    "InstanceProfilesQuota": 1_000,
    "PoliciesQuota": 1_500,
    "PolicySizeQuota": 6_144,
    "PolicyVersionsInUseQuota": 10_000,
    "RolePolicySizeQuota": 10_240,
    "RolesQuota": 1_000,
    "ServerCertificatesQuota": 20,
    "SigningCertificatesPerUserQuota": 2,
    "UserPolicySizeQuota": 2_048,
    "UsersQuota": 5_000,
    "VersionsPerPolicyQuota": 5,
}
_ABSENT: Final = (
    *("AccountAccessKeysPresent", "AccountMFAEnabled", "AccountPasswordPresent", "AccountSigningCertificatesPresent"),
    *("Groups", "InstanceProfiles", "MFADevices", "MFADevicesInUse", "ServerCertificates", "Users"),
)
_ROLES: Final = "Role"
_LOCAL: Final = "LocalManagedPolicy"
_OF_AWS: Final = "AWSManagedPolicy"


def get_account_summary(call: Call) -> dict[str, Any]:
    """GetAccountSummary. The account has no users, groups or the like here."""
    account = call.account
    return {
        "SummaryMap": {
            **dict.fromkeys(_ABSENT, 0),
            **_QUOTAS,
            "Policies": len(account.policies),
            "PolicyVersionsInUse": sum(len(policy.versions) for policy in account.policies.values()),
            "Providers": len(account.providers),
            "Roles": len(account.roles),
        }
    }


def list_account_aliases(call: Call) -> dict[str, Any] | AwsError:
    """ListAccountAliases: an account has none here."""
    return page("AccountAliases", [], call.given, key=lambda _: "")


def list_saml_providers(_call: Call) -> dict[str, Any]:
    """ListSAMLProviders: there are none here, and tools ask for both kinds of federation."""
    return {"SAMLProviderList": []}


def get_account_authorization_details(call: Call) -> dict[str, Any] | AwsError:
    """GetAccountAuthorizationDetails: roles with all their policies, and the policies; of AWS's own those in use."""
    account = call.account
    wanted = call.given.get("Filter") or (_ROLES, _LOCAL, _OF_AWS)
    roles = account.roles.values() if _ROLES in wanted else ()
    own = account.policies.values() if _LOCAL in wanted else ()
    in_use = {arn for role in account.roles.values() for arn in (*role.attached, role.boundary) if arn is not None}
    of_aws = [aws_managed.aws_managed_policy(arn) for arn in in_use] if _OF_AWS in wanted else []
    every = [
        *({"kind": "RoleDetailList", "key": f"1 {role.arn}", "it": _role(role, account)} for role in roles),
        *({"kind": "Policies", "key": f"2 {policy.arn}", "it": _policy(policy, account)} for policy in own),
        *({"kind": "Policies", "key": f"2 {one.arn}", "it": _policy(one, account)} for one in of_aws if one),
    ]
    listed = page("every", sorted(every, key=lambda one: one["key"]), call.given, key=lambda one: one["key"])
    if isinstance(listed, AwsError):
        return listed
    shown = listed.pop("every")
    of_kind = {kind: [one["it"] for one in shown if one["kind"] == kind] for kind in ("RoleDetailList", "Policies")}
    return {"UserDetailList": [], "GroupDetailList": [], **of_kind, **listed}


def _role(role: IamRole, account: Account) -> dict[str, Any]:
    shown = shown_role(role)
    attached = [managed_policy(account, arn) for arn in role.attached]
    return {
        **{name: value for name, value in shown.items() if name not in {"Description", "MaxSessionDuration"}},
        "InstanceProfileList": [],
        "RolePolicyList": [
            {"PolicyName": name, "PolicyDocument": encoded(policy.text)} for name, policy in role.inline_policies
        ],
        "AttachedManagedPolicies": [
            {"PolicyName": policy.name, "PolicyArn": policy.arn} for policy in attached if policy is not None
        ],
        "Tags": shown.get("Tags", []),
        "RoleLastUsed": shown_last_use(role, account),
    }


def _policy(policy: ManagedPolicy, account: Account) -> dict[str, Any]:
    shown = shown_policy(policy, account)
    return {
        **{name: value for name, value in shown.items() if name != "Tags"},
        **({"Description": policy.description} if policy.description else {}),
        "PolicyVersionList": [
            {
                "Document": encoded(version.policy.text),
                "VersionId": version.id,
                "IsDefaultVersion": version.number == policy.default,
                "CreateDate": version.created_at,
            }
            for version in reversed(policy.versions)
        ],
    }
