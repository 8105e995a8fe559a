"""A workload of our own identity provider: `DAYPASS_URL`, and its secret in `DAYPASS_TOKEN_FILE` or `DAYPASS_TOKEN`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from daypass.ambient.service import Service, secret_from
from daypass.errors import ServiceAnswerInvalid, SettingInvalid
from daypass.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_COMPACT: Final = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")


def detect(
    audience: Sequence[str],
    environ: Mapping[str, str],
    *,
    scope: str | None = None,
    more: Mapping[str, object] | None = None,
) -> Secret | None:
    """An ID token for `audience`, when this is a Daypass workload; None when it is not.

    `more` are further members of the request, such as `aws` and `form`.

    Raises:
        SettingInvalid: when only half of the settings are there; the advice is the line to add.
        FileUnsafe: when others can open the file of the secret.
        Refused: when the identity provider says no.
        Unavailable: when it cannot be asked.
    """
    url = environ.get("DAYPASS_URL")
    secret = secret_from(environ, "DAYPASS_TOKEN")
    if not url and secret is None:
        return None
    if not url:
        raise _half("DAYPASS_URL", "export DAYPASS_URL=https://idp.example.com")
    if secret is None:
        raise _half("DAYPASS_TOKEN_FILE", "export DAYPASS_TOKEN_FILE=/path/to/the/workload/secret")
    content: dict[str, object] = {"audience": list(audience), **(more or {})}
    if scope is not None:
        content["scope"] = scope
    answer = Service(url, secret, environ=environ).post("/v1/id-tokens", content)
    token = answer.get("token")
    if not isinstance(token, str) or not _COMPACT.fullmatch(token):
        raise ServiceAnswerInvalid(
            f"{url} answered without a token", advice="Check that DAYPASS_URL names a Daypass identity provider."
        )
    return Secret(token)


def _half(missing: str, line: str) -> SettingInvalid:
    return SettingInvalid(
        f"this is half of a Daypass workload: {missing} is not set",
        advice=f"Add: {line}",
        key=missing,
        reason="not set",
    )
