"""Deletion of rooms in SQLite: in pieces, for good, and carried over by a restore."""

from pathlib import Path

import apsw
import pytest
import trio

from argybargy.domain.limits import Limits
from argybargy.domain.room.commands import Close, Delete, Open
from argybargy.domain.room.state import Room
from argybargy.domain.search.query import Scope, parse_search
from argybargy.store.sqlite import store as sqlite_store
from argybargy.store.sqlite.backup.verify import check_file
from argybargy.store.sqlite.schema import check_and_migrate, load_migrations
from argybargy.store.sqlite.store import SqliteStore, open_sqlite_store
from store.sqlite.backup.test_restore import back_up, code, reopened, restore
from support.store_player import LIMITS, Player, texts

SECRET = "Xylophonsekret"
TABLES = ("messages", "addressees", "receipts", "members", "questions", "claims")


async def fill(store: SqliteStore, count: int, name: str = "lab") -> Player:
    """Return a room of `count` messages, among them long, private and open ones."""
    player = Player.of(store, name)
    await player.do(Open("ops"))
    await store.add_codes([code("ann", name)], [])
    for number in range(count):
        text = f"{SECRET} {number} " + "x" * (9_000 if number % 3 == 0 else 10)
        await player.say(
            f"peer{number}",
            text,
            to="ann" if number % 2 else "all",
            idempotency_key=f"k{number}",
        )
    await store.sweep()  # indexes the messages
    return player


async def delete(player: Player) -> None:
    await player.do(Close("ops"), Delete("ops"))


def rows_in(directory: Path) -> dict[str, int]:
    connection = apsw.Connection(str(directory / "relay.db"))
    counts = {
        table: connection.execute(f"SELECT count(*) FROM {table}").get
        for table in TABLES
    }
    connection.close()
    return counts


def is_clearing(directory: Path) -> bool:
    connection = apsw.Connection(str(directory / "relay.db"))
    found = connection.execute("SELECT sum(is_clearing) FROM rooms").get
    connection.close()
    return bool(found)


def files_with(secret: str, directory: Path) -> list[str]:
    return sorted(
        path.name
        for path in directory.iterdir()
        if secret.lower().encode() in path.read_bytes().lower()
    )


async def matches(store: SqliteStore, text: str) -> list[str]:
    query = parse_search(text, Limits())
    found = await store.search(query, Scope(), 2**53, 50, 256 * 1024)
    return [each.message.text for each in found.found]


async def test_no_file_contains_a_word_of_a_deleted_room(tmp_path: Path) -> None:
    async with open_sqlite_store(tmp_path, LIMITS) as store:
        kept = Player.of(store, "kept")
        await kept.say("ann", "to be kept")
        player = await fill(store, 40)
        assert files_with(SECRET, tmp_path)
        await delete(player)
        await store.clear_deleted()
        assert files_with(SECRET, tmp_path) == []
        assert await matches(store, "kept") == ["to be kept"]
    assert files_with(SECRET, tmp_path) == []
    assert rows_in(tmp_path) == dict.fromkeys(TABLES, 0) | {"messages": 1, "members": 1}
    assert not is_clearing(tmp_path)
    check_file(tmp_path / "relay.db")


