"""A client of our identity provider: its URL, one secret, and its refusals as the errors they were.

Used by whoever asks it for something: a workload for a token, an administrator for anything.
"""

from __future__ import annotations

import json

from daypass import __version__, calling, files
from daypass.errors import (
    CallerRefused,
    DaypassError,
    FileUnavailable,
    JsonMalformed,
    RequestInvalid,
    RequestRefused,
    ServiceAnswerInvalid,
    ServiceUnreachable,
    SettingInvalid,
)
from daypass.secret import Secret
from daypass.tokens import strict_json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Final

    from daypass.tokens.strict_json import JsonObject

_MAX_SECRET_BYTES: Final = 4096
_MAX_MEMBERS: Final = 100_000  # a list of 1000 things with their attributes


def secret_from(environ: Mapping[str, str], name: str) -> Secret | None:
    """The secret in the file that `<name>_FILE` names, or else in `name`; None when neither is set.

    White space around it is dropped, because editors and `echo` end files with a line break.

    Raises:
        SettingInvalid: when it is empty or holds a character that no secret has.
        FileUnsafe: when others can open the file.
        FileUnavailable: when it cannot be read.
    """
    path = environ.get(f"{name}_FILE")
    if path:
        key = f"{name}_FILE"
        try:
            text = files.read_private(path, max_bytes=_MAX_SECRET_BYTES).decode("latin-1").strip()
        except FileUnavailable as error:
            if error.facts.get("missing"):
                error.advice = f"Check {key}: it names the file with the secret."
            raise
    elif environ.get(name):
        key, text = name, environ[name].strip()
    else:
        return None
    if not text or not text.isascii() or not text.isprintable() or " " in text:
        raise SettingInvalid(
            f"the secret that {key} gives is empty or holds a character that no secret has",
            advice=f"Check {key}: one line, nothing but the secret.",
            key=key,
            reason="not a secret",
        )
    return Secret(text)


class Service:
    """The identity provider at `url`, asked with `secret` as bearer credential (RFC 6750 section 2.1)."""

    def __init__(self, url: str, secret: Secret, *, environ: Mapping[str, str], timeout_seconds: float = 10.0) -> None:
        if "?" in url or "#" in url:
            raise SettingInvalid(
                "DAYPASS_URL has a query or a fragment",
                advice="It is the issuer's URL, such as https://idp.example.com",
                key="DAYPASS_URL",
                reason="query or fragment",
            )
        self._url = url.rstrip("/")
        self._secret = secret
        self._environ = environ
        self._timeout_seconds = timeout_seconds

    def get(self, path: str) -> JsonObject:
        """Ask for what is at `path`. Raises as `post` does."""
        return self._ask("GET", path, None)

    def post(self, path: str, content: Mapping[str, object] | None = None) -> JsonObject:
        """Send a JSON object and return the one that comes back.

        Raises:
            DaypassError: the class whose code the service named, or the nearest family.
            ServiceUnreachable: when there is no answer.
            ServiceAnswerInvalid: when the answer is not this API's.
        """
        return self._ask("POST", path, content)

    def patch(self, path: str, content: Mapping[str, object]) -> JsonObject:
        """Change what is at `path`. Raises as `post` does."""
        return self._ask("PATCH", path, content)

    def delete(self, path: str) -> None:
        """Take away what is at `path`. Raises as `post` does."""
        self._ask("DELETE", path, None)

    def _ask(self, method: str, path: str, content: Mapping[str, object] | None) -> JsonObject:
        headers = {
            "Authorization": f"Bearer {self._secret.reveal()}",
            "Accept": "application/json, application/problem+json",
            "User-Agent": f"daypass/{__version__}",
        }
        if content is not None:
            headers["Content-Type"] = "application/json"
        bundle = self._environ.get("DAYPASS_CA_BUNDLE")
        try:
            answer = calling.call(
                method,
                self._url + path,
                headers=headers,
                body=None if content is None else json.dumps(content).encode("ascii"),
                timeout_seconds=self._timeout_seconds,
                ca_bundle=bundle or None,
                environ=self._environ,
            )
        except RequestInvalid as error:
            raise SettingInvalid(
                error.message, advice="Check DAYPASS_URL.", key="DAYPASS_URL", reason=error.message
            ) from None
        if answer.status not in (200, 201, 204):
            raise refusal(answer, self._url)
        return {} if answer.status == 204 else answered(answer, self._url)


def refusal(answer: calling.Answer, url: str) -> DaypassError:
    """The error that an answer of problem details (RFC 9457) stands for; any other answer is no answer of ours."""
    if answer.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/problem+json":
        if answer.status >= 500:  # a gateway before it, perhaps
            return ServiceUnreachable(
                f"{url} could not answer: status {answer.status}",
                advice="Run the same command again in a while.",
                transient=True,
                http_status=answer.status,
            )
        return ServiceAnswerInvalid(
            f"{url} answered with status {answer.status} and no reason",
            advice="Check that DAYPASS_URL is the URL of a Daypass identity provider, with its path.",
            http_status=answer.status,
        )
    problem = answered(answer, url)
    code, title, advice, facts = (problem.get(name) for name in ("code", "title", "advice", "facts"))
    known: dict[str, object] = dict(facts) if isinstance(facts, dict) else {}
    for taken in ("self", "message", "advice"):
        known.pop(taken, None)
    return told(
        answer,
        code=code,
        message=title if isinstance(title, str) and title else f"{url} refused with status {answer.status}",
        # Lines of their own are for what this program says, not for what a service does.
        advice=" ".join(advice.splitlines()) if isinstance(advice, str) else None,
        **known,
    )


def told(
    answer: calling.Answer, *, code: object, message: str, advice: str | None = None, **facts: object
) -> DaypassError:
    """The error whose code a service named, or the nearest family."""
    kind = next((leaf for leaf in _descendants(DaypassError) if leaf.code == code), None) or _family(answer.status)
    facts |= {"http_status": answer.status, "request_id": answer.headers.get("x-request-id")}
    if answer.status >= 500 or answer.status == 429:
        facts["transient"] = True
    return kind(message, advice=advice, **facts)


def _family(status: int) -> type[DaypassError]:
    if status in (401, 403):
        return CallerRefused
    if status == 400:
        return RequestInvalid
    return RequestRefused if status < 500 else ServiceUnreachable


def _descendants(kind: type[DaypassError]) -> Iterator[type[DaypassError]]:
    for child in kind.__subclasses__():
        yield child
        yield from _descendants(child)


def answered(answer: calling.Answer, url: str) -> JsonObject:
    """The JSON object that a service answered with.

    Raises:
        ServiceAnswerInvalid: when it is none.
    """
    try:
        value = strict_json.parse(answer.body, max_bytes=calling.MIB, max_members=_MAX_MEMBERS, control_characters=True)
    except JsonMalformed:
        value = None
    if not isinstance(value, dict):
        raise ServiceAnswerInvalid(
            f"{url} answered with something that is not its protocol",
            advice="Check that DAYPASS_URL is the URL of a Daypass identity provider, with its path.",
        )
    return value
