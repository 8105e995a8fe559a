"""What the exchange remembers of connections and of what they belong to: exact here, nothing where others write too."""

from __future__ import annotations

import asyncio

from daypass.idp.exchange.directory import Directory
from support.exchanging import UPSTREAM, ExchangeHouse


def test_where_others_write_too_nothing_is_remembered() -> None:
    """A connection taken away at one replica takes nothing at another, with the very next token."""

    async def story() -> None:
        house = await ExchangeHouse().open()
        connection = house.connect()
        shared = Directory(house.office.store, house.connections, shared=True)
        alone = Directory(house.office.store, house.connections)
        for directory in (shared, alone):
            assert await directory.connections(UPSTREAM, "northwind") == [connection]
            assert (await directory.home(connection))[1] == house.project
        house.connections.remove_connection(connection.id)
        assert list(await shared.connections(UPSTREAM, "northwind")) == []
        assert list(await alone.connections(UPSTREAM, "northwind")) == [connection], (
            "which is why `shared` is asked for"
        )

    asyncio.run(story())
