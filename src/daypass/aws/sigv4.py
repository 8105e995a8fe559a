"""Signature Version 4 of one POST request with a form, for the one signed call that Daypass makes: AssumeRole.

Source: AWS IAM user guide, Create a signed AWS API request.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from daypass.aws.credentials import Credentials

FORM: Final = "application/x-www-form-urlencoded; charset=utf-8"


def sign(
    body: bytes, *, host: str, path: str, region: str, credentials: Credentials, now: datetime, service: str = "sts"
) -> Mapping[str, str]:
    """The headers to send with `body`, besides `Host`: its type, the date, the session token, the signature.

    Args:
        body: a form.
        host: the `Host` header, as it will be sent.
        path: of the URL, with only characters that are not encoded in it.
        region: that the endpoint is in.
        credentials: to sign with.
        now: UTC; AWS takes it when it is at most 5 minutes off.
        service: its name in the credential scope.
    """
    moment = now.strftime("%Y%m%dT%H%M%SZ")
    headers = {
        "content-type": FORM,
        "host": host,
        "x-amz-date": moment,
        "x-amz-security-token": credentials.session_token.reveal(),
    }
    signed = ";".join(headers)
    lines = "".join(f"{name}:{value}\n" for name, value in headers.items())
    request = f"POST\n{path}\n\n{lines}\n{signed}\n{hashlib.sha256(body).hexdigest()}"
    scope = f"{moment[:8]}/{region}/{service}/aws4_request"
    text = f"AWS4-HMAC-SHA256\n{moment}\n{scope}\n{hashlib.sha256(request.encode()).hexdigest()}"
    key = f"AWS4{credentials.secret_access_key.reveal()}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    signature = hmac.digest(key, text.encode(), "sha256").hex()
    authorization = f"AWS4-HMAC-SHA256 Credential={credentials.access_key_id}/{scope}, SignedHeaders={signed}"
    return {
        "Content-Type": FORM,
        "X-Amz-Date": moment,
        "X-Amz-Security-Token": credentials.session_token.reveal(),
        "Authorization": f"{authorization}, Signature={signature}",
    }
