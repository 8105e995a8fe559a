"""One request to a relying party, and its refusals as one error, with what to do about them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from daypass import __version__, calling
from daypass.calling.persist import Fate
from daypass.errors import (
    JsonMalformed,
    RelyingPartyRefused,
    RequestInvalid,
    ServiceAnswerInvalid,
    ServiceUnreachable,
    SettingInvalid,
)
from daypass.tokens import strict_json

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from daypass.errors import DaypassError
    from daypass.tokens.strict_json import JsonObject

CALL_SECONDS: Final = 15.0
_MAX_WORDS: Final = 600
_MAX_MEMBERS: Final = 10_000  # a user may be in that many groups
_CODE: Final = re.compile(r"[A-Za-z0-9_]{0,64}")
# A JWT, and the tokens of Vault (hvs., s.) and Google (ya29.).
_TOKEN: Final = re.compile(
    r"eyJ[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*){1,2}|\b(?:hv[sbr]|[sbr]|ya29)\.[A-Za-z0-9_.-]{20,}"
)


@dataclass(frozen=True, slots=True)
class Party:
    """Whom to ask. `url_setting` and `ca_setting` name what the user set, for advice; `ca_bundle` may be None."""

    title: str
    url_setting: str
    ca_bundle: Path | None
    ca_setting: str
    environ: Mapping[str, str] = field(repr=False)


class Told(NamedTuple):
    """An answer: its status, its headers with lower-case names, and its JSON object, empty when it has none."""

    status: int
    headers: Mapping[str, str]
    document: JsonObject


class Cause(NamedTuple):
    """What a refusal with `mark` for its code, or in its text, means: the next step, and whether it may pass."""

    mark: str
    advice: str
    fate: Fate = Fate.FINAL


def bundle_from(environ: Mapping[str, str], name: str) -> Path | None:
    """The PEM file or folder that a variable names; None when it is not set."""
    text = environ.get(name)
    return Path(text) if text else None


def base_address(url: str, *, path: bool = True) -> str:
    """A service's address, to which paths are added: without a slash at its end.

    Args:
        url: what the user wrote.
        path: whether it may have a path.

    Raises:
        RequestInvalid: when it may not be called, or a path cannot be added to it.
    """
    calling.origin_of(url)
    base = url.rstrip("/")
    if "?" in base or "#" in base:
        raise RequestInvalid(f"`{base}` is not an address alone: it has a query or a fragment")
    if not path and "/" in base.partition("://")[2]:
        raise RequestInvalid(f"`{base}` is not an address alone: it has a path")
    return base


def ask(party: Party, method: str, url: str, *, headers: Mapping[str, str], body: bytes | None = None) -> Told:
    """Make one request.

    Raises:
        SettingInvalid: when the URL may not be called.
        ServiceUnreachable: when there was no answer.
        ServiceAnswerInvalid: when it is not HTTP, or JSON that is none.
        FileUnavailable: when the certificate authorities cannot be read.
    """
    try:
        answer = calling.call(
            method,
            url,
            headers={"Accept": "application/json", "User-Agent": f"daypass/{__version__}", **headers},
            body=body,
            timeout_seconds=CALL_SECONDS,
            ca_bundle=party.ca_bundle,
            ca_setting=party.ca_setting,
            environ=party.environ,
        )
    except RequestInvalid as error:
        raise SettingInvalid(
            error.message, advice=f"Check {party.url_setting}.", key=party.url_setting, reason=error.message
        ) from None
    return Told(answer.status, answer.headers, _document(answer, party))


def refusal(
    party: Party, told: Told, *, code: str, words: str, causes: Iterable[Cause], advice: str | None = None
) -> DaypassError:
    """The error that a refusal is: the party's own words, and what they mean.

    Args:
        party: who refused.
        told: its answer.
        code: its code for it, or empty.
        words: its reason, as it stands in the answer.
        causes: what its reasons mean; the first that fits counts.
        advice: what to do about any other.
    """
    cause = next((each for each in causes if each.mark == code or each.mark in words), None)
    code = code if _CODE.fullmatch(code) else ""  # it is printed too, and the answer is anybody's
    facts: dict[str, object] = {"party": party.title, "party_code": code, "http_status": told.status}
    shown = plain(words)
    if cause is None and (told.status >= 500 or told.status == 429):
        return ServiceUnreachable(
            f"{party.title} could not answer (status {told.status}): {shown or 'no reason given'}",
            advice="Run the same command again in a while.",
            transient=True,
            **facts,
        )
    return RelyingPartyRefused(
        f"{party.title} refused ({code or f'status {told.status}'}): {shown or 'no reason given'}",
        advice=advice if cause is None else cause.advice,
        fate=Fate.FINAL if cause is None else cause.fate,
        **facts,
    )


def strange(party: Party, what: str) -> ServiceAnswerInvalid:
    """The error for an answer of success that is not the party's."""
    return ServiceAnswerInvalid(
        f"{party.title} answered with {what}",
        advice=f"Check that {party.url_setting} is the address of {party.title}.",
    )


def plain(words: str) -> str:
    """A party's words on one line, not too long, and without a token that it may have repeated."""
    text = _TOKEN.sub("(a token)", " ".join(words.split()))
    return text if len(text) <= _MAX_WORDS else text[:_MAX_WORDS] + "…"


def text_of(document: JsonObject, *names: str) -> str:
    """The text at a path of members; empty when there is none."""
    value: object = document
    for name in names:
        value = value.get(name) if isinstance(value, dict) else None
    return value if isinstance(value, str) else ""


def is_secret(text: str) -> bool:
    """Whether text is fit to be a credential: printable, in one piece, not empty."""
    return bool(text) and text.isascii() and text.isprintable() and " " not in text


def _document(answer: calling.Answer, party: Party) -> JsonObject:
    if not answer.body.strip():
        return {}
    try:
        value = strict_json.parse(
            answer.body, max_bytes=calling.MIB, max_members=_MAX_MEMBERS, control_characters=True, duplicates="last"
        )
    except JsonMalformed:
        value = None
    if isinstance(value, dict):
        return value
    if answer.status < 300:
        raise strange(party, "something that is not JSON")
    return {}
