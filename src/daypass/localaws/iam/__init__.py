"""IAM, as far as a web identity needs it: OIDC providers, roles, and the policies of roles."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from daypass.localaws.iam import managed, outbound, providers, roles

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from daypass.localaws.faults import AwsError
    from daypass.localaws.iam.state import Call

    Handler = Callable[[Call], dict[str, Any] | AwsError]

OPERATIONS: Final[Mapping[str, Handler]] = {
    "CreateOpenIDConnectProvider": providers.create_open_id_connect_provider,
    "GetOpenIDConnectProvider": providers.get_open_id_connect_provider,
    "ListOpenIDConnectProviders": providers.list_open_id_connect_providers,
    "DeleteOpenIDConnectProvider": providers.delete_open_id_connect_provider,
    "AddClientIDToOpenIDConnectProvider": providers.add_client_id_to_open_id_connect_provider,
    "RemoveClientIDFromOpenIDConnectProvider": providers.remove_client_id_from_open_id_connect_provider,
    "UpdateOpenIDConnectProviderThumbprint": providers.update_open_id_connect_provider_thumbprint,
    "TagOpenIDConnectProvider": providers.tag_open_id_connect_provider,
    "UntagOpenIDConnectProvider": providers.untag_open_id_connect_provider,
    "ListOpenIDConnectProviderTags": providers.list_open_id_connect_provider_tags,
    "CreateRole": roles.create_role,
    "GetRole": roles.get_role,
    "ListRoles": roles.list_roles,
    "UpdateAssumeRolePolicy": roles.update_assume_role_policy,
    "UpdateRole": roles.update_role,
    "DeleteRole": roles.delete_role,
    "PutRolePolicy": roles.put_role_policy,
    "GetRolePolicy": roles.get_role_policy,
    "ListRolePolicies": roles.list_role_policies,
    "DeleteRolePolicy": roles.delete_role_policy,
    "AttachRolePolicy": roles.attach_role_policy,
    "DetachRolePolicy": roles.detach_role_policy,
    "ListAttachedRolePolicies": roles.list_attached_role_policies,
    "PutRolePermissionsBoundary": roles.put_role_permissions_boundary,
    "DeleteRolePermissionsBoundary": roles.delete_role_permissions_boundary,
    "CreatePolicy": managed.create_policy,
    "GetPolicy": managed.get_policy,
    "GetPolicyVersion": managed.get_policy_version,
    "ListPolicies": managed.list_policies,
    "DeletePolicy": managed.delete_policy,
    "EnableOutboundWebIdentityFederation": outbound.enable_outbound_web_identity_federation,
    "DisableOutboundWebIdentityFederation": outbound.disable_outbound_web_identity_federation,
    "GetOutboundWebIdentityFederationInfo": outbound.get_outbound_web_identity_federation_info,
}
