"""The public half and the life of signing keys in SQL."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import insert, select, update

from daypass.errors import NotFound
from daypass.idp.model import KeyState, SigningKey
from daypass.store.engine import reading, writing
from daypass.store.schema import signing_keys

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Engine, Row


class SqlKeyStore:
    """A `KeyStore`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def add_key(self, key: SigningKey) -> None:
        """See `KeyStore`, as of all methods here."""
        with writing(self._engine) as connection:
            connection.execute(insert(signing_keys).values(_row(key)))

    def update_key(self, key: SigningKey) -> None:  # noqa: D102
        with writing(self._engine) as connection:
            changed = connection.execute(update(signing_keys).where(signing_keys.c.kid == key.kid).values(_row(key)))
        if changed.rowcount != 1:
            raise NotFound(f"there is no key `{key.kid}`")

    def keys(self) -> Sequence[SigningKey]:  # noqa: D102
        query = select(signing_keys).order_by(signing_keys.c.created_at, signing_keys.c.kid)
        with reading(self._engine) as connection:
            return [_key(row) for row in connection.execute(query)]


def _row(key: SigningKey) -> dict[str, object]:
    return {
        "kid": key.kid,
        "algorithm": key.algorithm,
        "state": key.state.value,
        "public_jwk": dict(key.public_jwk),
        "created_at": key.created_at,
        "activated_at": key.activated_at,
        "retiring_at": key.retiring_at,
        "retired_at": key.retired_at,
    }


def _key(row: Row[Any]) -> SigningKey:
    return SigningKey(**row._asdict() | {"state": KeyState(row.state)})
