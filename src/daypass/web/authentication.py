"""Who asks: the bearer credential of a request (RFC 6750 section 2.1), and the address it came from."""

from __future__ import annotations

import ipaddress
import re
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from daypass.errors import CredentialMissing, CredentialUnknown
from daypass.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.datastructures import Headers
    from starlette.types import Scope

_CREDENTIAL: Final = re.compile(r"[A-Za-z0-9._~+/-]{1,512}=*")
_ADVICE: Final = "Send the header Authorization: Bearer <secret>."


def bearer(headers: Headers) -> Secret:
    """The credential that a request carries in its one `Authorization` header. It is taken from nowhere else.

    Raises:
        CredentialMissing: when there is none, or of another scheme.
        CredentialUnknown: when it is none of ours by its form alone.
    """
    given = headers.getlist("authorization")
    if not given:
        raise CredentialMissing("the request carries no credential", advice=_ADVICE)
    scheme, _, credential = given[0].partition(" ")
    if scheme.lower() != "bearer" or len(given) > 1:
        raise CredentialMissing("the request carries no single bearer credential", advice=_ADVICE)
    if not _CREDENTIAL.fullmatch(credential.strip(" ")):
        raise CredentialUnknown("the credential is not known here")
    return Secret(credential.strip(" "))


def source_ip(scope: Scope, forwarded: Mapping[str, str], proxy_hops: int) -> str | None:
    """The address that a request came from, in its normal form, or None when it cannot be told.

    With `proxy_hops` proxies in front, the entry of `X-Forwarded-For` that the outermost of them appended: counted
    from the right, because everything further left is the client's own word.
    """
    client = scope.get("client")
    text = client[0] if client else ""
    if proxy_hops:
        entries = [entry.strip() for entry in forwarded.get("x-forwarded-for", "").split(",")]
        if len(entries) < proxy_hops:
            return None
        text = entries[-proxy_hops]
    return _normal_address(text)


@lru_cache(maxsize=1024)
def _normal_address(text: str) -> str | None:
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        return None
