"""The terms of a connection as a JSON document: what the API takes and shows, and what the store keeps.

One reading for all of them, and it refuses: an unknown member, a value of another type, a term that would let in more
than it says.
"""

from __future__ import annotations

import ssl
from base64 import b64decode, b64encode
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from daypass.errors import DaypassError, IssuerUrlInvalid, RequestInvalid
from daypass.idp import rules as idp_rules
from daypass.idp.exchange.contexts import CONTEXTS
from daypass.idp.exchange.presets import preset_named
from daypass.idp.exchange.rules import MAX_RULES, ClaimRule
from daypass.idp.exchange.terms import DEFAULT_ALGORITHMS, Discovered, KeySetUrl, Mode, Pasted, Terms
from daypass.names import IssuerUrl
from daypass.tokens import strict_json
from daypass.tokens.algorithms import BY_NAME
from daypass.tokens.key_set import KeySet
from daypass.tokens.strict_json import brief

if TYPE_CHECKING:
    from collections.abc import Mapping

    from daypass.idp.exchange.terms import KeySource
    from daypass.tokens.strict_json import JsonValue

MIN_LIFETIME_SECONDS: Final = 60
MAX_LIFETIME_SECONDS: Final = 3600
_MAX_CERTIFICATES: Final = 16
_MEMBERS: Final = frozenset(
    {
        "preset",
        "issuer",
        "keys",
        "algorithms",
        "audience",
        "accept_without_audience",
        "rules",
        "identity",
        "attributes",
        "contexts",
        "audiences",
        "lifetime_seconds",
        "mode",
    }
)
_KEY_MEMBERS: Final = frozenset({"discovery", "url", "jwks", "authorities", "private"})


def read_terms(document: Mapping[str, JsonValue]) -> Terms:
    """Read the terms.

    `issuer`, `rules` and `audiences` are required, `identity` unless a preset has it, and either `audience` or
    `accept_without_audience`: true. Without `keys` they are discovered at the issuer.

    Raises:
        RequestInvalid: with the member that is wrong among the facts.
    """
    unknown = sorted(document.keys() - _MEMBERS)
    if unknown:
        raise _wrong(unknown[0], f"there is no term `{unknown[0]}`", allowed=sorted(_MEMBERS))
    issuer = _issuer(document.get("issuer"))
    document = _filled(document, issuer)
    rules = _objects(document, "rules")
    if not 0 < len(rules) <= MAX_RULES:
        raise _wrong(
            "rules",
            f"a connection has 1 to {MAX_RULES} rules",
            advice="Without a rule every token of that issuer would come in: name at least the project.",
        )
    identity = tuple(_path("identity", entry) for entry in _array(document, "identity"))
    if not identity:
        raise _wrong("identity", "`identity` names no claim", advice="Name the claims that say what a workload is.")
    return Terms(
        preset=_optional_text(document, "preset"),
        issuer=issuer,
        keys=_keys(document.get("keys"), issuer),
        algorithms=_algorithms(document),
        audience=_audience(document),
        rules=tuple(ClaimRule.from_json(rule) for rule in rules),
        identity=identity,
        attributes=_attributes(document.get("attributes", {})),
        contexts=_contexts(document),
        audiences=idp_rules.audiences(_texts(document, "audiences")),
        lifetime_seconds=_lifetime(document.get("lifetime_seconds", 300)),
        mode=_mode(document.get("mode", Mode.ENFORCE.value)),
    )


def terms_document(terms: Terms) -> dict[str, JsonValue]:
    """What `read_terms` reads."""
    document: dict[str, JsonValue] = {
        "issuer": terms.issuer,
        "keys": _keys_json(terms.keys),
        "algorithms": list(terms.algorithms),
        "rules": [rule.to_json() for rule in terms.rules],
        "identity": [_path_json(path) for path in terms.identity],
        "attributes": {name: _path_json(path) for name, path in terms.attributes},
        "contexts": [*sorted(terms.contexts)],
        "audiences": list(terms.audiences),
        "lifetime_seconds": terms.lifetime_seconds,
        "mode": terms.mode.value,
    }
    if terms.preset is not None:
        document["preset"] = terms.preset
    if terms.audience is None:
        document["accept_without_audience"] = True
    else:
        document["audience"] = terms.audience
    return document


