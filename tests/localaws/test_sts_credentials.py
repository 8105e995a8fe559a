"""GetAccessKeyInfo, DecodeAuthorizationMessage, and what sessions are refused."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from support.local_aws import LocalAws


def refused(call: Any, **arguments: Any) -> tuple[str, int, str]:
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    answer = caught.value.response
    return answer["Error"]["Code"], answer["ResponseMetadata"]["HTTPStatusCode"], answer["Error"]["Message"]


def test_the_account_of_a_key_that_was_given_out(ready: LocalAws) -> None:
    key = ready.assume()["Credentials"]["AccessKeyId"]
    assert ready.client("sts").get_access_key_info(AccessKeyId=key)["Account"] == "111122223333"


def test_of_other_keys_nothing_is_made_up(aws: LocalAws) -> None:
    code, status, _ = refused(aws.client("sts").get_access_key_info, AccessKeyId="ASIAIOSFODNN7EXAMPLE")
    assert (code, status) == ("ValidationError", 400)


def test_a_session_needs_permission_for_it(ready: LocalAws) -> None:
    credentials = ready.assume()["Credentials"]
    sts = ready.client("sts", credentials)
    code, status, _ = refused(sts.get_access_key_info, AccessKeyId=credentials["AccessKeyId"])
    assert (code, status) == ("AccessDenied", 403)
    ready.permit({"Effect": "Allow", "Action": "sts:GetAccessKeyInfo", "Resource": "*"})
    assert sts.get_access_key_info(AccessKeyId=credentials["AccessKeyId"])["Account"] == "111122223333"


def test_no_authorization_message_is_decoded(ready: LocalAws) -> None:
    sts = ready.client("sts", ready.assume()["Credentials"])
    code, status, text = refused(sts.decode_authorization_message, EncodedMessage="x" * 40)
    assert (code, status) == ("AccessDenied", 403)
    assert "sts:DecodeAuthorizationMessage" in text
    ready.permit({"Effect": "Allow", "Action": "sts:DecodeAuthorizationMessage", "Resource": "*"})
    told = refused(sts.decode_authorization_message, EncodedMessage="x" * 40)
    assert told[:2] == ("InvalidAuthorizationMessageException", 400)


def test_no_session_gets_another_kind_of_session(ready: LocalAws) -> None:
    ready.permit({"Effect": "Allow", "Action": "sts:*", "Resource": "*"})
    sts = ready.client("sts", ready.assume()["Credentials"])
    wanted = "Cannot call {} with session credentials"
    assert refused(sts.get_session_token) == ("AccessDenied", 403, wanted.format("GetSessionToken"))
    assert refused(sts.get_federation_token, Name="job") == ("AccessDenied", 403, wanted.format("GetFederationToken"))


def test_long_term_keys_hear_that_it_is_not_implemented(aws: LocalAws) -> None:
    assert refused(aws.client("sts").get_session_token)[0] == "NotImplemented"
    assert refused(aws.client("sts").get_federation_token, Name="job")[0] == "NotImplemented"
