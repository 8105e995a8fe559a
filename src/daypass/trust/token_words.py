"""A token in words: whose it is, and what a trust policy of AWS can test in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from daypass.subjects.formats import AudienceForm, Marking
from daypass.subjects.phrases import shown
from daypass.subjects.recognition import recognise_token, whose
from daypass.trust.claim_keys import OAUD, keys_for

if TYPE_CHECKING:
    from collections.abc import Mapping

    from daypass.subjects.recognition import Recognised
    from daypass.tokens.strict_json import JsonValue

_OF_AWS: Final = "https://aws.amazon.com/"
_READ_OTHERWISE: Final = frozenset({"iss", "exp", "iat", "nbf", "jti", "azp", "auth_time"})
"""What AWS checks itself, or that says nothing about whose token it is."""


def describe_token(claims: Mapping[str, JsonValue]) -> tuple[str, ...]:
    """A token in words, a sentence each.

    Args:
        claims: of any token; nothing about them is checked.
    """
    found = recognise_token(claims)
    return (whose(claims, found), *_testable(claims), *_remarks(claims, found))


def _testable(claims: Mapping[str, JsonValue]) -> tuple[str, ...]:
    issuer = str(claims.get("iss", "")).removeprefix("https://")
    keys = keys_for(issuer)
    tested = [key for key in keys.keys if key is not OAUD and key.value(claims)]
    if "aud" not in claims:
        return ("AWS refuses it: it has no `aud` (Missing a required claim: aud).",)
    names = ", ".join(f"{key.name}" for key in tested) or "nothing"
    said = [f"A trust policy of AWS can test {names}, each as `{shown(issuer)}:<name>`."]
    read = {key.claim[0] for key in keys.keys if key.claim}
    rest = [name for name in claims if name not in read | _READ_OTHERWISE and not name.startswith(_OF_AWS)]
    if rest:
        said.append(
            f"It cannot test {', '.join(map(shown, rest))}: for that they must be in the subject, or be sent as"
            " session tags."
        )
    return tuple(said)


def _remarks(claims: Mapping[str, JsonValue], found: Recognised | None) -> tuple[str, ...]:
    if found is None:
        return ()
    said = []
    subject = found.token_format.subject
    if found.components is None and found.token_format.audience_form is not AudienceForm.NONE:
        said.append(f"Its subject has none of the known forms: `{shown(str(claims.get('sub', '')))}`.")
    personal = [
        name
        for name in found.components or ()
        if name in subject.allowed and subject.part(name).marking is Marking.PERSONAL
    ]
    if personal:
        said.append(f"Its subject holds what people choose about themselves: {', '.join(personal)}.")
    if found.mistyped:
        said.append(f"Of another type than usual: {', '.join(map(shown, found.mistyped))}.")
    return tuple(said)