def _filled(document: Mapping[str, JsonValue], issuer: str) -> Mapping[str, JsonValue]:
    """The document with what its preset knows, where it says nothing itself. The terms are kept so, whole."""
    name = _optional_text(document, "preset")
    if name is None:
        return document
    preset = preset_named(name)
    if not preset.may_be(issuer):
        raise _wrong("preset", f"`{issuer}` does not issue tokens of the preset `{name}`")
    if preset.has_audience and document.get("accept_without_audience") is True:
        raise _wrong(
            "accept_without_audience",
            f"tokens of the preset `{name}` always have an audience",
            advice="Name it as `audience`.",
        )
    known: dict[str, JsonValue] = {
        "identity": [_path_json(path) for path in preset.identity],
        "attributes": {attribute: _path_json(path) for attribute, path in preset.attributes.items()},
        "algorithms": list(preset.algorithms),
    }
    return {**known, **document}


def _wrong(member: str, message: str, *, advice: str | None = None, **facts: object) -> RequestInvalid:
    return RequestInvalid(message, advice=advice, members=[member], **facts)


def _issuer(value: JsonValue) -> str:
    """`iss`: an issuer's URL, or the bare host that GitLab's first tokens had."""
    if not isinstance(value, str) or not value:
        raise _wrong("issuer", "`issuer` is the text that the tokens have as `iss`")
    IssuerUrl.parse(value if value.startswith("https://") else f"https://{value}")
    return value


def _keys(value: JsonValue, issuer: str) -> KeySource:
    if value is None:
        value = {}
    if not isinstance(value, dict) or value.keys() - _KEY_MEMBERS:
        raise _wrong("keys", "`keys` is an object", allowed=sorted(_KEY_MEMBERS))
    named = [name for name in ("discovery", "url", "jwks") if name in value]
    if len(named) > 1:
        raise _wrong("keys", "keys have one source", advice="Name one of `discovery`, `url` and `jwks`.")
    if "jwks" in value:
        return _pasted(value["jwks"])
    authorities, private = value.get("authorities"), value.get("private", False)
    if not isinstance(private, bool):
        raise _wrong("keys", "`private` is true or false")
    pem = None if authorities is None else _certificates(authorities)
    if "url" in value:
        return KeySetUrl(_https(value["url"]), pem, private)
    at = value.get("discovery", issuer if issuer.startswith("https://") else f"https://{issuer}")
    if not isinstance(at, str):
        raise _wrong("keys", "`discovery` is the URL of an issuer")
    return Discovered(IssuerUrl.parse(at), pem, private)


def _https(value: JsonValue) -> str:
    if isinstance(value, str) and value.isascii() and value.isprintable() and len(value) <= 2048:
        try:
            parts = urlsplit(value)
            usable = parts.scheme == "https" and bool(parts.hostname) and "@" not in parts.netloc and "#" not in value
            parts.port  # noqa: B018 (raises when it is none)
            host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
            IssuerUrl.parse(f"https://{host}")  # or whoever brings a token would be the first to hear
        except (ValueError, IssuerUrlInvalid):
            usable = False
        if usable and " " not in value and "\\" not in value:
            return value
    raise _wrong("keys", f"{brief(value)} is not the https URL of a key set")


def _pasted(value: JsonValue) -> Pasted:
    if not isinstance(value, dict):
        raise _wrong("keys", "`jwks` is a key set: an object with `keys`")
    document = strict_json.dump(value)
    try:
        keys = KeySet.parse(document)
    except DaypassError as fault:
        raise _wrong("keys", f"`jwks` is not a key set: {fault.message}") from None
    if keys.refused or not keys.keys:
        reasons = [str(refused) for refused in keys.refused][:5]
        raise _wrong("keys", "`jwks` holds a key that cannot be used, or none", refused=reasons)
    return Pasted(keys, document.decode())


def _keys_json(source: KeySource) -> JsonValue:
    match source:
        case Pasted():
            return {"jwks": strict_json.parse(source.document, max_bytes=len(source.document.encode()))}
        case KeySetUrl():
            document: dict[str, JsonValue] = {"url": source.url}
        case _:
            document = {"discovery": source.url.text}
    if source.authorities is not None:
        document["authorities"] = _certificates_json(source.authorities)
    if source.private:
        document["private"] = True
    return document


def _certificates(value: JsonValue) -> str:
    """PEM text of an array of certificates, each base64 of its DER as in `x5c` (RFC 7517 section 4.7)."""
    if isinstance(value, list) and 0 < len(value) <= _MAX_CERTIFICATES:
        found = []
        for each in value:
            try:
                der = b64decode(each, validate=True) if isinstance(each, str) else b""
                found.append(x509.load_der_x509_certificate(der).public_bytes(Encoding.PEM).decode())
                # OpenSSL reads some less than cryptography does, and is the one that will have to.
                ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=found[-1])
            except (ValueError, x509.InvalidVersion, ssl.SSLError):
                found = []
                break
        if len(found) == len(value):
            return "".join(found)
    raise _wrong("keys", f"`authorities` is an array of 1 to {_MAX_CERTIFICATES} certificates, each base64 of its DER")


