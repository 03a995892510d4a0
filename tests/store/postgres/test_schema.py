"""Migrations, and checks of the server before it is used."""

import psycopg
import pytest
import trio

from argybargy.store.errors import Incompatible
from argybargy.store.postgres.schema import load_migrations
from argybargy.store.postgres.store import open_postgres_store
from support.postgres import PostgresServer
from support.store_player import Player


async def _open(url: str, *, needs_fsync: bool = False) -> int:
    async with open_postgres_store(url, needs_fsync=needs_fsync) as store:
        return store.info.schema


async def test_nodes_that_start_together_migrate_once(
    postgres_server: PostgresServer,
) -> None:
    url = postgres_server.make_database("template1")
    found: list[int] = []

    async def start() -> None:
        found.append(await _open(url))

    async with trio.open_nursery() as nursery:
        for _ in range(3):
            nursery.start_soon(start)
    assert found == [load_migrations()[-1].number] * 3
    with psycopg.connect(url) as connection:
        rows = connection.execute("SELECT number FROM schema_versions ORDER BY 1")
        assert [number for (number,) in rows] == [
            each.number for each in load_migrations()
        ]


async def test_a_store_is_there_after_it_was_closed(postgres_url: str) -> None:
    async with open_postgres_store(postgres_url, needs_fsync=False) as store:
        await Player.of(store).say("ann", "hi")
    async with open_postgres_store(postgres_url, needs_fsync=False) as store:
        assert (await store.overview()).rooms[0].head == 1


async def test_a_newer_schema_is_refused(postgres_url: str) -> None:
    with psycopg.connect(postgres_url) as connection:
        connection.execute("INSERT INTO schema_versions (number) VALUES (99)")
    with pytest.raises(Incompatible, match="schema 99"):
        await _open(postgres_url)


async def test_tables_of_another_program_are_refused(
    postgres_server: PostgresServer,
) -> None:
    url = postgres_server.make_database("template1")
    with psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE messages (id integer)")
    with pytest.raises(Incompatible, match="another program"):
        await _open(url)


async def test_a_server_that_could_lose_messages_is_refused(postgres_url: str) -> None:
    with pytest.raises(Incompatible, match="fsync=off"):
        await _open(postgres_url, needs_fsync=True)


async def test_a_read_only_server_is_refused(postgres_url: str) -> None:
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        name = connection.info.dbname
        connection.execute(
            f'ALTER DATABASE "{name}" SET default_transaction_read_only = on'
        )
    with pytest.raises(Incompatible, match="read-only"):
        await _open(postgres_url)
