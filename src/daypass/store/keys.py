"""The public half and the life of signing keys in SQL.

One row per issuer counts the changes of its keys. A change first counts it up, and only from the version that was seen:
of two transactions the second finds another version, waits for no lock of ours, and writes nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import insert, select, update

from daypass.errors import AlreadyExists
from daypass.idp.model import KeysAt, KeyState, SigningKey
from daypass.store.engine import reading, writing
from daypass.store.schema import key_rings, signing_keys

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy import Connection, Engine, Row

_ROOT: Final = ""  # no organization's id, and a primary key cannot be NULL


class _OtherVersion(Exception):
    """Rolls the transaction back."""


class SqlKeyStore:
    """A `KeyStore`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def versions(self) -> Mapping[str | None, int]:
        """See `KeyStore`, as of all methods here."""
        with reading(self._engine) as connection:
            rows = connection.execute(select(key_rings)).all()
        return {row.issuer or None: row.version for row in rows}

    def keys(self, organization_id: str | None = None) -> KeysAt:  # noqa: D102
        table, counter = signing_keys, key_rings
        query = select(table).where(table.c.organization_id.is_not_distinct_from(organization_id))
        version = select(counter.c.version).where(counter.c.issuer == (organization_id or _ROOT))
        with reading(self._engine) as connection:
            # The version first: should the database show the second statement more, the next change is refused.
            seen = connection.execute(version).scalar_one_or_none() or 0
            rows = connection.execute(query.order_by(table.c.created_at, table.c.kid)).all()
        return KeysAt(seen, tuple(_key(row) for row in rows))

    def change_keys(  # noqa: D102
        self, organization_id: str | None, keys: Sequence[SigningKey], *, version: int
    ) -> bool:
        try:
            with writing(self._engine) as connection:
                _count_up(connection, organization_id or _ROOT, version)
                for key in keys:
                    _write(connection, organization_id, key)
        except _OtherVersion:
            return False
        except AlreadyExists:
            if self.versions().get(organization_id, 0) != version:
                return False  # two made the first key: the database saw the same new row twice
            raise
        return True


def _count_up(connection: Connection, issuer: str, version: int) -> None:
    if version == 0 and not connection.execute(select(key_rings.c.version).where(key_rings.c.issuer == issuer)).first():
        connection.execute(insert(key_rings).values(issuer=issuer, version=1))
        return
    seen = (key_rings.c.issuer == issuer) & (key_rings.c.version == version)
    if connection.execute(update(key_rings).where(seen).values(version=version + 1)).rowcount != 1:
        raise _OtherVersion


def _write(connection: Connection, organization_id: str | None, key: SigningKey) -> None:
    table = signing_keys
    mine = (table.c.kid == key.kid) & table.c.organization_id.is_not_distinct_from(organization_id)
    if connection.execute(update(table).where(mine).values(_row(key))).rowcount == 0:
        connection.execute(insert(table).values(_row(key)))


def _row(key: SigningKey) -> dict[str, object]:
    return {
        "kid": key.kid,
        "organization_id": key.organization_id,
        "algorithm": key.algorithm,
        "state": key.state.value,
        "public_jwk": dict(key.public_jwk),
        "created_at": key.created_at,
        "published_at": key.published_at,
        "activate_at": key.activate_at,
        "activated_at": key.activated_at,
        "retiring_at": key.retiring_at,
        "retired_at": key.retired_at,
        "revoked_at": key.revoked_at,
    }


def _key(row: Row[Any]) -> SigningKey:
    return SigningKey(**row._asdict() | {"state": KeyState(row.state)})
