"""Ask a platform's service for a token: the URL and the bearer credential are the job's own variables."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from daypass import __version__, calling
from daypass.ambient.wish import compact
from daypass.errors import JsonMalformed, RequestInvalid, ServiceUnreachable, TokenSourceFailed, TokenSourceIncomplete
from daypass.tokens import strict_json

if TYPE_CHECKING:
    from collections.abc import Mapping

    from daypass.secret import Secret

_MAX_BYTES: Final = 64 * 1024
_SECONDS: Final = 10.0


def ask(
    method: str,
    url: str,
    *,
    title: str,
    setting: str,
    member: str,
    credential: Secret,
    environ: Mapping[str, str],
    denied: str,
) -> Secret:
    """The token in a JSON answer.

    Args:
        method: of HTTP.
        url: whole, with its query.
        title: of the platform, for messages.
        setting: the variable that the URL is from.
        member: of the answer, which holds the token.
        credential: sent as a bearer token (RFC 6750 section 2.1).
        environ: for the proxy's settings and `DAYPASS_CA_BUNDLE`.
        denied: what to do about 401 and 403, a sentence.

    Raises:
        TokenSourceIncomplete: when the URL cannot be called, or the credential is not accepted.
        TokenSourceFailed: when the answer has no token.
        ServiceUnreachable: when there is no answer, or the service has a fault that may pass.
    """
    headers = {
        "Authorization": f"Bearer {credential.reveal()}",
        "Accept": "application/json",
        "User-Agent": f"daypass/{__version__}",
    }
    if method == "POST":
        headers["Content-Type"] = "application/json"
    bundle = environ.get("DAYPASS_CA_BUNDLE")
    try:
        answer = calling.call(
            method,
            url,
            headers=headers,
            timeout_seconds=_SECONDS,
            ca_bundle=Path(bundle) if bundle else None,
            max_bytes=_MAX_BYTES,
            environ=environ,
        )
    except RequestInvalid as error:
        raise TokenSourceIncomplete(error.message, advice=f"Check {setting}.", key=setting) from None
    if answer.status in (401, 403):
        raise TokenSourceIncomplete(
            f"{title} refused to give a token: status {answer.status}", advice=denied, http_status=answer.status
        )
    if answer.status == 429 or answer.status >= 500:
        raise ServiceUnreachable(
            f"{title} could not give a token: status {answer.status}",
            advice="Run the same command again in a while.",
            transient=True,
            http_status=answer.status,
        )
    if answer.status != 200:
        raise TokenSourceFailed(
            f"{title} gave no token: status {answer.status}",
            advice=f"Check {setting}; it names where the platform gives tokens.",
            http_status=answer.status,
        )
    try:
        value = strict_json.parse(answer.body, max_bytes=_MAX_BYTES, control_characters=True)
    except JsonMalformed:
        value = None
    token = value.get(member) if isinstance(value, dict) else None
    return compact(token if isinstance(token, str) else "", title)


def with_query(url: str, **parameters: str) -> str:
    """A URL with more in its query; GitHub's has one already, Azure DevOps's has none."""
    more = "&".join(f"{name.replace('_', '-')}={quote(value, safe='')}" for name, value in parameters.items())
    return f"{url}{'&' if '?' in url else '?'}{more}"
