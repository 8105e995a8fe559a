"""Exchange another platform's token for one of ours, at `DAYPASS_URL` (RFC 8693)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urlencode

from daypass import __version__, calling
from daypass.ambient.service import answered, told
from daypass.errors import RequestInvalid, ServiceAnswerInvalid, SettingInvalid
from daypass.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

TIMEOUT_SECONDS: Final = 15.0
"""The identity provider may have to ask the other issuer for its keys, for 5 seconds."""
_TOKEN_EXCHANGE: Final = "urn:ietf:params:oauth:grant-type:token-exchange"  # noqa: S105 (a name of RFC 8693)
_JWT: Final = "urn:ietf:params:oauth:token-type:jwt"


def exchange(
    token: Secret, audience: Sequence[str], environ: Mapping[str, str], *, connection: str | None = None
) -> Secret:
    """An ID token of ours for `audience`.

    Args:
        token: the other platform's.
        audience: who the new token is for; at least one.
        environ: `DAYPASS_URL`, and how to reach it.
        connection: id or name, where more than one takes tokens of that platform.

    Raises:
        SettingInvalid: when `DAYPASS_URL` is not set, or is none.
        ExchangeRefused: when the token is not accepted.
        DaypassError: the class whose code the service named.
        ServiceUnreachable, ServiceAnswerInvalid: when there is no answer, or it is not this protocol's.
    """
    url = environ.get("DAYPASS_URL", "").rstrip("/")
    if not url:
        raise SettingInvalid(
            "DAYPASS_URL is not set",
            advice="Add: export DAYPASS_URL=https://idp.example.com",
            key="DAYPASS_URL",
            reason="not set",
        )
    fields = [("grant_type", _TOKEN_EXCHANGE), ("subject_token", token.reveal()), ("subject_token_type", _JWT)]
    fields += [("audience", each) for each in audience]
    if connection is not None:
        fields.append(("connection", connection))
    bundle = environ.get("DAYPASS_CA_BUNDLE")
    try:
        answer = calling.call(
            "POST",
            f"{url}/token",
            headers={
                "Accept": "application/json",
                "Content-Type": "application/x-www-form-urlencoded",
                "User-Agent": f"daypass/{__version__}",
            },
            body=urlencode(fields).encode("ascii"),
            timeout_seconds=TIMEOUT_SECONDS,
            ca_bundle=Path(bundle) if bundle else None,
            environ=environ,
        )
    except RequestInvalid as error:
        raise SettingInvalid(
            error.message, advice="Check DAYPASS_URL.", key="DAYPASS_URL", reason=error.message
        ) from None
    document = answered(answer, url)
    if answer.status != 200:
        reason = document.get("error_description")
        raise told(
            answer,
            code=document.get("code"),
            message=reason if isinstance(reason, str) else f"{url} refused with status {answer.status}",
        )
    issued = document.get("access_token")
    if not isinstance(issued, str) or not issued:
        raise ServiceAnswerInvalid(f"{url} answered without a token")
    return Secret(issued)
