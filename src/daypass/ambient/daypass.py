"""A workload of our own identity provider: `DAYPASS_URL`, and its secret in `DAYPASS_TOKEN_FILE` or `DAYPASS_TOKEN`."""

from __future__ import annotations

from daypass.ambient.service import Service, secret_from
from daypass.ambient.wish import Given, is_compact
from daypass.errors import ServiceAnswerInvalid, SettingInvalid
from daypass.secret import Secret

TYPE_CHECKING = False
if TYPE_CHECKING:
    from daypass.ambient.wish import Wish


def find(wish: Wish) -> Given:
    """A new ID token for the audiences.

    Raises:
        SettingInvalid: when only half of the settings are there; the advice is the line to add.
        FileUnsafe: when others can open the file of the secret.
        Refused: when the identity provider says no.
        Unavailable: when it cannot be asked.
    """
    environ = wish.environ
    url = environ.get("DAYPASS_URL")
    secret = secret_from(environ, "DAYPASS_TOKEN")
    if not url:
        raise _half("DAYPASS_URL", "export DAYPASS_URL=https://idp.example.com")
    if secret is None:
        raise _half("DAYPASS_TOKEN_FILE", "export DAYPASS_TOKEN_FILE=/path/to/the/workload/secret")
    content: dict[str, object] = {"audience": list(wish.audience), **(wish.more or {})}
    if wish.scope is not None:
        content["scope"] = wish.scope
    answer = Service(url, secret, environ=environ).post("/v1/id-tokens", content)
    token = answer.get("token")
    if not isinstance(token, str) or not is_compact(token):
        raise ServiceAnswerInvalid(
            f"{url} answered without a token", advice="Check that DAYPASS_URL names a Daypass identity provider."
        )
    return Given(Secret(token), url)


def _half(missing: str, line: str) -> SettingInvalid:
    return SettingInvalid(
        f"this is half of a Daypass workload: {missing} is not set",
        advice=f"Add: {line}",
        key=missing,
        reason="not set",
    )
