"""What is published for one issuer, and whether it may be.

OpenID Connect Discovery 1.0 sections 3 and 4; RFC 7517 section 5. The members of a foreign discovery document stay as
they are, in their order; only `jwks_uri` leads to the published key set, and `issuer` is another one when it was asked
for. The key set is written anew from public keys, so nothing else of a foreign document gets out.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from daypass.errors import DaypassError, DocumentsRefused, IssuerUrlInvalid
from daypass.idp.key_ring import MAX_PUBLISHED
from daypass.idp.key_times import KEY_SET_MAX_AGE_SECONDS
from daypass.names import IssuerUrl
from daypass.tokens import strict_json
from daypass.tokens.jwk import private_member
from daypass.tokens.key_set import MAX_DOCUMENT_BYTES, KeySet

if TYPE_CHECKING:
    from collections.abc import Iterable

    from daypass.tokens.strict_json import JsonObject, JsonValue

DISCOVERY_PATH: Final = ".well-known/openid-configuration"
USUAL_KEYS_PATH: Final = ".well-known/jwks.json"
CONTENT_TYPE: Final = "application/json"
_LEAKED: Final = "Whoever could read it can sign tokens. Replace that key at the issuer before anything else."
_SEGMENT: Final = re.compile(r"[A-Za-z0-9_~-][A-Za-z0-9._~-]{0,99}")
_MAX_SEGMENTS: Final = 8
# Not `index.html`: where a web server goes by the suffix, a `kid` would be a script on the issuer's host.
_DOCUMENT: Final = re.compile(r"[A-Za-z0-9_~-]{1,99}(?:\.json)?")


@dataclass(frozen=True, slots=True)
class PublishedObject:
    """One document as it is to be served: `path` below the target, without a slash in front."""

    path: str
    body: bytes
    max_age_seconds: int

    @property
    def content_type(self) -> str:
        """What AWS, Google and browsers read discovery documents and key sets as."""
        return CONTENT_TYPE

    @property
    def cache_control(self) -> str:
        """How long caches may keep it (RFC 9111 section 5.2.2)."""
        return f"public, max-age={self.max_age_seconds}"


@dataclass(frozen=True, slots=True)
class Publication:
    """The documents of one issuer. Made by `publication`.

    Attributes:
        issuer: `iss` of the tokens; the documents are served below it.
        discovery: the discovery document.
        keys: the keys of the key set.
        keys_path: where the key set is, below the issuer.
        max_age_seconds: how long caches may keep either.
        folder: where the issuer is below the target: empty, or such as `o/acme/`.
        notes: what was changed or left out, one sentence each.
    """

    issuer: IssuerUrl
    discovery: bytes
    keys: KeySet
    keys_path: str
    max_age_seconds: int = KEY_SET_MAX_AGE_SECONDS
    folder: str = ""
    notes: tuple[str, ...] = ()

    @property
    def objects(self) -> tuple[PublishedObject, PublishedObject]:
        """Both documents in the order of writing: never does a discovery document name a key set that is not there."""
        return (
            PublishedObject(self.folder + self.keys_path, self.keys.document(), self.max_age_seconds),
            PublishedObject(self.folder + DISCOVERY_PATH, self.discovery, self.max_age_seconds),
        )


def publication(
    discovery: bytes,
    keys: bytes | KeySet,
    *,
    issuer: IssuerUrl | None = None,
    max_age_seconds: int = KEY_SET_MAX_AGE_SECONDS,
    folder: str = "",
) -> Publication:
    """Judge an issuer's two documents, and make what is published of them.

    Args:
        discovery: the discovery document.
        keys: the key set, as it came or read already.
        issuer: becomes the published `issuer` instead of the document's own; for a provider whose tokens carry another
            issuer than its discovery document, as GitLab's can.
        max_age_seconds: how long caches may keep what is published.
        folder: where the issuer is below the target.

    Raises:
        DocumentsRefused: when they must not be published. `facts` hold `reason`.
    """
    members = _members(discovery)
    own = _own_issuer(members)
    published = issuer or own
    notes = []
    if published.text != own.text:
        notes.append(f"its issuer `{own}` is published as `{published}`: its tokens must carry that as `iss`")
    taken, left_out = _keys(keys)
    notes += left_out
    keys_path = _keys_path(members, own)
    keys_url = f"{published.text.removesuffix('/')}/{keys_path}"
    if members.get("jwks_uri") != keys_url:
        notes.append(f"its `jwks_uri` is published as `{keys_url}`")
    if members.get("issuer") == published.text and members.get("jwks_uri") == keys_url:
        body = discovery
    else:
        body = strict_json.dump({**members, "issuer": published.text, "jwks_uri": keys_url})
    return Publication(published, body, taken, keys_path, max_age_seconds, folder, tuple(notes))


def _members(discovery: bytes) -> JsonObject:
    try:
        members = strict_json.parse(discovery, max_bytes=MAX_DOCUMENT_BYTES)
    except DaypassError as fault:
        raise _refused(f"the discovery document is unusable: {fault.message}") from None
    if not isinstance(members, dict):
        raise _refused("the discovery document is not a JSON object")
    if name := _private_key_in(members):
        raise _refused(f"the discovery document holds a key with the private member `{name}`", advice=_LEAKED)
    return members


def _private_key_in(value: JsonValue) -> str | None:
    """The first private member of a JWK anywhere in it: all members of a discovery document are published."""
    inner: Iterable[JsonValue] = ()
    if isinstance(value, dict):
        if "kty" in value and (name := private_member(value)):
            return name
        inner = value.values()
    elif isinstance(value, list):
        inner = value
    return next(filter(None, map(_private_key_in, inner)), None)


def _own_issuer(members: JsonObject) -> IssuerUrl:
    issuer = members.get("issuer")
    if not isinstance(issuer, str):
        raise _refused("the discovery document has no `issuer`")
    try:
        return IssuerUrl.parse(issuer)
    except IssuerUrlInvalid as fault:
        raise _refused(f"its `issuer` is not an issuer URL: {fault.facts['reason']}") from None


def _keys(document: bytes | KeySet) -> tuple[KeySet, list[str]]:
    """The keys that are published, and a note for each that is not."""
    try:
        found = document if isinstance(document, KeySet) else KeySet.parse(document)
    except DaypassError as fault:
        raise _refused(fault.message) from None
    for index, entry in enumerate(found.entries):
        if entry is not None and (name := private_member(entry)):
            raise _refused(
                f"entry {index} of the key set holds the private member `{name}`",
                advice=_LEAKED,
            )
    if not found.keys:
        raise _refused("the key set has no key that may verify anything")
    for kty, number in Counter(key.kty for key in found.keys).items():
        if number > MAX_PUBLISHED:
            raise _refused(f"the key set has {number} {kty} keys, and AWS reads {MAX_PUBLISHED}")
    notes = [f"entry {each.index} of the key set is left out: {each.reason}" for each in found.refused]
    return KeySet(found.keys), notes


def _keys_path(members: JsonObject, own: IssuerUrl) -> str:
    """Where the key set is below the issuer: as the document has it, when that is a plain path there."""
    given = members.get("jwks_uri")
    base = own.text.removesuffix("/") + "/"
    if isinstance(given, str) and given.startswith(base):
        segments = given.removeprefix(base).split("/")
        path = "/".join(segments)
        plain = len(segments) <= _MAX_SEGMENTS and all(map(_SEGMENT.fullmatch, segments[:-1] or segments))
        # A folder cannot have a document's name, and a document not a folder's.
        if plain and _DOCUMENT.fullmatch(segments[-1]) and segments[0] != ".well-known":
            return path
    return USUAL_KEYS_PATH


def _refused(reason: str, *, advice: str | None = None) -> DocumentsRefused:
    return DocumentsRefused(f"these documents are not published: {reason}", advice=advice, reason=reason)
