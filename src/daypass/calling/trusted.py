"""Whose certificates are accepted: the system's authorities, or those that a setting names."""

from __future__ import annotations

import os
import re
import ssl

from daypass.errors import FileUnavailable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path
    from typing import Final

_HASHED_NAME: Final = r"[0-9a-f]{8}\.[0-9]{1,3}"


def trust(ca_bundle: str | Path | None, ca_setting: str) -> ssl.SSLContext:
    """A client's TLS settings: names checked, TLS 1.2 at least, and whose certificates are accepted."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    if ca_bundle is not None:
        text = os.fspath(ca_bundle)
        advice = f"Check {ca_setting}: it names a PEM file of certificate authorities, or a folder of them."
        try:
            if os.path.isdir(text):
                context.load_verify_locations(capath=text)
            else:
                context.load_verify_locations(cafile=text)
        except ssl.SSLError:
            raise FileUnavailable(f"`{text}` holds no PEM certificate", advice=advice, path=text) from None
        except OSError as error:
            reason = (error.strerror or "unknown error").lower()
            raise FileUnavailable(f"`{text}` cannot be read: {reason}", advice=advice, path=text) from None
        return context
    paths = ssl.get_default_verify_paths()
    # A folder of hashed names is looked up when it is needed; reading the whole file takes 20 ms at each start.
    if "SSL_CERT_FILE" not in os.environ and paths.capath and _has_hashed_names(paths.capath):
        context.load_verify_locations(capath=paths.capath)
    else:
        context.load_default_certs()
    return context


def _has_hashed_names(folder: str) -> bool:
    try:
        with os.scandir(folder) as entries:
            return any(re.fullmatch(_HASHED_NAME, entry.name) for entry in entries)
    except OSError:
        return False
