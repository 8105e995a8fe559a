"""A URL that may be called, taken apart: https always, except to this machine."""

from __future__ import annotations

import re

from daypass.errors import RequestInvalid
from daypass.light_typing import NamedTuple
from daypass.names import is_loopback_host

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

METADATA_ADDRESS: Final = "169.254.169.254"
"""Where clouds have the metadata server of a machine: link-local (RFC 3927), so it is never further than the host."""
# urllib.parse takes longer to load than a request takes, and reads more than may be called.
_BEHIND_SCHEME: Final = re.compile(
    r"(?P<host>\[[0-9A-Fa-f:.]+\]|[^/?#@:\[\]]+)(?::(?P<port>[0-9]{0,5}))?"
    r"(?P<path>/[^?#]*)?(?:\?(?P<query>[^#]*))?(?:#.*)?"
)


class Target(NamedTuple):
    """A URL, taken apart. `host` has no brackets; `path` has the query."""

    tls: bool
    host: str
    port: int
    path: str

    @classmethod
    def parse(cls, url: str, *, metadata: bool = False) -> Target:
        """Take a URL apart; `metadata`: whether `METADATA_ADDRESS` may be called in plain HTTP, too.

        Raises:
            RequestInvalid: when it is not one that may be called.
        """

        def no(reason: str) -> RequestInvalid:
            return RequestInvalid(f"`{without_secrets(url)}` cannot be called: {reason}", reason=reason)

        if not url.isascii() or not url.isprintable() or " " in url:
            raise no("only printable ASCII characters without blanks are allowed")
        scheme, separator, rest = url.partition("://")
        if not separator or scheme.lower() not in ("https", "http"):
            raise no("it must start with https:// and a host")
        if "@" in re.split(r"[/?#]", rest, maxsplit=1)[0]:
            raise no("it must not hold a user or password")
        parts = _BEHIND_SCHEME.fullmatch(rest)
        if parts is None or int(parts["port"] or 0) > 65535:
            raise no(
                "its host or port cannot be read"
                if rest[:1] not in ("", "/", ":", "?", "#")
                else "it must start with https:// and a host"
            )
        tls = scheme.lower() == "https"
        host = parts["host"].strip("[]").lower()
        near = is_loopback_host(bracketed(host)) or (metadata and host == METADATA_ADDRESS)
        if not tls and not near:
            raise no("it must start with https://, because its host is not this machine")
        path = (parts["path"] or "/") + (f"?{parts['query']}" if parts["query"] else "")
        return cls(tls=tls, host=host, port=int(parts["port"] or 0) or (443 if tls else 80), path=path)

    @property
    def authority(self) -> str:
        """Host and port, the port always written."""
        return f"{bracketed(self.host)}:{self.port}"

    @property
    def origin(self) -> str:
        """For people: without the port that goes without saying."""
        plain = self.port == (443 if self.tls else 80)
        return f"{'https' if self.tls else 'http'}://{bracketed(self.host) if plain else self.authority}"

    @property
    def host_header(self) -> str:
        """What `Host` says (RFC 9110 section 7.2)."""
        return self.origin.partition("://")[2]


def bracketed(host: str) -> str:
    """A host as a URL has it."""
    return f"[{host}]" if ":" in host else host


def without_secrets(url: str) -> str:
    """A URL for a message: nothing that may be a password or a token."""
    scheme, separator, rest = url.partition("://")
    if not separator:
        scheme, rest = "", url
    rest = rest.partition("?")[0].partition("#")[0]
    authority, slash, path = rest.partition("/")
    return f"{scheme}{separator}{authority.rpartition('@')[2]}{slash}{path}"