def _certificates_json(pem: str) -> list[JsonValue]:
    loaded = x509.load_pem_x509_certificates(pem.encode())
    return [b64encode(one.public_bytes(Encoding.DER)).decode() for one in loaded]


def _algorithms(document: Mapping[str, JsonValue]) -> tuple[str, ...]:
    chosen = _texts(document, "algorithms") or DEFAULT_ALGORITHMS
    foreign = [name for name in chosen if name not in BY_NAME]
    if foreign:
        raise _wrong("algorithms", f"`{foreign[0]}` is not an algorithm that is taken", allowed=list(BY_NAME))
    return tuple(dict.fromkeys(chosen))


def _audience(document: Mapping[str, JsonValue]) -> str | None:
    audience, without = document.get("audience"), document.get("accept_without_audience", False)
    if audience is not None and without is False:
        if not isinstance(audience, str):
            raise _wrong("audience", "`audience` is one text", advice="An upstream token is for one audience: ours.")
        return idp_rules.audiences([audience])[0]
    if audience is None and without is True:
        return None
    raise _wrong(
        "audience",
        "the audience that upstream tokens must have is not named",
        advice="Name it. `accept_without_audience` is only for tokens that have no `aud` at all: whoever sees such a"
        " token, also another service that it is sent to, can bring it here.",
    )


def _attributes(value: JsonValue) -> tuple[tuple[str, tuple[str, ...]], ...]:
    if not isinstance(value, dict):
        raise _wrong("attributes", "`attributes` is an object: attribute to claim")
    idp_rules.attributes(dict.fromkeys(value, ""))
    return tuple(sorted((name, _path("attributes", claim)) for name, claim in value.items()))


def _contexts(document: Mapping[str, JsonValue]) -> frozenset[str]:
    chosen = frozenset(_texts(document, "contexts"))
    unknown = sorted(chosen - set(CONTEXTS))
    if unknown:
        raise _wrong("contexts", f"`{unknown[0][:64]}` is not a context", allowed=list(CONTEXTS))
    return chosen


def _lifetime(value: JsonValue) -> int:
    if (
        not isinstance(value, int)
        or isinstance(value, bool)
        or not MIN_LIFETIME_SECONDS <= value <= MAX_LIFETIME_SECONDS
    ):
        raise _wrong("lifetime_seconds", f"it is {MIN_LIFETIME_SECONDS} to {MAX_LIFETIME_SECONDS} seconds")
    return value


def _mode(value: JsonValue) -> Mode:
    try:
        return Mode(str(value))
    except ValueError:
        raise _wrong("mode", f"{brief(value)} is not a mode", allowed=[mode.value for mode in Mode]) from None


def _path(member: str, value: JsonValue) -> tuple[str, ...]:
    names = [value] if isinstance(value, str) else value
    if isinstance(names, list) and 0 < len(names) <= 8:
        path = tuple(name for name in names if isinstance(name, str) and name)
        if len(path) == len(names):
            return path
    raise _wrong(member, f"{brief(value)} is not the name of a claim, or an array of names")


def _path_json(path: tuple[str, ...]) -> JsonValue:
    return path[0] if len(path) == 1 else list(path)


def _array(document: Mapping[str, JsonValue], member: str) -> list[JsonValue]:
    value = document.get(member, [])
    if not isinstance(value, list):
        raise _wrong(member, f"`{member}` is an array")
    return value


def _objects(document: Mapping[str, JsonValue], member: str) -> list[dict[str, JsonValue]]:
    entries = _array(document, member)
    objects = [entry for entry in entries if isinstance(entry, dict)]
    if len(objects) != len(entries):
        raise _wrong(member, f"`{member}` is an array of objects")
    return objects


def _texts(document: Mapping[str, JsonValue], member: str) -> tuple[str, ...]:
    entries = _array(document, member)
    texts = tuple(entry for entry in entries if isinstance(entry, str))
    if len(texts) != len(entries):
        raise _wrong(member, f"`{member}` is an array of texts")
    return texts


def _optional_text(document: Mapping[str, JsonValue], member: str) -> str | None:
    value = document.get(member)
    if value is not None and not isinstance(value, str):
        raise _wrong(member, f"`{member}` is a text")
    return value
