"""Look into a token without believing it. All this may decide is whose keys to ask."""

from __future__ import annotations

from types import MappingProxyType

from daypass.errors import JsonMalformed, TokenMalformed, TokenTooLarge
from daypass.light_typing import NamedTuple, final
from daypass.secret import Secret
from daypass.tokens import base64url, strict_json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Final

    from daypass.tokens.strict_json import Duplicates, JsonValue

MAX_LENGTH: Final = 20_000
"""The longest token AWS STS takes, in characters (API reference of AssumeRoleWithWebIdentity)."""


@final
class UnverifiedToken(NamedTuple):
    """A compact JWS taken apart. Nothing in it is known to be true.

    Attributes:
        header: the JOSE header.
        claims: what the token says of itself.
        signing_input: header and payload as sent, with the dot between them.
        signature: the decoded third segment; may be empty.
        compact: the token as sent.
    """

    header: Mapping[str, JsonValue]
    claims: Mapping[str, JsonValue]
    signing_input: bytes
    signature: bytes
    compact: Secret

    @property
    def issuer(self) -> str | None:
        """The claim `iss` where it is text."""
        issuer = self.claims.get("iss")
        return issuer if isinstance(issuer, str) else None

    def __repr__(self) -> str:
        return "UnverifiedToken(…)"


def peek(token: str, *, max_length: int = MAX_LENGTH, duplicates: Duplicates = "refuse") -> UnverifiedToken:
    """Take a compact JWS apart (RFC 7515 section 7.1, RFC 7519 section 3).

    Args:
        token: the text, exactly: no white space around it.
        max_length: longest text that is looked at, in characters.
        duplicates: what a second member of one name does, as in `strict_json.parse`.

    Raises:
        TokenTooLarge: before anything is decoded.
        TokenMalformed: when it is not three base64url segments of which the first two are JSON objects.
    """
    if len(token) > max_length:
        raise TokenTooLarge(
            f"the token has {len(token)} characters, more than {max_length}", length=len(token), max_length=max_length
        )
    # Counted, not split: a text of dots must not become a list (CVE-2025-27144, CVE-2025-30204).
    if token.count(".") != 2:
        raise TokenMalformed("the token is not three segments with dots between them", reason="segments")
    header, payload, signature = token.split(".")
    return UnverifiedToken(
        header=_object("header", header, duplicates),
        claims=_object("payload", payload, duplicates),
        signing_input=token[: token.rindex(".")].encode(),
        signature=_decoded("signature", signature),
        compact=Secret(token),
    )


def _decoded(segment: str, text: str) -> bytes:
    try:
        return base64url.decode(text)
    except ValueError:
        pass
    raise TokenMalformed(f"the token's {segment} is not base64url", segment=segment, reason="not base64url")


def _object(segment: str, text: str, duplicates: Duplicates) -> Mapping[str, JsonValue]:
    data = _decoded(segment, text)
    try:
        value = strict_json.parse(data, max_bytes=len(data), duplicates=duplicates)
    except JsonMalformed as fault:
        message, reason = fault.message, fault.facts["reason"]
    else:
        if isinstance(value, dict):
            return MappingProxyType(value)
        message = reason = "not a JSON object"
    raise TokenMalformed(f"the token's {segment} is unusable: {message}", segment=segment, reason=reason)
