"""Turn a token into claims that may be believed: peek, select the key, check the signature, then the claims."""

from __future__ import annotations

from collections.abc import ItemsView, Iterator, Mapping
from collections.abc import Set as AbstractSet
from typing import TYPE_CHECKING, Any, Final, NoReturn, final

from daypass.errors import (
    TokenAlgorithmRefused,
    TokenHeaderRefused,
    TokenSignatureInvalid,
)
from daypass.tokens.claims import refuse_problems
from daypass.tokens.peek import MAX_LENGTH, UnverifiedToken, peek
from daypass.tokens.strict_json import brief

if TYPE_CHECKING:
    from datetime import datetime

    from daypass.tokens.jwk import PublicKey
    from daypass.tokens.key_set import KeySet
    from daypass.tokens.strict_json import JsonValue

MAX_LEEWAY_SECONDS: Final = 60

# Each would let the token choose its own key, or change what was signed (RFC 8725 section 3.10, RFC 7515 4.1.11,
# RFC 7797). Understanding none of them is the whole of our support.
_REFUSED_HEADERS: Final = ("jwk", "jku", "x5c", "x5u", "crit", "b64")
_SEAL: Final = object()


@final
class VerifiedClaims(Mapping[str, "JsonValue"]):
    """The claims of a token whose signature was checked. Only `verify_signature` and `verify` make one.

    Attributes:
        header: the JOSE header, which the signature covers too.
    """

    __slots__ = ("_claims", "header")

    header: Final[Mapping[str, JsonValue]]

    def __init__(self, token: UnverifiedToken, *, seal: object) -> None:
        if seal is not _SEAL:
            raise TypeError("verified claims come from verifying a token")
        self._claims = token.claims
        self.header = token.header

    def __getitem__(self, name: str) -> JsonValue:
        return self._claims[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._claims)

    def __len__(self) -> int:
        return len(self._claims)

    # What `Mapping` makes of the three above, at a tenth of the cost: claims are looked at many times for one decision.

    def __contains__(self, name: object) -> bool:
        return name in self._claims

    def get(self, name: str, default: Any = None) -> Any:
        """See `Mapping`."""
        return self._claims.get(name, default)

    def items(self) -> ItemsView[str, JsonValue]:
        """See `Mapping`."""
        return self._claims.items()

    def __repr__(self) -> str:
        return f"VerifiedClaims({', '.join(self._claims)})"

    def __reduce__(self) -> NoReturn:
        raise TypeError("verified claims are not pickled: what comes back would not be verified")


def verify_signature(token: UnverifiedToken, key: PublicKey, *, algorithms: AbstractSet[str]) -> VerifiedClaims:
    """Check the header and the signature, and nothing else: neither who the token is for nor whether it has expired.

    Args:
        token: as peeked.
        key: the issuer's key that the header selects.
        algorithms: the issuer's allow-list; `algorithms.ALGORITHMS` has all six. An empty one allows nothing.

    Raises:
        TokenHeaderRefused: for a header member that would change how the token is read.
        TokenAlgorithmRefused: when `alg` is not on the allow-list, or not the key's.
        TokenSignatureInvalid: when the signature is not the key's.
    """
    for name in _REFUSED_HEADERS:
        if name in token.header:
            raise TokenHeaderRefused(f"the token's header has `{name}`, which is not accepted", header=name)
    algorithm = token.header.get("alg")
    if not isinstance(algorithm, str) or algorithm not in algorithms or algorithm not in key.algorithms:
        raise TokenAlgorithmRefused(
            f"the token's `alg` is {'missing' if algorithm is None else brief(algorithm)}, which is not accepted here",
            accepted=sorted(key.algorithms & algorithms),
        )
    if not key.verifies(token.signing_input, token.signature, algorithm=algorithm):
        raise TokenSignatureInvalid("the token's signature is not its issuer's", kid=key.kid)
    return VerifiedClaims(token, seal=_SEAL)


def verify(
    token: str | UnverifiedToken,
    *,
    keys: KeySet,
    issuer: str,
    audience: str | None,
    algorithms: AbstractSet[str],
    now: datetime,
    leeway_seconds: int = 30,
    max_lifetime_seconds: int | None = None,
    typ: str = "JWT",
    max_length: int = MAX_LENGTH,
) -> VerifiedClaims:
    """Check everything about a token: first whose it is, then all that it says (RFC 8725, OpenID Connect Core 3.1.3.7).

    Args:
        token: the compact JWT, as it came, or as peeked.
        keys: the key set of `issuer`, and of no other.
        issuer: what `iss` must be, byte for byte.
        audience: the one audience the token must be for: `aud` is this text, or an array with no other entry. None
            takes tokens without `aud`, which were made for nobody, and no others.
        algorithms: the issuer's allow-list.
        now: the time, with its zone.
        leeway_seconds: how far the issuer's clock may be off, 0 to 60.
        max_lifetime_seconds: longest time between `iat` and `exp`, or None for any.
        typ: the kind of token, which the header's `typ` must be when there is one.
        max_length: longest token that is looked at, in characters; one that was peeked is looked at already.

    Raises:
        TokenRefused: a leaf of it. The signature comes before the claims, so nothing a forger wrote is judged. All
            problems with the claims are looked for: the first one's class is raised, with each of them, as a mapping of
            `code` and `message`, in `facts["problems"]`.
    """
    if not 0 <= leeway_seconds <= MAX_LEEWAY_SECONDS:
        raise ValueError(f"leeway is 0 to {MAX_LEEWAY_SECONDS} seconds")
    unverified = peek(token, max_length=max_length) if isinstance(token, str) else token
    claims = verify_signature(unverified, keys.select(unverified.header), algorithms=algorithms)
    refuse_problems(
        claims,
        header=claims.header,
        issuer=issuer,
        audience=audience,
        now=now,
        leeway_seconds=leeway_seconds,
        max_lifetime_seconds=max_lifetime_seconds,
        typ=typ,
    )
    return claims
