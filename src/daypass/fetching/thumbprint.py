"""The thumbprint that IAM keeps of an issuer (IAM User Guide, "Obtain the thumbprint for an OpenID Connect IdP")."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


def thumbprint(chain: Sequence[bytes]) -> str:
    """SHA-1 of the last certificate that the server sends, in 40 lower-case hex digits.

    The last one is the top intermediate authority's: servers send no root. A server with a certificate of its own
    making sends that one alone, and one that sends its root as well is known by the root.

    Args:
        chain: DER, as served, the server's own certificate first.
    """
    return hashlib.sha1(chain[-1], usedforsecurity=False).hexdigest()
