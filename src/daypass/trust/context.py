"""What a request is judged by: condition keys and their values."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC
from functools import lru_cache
from typing import TYPE_CHECKING

from daypass.trust.claim_keys import AMR, AUD, OAUD, SUB, keys_for
from daypass.trust.session import SessionTags, has_roles, read_source_identity, read_tags

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from daypass.names import ProviderArn
    from daypass.tokens.strict_json import JsonValue
    from daypass.tokens.verify import VerifiedClaims
    from daypass.trust.claim_keys import ClaimKey


@dataclass(frozen=True, slots=True)
class Context:
    """Condition keys and their values. Letter case does not tell keys apart (IAM User Guide, "Condition").

    A key with no values is an absent key. `multivalued` are the keys that can have several values, present or not.
    """

    values: Mapping[str, tuple[str, ...]]
    multivalued: frozenset[str] = frozenset()
    folded: Mapping[str, tuple[str, ...]] = field(init=False, repr=False, compare=False)
    """The values under their keys in lower case."""
    folded_multivalued: frozenset[str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "folded", {key.lower(): values for key, values in self.values.items()})
        object.__setattr__(self, "folded_multivalued", frozenset(key.lower() for key in self.multivalued))

    def get(self, key: str) -> tuple[str, ...]:
        """The values of a key; empty when it is absent."""
        return self.folded.get(key.lower(), ())

    def is_multivalued(self, key: str) -> bool:
        """Whether the key can have several values."""
        return key.lower() in self.folded_multivalued


def web_identity_context(
    claims: VerifiedClaims,
    *,
    provider: ProviderArn,
    session_name: str,
    now: datetime,
    source_ip: str | None = None,
    secure_transport: bool = True,
    region: str | None = None,
    user_agent: str | None = None,
) -> Context:
    """The condition keys that AWS fills for AssumeRoleWithWebIdentity.

    Which claims of the token become keys is told by `claim_keys`; every other claim stays unseen (IAM User Guide, "IAM
    and AWS STS condition context keys").

    Args:
        claims: the token's.
        provider: the IAM OIDC provider that the token's `iss` stands for.
        session_name: as requested.
        now: the time of the request, with its zone.
        source_ip: the caller's address, None when it is not known.
        secure_transport: whether the request came over TLS.
        region: of the endpoint asked, None when it is not known.
        user_agent: as the caller says, None without.
    """
    tags = read_tags(claims)
    tags = tags if isinstance(tags, SessionTags) else SessionTags()
    source_identity = read_source_identity(claims)
    values: dict[str, tuple[str, ...]] = {
        **_claim_keys(claims, provider.issuer),
        "sts:RoleSessionName": (session_name,),
        "sts:RoleAuthorizedByIdp": (_bool(has_roles(claims)),),
        **{f"aws:RequestTag/{key}": (value,) for key, value in tags.principal_tags.items()},
        "aws:TagKeys": tuple(tags.principal_tags),
        "sts:TransitiveTagKeys": tags.transitive_keys,
        "sts:SourceIdentity": (source_identity,) if isinstance(source_identity, str) else (),
        "aws:CurrentTime": (now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),),
        "aws:EpochTime": (str(int(now.timestamp())),),
        "aws:SecureTransport": (_bool(secure_transport),),
        "aws:SourceIp": _optional(source_ip),
        "aws:RequestedRegion": _optional(region),
        "aws:UserAgent": _optional(user_agent),
        "aws:FederatedProvider": (str(provider),),
        "aws:PrincipalAccount": (provider.account,),
        "aws:PrincipalType": ("User",),
        "aws:userid": (str(provider),),
    }
    return Context(
        {key: found for key, found in values.items() if found},
        _multivalued(provider.issuer),
    )


def audiences(claims: Mapping[str, JsonValue]) -> tuple[str, ...]:
    """The `aud` of a token: one text, or the texts of an array."""
    return _texts(claims.get("aud"))


def subject(claims: Mapping[str, JsonValue]) -> str | None:
    """The `sub` of a token; a number is its digits (observed 2026-09). None when it is neither."""
    value = claims.get("sub")
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    return str(value)


@lru_cache(maxsize=256)
def _multivalued(issuer: str) -> frozenset[str]:
    keys = keys_for(issuer)
    own = (keys.prefixed(key) for key in keys.keys if key.multivalued)
    return frozenset({*own, "aws:TagKeys", "sts:TransitiveTagKeys"})


@lru_cache(maxsize=256)
def _prefixed(issuer: str) -> tuple[tuple[str, ClaimKey, bool], ...]:
    """The issuer's keys: name in conditions, key, and whether it is one of the four that have rules of their own."""
    keys = keys_for(issuer)
    return tuple((keys.prefixed(key), key, key in {AUD, OAUD, SUB, AMR}) for key in keys.keys)


def _claim_keys(claims: Mapping[str, JsonValue], issuer: str) -> dict[str, tuple[str, ...]]:
    authorized_party = claims.get("azp")
    replaced = isinstance(authorized_party, str)
    audience = audiences(claims)
    special = {
        AUD.name: _optional(str(authorized_party)) if replaced else audience if len(audience) == 1 else (),
        OAUD.name: audience if replaced else (),
        SUB.name: _optional(subject(claims)),
        AMR.name: _texts(claims.get("amr")),
    }
    return {name: special[key.name] if is_special else key.value(claims) for name, key, is_special in _prefixed(issuer)}


def _texts(value: JsonValue) -> tuple[str, ...]:
    if isinstance(value, str):
        return (value,)
    return tuple(entry for entry in value if isinstance(entry, str)) if isinstance(value, list) else ()


def _optional(value: str | None) -> tuple[str, ...]:
    return () if value is None else (value,)


def _bool(value: bool) -> str:  # noqa: FBT001
    return "true" if value else "false"
