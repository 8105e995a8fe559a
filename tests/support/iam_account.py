"""An account with one of everything, and for each operation of IAM an input that it takes."""

from __future__ import annotations

import json
from typing import Any, Final

ACCOUNT: Final = "111122223333"
PROVIDER: Final = f"arn:aws:iam::{ACCOUNT}:oidc-provider/idp.example.com/t"
POLICY: Final = f"arn:aws:iam::{ACCOUNT}:policy/ci/kept"
OTHER_POLICY: Final = f"arn:aws:iam::{ACCOUNT}:policy/loose"
READ_ONLY: Final = "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"
THUMBPRINT: Final = "c" * 40
TAGS: Final = [{"Key": "team", "Value": "shop"}]
TRUST: Final = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Federated": PROVIDER},
                "Action": "sts:AssumeRoleWithWebIdentity",
                "Condition": {"StringEquals": {"idp.example.com/t:sub": "a"}},
            }
        ],
    }
)
PERMISSIONS: Final = json.dumps(
    {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}]}
)
_PROVIDER: Final = {"OpenIDConnectProviderArn": PROVIDER}
_ROLE: Final = {"RoleName": "deploy"}
_INLINE: Final = {"RoleName": "deploy", "PolicyName": "inline"}
_POLICY: Final = {"PolicyArn": POLICY}
_PAGED: Final = {"MaxItems": 1}

GOOD: Final[dict[str, dict[str, Any]]] = {
    "CreateOpenIDConnectProvider": {
        "Url": "https://new.example.com",
        "ClientIDList": ["a"],
        "ThumbprintList": [THUMBPRINT],
        "Tags": TAGS,
    },
    "GetOpenIDConnectProvider": _PROVIDER,
    "ListOpenIDConnectProviders": {},
    "DeleteOpenIDConnectProvider": _PROVIDER,
    "AddClientIDToOpenIDConnectProvider": {**_PROVIDER, "ClientID": "b"},
    "RemoveClientIDFromOpenIDConnectProvider": {**_PROVIDER, "ClientID": "b"},
    "UpdateOpenIDConnectProviderThumbprint": {**_PROVIDER, "ThumbprintList": [THUMBPRINT]},
    "TagOpenIDConnectProvider": {**_PROVIDER, "Tags": TAGS},
    "UntagOpenIDConnectProvider": {**_PROVIDER, "TagKeys": ["team"]},
    "ListOpenIDConnectProviderTags": {**_PROVIDER, **_PAGED},
    "CreateRole": {
        "RoleName": "new",
        "AssumeRolePolicyDocument": TRUST,
        "Path": "/ci/",
        "Description": "d",
        "MaxSessionDuration": 7200,
        "PermissionsBoundary": POLICY,
        "Tags": TAGS,
    },
    "GetRole": _ROLE,
    "ListRoles": {"PathPrefix": "/", **_PAGED},
    "UpdateAssumeRolePolicy": {**_ROLE, "PolicyDocument": TRUST},
    "UpdateRole": {**_ROLE, "Description": "d", "MaxSessionDuration": 3600},
    "UpdateRoleDescription": {**_ROLE, "Description": "d"},
    "TagRole": {**_ROLE, "Tags": TAGS},
    "UntagRole": {**_ROLE, "TagKeys": ["team"]},
    "ListRoleTags": {**_ROLE, **_PAGED},
    "ListInstanceProfilesForRole": {**_ROLE, **_PAGED},
    "DeleteRole": {"RoleName": "bare"},
    "PutRolePolicy": {"RoleName": "deploy", "PolicyName": "more", "PolicyDocument": PERMISSIONS},
    "GetRolePolicy": _INLINE,
    "ListRolePolicies": {**_ROLE, **_PAGED},
    "DeleteRolePolicy": _INLINE,
    "AttachRolePolicy": {**_ROLE, "PolicyArn": READ_ONLY},
    "DetachRolePolicy": {**_ROLE, **_POLICY},
    "ListAttachedRolePolicies": {**_ROLE, "PathPrefix": "/", **_PAGED},
    "PutRolePermissionsBoundary": {**_ROLE, "PermissionsBoundary": POLICY},
    "DeleteRolePermissionsBoundary": _ROLE,
    "CreatePolicy": {
        "PolicyName": "new",
        "PolicyDocument": PERMISSIONS,
        "Path": "/ci/",
        "Description": "d",
        "Tags": TAGS,
    },
    "GetPolicy": _POLICY,
    "ListPolicies": {
        "Scope": "All",
        "OnlyAttached": True,
        "PathPrefix": "/",
        "PolicyUsageFilter": "PermissionsPolicy",
        **_PAGED,
    },
    "DeletePolicy": {"PolicyArn": OTHER_POLICY},
    "ListEntitiesForPolicy": {
        **_POLICY,
        "EntityFilter": "Role",
        "PathPrefix": "/",
        "PolicyUsageFilter": "PermissionsPolicy",
        **_PAGED,
    },
    "TagPolicy": {**_POLICY, "Tags": TAGS},
    "UntagPolicy": {**_POLICY, "TagKeys": ["team"]},
    "ListPolicyTags": {**_POLICY, **_PAGED},
    "CreatePolicyVersion": {**_POLICY, "PolicyDocument": PERMISSIONS, "SetAsDefault": True},
    "GetPolicyVersion": {**_POLICY, "VersionId": "v1"},
    "ListPolicyVersions": {**_POLICY, **_PAGED},
    "SetDefaultPolicyVersion": {**_POLICY, "VersionId": "v2"},
    "DeletePolicyVersion": {**_POLICY, "VersionId": "v2"},
    "GetAccountSummary": {},
    "GetAccountAuthorizationDetails": {"Filter": ["Role", "LocalManagedPolicy", "AWSManagedPolicy"], **_PAGED},
    "ListAccountAliases": _PAGED,
    "EnableOutboundWebIdentityFederation": {},
    "DisableOutboundWebIdentityFederation": {},
    "GetOutboundWebIdentityFederationInfo": {},
    "ListSAMLProviders": {},
}


def furnish(iam: Any) -> None:
    """Fill an empty account so that every input of `GOOD` is taken."""
    iam.create_open_id_connect_provider(
        Url="https://idp.example.com/t", ClientIDList=["b"], ThumbprintList=[THUMBPRINT], Tags=TAGS
    )
    iam.create_policy(PolicyName="kept", Path="/ci/", PolicyDocument=PERMISSIONS, Description="d", Tags=TAGS)
    iam.create_policy_version(PolicyArn=POLICY, PolicyDocument=PERMISSIONS)
    iam.create_policy(PolicyName="loose", PolicyDocument=PERMISSIONS)
    iam.create_role(
        RoleName="deploy",
        AssumeRolePolicyDocument=TRUST,
        Description="d",
        PermissionsBoundary=OTHER_POLICY,
        Tags=TAGS,
    )
    iam.delete_role_permissions_boundary(RoleName="deploy")
    iam.put_role_permissions_boundary(RoleName="deploy", PermissionsBoundary=READ_ONLY)
    iam.put_role_policy(RoleName="deploy", PolicyName="inline", PolicyDocument=PERMISSIONS)
    iam.attach_role_policy(RoleName="deploy", PolicyArn=POLICY)
    iam.create_role(RoleName="bare", AssumeRolePolicyDocument=TRUST)
