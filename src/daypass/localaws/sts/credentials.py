"""About credentials: whose they are, and which operations they are refused for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from daypass.localaws.faults import AwsError, Fault, Protocol
from daypass.localaws.sessions import Session

if TYPE_CHECKING:
    from daypass.localaws.sessions import Credentials
    from daypass.localaws.sts.call import Call


def shown(credentials: Credentials) -> dict[str, Any]:
    """`Credentials` of an answer."""
    return {
        "AccessKeyId": credentials.access_key_id,
        "SecretAccessKey": credentials.secret_access_key.reveal(),
        "SessionToken": credentials.session_token.reveal(),
        "Expiration": credentials.expires_at,
    }


def get_caller_identity(call: Call) -> dict[str, Any] | AwsError:
    """GetCallerIdentity: needs no permission."""
    who = call.caller
    return {"UserId": who.user_id, "Account": who.account, "Arn": who.arn}


def get_access_key_info(call: Call) -> dict[str, Any] | AwsError:
    """GetAccessKeyInfo: the account of a key that this instance gave out.

    AWS reads the account out of any key id. Here it is known of the last keys; of others nothing is made up.
    """
    access_key_id = call.given["AccessKeyId"]
    account = call.sts.sessions.account_of(access_key_id)
    if account is None:
        text = f"The access key {access_key_id} was not given out by this local AWS."
        return AwsError("ValidationError", 400, text, detail="it is of AWS, of another instance, or of long ago")
    return {"Account": account}


def decode_authorization_message(_: Call) -> dict[str, Any] | AwsError:
    """DecodeAuthorizationMessage: refuses every message, for none is given out encoded here."""
    text = "Message is not valid"
    detail = "the local AWS encodes no authorization message: what is behind a refusal is told under x-daypass-why"
    return AwsError("InvalidAuthorizationMessageException", 400, text, detail=detail)


def get_session_token(call: Call) -> dict[str, Any] | AwsError:
    """GetSessionToken: not for sessions, as on AWS; the administrator's keys have no sessions of their own here."""
    return _long_term_only(call, "GetSessionToken")


def get_federation_token(call: Call) -> dict[str, Any] | AwsError:
    """GetFederationToken: the same."""
    return _long_term_only(call, "GetFederationToken")


def _long_term_only(call: Call, action: str) -> AwsError:
    if isinstance(call.caller, Session):
        text = f"Cannot call {action} with session credentials"
        return AwsError("AccessDenied", 403, text, detail="these are credentials of a role's session")
    return Fault.NOT_IMPLEMENTED.error(Protocol.QUERY, f"The local AWS does not implement sts:{action} yet.")
