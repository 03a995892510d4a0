"""Doubts of the SQLite store: which commit was made, after the disk has failed."""

from collections.abc import Iterator
from pathlib import Path

import apsw
import pytest
import trio

from argybargy.store.errors import Conflict, Refused, StoreError, Unknown
from argybargy.store.sqlite.doubts import Doubts
from argybargy.store.sqlite.store import SqliteStore, open_sqlite_store
from support.faulty_disk import Act, Disk, fail_always, open_disk
from support.store_player import Player, texts

BROKEN = apsw.IOError("the cable is out")


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    with open_disk(tmp_path / "disk") as opened:
        yield opened


async def in_doubt(store: SqliteStore, disk: Disk) -> Player:
    """Return a player whose second commit may have been applied."""
    player = Player.of(store)
    await player.say("ann", "certain")
    disk.fault = fail_always(BROKEN, {Act.SYNC})
    with pytest.raises(Unknown):
        await player.say("ann", "in doubt")
    return player


async def settle(player: Player) -> str | None:
    """Commit nothing in the place of the one in doubt; return what was found there."""
    try:
        await player.store.commit(player.room, player.room.version, (), nonce="here-9")
    except Conflict as conflict:
        return conflict.nonce
    return None


async def test_the_commit_found_behind_a_durable_write_is_the_one_in_doubt() -> None:
    doubts, writes = Doubts(), list[str]()

    async def write() -> None:
        await trio.lowlevel.checkpoint()
        writes.append("durable")

    async def fail() -> None:
        await trio.lowlevel.checkpoint()
        raise Refused("the cable is out")

    await doubts.end("lab", fail)
    doubts.begin("Lab", 4, "here-2")
    with pytest.raises(Refused):
        await doubts.end("lab", fail)
    for _ in range(2):
        await doubts.end("LAB", write)
    assert writes == ["durable"]
    assert doubts.settled_nonce("lab", 4) == "here-2"
    assert doubts.settled_nonce("lab", 5) == ""
    doubts.forget("lab")
    assert doubts.settled_nonce("lab", 4) == ""


@pytest.mark.parametrize("is_reopened", [True, False])
async def test_a_doubt_ends_when_the_disk_works_again(
    disk: Disk, *, is_reopened: bool
) -> None:
    async with open_sqlite_store(disk.root) as store:
        player = await in_doubt(store, disk)
        with pytest.raises(StoreError):
            await settle(player)
        disk.heal()
        if is_reopened:  # then the log is recovered, with what it has
            await store._writer._connection.aclose()
        found = await settle(player)
        stored = texts(message for _, message in await store.recent(None, 9))
        assert found in {None, "here-2"}
        assert ("in doubt" in stored) == (found == "here-2")
        player.room = player.room.at_version(2)
        if found is None:
            await player.say("ann", "later")
            assert await store.confirm({"lab": 3}) == frozenset()


async def test_the_commit_of_somebody_else_is_not_taken_for_the_one_in_doubt(
    disk: Disk,
) -> None:
    """Two relays on one store object: only tests do that."""
    async with open_sqlite_store(disk.root) as store:
        player = await in_doubt(store, disk)
        disk.heal()
        other = Player.of(store, node="there")
        other.room = player.room
        await other.say("bob", "in its place")
        assert await settle(player) == ""
