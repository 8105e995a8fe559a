"""What strangers get, compared with what they should: pure, each difference with a stable code."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from daypass.tokens import strict_json
from daypass.tokens.key_set import MAX_DOCUMENT_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from daypass.errors import Unavailable
    from daypass.fetching import FetchedKeys
    from daypass.names import IssuerUrl
    from daypass.publishing.publication import Publication
    from daypass.tokens.strict_json import JsonObject

_JSON_TYPES: Final = frozenset({"application/json", "application/jwk-set+json"})
_MAX_AGE: Final = re.compile(r"(?:^|,)\s*(?:s-maxage|max-age)\s*=\s*\"?([0-9]{1,10})", re.IGNORECASE)


class Gravity(StrEnum):
    """How much a finding counts: tokens are refused or forged, something is unwise, or nothing could be seen."""

    DRIFT = "drift"
    WARNING = "warning"
    UNKNOWN = "unknown"


class Code(StrEnum):
    """What was found. Stable and documented."""

    UNREACHABLE = "outside_unreachable"
    ADDRESS_FORBIDDEN = "outside_address_forbidden"
    NOT_SERVED = "outside_not_served"
    DISCOVERY_BROKEN = "outside_discovery_broken"
    KEYS_BROKEN = "outside_keys_broken"
    DISCOVERY_DIFFERS = "outside_discovery_differs"
    KEY_MISSING = "outside_key_missing"
    KEY_DIFFERS = "outside_key_differs"
    KEY_UNKNOWN = "outside_key_unknown"
    CACHE_LONG = "outside_cache_long"
    CACHE_OLD = "outside_cache_old"
    TYPE_WRONG = "outside_type_wrong"


REMEDIES: Final = {
    Code.UNREACHABLE: "Look from another network; AWS waits 5 seconds and needs a certificate of a public authority.",
    Code.ADDRESS_FORBIDDEN: "From here the issuer's name leads into a private network. Look from outside it.",
    Code.NOT_SERVED: "Publish it, and let everybody read these two objects: the bucket's policy, the CDN's origin.",
    Code.DISCOVERY_BROKEN: "Publish again, and look at what answers at the issuer's URL: it is not our document.",
    Code.KEYS_BROKEN: "Publish again, and look at what answers at the key set's URL: it is not our key set.",
    Code.DISCOVERY_DIFFERS: "Publish again; behind a CDN, wait for its caches or invalidate the path.",
    Code.KEY_MISSING: "Publish again; until it is served, tokens of that key are refused.",
    Code.KEY_DIFFERS: "Somebody has put another key under that name. Find out who can write there, then publish again.",
    Code.KEY_UNKNOWN: "Whoever has that key's private half can be any workload. Unless it is a key that was retired or"
    " revoked just now: find out who can write there, then publish again.",
    Code.CACHE_LONG: "Let caches keep it no longer: a new key would sign before they have it.",
    Code.CACHE_OLD: "Let the CDN ask its origin again when max-age is over.",
    Code.TYPE_WRONG: "Serve both documents as application/json.",
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One difference at one issuer. `thumbprint` is that of a served key, where it is one."""

    code: Code
    gravity: Gravity
    issuer: str
    message: str
    kid: str | None = None
    thumbprint: str | None = None

    @property
    def remedy(self) -> str:
        """What to do about it."""
        return REMEDIES[self.code]

    def to_json(self) -> JsonObject:
        """For programs."""
        return {
            "code": self.code.value,
            "gravity": self.gravity.value,
            "issuer": self.issuer,
            "message": self.message,
            "kid": self.kid,
            "remedy": self.remedy,
        }


def of_fault(issuer: IssuerUrl, fault: Unavailable) -> Finding:
    """What it means that the documents could not be had: the answer is wrong, or there is none."""
    phase, status = fault.facts.get("phase"), fault.facts.get("status")
    code, gravity = Code.UNREACHABLE, Gravity.UNKNOWN
    if phase == "address":
        code = Code.ADDRESS_FORBIDDEN
    elif phase == "discovery":
        code, gravity = Code.DISCOVERY_BROKEN, Gravity.DRIFT
    elif phase in ("keys", "size"):
        code, gravity = Code.KEYS_BROKEN, Gravity.DRIFT
    elif isinstance(status, int) and status < 500 and status not in (408, 429):
        code, gravity = Code.NOT_SERVED, Gravity.DRIFT
    return Finding(code, gravity, issuer.text, fault.message)


