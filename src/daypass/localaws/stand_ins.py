"""Stand-in issuers: this local AWS plays `https://gitlab.com`, so that a production trust policy is tested unchanged.

A token of a stand-in has the real `iss` and a signature that nobody but this instance believes: its key is made here,
never published, and looked up without any network. Key ids begin `daypass-local-aws-`, so that a token that strays is
told at a glance. A server that trusts stand-ins must never guard anything real.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Final

from daypass.errors import IssuerUrlInvalid, RequestInvalid
from daypass.fetching import FetchedKeys, MetIssuer
from daypass.names import IssuerUrl
from daypass.subjects.grammars import grammar_for
from daypass.tokens.jwk import PrivateKey, PublicKey
from daypass.tokens.key_set import KeySet
from daypass.tokens.mint import compact, signing_input

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping
    from datetime import datetime

    from daypass.fetching import Fetcher
    from daypass.secret import Secret
    from daypass.tokens.strict_json import JsonValue

KEY_ID_PREFIX: Final = "daypass-local-aws-"
AUDIENCE: Final = "sts.amazonaws.com"
LIFETIME_SECONDS: Final = 3600
_ALGORITHM: Final = "RS256"


def stand_in(text: str) -> IssuerUrl:
    """The issuer that is meant by `gitlab.com` or `https://gitlab.com`.

    Raises:
        IssuerUrlInvalid: when it is no issuer's URL.
    """
    return IssuerUrl.parse(text if "://" in text else f"https://{text}")


class StandIns:
    """The issuers that are played here, and their keys, each made when it is first needed.

    Args:
        issuers: which.
        key: the PKCS #8 bytes of an issuer's key: kept ones, or what the given function makes.
    """

    def __init__(
        self,
        issuers: Iterable[IssuerUrl] = (),
        key: Callable[[str, Callable[[], bytes]], bytes] = lambda _, make: make(),
    ) -> None:
        self.issuers = tuple(dict.fromkeys(issuer.text for issuer in issuers))
        self._kept = key
        self._keys: dict[str, PrivateKey] = {}

    def plays(self, issuer: str) -> bool:
        """Whether an issuer, by its `iss`, is played here."""
        return issuer in self.issuers

    def key_set(self, issuer: str) -> KeySet:
        """The one key of an issuer that is played here."""
        key = self._key(issuer)
        return KeySet([PublicKey.from_jwk({**key.public.to_jwk(), "kid": KEY_ID_PREFIX + key.kid})])

    def mint(
        self,
        issuer: str,
        claims: Mapping[str, JsonValue],
        *,
        now: datetime,
        lifetime_seconds: int = LIFETIME_SECONDS,
    ) -> Secret:
        """A token as the issuer would make it. None as a claim's value leaves it out.

        Without other claims it has the example subject of the issuer's grammar, AWS's audience, and times from `now`.

        Raises:
            RequestInvalid: the issuer is not played here, or of an unknown one `sub` is missing.
        """
        try:
            url = stand_in(issuer)
        except IssuerUrlInvalid as error:
            raise RequestInvalid(error.message, advice=error.advice) from None
        if not self.plays(url.text):
            raise RequestInvalid(
                f"`{url}` is not played by this local AWS",
                advice=f"It plays {', '.join(self.issuers)}."
                if self.issuers
                else f"Start it with --as-issuer {url.without_scheme}.",
            )
        grammar = grammar_for(url.text)
        if grammar is None and "sub" not in claims:
            raise RequestInvalid(f"what subjects `{url}` makes is not known here", advice="Give the claim `sub`.")
        began = int(now.timestamp())
        shape: dict[str, JsonValue] = {
            "iss": url.text,
            "aud": AUDIENCE,
            "iat": began,
            "nbf": began,
            "exp": began + lifetime_seconds,
            "jti": secrets.token_hex(16),
        }
        if grammar is not None:
            shape["sub"] = grammar.shapes[0].example
        said = {name: value for name, value in {**shape, **claims}.items() if value is not None}
        key = self._key(url.text)
        content = signing_input(said, algorithm=_ALGORITHM, kid=KEY_ID_PREFIX + key.kid)
        return compact(content, key.sign(content))

    def _key(self, issuer: str) -> PrivateKey:
        if issuer not in self._keys:
            der = self._kept(f"stand-in {issuer}", lambda: PrivateKey.generate(_ALGORITHM).to_pkcs8())
            self._keys[issuer] = PrivateKey.from_pkcs8(der, algorithm=_ALGORITHM)
        return self._keys[issuer]


class Issuers:
    """The way to issuers: stand-ins are here, and all others are in the network."""

    def __init__(self, stand_ins: StandIns, fetcher: Fetcher) -> None:
        self._stand_ins = stand_ins
        self._fetcher = fetcher

    async def key_set(self, issuer: IssuerUrl, thumbprints: Collection[str] = (), /) -> FetchedKeys:
        """The keys of an issuer, now; `thumbprints` as `Fetcher.key_set` takes them.

        Raises:
            IssuerUnreachable, AddressForbidden: see `Fetcher`; never for a stand-in.
        """
        if not self._stand_ins.plays(issuer.text):
            return await self._fetcher.key_set(issuer, thumbprints)
        keys = self._stand_ins.key_set(issuer.text)
        return FetchedKeys(issuer.text, discovery=b"", document=keys.document(), keys=keys)

    async def meet(self, issuer: IssuerUrl, /) -> MetIssuer:
        """What is seen of an issuer when its provider is made.

        A stand-in has no certificate: its key stands for one, so that it has a thumbprint of its own.

        Raises:
            IssuerUnreachable, AddressForbidden: see `Fetcher`; never for a stand-in.
        """
        if not self._stand_ins.plays(issuer.text):
            return await self._fetcher.meet(issuer)
        return MetIssuer(discovery=b"", chain=(self._stand_ins.key_set(issuer.text).document(),))