async def test_rows_are_deleted_in_bounded_pieces(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("SWEEP_ROWS", "CLEAR_ROWS"):
        monkeypatch.setattr(sqlite_store, name, 5)
    async with open_sqlite_store(tmp_path, LIMITS) as store:
        player = await fill(store, 23)
        await delete(player)
        before = store.statistics().batches
        await store.clear_deleted()
        assert store.statistics().batches - before >= (2 * 23 + 23) // 5
    assert rows_in(tmp_path) == dict.fromkeys(TABLES, 0)


@pytest.mark.parametrize("pieces", range(0, 14, 2))
async def test_a_kill_in_the_middle_is_made_up_for_at_the_next_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pieces: int
) -> None:
    for name in ("SWEEP_ROWS", "CLEAR_ROWS"):
        monkeypatch.setattr(sqlite_store, name, 5)
    async with open_sqlite_store(tmp_path, LIMITS) as store:
        player = await fill(store, 23)
        await delete(player)
        before = store.statistics().jobs
        async with trio.open_nursery() as nursery:
            nursery.start_soon(store.clear_deleted)
            while store.statistics().jobs - before < pieces:
                await trio.lowlevel.checkpoint()
            nursery.cancel_scope.cancel()
    assert is_clearing(tmp_path)
    check_file(tmp_path / "relay.db")
    async with open_sqlite_store(tmp_path, LIMITS) as store:
        saved = await store.load("lab", 10)
        assert saved is not None
        assert (saved.is_deleted, saved.members, saved.receipts) == (True, (), ())
        assert await matches(store, SECRET) == []
        await store.clear_deleted()
    assert rows_in(tmp_path) == dict.fromkeys(TABLES, 0)
    assert files_with(SECRET, tmp_path) == []


async def test_the_index_does_not_take_new_messages_for_deleted_ones(
    tmp_path: Path,
) -> None:
    async with open_sqlite_store(tmp_path, LIMITS) as store:
        await Player.of(store, "old").say("ann", "first of all")
        player = await fill(store, 4)
        await delete(player)
        # As in a crash between the two files: the index keeps the words for now.
        while await store._writer.write(sqlite_store._clear_messages):
            pass
        other = Player.of(store, "other")
        await other.say("bob", "entirely different")
        assert await matches(store, SECRET) == []
        assert await matches(store, "different") == ["entirely different"]
        await store.clear_deleted()
        assert await matches(store, "different") == ["entirely different"]
    async with open_sqlite_store(tmp_path, LIMITS) as store:
        assert await matches(store, "different") == ["entirely different"]
        assert await matches(store, "first") == ["first of all"]
        assert await matches(store, SECRET) == []


async def test_only_the_indexed_room_is_deleted(tmp_path: Path) -> None:
    async with open_sqlite_store(tmp_path, LIMITS) as store:
        player = await fill(store, 3)
        await delete(player)
        await store.clear_deleted()
        assert files_with(SECRET, tmp_path) == []
        await player.do(Open("ops"))
        await player.say("ann", "reborn")
        assert await matches(store, "reborn") == ["reborn"]


# -- backup and restore -----------------------------------------------------------


async def test_a_backup_made_in_the_middle_is_valid_and_hides_the_room(
    tmp_path: Path,
) -> None:
    async with open_sqlite_store(tmp_path / "data", LIMITS) as store:
        await delete(await fill(store, 5))
        await back_up(store, tmp_path / "backup.db")
        await store.clear_deleted()
    contents = check_file(tmp_path / "backup.db")
    assert (contents.rooms, contents.messages, contents.codes) == (0, 0, 0)
    restored = restore(tmp_path / "data", tmp_path / "backup.db")
    assert restored.rooms == ()
    async with open_sqlite_store(tmp_path / "data", LIMITS) as store:
        assert (await store.overview()).rooms == ()
        await store.clear_deleted()
    assert rows_in(tmp_path / "data") == dict.fromkeys(TABLES, 0)


async def test_an_older_backup_brings_the_room_back_with_higher_numbers(
    tmp_path: Path,
) -> None:
    async with open_sqlite_store(tmp_path / "data", LIMITS) as store:
        player = await fill(store, 3)
        await back_up(store, tmp_path / "backup.db")
        await player.say("ann", "four")
        await delete(player)
        await store.clear_deleted()
    restored = restore(tmp_path / "data", tmp_path / "backup.db")
    (room,) = restored.rooms
    assert (room.name, room.head, room.lost, room.is_certain) == ("lab", 3, 1, True)
    assert restored.revoked == (code("ann").key_id,), "codes stay revoked"
    async with reopened(tmp_path / "data") as player:
        assert player.room.status.is_closed
        page = await player.store.page("lab", "bob", 0, 99, 1_000_000)  # type: ignore[arg-type]
        assert [each.seq for each in page.messages] == [1, 3, 5]
        assert (await player.store.codes()) == ()
        await player.do(Open("ops"))
        assert (await player.say("ann", "next")).seq == 6


