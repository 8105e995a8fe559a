"""Open the data folder."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

    from daypass.idp.ports import AuditLog, KeyStore, RegistryStore


class Store:
    """The open data folder; a context manager. One process owns it at a time."""

    registry: RegistryStore
    keys: KeyStore
    audit: AuditLog

    def close(self) -> None:
        """Write what waits, close the database, give the folder free."""
        raise NotImplementedError

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


def open_store(path: Path) -> Store:
    """Open, create or migrate the database in the folder `path` (0700; files 0600)."""
    raise NotImplementedError
