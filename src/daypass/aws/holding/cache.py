"""Sessions on disk, shared by all processes of this user: one small file each, for nobody else to open.

They lie in `$XDG_CACHE_HOME/daypass/aws` (XDG Base Directory Specification), else in `~/.cache`, in folders of mode
0700 and files of mode 0600, which is how AWS's credentials file lies beside them.
"""

from __future__ import annotations

import json
import os

from daypass import files
from daypass.aws.holding import age
from daypass.errors import FileUnavailable
from daypass.secret import Secret

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Final

MAX_BYTES: Final = 64 * 1024
SUFFIX: Final = ".json"
_FORMAT: Final = 2


class Held:
    """A session of a role, and its life. `expires_at` is in seconds since 1970, by AWS's clock."""

    __slots__ = (
        "access_key_id",
        "account",
        "expires_at",
        "life",
        "role_arn",
        "secret_access_key",
        "session_arn",
        "session_token",
    )

    def __init__(
        self,
        *,
        access_key_id: str,
        secret_access_key: Secret,
        session_token: Secret,
        expires_at: int,
        role_arn: str,
        session_arn: str,
        account: str,
        life: age.Span,
    ) -> None:
        self.access_key_id = access_key_id
        self.secret_access_key = secret_access_key
        self.session_token = session_token
        self.expires_at = expires_at
        self.role_arn = role_arn
        self.session_arn = session_arn
        self.account = account
        self.life = life

    def expires_here(self, at: age.Reading) -> int:
        """The end of the session by this machine's clock, by which its SDKs judge: AWS's, unless the clock is off."""
        here = round(at.wall + age.left_seconds(self.life, at))
        return self.expires_at if abs(here - self.expires_at) <= age.MAX_SKEW_SECONDS else here


def folder(environ: Mapping[str, str]) -> str:
    """Where the entries are. A relative `XDG_CACHE_HOME` does not count, as its specification says."""
    base = environ.get("XDG_CACHE_HOME", "")
    if not os.path.isabs(base):
        base = os.path.join(environ.get("HOME") or os.path.expanduser("~"), ".cache")
    return os.path.join(base, "daypass", "aws")


def entry(environ: Mapping[str, str], key: str) -> str:
    """The path of an entry."""
    return os.path.join(folder(environ), key + SUFFIX)


def read(path: str) -> Held | None:
    """The session at `path`; None when there is none, or what is there was not written there, in this format.

    Raises:
        FileUnsafe: when it is not a file of ours that nobody else can open.
        FileUnavailable: when it is there and cannot be read.
    """
    try:
        content = files.read_private(path, max_bytes=MAX_BYTES)
    except FileUnavailable as error:
        if error.facts.get("missing"):
            return None
        raise
    try:
        kept = json.loads(content)
        # Whoever may write to the folder cannot write a file of ours, but give one the name of another.
        if kept["format"] != _FORMAT or kept["entry"] != os.path.basename(path):
            return None
        begun = age.Reading(float(kept["wall"]), float(kept["boot"]), str(kept["boot_id"]))
        return Held(
            access_key_id=str(kept["access_key_id"]),
            secret_access_key=Secret(str(kept["secret_access_key"])),
            session_token=Secret(str(kept["session_token"])),
            expires_at=int(kept["expires_at"]),
            role_arn=str(kept["role_arn"]),
            session_arn=str(kept["session_arn"]),
            account=str(kept["account"]),
            life=age.Span(begun, float(kept["lifetime_seconds"]), float(kept["refresh_at_seconds"])),
        )
    except (ValueError, KeyError, TypeError, RecursionError):
        return None


def write(path: str, held: Held) -> None:
    """Keep a session. Its folder is made private first.

    Raises:
        FileUnsafe, FileUnavailable: see `files.write_atomic`.
    """
    life = held.life
    kept = {
        "format": _FORMAT,
        "entry": os.path.basename(path),
        "role_arn": held.role_arn,
        "session_arn": held.session_arn,
        "account": held.account,
        "access_key_id": held.access_key_id,
        "secret_access_key": held.secret_access_key.reveal(),
        "session_token": held.session_token.reveal(),
        "expires_at": held.expires_at,
        "lifetime_seconds": life.lifetime_seconds,
        "refresh_at_seconds": life.refresh_at_seconds,
        "wall": life.begun.wall,
        "boot": life.begun.boot,
        "boot_id": life.begun.boot_id,
    }
    files.write_atomic(path, json.dumps(kept).encode("ascii"))


def unfinished(environ: Mapping[str, str]) -> Iterator[str]:
    """The paths of entries, and of what lies beside them, whose writer was killed before they had their name."""
    where = folder(environ)
    try:
        names = sorted(os.listdir(where))
    except OSError:
        return
    for name in names:
        if name.startswith(".") and name.endswith(".tmp") and SUFFIX in name:
            yield os.path.join(where, name)


def entries(environ: Mapping[str, str], suffix: str = SUFFIX) -> Iterator[str]:
    """The paths of all entries, or of what lies beside them with a longer suffix, and of nothing else there."""
    where = folder(environ)
    try:
        names = sorted(os.listdir(where))
    except OSError:
        return
    for name in names:
        stem = name.removesuffix(suffix)
        if stem != name and len(stem) == 32 and all(c in "0123456789abcdef" for c in stem):
            yield os.path.join(where, name)
