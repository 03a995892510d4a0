"""Failures of the server, and commits whose outcome is unknown."""

import psycopg
import pytest
import trio

from argybargy.domain.room.commit import Commit
from argybargy.store.errors import Conflict, Corrupt, Full, Refused, Unknown
from argybargy.store.postgres.changes import changes_of
from argybargy.store.postgres.connection import Link
from argybargy.store.postgres.deltas import encode_commit
from argybargy.store.postgres.store import PostgresStore, open_postgres_store
from support.store_player import Player


def at_commit(url: str, body: str) -> None:
    """Make the server run some statements at the COMMIT of each commit to a room."""
    with psycopg.connect(url) as connection:
        connection.execute(
            f"CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$"
            f"BEGIN {body}; RETURN NULL; END $$"
        )
        connection.execute(
            "CREATE CONSTRAINT TRIGGER failing AFTER INSERT ON commits "
            "DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION fail()"
        )


def repair(url: str) -> None:
    with psycopg.connect(url) as connection:
        connection.execute("DROP TRIGGER failing ON commits")


async def test_a_connection_lost_at_commit_is_a_doubt_that_an_empty_commit_ends(
    postgres: PostgresStore, postgres_url: str
) -> None:
    player = Player.of(postgres)
    await player.say("ann", "one")
    at_commit(postgres_url, "PERFORM pg_terminate_backend(pg_backend_pid())")
    with pytest.raises(Unknown):
        await player.say("ann", "two")
    repair(postgres_url)
    await postgres.commit(player.room, 1, (), nonce="here-9")
    player.room = player.room.at_version(2)
    await player.say("ann", "again")
    saved = await postgres.load("lab", 9)
    assert saved is not None
    assert [each.text for each in saved.messages] == ["one", "again"]


async def test_what_the_server_refuses_at_commit_was_not_applied(
    postgres: PostgresStore, postgres_url: str
) -> None:
    player = Player.of(postgres)
    at_commit(postgres_url, "RAISE EXCEPTION 'no' USING ERRCODE = '40001'")
    with pytest.raises(Refused):
        await player.say("ann")
    repair(postgres_url)
    await player.say("ann")
    assert player.room.version == 1


async def test_a_full_disk_is_told(postgres: PostgresStore, postgres_url: str) -> None:
    at_commit(postgres_url, "RAISE EXCEPTION 'full' USING ERRCODE = 'disk_full'")
    with pytest.raises(Full):
        await Player.of(postgres).say("ann")


async def test_damage_ends_the_relay(
    postgres: PostgresStore, postgres_url: str
) -> None:
    at_commit(postgres_url, "RAISE EXCEPTION 'bad' USING ERRCODE = 'data_corrupted'")
    with pytest.raises(Corrupt):
        await Player.of(postgres).say("ann")
    with trio.fail_after(30):
        assert "damaged" in str(await postgres.wait_lost())


@pytest.mark.parametrize("is_kept", [True, False])
async def test_a_commit_in_flight_is_waited_for(
    postgres: PostgresStore, postgres_url: str, is_kept: bool
) -> None:
    """A read does not see it, so only an empty commit can tell whether it comes."""
    player = Player.of(postgres)
    await player.say("ann", "one")
    room = player.room
    delta = encode_commit(Commit.of(room, 2, "ghost-1", ()))
    outcomes: list[str] = []

    async def end_doubt() -> None:
        try:
            await postgres.commit(room, 1, (), nonce="here-9")
        except Conflict as conflict:
            outcomes.append(conflict.nonce)
        else:
            outcomes.append("")

    with psycopg.connect(postgres_url) as ghost:
        ghost.execute(
            "SELECT * FROM ab_commit_1(%s, %s, %s, %s, false)",
            (changes_of(room, ()), 1, "ghost-1", delta),
        )
        async with trio.open_nursery() as nursery:
            nursery.start_soon(end_doubt)
            while not await _is_waiting(postgres_url):  # noqa: ASYNC110 - its state
                await trio.sleep(0.01)
            assert outcomes == []
            if is_kept:
                ghost.commit()
            else:
                ghost.rollback()
    assert outcomes == ["ghost-1" if is_kept else ""]


async def _is_waiting(url: str) -> bool:
    await trio.lowlevel.checkpoint()
    with psycopg.connect(url) as connection:
        row = connection.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
        return bool((row.fetchone() or (0,))[0])


async def test_a_write_of_a_cancelled_caller_is_applied_whole(
    postgres: PostgresStore,
) -> None:
    player = Player.of(postgres)
    with trio.CancelScope() as scope:
        scope.cancel()
        await player.say("ann", "kept")
    await postgres.probe()
    saved = await postgres.load("lab", 9)
    assert saved is not None
    assert [each.text for each in saved.messages] == ["kept"]


async def test_reads_and_writes_go_on_after_all_connections_were_lost(
    postgres: PostgresStore, postgres_url: str
) -> None:
    player = Player.of(postgres)
    await player.say("ann", "one")
    await postgres.load("lab", 1)
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    with pytest.raises(Refused):
        await player.say("ann", "two")
    await player.say("ann", "two")
    with pytest.raises(Refused):
        await postgres.load("lab", 1)
    assert await postgres.load("lab", 1) is not None


async def test_a_slow_read_ends_when_its_caller_goes(
    postgres: PostgresStore, postgres_url: str
) -> None:
    await postgres.load("lab", 1)
    with psycopg.connect(postgres_url) as locked:
        locked.execute("LOCK TABLE rooms IN ACCESS EXCLUSIVE MODE")
        with trio.move_on_after(0.05) as scope:
            await postgres.load("lab", 1)
        assert scope.cancelled_caught
    assert await postgres.load("lab", 1) is None


async def test_a_call_that_is_cancelled_before_it_begins_leaves_its_connection_alone(
    postgres_url: str,
) -> None:
    threads = trio.CapacityLimiter(1)
    link = Link(postgres_url, threads)
    await link.run(lambda connection: connection.execute("SELECT 1"))
    kept = link.connection
    with trio.CancelScope() as scope:
        scope.cancel()
        await link.run(lambda connection: connection.execute("SELECT 2"))
    assert scope.cancelled_caught
    async with threads:  # no thread is free
        with trio.move_on_after(0.01) as scope:
            await link.run(lambda connection: connection.execute("SELECT 3"))
        assert scope.cancelled_caught
    assert link.connection is kept
    await link.run(lambda connection: connection.execute("SELECT 4"))
    assert link.connection is kept
    link.close()


async def test_a_server_that_cannot_be_reached_is_refused() -> None:
    with pytest.raises(Refused, match="PostgreSQL"):
        async with open_postgres_store("postgresql://ann@/lab?host=/nowhere"):
            pass


async def test_a_backup_is_left_to_the_server(postgres: PostgresStore) -> None:
    with pytest.raises(Refused, match="argybargy backup --store"):
        await postgres.snapshot()
