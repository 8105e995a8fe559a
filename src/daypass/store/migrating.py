"""Bring a database to the schema of this code, in one transaction."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from daypass.errors import StoreUnavailable
from daypass.store.engine import reading, shared, writing
from daypass.store.postgresql import lock, patient

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

SCRIPTS: Final = "daypass.store:migrations"


def configuration() -> Config:
    """Alembic's configuration: where the migrations are, and nothing else."""
    config = Config()
    config.set_main_option("script_location", SCRIPTS)
    config.set_main_option("path_separator", "os")
    return config


def migrate(engine: Engine) -> None:
    """Run the migrations that the database has not seen. Killed half-way, it is as it was before.

    Raises:
        StoreUnavailable: when a newer Daypass has migrated it, or it does not answer.
    """
    config = configuration()
    scripts = ScriptDirectory.from_config(config)
    known = {script.revision for script in scripts.walk_revisions()}
    with reading(engine) as connection:
        found = _heads(connection)
    if found - known:
        raise StoreUnavailable(
            "the database was made by a newer version of Daypass",
            advice="Start that version, or restore a backup from before the update.",
            found=sorted(found),
        )
    if found == set(scripts.get_heads()):
        return
    with writing(engine) as connection:
        if shared(connection):
            patient(connection)
            lock(connection, "migration")  # of replicas that start together one migrates, and the others find it done
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def demand_current(engine: Engine) -> None:
    """See that the database has the schema of this code, without touching it.

    Raises:
        StoreUnavailable: when it has another, or does not answer.
    """
    with reading(engine) as connection:
        found = _heads(connection)
    if found != set(ScriptDirectory.from_config(configuration()).get_heads()):
        raise StoreUnavailable(
            "the database was made by another version of Daypass",
            advice="Use the version that `daypass serve` has.",
            found=sorted(found),
        )


def _heads(connection: Connection) -> set[str]:
    return set(MigrationContext.configure(connection).get_current_heads())
