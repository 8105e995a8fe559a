"""IAM, as far as a web identity needs it: OIDC providers, roles, and the policies of roles."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from daypass.localaws.iam import account, managed, outbound, providers, roles, versions
from daypass.localaws.iam.ownership import foreign

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from daypass.localaws.faults import AwsError
    from daypass.localaws.iam.state import Call

    Outcome = dict[str, Any] | AwsError
    Handler = Callable[[Call], Outcome | Awaitable[Outcome]]

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
    "UpdateRoleDescription": roles.update_role_description,
    "TagRole": roles.tag_role,
    "UntagRole": roles.untag_role,
    "ListRoleTags": roles.list_role_tags,
    "ListInstanceProfilesForRole": roles.list_instance_profiles_for_role,
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
    "ListPolicies": managed.list_policies,
    "DeletePolicy": managed.delete_policy,
    "ListEntitiesForPolicy": managed.list_entities_for_policy,
    "TagPolicy": managed.tag_policy,
    "UntagPolicy": managed.untag_policy,
    "ListPolicyTags": managed.list_policy_tags,
    "CreatePolicyVersion": versions.create_policy_version,
    "GetPolicyVersion": versions.get_policy_version,
    "ListPolicyVersions": versions.list_policy_versions,
    "SetDefaultPolicyVersion": versions.set_default_policy_version,
    "DeletePolicyVersion": versions.delete_policy_version,
    "GetAccountSummary": account.get_account_summary,
    "GetAccountAuthorizationDetails": account.get_account_authorization_details,
    "ListAccountAliases": account.list_account_aliases,
    "ListSAMLProviders": account.list_saml_providers,
    "EnableOutboundWebIdentityFederation": outbound.enable_outbound_web_identity_federation,
    "DisableOutboundWebIdentityFederation": outbound.disable_outbound_web_identity_federation,
    "GetOutboundWebIdentityFederationInfo": outbound.get_outbound_web_identity_federation_info,
}


def carry_out(call: Call) -> Outcome | Awaitable[Outcome]:
    """Carry out one of `OPERATIONS` for a caller who may. One that has to ask an issuer is waited for."""
    return foreign(call) or OPERATIONS[call.action](call)
