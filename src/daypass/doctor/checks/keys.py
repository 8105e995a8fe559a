"""The keys that the issuer publishes."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from daypass.doctor.checks import documents, sources
from daypass.doctor.finding import Check, Seen, Severity
from daypass.errors import KeyRefused
from daypass.sts.keys import MAX_KEYS_OF_A_TYPE, certificate_agrees
from daypass.tokens import base64url
from daypass.tokens.algorithms import ALGORITHMS
from daypass.tokens.jwk import MIN_RSA_BITS, PublicKey

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from daypass.doctor.facts import DocumentFacts, Facts
    from daypass.tokens.strict_json import JsonValue

_PRIVATE: Final = ("d", "p", "q", "dp", "dq", "qi", "oth", "k")
_NUMBERS: Final = ("kty", "n", "e", "crv", "x", "y")
_DIFFERENCE: Final = ("kid", "use", "key_ops", "x5c", *_NUMBERS)


def _entries(facts: Facts) -> list[Mapping[str, JsonValue]]:
    return [each for each in documents.entries(facts) or () if isinstance(each, dict)]


def _shown(entry: Mapping[str, JsonValue]) -> str:
    kid = entry.get("kid")
    return f"`{kid}`" if isinstance(kid, str) and kid else "one without `kid`"


def _each(facts: Facts, wrong: Callable[[Mapping[str, JsonValue]], str | None]) -> Iterator[Seen]:
    """One finding for all the keys that have a fault."""
    told = [f"{_shown(entry)} {said}" for entry in _entries(facts) if (said := wrong(entry)) is not None]
    if told:
        more = f", and {len(told) - 3} more" if len(told) > 3 else ""
        yield Seen("; ".join(told[:3]) + more, facts.keys[0].url)


def _for_signatures(entry: Mapping[str, JsonValue]) -> bool:
    return entry.get("use", "sig") == "sig"


def _for_aws(entry: Mapping[str, JsonValue]) -> bool:
    algorithm = entry.get("alg", "RS256")
    return entry.get("kty") in ("RSA", "EC") and isinstance(algorithm, str) and algorithm in ALGORITHMS


def _holds_private(entry: Mapping[str, JsonValue]) -> bool:
    return entry.get("kty") == "oct" or any(name in entry for name in _PRIVATE)


def _malformed(facts: Facts) -> Iterator[Seen]:
    for answer in documents.good(facts.keys)[:1]:
        value = documents.value_of(answer)
        if isinstance(value, dict) and not isinstance(value.get("keys"), list):
            yield Seen("the key set has no member `keys` that is an array", answer.url)


def _empty(facts: Facts) -> Iterator[Seen]:
    if documents.entries(facts) == []:
        yield Seen("`keys` is an empty array", facts.keys[0].url)


def _over_limit(facts: Facts) -> Iterator[Seen]:
    kinds = Counter(str(entry.get("kty")) for entry in _entries(facts) if _for_signatures(entry))
    for kind, number in kinds.items():
        if kind in ("RSA", "EC") and number > MAX_KEYS_OF_A_TYPE:
            yield Seen(f"there are {number} {kind} keys", facts.keys[0].url)


def _differ(facts: Facts) -> Iterator[Seen]:
    sets = {frozenset(repr(sorted(entry.items())) for entry in _of(each)) for each in documents.good(facts.keys)}
    if len(sets) > 1:
        kids = [",".join(sorted(str(entry.get("kid")) for entry in _of(each))) for each in documents.good(facts.keys)]
        told = "; ".join(dict.fromkeys(kids))
        yield Seen(
            f"{len(facts.keys)} requests gave {len(sets)} different key sets, with the kids {told}", facts.keys[0].url
        )


def _of(answer: DocumentFacts) -> list[Mapping[str, JsonValue]]:
    value = documents.value_of(answer)
    found = value.get("keys") if isinstance(value, dict) else None
    return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []


def _kid_missing(entry: Mapping[str, JsonValue]) -> str | None:
    kid = entry.get("kid")
    useful = _for_signatures(entry) and _for_aws(entry) and not _holds_private(entry)
    return None if (isinstance(kid, str) and kid) or not useful else "cannot be named by a token"


def _kid_twice(facts: Facts) -> Iterator[Seen]:
    # One key may be there once for each of its algorithms: whichever AWS takes, it is the same.
    keys = {repr([(name, entry.get(name)) for name in _DIFFERENCE]): entry for entry in _entries(facts)}.values()
    kids = Counter(kid for entry in keys if isinstance(kid := entry.get("kid"), str) and kid)
    twice = [f"`{kid}` names {number} keys" for kid, number in kids.items() if number > 1]
    if twice:
        yield Seen("; ".join(twice), facts.keys[0].url)


def _token_kid(facts: Facts) -> JsonValue:
    return None if facts.token is None else facts.token.header.get("kid")


def _use(facts: Facts) -> Iterator[Seen]:
    entries = _entries(facts)
    if entries and not any(_for_signatures(entry) for entry in entries):
        yield from _each(facts, lambda entry: f"has `use` `{entry.get('use')}`")
    elif _token_kid(facts) is not None:
        named = [entry for entry in entries if entry.get("kid") == _token_kid(facts)]
        if named and not _for_signatures(named[-1]):
            use = named[-1].get("use")
            yield Seen(f"{_shown(named[-1])}, which the token names, has `use` `{use}`", facts.keys[0].url)


def _operations(entry: Mapping[str, JsonValue]) -> str | None:
    useful = _for_signatures(entry) and _for_aws(entry) and not _holds_private(entry)
    return f"has `key_ops` {entry['key_ops']}" if "key_ops" in entry and useful else None


def _algorithm(facts: Facts) -> Iterator[Seen]:
    entries = [entry for entry in _entries(facts) if _for_signatures(entry) and not _holds_private(entry)]
    if entries and not any(_for_aws(entry) for entry in entries):
        yield from _each(facts, lambda entry: f"is for `{entry.get('alg', entry.get('crv', entry.get('kty')))}`")


def _private(entry: Mapping[str, JsonValue]) -> str | None:
    if entry.get("kty") == "oct":
        return "is a secret that whoever reads it can sign with"
    names = [name for name in _PRIVATE if name in entry]
    return f"holds {', '.join(f'`{name}`' for name in names)}" if names else None


def _bits(entry: Mapping[str, JsonValue]) -> int | None:
    """The length of an RSA modulus."""
    modulus = entry.get("n")
    if entry.get("kty") != "RSA" or not isinstance(modulus, str):
        return None
    try:
        return int.from_bytes(base64url.decode(modulus)).bit_length()
    except ValueError:
        return None


def _weak(entry: Mapping[str, JsonValue]) -> str | None:
    bits = _bits(entry)
    useful = _for_signatures(entry) and not _holds_private(entry)
    return f"has {bits} bits" if bits is not None and bits < MIN_RSA_BITS and useful else None


def _broken(entry: Mapping[str, JsonValue]) -> str | None:
    if _weak(entry) or _holds_private(entry) or not _for_aws(entry) or not _for_signatures(entry):
        return None
    try:
        PublicKey.from_jwk({name: entry[name] for name in _NUMBERS if name in entry})
    except KeyRefused as fault:
        return f"cannot be used: {fault.facts['reason']}"
    return None


def _certificate(entry: Mapping[str, JsonValue]) -> str | None:
    if "x5c" not in entry or not _for_aws(entry) or not _for_signatures(entry) or certificate_agrees(entry):
        return None
    return "has an `x5c` that is not of this key"


def any_fault(facts: Facts) -> bool:
    """Whether the keys have a fault that explains why a token finds none of them."""
    return any(True for check in CHECKS if check.code in _EXPLAIN for _ in check.look(facts))


_NO_KEY: Final = "AWS then answers `Couldn't retrieve verification key from your identity provider`."
_EXPLAIN: Final = frozenset(
    {
        "keys_malformed",
        "keys_empty",
        "keys_over_limit",
        "keys_differ",
        "key_kid_missing",
        "key_kid_twice",
        "key_use",
        "key_operations",
        "key_algorithm",
        "key_private",
        "key_weak",
        "key_broken",
        "key_certificate",
    }
)

CHECKS: Final = (
    Check(
        "keys_malformed",
        Severity.ERROR,
        "the key set is not one",
        f"A key set is an object with an array `keys` (RFC 7517 section 5). {_NO_KEY}",
        "Serve the JWKS of the keys that sign, not a single key or a certificate.",
        sources.JWK,
        _malformed,
    ),
    Check(
        "keys_empty",
        Severity.ERROR,
        "no key is published",
        f"Without a key no signature can be verified. {_NO_KEY}",
        "Give the issuer a signing key; GitLab before 15.9, say, has to be told to make one.",
        sources.JWK,
        _empty,
    ),
    Check(
        "keys_over_limit",
        Severity.ERROR,
        "too many keys are published",
        f"With more than {MAX_KEYS_OF_A_TYPE} keys of a type AWS verifies no token with a key of that type.",
        "Take keys out of the set that no token is signed with any more.",
        sources.STS_API,
        _over_limit,
    ),
    Check(
        "keys_differ",
        Severity.ERROR,
        "the key set is another one from time to time",
        "Behind a balancer each server has keys of its own: a token is verified or not as AWS happens to ask.",
        "Let all servers share their keys, or publish the union of them.",
        sources.INVALID_TOKEN,
        _differ,
    ),
    Check(
        "key_kid_missing",
        Severity.ERROR,
        "a key has no `kid`",
        "AWS takes no key without `kid` (observed on AWS, September 2026).",
        "Give every key a `kid`, for example its RFC 7638 thumbprint, and put it into the header of tokens.",
        sources.OBSERVED,
        lambda facts: _each(facts, _kid_missing),
    ),
    Check(
        "key_kid_twice",
        Severity.ERROR,
        "two keys have the same `kid`",
        "AWS takes the later one; tokens of the other are refused (observed on AWS, September 2026).",
        "Give every key a `kid` of its own.",
        sources.OBSERVED,
        _kid_twice,
    ),
    Check(
        "key_use",
        Severity.ERROR,
        "the key is not for signatures",
        "AWS takes keys whose `use` is `sig` or absent.",
        "Publish the signing key with `use: sig`.",
        sources.OBSERVED,
        _use,
    ),
    Check(
        "key_operations",
        Severity.ERROR,
        "a key has `key_ops`",
        "AWS verifies nothing with a key that has any `key_ops`, `verify` included (observed on AWS, September 2026).",
        "Leave `key_ops` out; `use: sig` says the same.",
        sources.OBSERVED,
        lambda facts: _each(facts, _operations),
    ),
    Check(
        "key_algorithm",
        Severity.ERROR,
        "no key is for an algorithm that AWS takes",
        "AWS takes RS256, RS384, RS512, ES256, ES384 and ES512; neither PS256 nor EdDSA.",
        "Sign with RS256, which every relying party takes, and publish that key.",
        sources.STS_API,
        _algorithm,
    ),
    Check(
        "key_private",
        Severity.ERROR,
        "a private key is published",
        "Everybody can sign tokens of this issuer, and enter every role that trusts it.",
        "Take the issuer's roles out of service, make a new key, publish its public half alone, and look into"
        " CloudTrail for logins that were not yours.",
        sources.JWK,
        lambda facts: _each(facts, _private),
    ),
    Check(
        "key_weak",
        Severity.ERROR,
        "an RSA key is too short",
        f"RSA keys under {MIN_RSA_BITS} bits must not be used (RFC 7518 section 3.3).",
        "Make a key of 2048 bits or more, and retire this one.",
        sources.JWA,
        lambda facts: _each(facts, _weak),
    ),
    Check(
        "key_broken",
        Severity.ERROR,
        "a key is not one",
        "Its numbers are not a key of its type, or are of a kind that is known to be unsafe.",
        "Export the public key again with a library that knows JWK.",
        sources.JWK,
        lambda facts: _each(facts, _broken),
    ),
    Check(
        "key_certificate",
        Severity.ERROR,
        "the certificate beside a key is of another key",
        "AWS compares `x5c` with the numbers beside it, and refuses the key when they differ (observed on AWS).",
        "Leave `x5c` out, or publish the certificate of this key.",
        sources.OBSERVED,
        lambda facts: _each(facts, _certificate),
    ),
)
