"""Reading from and writing to the database, with its errors told as ours."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, SQLAlchemyError

from daypass.errors import AlreadyExists, NotFound, StoreUnavailable
from daypass.store import postgresql, sqlite

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Connection, Engine


def shared(engine: Engine | Connection) -> bool:
    """Whether other processes write to that database too."""
    return engine.dialect.name == "postgresql"


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """A connection to read with.

    Raises:
        NotFound: when what is asked for is a text that no database row can hold.
        StoreUnavailable: when the database does not answer.
    """
    with _told(), engine.connect() as connection:
        if not shared(connection):
            yield connection
        else:
            # Each statement sees what is committed, as it does in a transaction of `read committed`; without BEGIN and
            # ROLLBACK around it, which are two more ways to the server and back.
            yield connection.execution_options(isolation_level="AUTOCOMMIT")


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """A transaction that is committed on leaving.

    Raises:
        AlreadyExists: when a row breaks a unique constraint.
        StoreUnavailable: when the database does not take it.
    """
    with _told(), engine.connect().execution_options(writes=True) as connection, connection.begin():
        yield connection


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except IntegrityError as error:
        if sqlite.is_taken(error) or postgresql.is_taken(error):
            raise AlreadyExists("there is one with this id, slug or secret already") from None
        raise unavailable(error) from None
    except DataError:
        # PostgreSQL has no text with U+0000 in it, so nothing goes by that name.
        raise NotFound("there is nothing of that name") from None
    except SQLAlchemyError as error:
        raise unavailable(error) from None


def unavailable(error: SQLAlchemyError) -> StoreUnavailable:
    """What the database says, without the statement and its values."""
    # PostgreSQL's further lines quote the statement, or the row.
    reason = str(error.orig).partition("\n")[0] if isinstance(error, DBAPIError) else type(error).__name__
    return StoreUnavailable(
        f"the database did not answer: {reason}",
        advice="Look at the disk of the data folder, or at the database server.",
        reason=reason,
    )
