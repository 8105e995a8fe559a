"""Where a URL leads: its host and port, and the address that is really asked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from daypass.fetching import why_forbidden

if TYPE_CHECKING:
    from collections.abc import Mapping

HTTPS_PORT = 443


@dataclass(frozen=True, slots=True)
class Place:
    """Host (an IPv6 literal without brackets) and port of a URL, and whom to ask, which a `--connect-to` may change."""

    host: str
    port: int
    asked_host: str
    asked_port: int

    @property
    def asked_instead(self) -> str | None:
        """`host:port` of who is asked in its place; None when it is asked itself."""
        if (self.asked_host, self.asked_port) == (self.host, self.port):
            return None
        return f"{self.asked_host}:{self.asked_port}"


def place_of(url: str, connect_to: Mapping[tuple[str, int], tuple[str, int]]) -> Place | None:
    """The place of an https URL; None when it is not one that can be asked."""
    try:
        parts = urlsplit(url)
        port = parts.port or HTTPS_PORT
    except ValueError:
        return None
    if parts.scheme != "https" or not parts.hostname or not url.isascii() or not url.isprintable():
        return None
    host = parts.hostname
    instead = {(name.lower().strip("[]"), at): to for (name, at), to in connect_to.items()}.get((host, port))
    asked_host, asked_port = instead or (host, port)
    return Place(host, port, asked_host.strip("[]"), asked_port)


def is_literal(host: str) -> bool:
    """Whether a host is an address already."""
    try:
        why_forbidden(host)
    except ValueError:
        return False
    return True
