"""STS: sessions of roles, who is asking, and AWS itself as an issuer of web identity tokens."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from daypass.localaws.sts import assume_role, credentials, outbound

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from daypass.localaws.faults import AwsError
    from daypass.localaws.sts.call import Call

    Handler = Callable[[Call], dict[str, Any] | AwsError]

OPERATIONS: Final[Mapping[str, Handler]] = {
    "AssumeRole": assume_role.assume_role,
    "DecodeAuthorizationMessage": credentials.decode_authorization_message,
    "GetAccessKeyInfo": credentials.get_access_key_info,
    "GetCallerIdentity": credentials.get_caller_identity,
    "GetFederationToken": credentials.get_federation_token,
    "GetSessionToken": credentials.get_session_token,
    "GetWebIdentityToken": outbound.get_web_identity_token,
}
"""Every signed operation. AssumeRoleWithWebIdentity, which is not signed, is `web_identity`'s."""
