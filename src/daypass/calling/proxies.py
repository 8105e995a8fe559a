"""The proxy on the way to a host, as curl and AWS's tools read `HTTPS_PROXY` and `NO_PROXY`."""

from __future__ import annotations

import base64
import ipaddress
import re
from typing import TYPE_CHECKING, Final, NamedTuple
from urllib.parse import SplitResult, unquote, urlsplit

from daypass.calling.target import bracketed, without_secrets
from daypass.errors import RequestInvalid
from daypass.names import is_loopback_host

if TYPE_CHECKING:
    from collections.abc import Mapping

    from daypass.calling.target import Target

# A name, an address or a network; an address with colons is in brackets when a port follows.
_ENTRY: Final = re.compile(
    r"(?:\[(?P<literal>[^\]]*)\]|(?P<name>[^\[\]:]*|[^\[\]]*:[^\[\]]*:[^\[\]]*))(?::(?P<port>[0-9]+))?"
)


class Proxy(NamedTuple):
    """Its host and port, and what `Proxy-Authorization` says to it."""

    address: tuple[str, int]
    authorization: str | None


def proxy_for(target: Target, environ: Mapping[str, str]) -> Proxy | None:
    """The proxy for a host, as curl reads its variables: lower case first."""
    text = environ.get("https_proxy") or environ.get("HTTPS_PROXY") or ""
    if not text or not target.tls or is_loopback_host(bracketed(target.host)) or _is_exempt(target, environ):
        return None
    try:
        parts: SplitResult = urlsplit(text if "://" in text else f"http://{text}")
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port, parts = None, None, urlsplit("")
    if parts.scheme != "http" or not host:
        raise RequestInvalid(
            f"HTTPS_PROXY is `{without_secrets(text)}`, which is not the address of an HTTP proxy",
            advice="It has the form http://proxy.example.com:3128",
        )
    authorization = None
    if parts.username is not None:
        pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        authorization = "Basic " + base64.b64encode(pair.encode()).decode("ascii")
    return Proxy((host, port or 80), authorization)


def _is_exempt(target: Target, environ: Mapping[str, str]) -> bool:
    host = target.host.lower()
    for entry in (environ.get("no_proxy") or environ.get("NO_PROXY") or "").lower().split(","):
        found = _ENTRY.fullmatch(entry.strip())
        if found is None:
            continue
        name, port = (found["literal"] or found["name"]).lstrip("."), found["port"] or ""
        if port not in ("", str(target.port)):
            continue
        if name == "*" or (name and (host == name or host.endswith("." + name))):
            return True
        if "/" in name and _is_within(host, name):
            return True
    return False


def _is_within(host: str, network: str) -> bool:
    """Whether a host that is an address lies in a network such as `10.0.0.0/8`. Names are not looked up for this."""
    try:
        return ipaddress.ip_address(host) in ipaddress.ip_network(network, strict=False)
    except ValueError:
        return False
