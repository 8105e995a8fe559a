"""SQLite and PostgreSQL behind the ports of the identity provider: schema, migrations, one module per aggregate."""

from __future__ import annotations

from daypass.store.opening import Store, open_database, open_store, read_beside, read_database

__all__ = ["Store", "open_database", "open_store", "read_beside", "read_database"]