def compare(wanted: Publication, seen: FetchedKeys) -> list[Finding]:
    """All differences, gravest first."""
    return [*_keys(wanted, seen), *_discovery(wanted, seen), *_headers(wanted, seen)]


def _keys(wanted: Publication, seen: FetchedKeys) -> Iterator[Finding]:
    def found(code: Code, message: str, kid: str | None) -> Finding:
        return Finding(code, Gravity.DRIFT, wanted.issuer.text, message, kid)

    ours = {key.kid: key for key in wanted.keys.keys}
    served = {key.kid: key for key in seen.keys.keys}
    for kid in served.keys() - ours.keys():
        message = f"the key `{kid}` is served, and it is none of ours"
        yield replace(found(Code.KEY_UNKNOWN, message, kid), thumbprint=served[kid].thumbprint)
    for refused in seen.keys.refused:
        name = f"`{refused.kid}`" if refused.kid else f"at {refused.index}"
        message = f"the entry {name} is served, and it is none of ours: {refused.reason}"
        yield found(Code.KEY_UNKNOWN, message, refused.kid)
    for kid, key in ours.items():
        if kid not in served:
            yield found(Code.KEY_MISSING, f"the key `{kid}` is not served", kid)
        elif served[kid].thumbprint != key.thumbprint or not served[kid].algorithms >= key.algorithms:
            yield found(Code.KEY_DIFFERS, f"the key `{kid}` is served with other material", kid)


def _discovery(wanted: Publication, seen: FetchedKeys) -> Iterator[Finding]:
    mine, theirs = (
        strict_json.parse(document, max_bytes=MAX_DOCUMENT_BYTES) for document in (wanted.discovery, seen.discovery)
    )
    assert isinstance(mine, dict)
    assert isinstance(theirs, dict), "the fetcher has read it"
    if differ := sorted(name for name in mine.keys() | theirs.keys() if mine.get(name) != theirs.get(name)):
        names = ", ".join(strict_json.brief(name) for name in differ)
        message = f"the discovery document that is served differs in {names}"
        yield Finding(Code.DISCOVERY_DIFFERS, Gravity.DRIFT, wanted.issuer.text, message)


def _headers(wanted: Publication, seen: FetchedKeys) -> Iterator[Finding]:
    def warning(code: Code, message: str) -> Finding:
        return Finding(code, Gravity.WARNING, wanted.issuer.text, message)

    for name, headers in (("discovery document", seen.discovery_headers), ("key set", seen.headers)):
        kind = headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind not in _JSON_TYPES:
            yield warning(Code.TYPE_WRONG, f"the {name} is served as {strict_json.brief(kind)}")
        most = cache_seconds(headers)
        if most is None and not _says_no_caching(headers):
            yield warning(
                Code.CACHE_LONG, f"the {name} may be cached for as long as a cache likes: no max-age is served"
            )
        if most is not None and most > wanted.max_age_seconds:
            message = f"the {name} may be cached for {most} seconds, and {wanted.max_age_seconds} are counted on"
            yield warning(Code.CACHE_LONG, message)
        if (age := cached_for(headers)) > wanted.max_age_seconds:
            yield warning(Code.CACHE_OLD, f"the {name} comes from a cache that has had it for {age} seconds")


def cache_seconds(headers: Mapping[str, str]) -> int | None:
    """The longest that an answer lets any cache keep it (RFC 9111 section 5.2.2); None when it does not say."""
    found = [int(number) for number in _MAX_AGE.findall(headers.get("cache-control", ""))]
    return max(found, default=None)


def cached_for(headers: Mapping[str, str]) -> int:
    """For how many seconds the cache that answered has had it (RFC 9111 section 5.1)."""
    age = headers.get("age", "")
    return int(age) if re.fullmatch(r"[0-9]{1,10}", age) else 0


def _says_no_caching(headers: Mapping[str, str]) -> bool:
    """Without `max-age`, a cache may guess (RFC 9111 section 4.2.2), or has a default: CloudFront's is a day."""
    return (
        "expires" in headers
        or re.search(r"\bno-(?:store|cache)\b", headers.get("cache-control", "").lower()) is not None
    )
