"""What the services behind keep, which is moto's: taken by one local AWS per process, emptied, saved, opened again.

moto keeps it in objects of the process. They are saved as pickles, one per service, account and region, because
secrets' ARNs and versions must come back as they were, which asking moto the same things again does not give.
"""

from __future__ import annotations

import asyncio
import secrets
import weakref
from typing import TYPE_CHECKING, Any, ClassVar, Final, cast

from daypass import files
from daypass.errors import StoreUnavailable
from daypass.localaws.pickled import opened, pickled

if TYPE_CHECKING:
    from daypass.localaws.data_folder import DataFolder

_MAC: Final = "services behind"
_MAX_BYTES: Final = 8 * 1024 * 1024 * 1024


class BehindState:
    """moto's state, for one local AWS. Without a folder nothing is saved.

    Everything but `take` and `release` is for after `take`.
    """

    _owner: ClassVar[weakref.ref[BehindState] | None] = None
    _used: ClassVar[bool] = False

    def __init__(self, folder: DataFolder | None = None) -> None:
        self._folder = folder
        self._saving = asyncio.Lock()

    def take(self) -> None:
        """Have moto's state for this local AWS; empty, when another one of this process had it before.

        Raises:
            StoreUnavailable: when another one has it.
        """
        owner = None if BehindState._owner is None else BehindState._owner()
        if owner is self:
            return
        if owner is not None:
            raise StoreUnavailable(
                "another local AWS in this process has the services behind IAM and STS",
                advice="Stop that one first, or run this one in a process of its own: moto keeps one state per process",
            )
        if BehindState._used:
            _empty()
        BehindState._owner, BehindState._used = weakref.ref(self), True

    def release(self) -> None:
        """Let another local AWS of this process have it."""
        if self._has_it():
            _empty()
            BehindState._owner = None

    def reset(self) -> None:
        """Empty all services."""
        if self._has_it():
            _empty()

    def open(self, service: str) -> None:
        """Give a service that was just started what it kept.

        Raises:
            FileUnsafe, FileUnavailable: a file cannot be read, is not as it was written, or another moto wrote it.
        """
        if self._folder is None:
            return
        backends = _backends(service)
        for file in sorted(self._folder.services().glob(f"{service}.*.pickle")):
            kept = opened(files.read_private(file, max_bytes=_MAX_BYTES), self._key(), str(file))
            for (account, region), backend in kept["backends"].items():
                backends[account][region] = backend
            for name, value in kept["beside"].items():
                getattr(backends, name).update(value)

    async def save(self, service: str) -> None:
        """Write what a service has, where it differs from what is on disk.

        Raises:
            StoreUnavailable: when it cannot be kept, or does not stand still for long enough.
            FileUnavailable: when the system does not take it.
        """
        if self._folder is not None:
            async with self._saving:
                await asyncio.to_thread(self._save, service)

    def _save(self, service: str) -> None:
        assert self._folder is not None
        backends = _backends(service)
        for account in list(backends):
            for region in list(backends[account]):
                kept: dict[str, Any] = {"backends": {(account, region): backends[account][region]}, "beside": {}}
                if service == "s3":
                    kept["beside"] = {"bucket_accounts": _owned(backends, account)}
                file = self._folder.services() / f"{service}.{account}.{region}.pickle"
                self._folder.write(file, pickled(kept, self._key()))

    def _key(self) -> bytes:
        assert self._folder is not None
        return self._folder.secret(_MAC, lambda: secrets.token_bytes(32))

    def _has_it(self) -> bool:
        return BehindState._owner is not None and BehindState._owner() is self


def _backends(service: str) -> Any:
    from moto.backends import get_backend  # noqa: PLC0415 - an optional part, and slow to import

    return cast("Any", get_backend)(service)


def _owned(backends: Any, account: str) -> dict[str, Any]:
    return {bucket: owner for bucket, owner in dict(backends.bucket_accounts).items() if owner[1] == account}


def _empty() -> None:
    from moto.core.base_backend import BackendDict  # noqa: PLC0415 - an optional part, and slow to import

    cast("Any", BackendDict).reset()
