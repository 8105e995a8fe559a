"""The one guarded way out to issuers: their discovery document and their key set, over HTTPS.

Who writes a token chooses its `iss`, so this trusts nobody: https only, no redirect followed, one deadline over
everything (5 s, as AWS STS was seen to allow), 100 KiB a document, no proxy, cookie or credential, and no address that
is not on the public internet unless its host was allowed by name. A name is resolved once; what was checked is what is
connected to, with the issuer's name in SNI and in the certificate check.

An authority that is trusted vouches for the server, or else a thumbprint that the owner gave (`pinned`).

`Fetcher` asks, `addresses` judges where it may ask, `KeySetCache` remembers.
"""

from __future__ import annotations

from daypass.fetching.addresses import why_forbidden
from daypass.fetching.cache import KeySetCache
from daypass.fetching.fetcher import THUMBPRINT_PHASE, FetchedKeys, Fetcher, Limits, MetIssuer, Resolver

__all__ = [
    "THUMBPRINT_PHASE",
    "FetchedKeys",
    "Fetcher",
    "KeySetCache",
    "Limits",
    "MetIssuer",
    "Resolver",
    "why_forbidden",
]