async def test_a_restore_remembers_the_numbers_of_a_room_younger_than_the_backup(
    tmp_path: Path,
) -> None:
    async with open_sqlite_store(tmp_path / "data", LIMITS) as store:
        await Player.of(store, "quiet").say("ann", "only this")
        await back_up(store, tmp_path / "backup.db")
        player = await fill(store, 4)
        await delete(player)
    assert restore(tmp_path / "data", tmp_path / "backup.db").rooms == ()
    async with open_sqlite_store(tmp_path / "data", LIMITS) as store:
        names = [room.status.name for room in (await store.overview()).rooms]
        assert names == ["quiet"]
    async with reopened(tmp_path / "data") as player:
        assert (player.room.exists, player.room.head) == (False, 4)
        await player.do(Open("ops"))
        assert (await player.say("ann", "next")).seq == 5


async def test_a_room_made_again_since_the_backup_comes_back_empty(
    tmp_path: Path,
) -> None:
    async with open_sqlite_store(tmp_path / "data", LIMITS) as store:
        player = await fill(store, 2)
        await delete(player)
        await back_up(store, tmp_path / "backup.db")
        await player.do(Open("ops"))
        for _ in range(3):
            await player.say("ann", "second life")
    restore(tmp_path / "data", tmp_path / "backup.db")
    async with reopened(tmp_path / "data") as player:
        assert player.room.exists
        found = await player.store.look_back("lab", None, 99, 9, 1_000_000)
        assert [each.event for each in found.messages] == ["restored"]
        assert (await player.say("ann", "next")).seq == 7


async def test_numbers_of_a_deleted_room_skip_ahead_where_they_are_unknown(
    tmp_path: Path,
) -> None:
    async with open_sqlite_store(tmp_path / "data", LIMITS) as store:
        await delete(await fill(store, 2))
        await back_up(store, tmp_path / "backup.db")
    restore(tmp_path / "elsewhere", tmp_path / "backup.db", skip_ahead=50)
    async with reopened(tmp_path / "elsewhere") as player:
        assert not player.room.exists
        await player.do(Open("ops"))
        assert (await player.say("ann", "next")).seq == 53


async def test_a_room_of_an_older_schema_can_be_deleted(tmp_path: Path) -> None:
    steps = load_migrations()
    older = tuple(step for step in steps if step.number < 8)
    connection = apsw.Connection(str(tmp_path / "relay.db"))
    check_and_migrate(connection, tmp_path / "relay.db", older)
    connection.execute(
        """
        INSERT INTO rooms (id, name, version, head, first, fence, closed_at_ms,
                           closed_by, created_ms, last_ms, spoken_ms)
        VALUES (1, 'lab', 1, 1, 1, 0, 5, 'ops', 1, 1, 1);
        INSERT INTO messages (id, room_id, seq, at_ms, sender, kind, recipients, text,
                              expects, fence, is_settled)
        VALUES (1, 1, 1, 1, 'ann', 'agent', '["all"]', 'hi', 'none', 0, 0);
        """
    ).fetchall()
    connection.close()
    async with open_sqlite_store(tmp_path, LIMITS) as store:
        player = Player.of(store)
        saved = await store.load("lab", 10)
        assert saved is not None
        player.room = Room.restore(saved, player.now, LIMITS)
        assert texts((await store.look_back("lab", None, 9, 9, 99)).messages) == ["hi"]
        await player.do(Delete("ops"))
        await store.clear_deleted()
    assert rows_in(tmp_path) == dict.fromkeys(TABLES, 0)


async def test_retention_leaves_deleted_rooms_to_the_bounded_clearing(
    tmp_path: Path,
) -> None:
    async with open_sqlite_store(tmp_path, LIMITS) as store:
        await delete(await fill(store, 7))
        await store.sweep()
        assert rows_in(tmp_path)["messages"] == 7
        await store.clear_deleted()
    assert rows_in(tmp_path)["messages"] == 0
