"""Where documents are published: a folder, S3, Google Cloud Storage, Azure Blob Storage. One contract for all.

`open_target` reads the name; a vendor's library is loaded when its kind is named.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from daypass.errors import UsageInvalid
from daypass.publishing.targets.port import Stored, Target

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Stored", "Target", "open_target"]

_PREFIX: Final = re.compile(r"(?:[A-Za-z0-9_~-][A-Za-z0-9._~-]*(?:/(?!$)|$))*")
_BUCKET: Final = re.compile(r"[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]")
_ADVICE: Final = "Write s3://BUCKET/PREFIX, gs://BUCKET/PREFIX, az://ACCOUNT/CONTAINER/PREFIX, or a folder."


def open_target(text: str, environ: Mapping[str, str]) -> Target:
    """The target of that name. Nothing is asked yet.

    Raises:
        UsageInvalid: when it is not one.
        PartMissing: when the library for it is not installed.
        ServiceUnreachable: when the library finds no way to ask (no credentials).
    """
    scheme, separator, _ = text.partition("://")
    if not separator:
        from daypass.publishing.targets.folder import FolderTarget

        if not text:
            raise UsageInvalid("the target is empty", advice=_ADVICE)
        return FolderTarget(Path(text))
    parts = urlsplit(text)
    path = parts.path.strip("/")
    if parts.query or parts.fragment or not _BUCKET.fullmatch(parts.netloc):
        raise UsageInvalid(f"`{text}` is not a place to publish at", advice=_ADVICE)
    match scheme:
        case "s3":
            from daypass.publishing.targets.s3 import S3Target

            return S3Target(parts.netloc, _prefix(text, path))
        case "gs":
            from daypass.publishing.targets.gcs import GcsTarget

            return GcsTarget(parts.netloc, _prefix(text, path))
        case "az":
            from daypass.publishing.targets.azure import AzureTarget

            container, _, prefix = path.partition("/")
            if not re.fullmatch(r"\$web|[a-z0-9](?:-?[a-z0-9]){2,62}", container):
                raise UsageInvalid(f"`{text}` names no container", advice=_ADVICE)
            return AzureTarget(parts.netloc, container, _prefix(text, prefix), environ)
        case _:
            raise UsageInvalid(f"`{scheme}://` is not a kind of place to publish at", advice=_ADVICE)


def _prefix(text: str, path: str) -> str:
    """The prefix of object names, with its slash, or nothing."""
    if not _PREFIX.fullmatch(path):
        raise UsageInvalid(f"`{text}` has a path that an issuer URL cannot have", advice=_ADVICE)
    return f"{path}/" if path else ""
