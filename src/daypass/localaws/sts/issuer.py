"""Each account as an issuer: its keys, and the two documents that it publishes.

They are served for the issuer's own host name, so that whoever follows `iss` (with the name led here, over TLS) finds
them, and under a path of this server: `/_daypass/outbound/<id>/.well-known/…`.
"""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING, Final

from daypass.localaws.wire import Reply
from daypass.sts.outbound import ISSUER_DOMAIN, KEY_IDS, discovery, issuer_url
from daypass.tokens import strict_json
from daypass.tokens.jwk import PrivateKey
from daypass.tokens.mint import compact, signing_input

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from daypass.localaws.iam.state import IamState
    from daypass.localaws.wire import WireRequest
    from daypass.secret import Secret

PATH: Final = "/_daypass/outbound/"
_PORT: Final = re.compile(":[0-9]+$")
_NOT_FOUND: Final = Reply(
    404, b'{"code":"not_found","message":"no issuer of this local AWS publishes this"}', "application/json"
)


class OutboundIssuers:
    """The accounts' issuers. What one publishes stays when its account stops issuing."""

    def __init__(self, iam: IamState, secret: Callable[[str, Callable[[], bytes]], bytes]) -> None:
        """`secret` keeps a key for as long as the accounts are kept: what makes its PKCS #8 bytes is called once."""
        self._iam = iam
        self._secret = secret
        self._keys: dict[str, dict[str, PrivateKey]] = {}

    def sign(self, outbound_id: str, claims: Mapping[str, object], algorithm: str) -> Secret:
        """A token of these claims. An issuer's keys are made when they are first needed."""
        key = self._keys_of(outbound_id)[algorithm]
        content = signing_input(claims, algorithm=algorithm, kid=KEY_IDS[algorithm])
        return compact(content, key.sign(content))

    def host(self, request: WireRequest) -> str | None:
        """The request's host, when it is that of an issuer that is here."""
        named = (request.header("host") or "").lower()
        if ISSUER_DOMAIN not in named:
            return None
        host = _PORT.sub("", named)
        known = host.endswith(ISSUER_DOMAIN) and self._iam.issues_as(host.removesuffix(ISSUER_DOMAIN))
        return host if known else None

    def published(self, request: WireRequest) -> Reply | None:
        """The answer to a request for what issuers publish; None when it is for something else."""
        host = self.host(request)
        if host is not None:
            outbound_id, path = host.removesuffix(ISSUER_DOMAIN), request.path
        elif request.path.startswith(PATH):
            outbound_id, _, rest = request.path.removeprefix(PATH).partition("/")
            path = f"/{rest}"
        else:
            return None
        if request.method not in {"GET", "HEAD"} or not self._iam.issues_as(outbound_id):
            return _NOT_FOUND
        if path == "/.well-known/openid-configuration":
            return Reply(200, strict_json.dump(discovery(issuer_url(outbound_id))), "application/json")
        if path == "/.well-known/jwks.json":
            keys = self._keys_of(outbound_id).items()
            published = [{**key.public.to_jwk(), "kid": KEY_IDS[algorithm]} for algorithm, key in keys]
            return Reply(200, strict_json.dump({"keys": published}), "application/json")
        return _NOT_FOUND

    def _keys_of(self, outbound_id: str) -> dict[str, PrivateKey]:
        if outbound_id not in self._keys:
            self._keys[outbound_id] = {algorithm: self._key(outbound_id, algorithm) for algorithm in KEY_IDS}
        return self._keys[outbound_id]

    def _key(self, outbound_id: str, algorithm: str) -> PrivateKey:
        der = self._secret(f"outbound {outbound_id} {algorithm}", partial(_new_key, algorithm))
        return PrivateKey.from_pkcs8(der, algorithm=algorithm)


def _new_key(algorithm: str) -> bytes:
    return PrivateKey.generate(algorithm).to_pkcs8()
