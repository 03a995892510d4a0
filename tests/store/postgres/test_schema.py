"""Migrations, and checks of the server before it is used."""

from pathlib import Path
from urllib.parse import quote

import psycopg
import pytest
import trio

from argybargy.store.errors import Incompatible, Refused
from argybargy.store.postgres.schema import load_migrations
from argybargy.store.postgres.store import open_postgres_store
from support.deaf_proxy import open_deaf_proxy
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


async def test_a_server_whose_setting_loses_commits_is_refused(
    postgres_url: str,
) -> None:
    _pretend(postgres_url, synchronous_commit="off", fsync="on", full_page_writes="on")
    with pytest.raises(Incompatible, match="synchronous_commit=off"):
        await _open(postgres_url, needs_fsync=True)


async def test_a_server_that_is_too_old_is_refused(postgres_url: str) -> None:
    _pretend(postgres_url, server_version_num="140011", server_version="14.11 (x)")
    with pytest.raises(Incompatible, match=r"PostgreSQL 14.11 is too old: .* 15"):
        await _open(postgres_url)


def _pretend(url: str, **settings: str) -> None:
    """Let a database show other settings than those of its server."""
    cases = " ".join(
        f"WHEN '{name}' THEN '{value}'" for name, value in settings.items()
    )
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE SCHEMA pretended")
        connection.execute(f"""
            CREATE FUNCTION pretended.current_setting(name text) RETURNS text
            LANGUAGE sql AS $$
                SELECT CASE name {cases} ELSE pg_catalog.current_setting(name) END
            $$
        """)
        connection.execute(
            f'ALTER DATABASE "{connection.info.dbname}" '
            "SET search_path = pretended, pg_catalog, public"
        )


async def test_a_pooler_that_loses_notifications_is_refused(
    postgres_server: PostgresServer, postgres_url: str, tmp_path: Path
) -> None:
    async with open_deaf_proxy(postgres_server.folder, tmp_path) as folder:
        there, here = (
            quote(str(each), safe="") for each in (postgres_server.folder, folder)
        )
        with pytest.raises(Incompatible, match="pooler in transaction mode"):
            await _open(postgres_url.replace(there, here))


async def test_a_server_that_is_away_is_refused_for_now(tmp_path: Path) -> None:
    url = f"postgresql:///relay?host={quote(str(tmp_path), safe='')}"
    with pytest.raises(Refused, match="PostgreSQL"):
        await _open(url)
