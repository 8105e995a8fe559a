"""Key sets (JWKS, RFC 7517 section 5): read from an issuer, or published by us."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, final

from daypass.errors import JsonMalformed, KeyRefused, KeySetMalformed, TokenKeyUnknown
from daypass.tokens import strict_json
from daypass.tokens.jwk import PublicKey, is_kid

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from daypass.tokens.strict_json import Duplicates, JsonValue

MAX_DOCUMENT_BYTES: Final = 100 * 1024
MAX_ENTRIES: Final = 1000
_MAX_MEMBERS: Final = 8192


@dataclass(frozen=True, slots=True)
class RefusedKey:
    """An entry that must not be used: its place in `keys` (from 0), its `kid` when printable, and the reason."""

    index: int
    kid: str | None
    reason: str


@final
class KeySet:
    """The keys of one issuer.

    Attributes:
        keys: those that may verify.
        refused: those of a parsed document that may not.
        entries: the members of every entry as the document has them; None where an entry is not an object.
    """

    __slots__ = ("_by_kid", "entries", "keys", "refused")

    keys: Final[tuple[PublicKey, ...]]
    refused: Final[tuple[RefusedKey, ...]]
    entries: Final[tuple[Mapping[str, JsonValue] | None, ...]]

    def __init__(
        self,
        keys: Iterable[PublicKey] = (),
        *,
        refused: Iterable[RefusedKey] = (),
        entries: Iterable[Mapping[str, JsonValue] | None] | None = None,
    ) -> None:
        self.keys = tuple(keys)
        self.refused = tuple(refused)
        self.entries = tuple(dict(key.to_jwk()) for key in self.keys) if entries is None else tuple(entries)
        self._by_kid = {key.kid: key for key in self.keys}
        _refuse_twins(key.kid for key in self.keys)

    @classmethod
    def parse(cls, document: bytes, *, duplicates: Duplicates = "refuse") -> KeySet:
        """Read a key set of at most 100 KiB. Keys that are refused leave the others usable.

        Args:
            document: the body as fetched.
            duplicates: what a second member of one name, or a second key of one `kid`, does: `refuse` the document, or
                be the `last` and so the one that counts, as AWS reads key sets (observed on AWS, September 2026).

        Raises:
            KeySetMalformed: when the document as a whole is unusable, so that the set known before is to be kept.
        """
        entries = _entries(document, duplicates)
        kids = [entry["kid"] if entry is not None and is_kid(entry.get("kid")) else None for entry in entries]
        if duplicates == "refuse":
            _refuse_twins(str(kid) for kid in kids if kid is not None)
        keys: dict[str, PublicKey] = {}
        refused = []
        for index, (entry, kid) in enumerate(zip(entries, kids, strict=True)):
            if kid is not None:
                keys.pop(str(kid), None)
            try:
                key = _key(entry)
            except KeyRefused as refusal:
                shown = None if kid is None else str(kid)
                refused.append(RefusedKey(index, shown, str(refusal.facts["reason"])))
                continue
            if key.kid in keys and duplicates == "refuse":
                raise _twice(key.kid)
            keys[key.kid] = key
        return cls(keys.values(), refused=refused, entries=entries)

    def select(self, header: Mapping[str, JsonValue]) -> PublicKey:
        """The key a token's header names by `kid`; without `kid`, the only key.

        Raises:
            TokenKeyUnknown: with the same words whatever was in `kid`.
        """
        if "kid" in header:
            kid = header["kid"]
            key = self._by_kid.get(kid) if isinstance(kid, str) and is_kid(kid) else None
            if key is None:
                raise TokenKeyUnknown(
                    "no usable key of the issuer has the token's `kid`",
                    advice="The issuer may have changed its keys, or the token is another issuer's.",
                    kid=kid if is_kid(kid) else None,
                )
            return key
        if len(self.keys) != 1:
            raise TokenKeyUnknown(f"the token names no `kid` and the issuer has {len(self.keys)} usable keys", kid=None)
        return self.keys[0]

    def document(self) -> bytes:
        """The JSON to publish: public members only."""
        return strict_json.dump({"keys": [key.to_jwk() for key in self.keys]})

    def __repr__(self) -> str:
        return f"KeySet({[key.kid for key in self.keys]!r})"


def _entries(document: bytes, duplicates: Duplicates) -> tuple[Mapping[str, JsonValue] | None, ...]:
    try:
        value = strict_json.parse(
            document, max_bytes=MAX_DOCUMENT_BYTES, max_members=_MAX_MEMBERS, duplicates=duplicates
        )
    except JsonMalformed as fault:
        reason = fault.message
    else:
        entries = value.get("keys") if isinstance(value, dict) else None
        if isinstance(entries, list) and len(entries) <= MAX_ENTRIES:
            return tuple(MappingProxyType(entry) if isinstance(entry, dict) else None for entry in entries)
        reason = f"it has no member `keys` that is an array of at most {MAX_ENTRIES}"
    raise KeySetMalformed(f"the key set is unusable: {reason}", reason=reason)


def _key(entry: Mapping[str, JsonValue] | None) -> PublicKey:
    if entry is None:
        raise KeyRefused("an entry of the key set is not an object", reason="it is not an object")
    return PublicKey.from_jwk(entry)


def _refuse_twins(kids: Iterable[str]) -> None:
    for kid, times in Counter(kids).items():
        if times > 1:
            raise _twice(kid)


def _twice(kid: str) -> KeySetMalformed:
    reason = f"`kid` `{kid}` names more than one key"
    return KeySetMalformed(f"the key set is unusable: {reason}", reason=reason, kid=kid)
