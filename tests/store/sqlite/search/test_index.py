"""The full-text index: rebuilt when lost, and never an obstacle to posts."""

import shutil
import stat
import sys
from pathlib import Path

import apsw
import pytest
import trio
import trio.testing

from argybargy.domain.limits import Limits
from argybargy.domain.names import PeerKey, peer_key
from argybargy.domain.pages import PageBuilder
from argybargy.domain.search.query import Scope, parse_search
from argybargy.store.errors import Refused
from argybargy.store.protocol import Store
from argybargy.store.sqlite.search import index, index_tables
from argybargy.store.sqlite.search import query as search
from argybargy.store.sqlite.search.index import INDEX_NAME
from argybargy.store.sqlite.search.index_tables import PIECE_ROWS
from argybargy.store.sqlite.search.query import search_messages
from argybargy.store.sqlite.store import SqliteStore, open_sqlite_store
from support.store_player import Player, post


async def texts(store: Store, text: str) -> list[str]:
    query = parse_search(text, Limits())
    found = await store.search(query, Scope(), 2**53, 50, 256 * 1024)
    return [each.message.text for each in found.found]


def index_of(directory: Path) -> Path:
    return directory / INDEX_NAME


async def fill(directory: Path, *said: str) -> None:
    async with open_sqlite_store(directory) as store:
        saved = await store.load("lab", 10)
        player = Player.of(store)
        if saved is not None:
            player.room = type(player.room).restore(saved, player.now, player.limits)
        for text in said:
            await player.say("ann", text)
        await store.sweep()


async def found_in(directory: Path, text: str) -> list[str]:
    async with open_sqlite_store(directory) as store:
        return await texts(store, text)


def matching(directory: Path, pattern: str) -> list[Path]:
    return list(directory.glob(pattern))


def remove(directory: Path, pattern: str) -> None:
    for path in matching(directory, pattern):
        path.unlink()


def read_index(directory: Path, sql: str) -> list[tuple[object, ...]]:
    connection = apsw.Connection(str(index_of(directory)))
    try:
        return list(connection.execute(sql))
    finally:
        connection.close()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such modes")
async def test_only_the_owner_may_read_the_index(tmp_path: Path) -> None:
    async with open_sqlite_store(tmp_path) as store:
        await Player.of(store).say("ann")
        await store.sweep()
        files = matching(tmp_path, "search.db*")
        modes = {stat.S_IMODE(path.stat().st_mode) for path in files}
        assert modes == {0o600}


async def test_the_index_survives_a_restart(tmp_path: Path) -> None:
    await fill(tmp_path, "first")
    inode = index_of(tmp_path).stat().st_ino
    await fill(tmp_path, "second")
    assert await found_in(tmp_path, "first") == ["first"]
    assert await found_in(tmp_path, "second") == ["second"]
    assert index_of(tmp_path).stat().st_ino == inode


async def test_a_missing_index_is_rebuilt(tmp_path: Path) -> None:
    await fill(tmp_path, "first")
    remove(tmp_path, "search.db*")
    assert await found_in(tmp_path, "first") == ["first"]


@pytest.mark.parametrize(
    "sql",
    [
        "DELETE FROM words_data",
        "DELETE FROM words_idx",
        "DELETE FROM words_config",
        "DELETE FROM words_docsize",
        "UPDATE words_data SET block = zeroblob(40) WHERE id > 10",
        "UPDATE words_data SET block = x'ff' WHERE id = 10",
        "DROP TABLE words_data",
        "DROP TABLE words",
        "DROP TABLE newest",
        "DELETE FROM newest",
        "PRAGMA user_version = 99",
    ],
)
async def test_a_wrong_index_is_rebuilt(tmp_path: Path, sql: str) -> None:
    await fill(tmp_path, "first", "second")
    connection = apsw.Connection(str(index_of(tmp_path)))
    connection.execute("PRAGMA writable_schema = ON")
    connection.config(apsw.SQLITE_DBCONFIG_DEFENSIVE, 0)
    connection.execute(sql).fetchall()
    connection.close()
    assert await found_in(tmp_path, "first") == ["first"]
    await fill(tmp_path, "third")
    assert await found_in(tmp_path, "third") == ["third"]


@pytest.mark.parametrize("size", [0, 100, 4096, 20_000])
async def test_an_index_file_that_is_no_database_is_rebuilt(
    tmp_path: Path, size: int
) -> None:
    await fill(tmp_path, "first")
    remove(tmp_path, "search.db-*")
    index_of(tmp_path).write_bytes(b"\xa5" * size)
    assert await found_in(tmp_path, "first") == ["first"]


async def test_an_index_damaged_in_use_is_rebuilt(
    sqlite: SqliteStore,
) -> None:
    player = Player.of(sqlite)
    await player.say("ann", "first")
    assert await texts(sqlite, "first") == ["first"]
    await sqlite._index._connection.run(_spoil)
    assert await texts(sqlite, "first") == ["first"]
    await player.say("ann", "second")
    await sqlite.sweep()
    assert await texts(sqlite, "second") == ["second"]


def _spoil(connection: apsw.Connection) -> None:
    connection.execute("DROP TABLE words")


async def test_a_restore_rebuilds_the_index(
    tmp_path: Path,
) -> None:
    await fill(tmp_path, "kept")
    shutil.copy(tmp_path / "relay.db", tmp_path / "backup")
    await fill(tmp_path, "undone")
    remove(tmp_path, "relay.db*")
    shutil.copy(tmp_path / "backup", tmp_path / "relay.db")
    await fill(tmp_path, "instead")
    assert await found_in(tmp_path, "undone") == []
    assert await found_in(tmp_path, "instead") == ["instead"]
    assert await found_in(tmp_path, "kept") == ["kept"]


async def test_an_unwritable_index_does_not_fail_posts(tmp_path: Path) -> None:
    index_of(tmp_path).mkdir()
    async with open_sqlite_store(tmp_path) as store:
        player = Player.of(store)
        await player.say("ann", "first")
        with pytest.raises(Refused):
            await texts(store, "first")
        with pytest.raises(Refused):
            await store.sweep()
        await player.say("ann", "second")
        index_of(tmp_path).rmdir()
        assert await texts(store, "second") == ["second"]


async def test_many_messages_are_indexed_piece_by_piece(sqlite: SqliteStore) -> None:
    player = Player.of(sqlite)
    count = 2 * PIECE_ROWS + 1
    await player.do(*(post("ann", f"word {number}") for number in range(count)))
    assert await texts(sqlite, f"{count - 1}") == [f"word {count - 1}"]
    assert await texts(sqlite, '"word 0"') == ["word 0"]


async def test_messages_of_many_words_are_indexed_a_few_at_a_time(
    sqlite: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index_tables, "PIECE_TERMS", 10)
    player = Player.of(sqlite)
    await player.do(*(post("ann", "so many words here") for _ in range(4)))
    # Each word is indexed for the operator and for each reader: eight terms a message.
    work = sqlite._index._run
    pieces = [await work(index_tables.index_piece) for _ in range(3)]
    assert pieces == [True, True, False]


async def test_housekeeping_does_not_wait_long_for_the_index(
    sqlite: SqliteStore, mock_clock: trio.testing.MockClock
) -> None:
    limits = Limits(posts_per_window=0, messages_per_room=1)
    player = Player.of(sqlite, limits=limits)
    await player.say("ann", "first")
    assert await texts(sqlite, "first") == ["first"]
    await player.say("ann", "second")
    lock = sqlite._index._turn
    async with lock, trio.open_nursery() as nursery:
        nursery.start_soon(sqlite.sweep)
        while not lock.statistics().tasks_waiting:
            await trio.testing.wait_all_tasks_blocked()
        mock_clock.jump(index.KEEP_UP_SECONDS)
    rows = "SELECT count(*) FROM words_docsize"
    count = await sqlite._index._run(lambda connection: connection.execute(rows).get)
    assert count == 1, "what was swept meanwhile"
    await sqlite.sweep()
    count = await sqlite._index._run(lambda connection: connection.execute(rows).get)
    assert count == 1
    assert await texts(sqlite, "second") == ["second"]
    assert await texts(sqlite, "first") == []


async def test_housekeeping_opens_an_index_that_takes_longer_than_a_search_may(
    sqlite: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each search would begin the check anew, and none would ever end it."""
    await Player.of(sqlite).do(post("ann", "word"))
    assert await texts(sqlite, "word") == ["word"]
    await sqlite._index._connection.aclose()
    monkeypatch.setattr(index, "KEEP_UP_SECONDS", 0)
    await sqlite.sweep()
    assert sqlite._index._connection.is_open
    assert await texts(sqlite, "word") == ["word"]


async def test_many_messages_are_dropped_a_few_at_a_time(
    sqlite: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index_tables, "PIECE_ROWS", 2)
    player = Player.of(sqlite)
    await player.do(*(post("ann", "word") for _ in range(5)))
    await sqlite._index.catch_up()
    work = sqlite._index._run
    await work(lambda link: link.execute("UPDATE words_docsize SET id = id + 90"))
    assert [await work(index_tables.delete_orphans) for _ in range(4)] == [
        *(True, True, True, False)
    ]


async def pages_read(store: SqliteStore, text: str, reader: PeerKey | None) -> int:
    """Return the bytes that a search reads from the files."""
    query = parse_search(text, Limits())

    def count(connection: apsw.Connection) -> int:
        def pages() -> int:
            hits, _ = connection.status(apsw.SQLITE_DBSTATUS_CACHE_HIT)
            misses, _ = connection.status(apsw.SQLITE_DBSTATUS_CACHE_MISS)
            return hits + misses

        before, builder = pages(), PageBuilder(50, 256 * 1024)
        search_messages(connection, query, Scope("lab", reader), 2**53, builder)
        return pages() - before

    await store._index.catch_up()
    return await store._index._connection.run(count)


@pytest.mark.parametrize("looked_for", ["zq", "zq0001", "zqabc", '"zq0001 zq0002"'])
async def test_the_cost_of_a_search_does_not_depend_on_hidden_messages(
    sqlite: SqliteStore, looked_for: str
) -> None:
    player = Player.of(sqlite)
    await player.say("ann", "everybody may see this")
    numbers = [f"zq{number:04}" for number in range(8_000)]
    for start in range(0, len(numbers), 200):
        await player.say("ann", " ".join(numbers[start : start + 200]), "bob")
    elsewhere = looked_for.replace("zq", "xq")
    await pages_read(sqlite, "warm", peer_key("cid"))
    costs = [
        await pages_read(sqlite, each, peer_key("cid"))
        for each in (looked_for, elsewhere)
    ]
    assert costs[0] == costs[1]
    if looked_for == "zq":
        assert await pages_read(sqlite, looked_for, peer_key("bob")) > 2 * costs[0]


async def test_a_prefix_of_too_many_words_is_too_wide(
    sqlite: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "MAX_PREFIX_MATCHES", 5)
    player = Player.of(sqlite)
    await player.say("ann", "deed deep deer")
    await player.say("ann", "dear deal dean debt", "bob")

    async def is_too_wide(text: str, reader: str) -> bool:
        query = parse_search(text, Limits())
        scope = Scope("lab", peer_key(reader))
        return (await sqlite.search(query, scope, 2**53, 50, 256 * 1024)).is_too_wide

    assert await is_too_wide("de", "bob")
    assert await is_too_wide("foo-de", "ann")
    assert not await is_too_wide("de", "cid"), "tells of what cid may not see"
    assert not await is_too_wide("dee", "bob")
    assert not await is_too_wide('"de"', "bob")


async def test_retention_removes_messages_from_the_index(tmp_path: Path) -> None:
    limits = Limits(posts_per_window=0, messages_per_room=2)
    async with open_sqlite_store(tmp_path) as store:
        player = Player.of(store, limits=limits)
        await player.say("ann", "first")
        await store.sweep()
        for text in ("second", "third"):
            await player.say("ann", text)
        await store.sweep()
    with_word = "SELECT rowid FROM words WHERE words MATCH '\"{}/{}\"'"
    for scope in ("every", "1/all"):
        assert read_index(tmp_path, with_word.format(scope, "first")) == []
        assert read_index(tmp_path, with_word.format(scope, "third")) == [(3,)]


async def test_a_search_holds_no_lock_on_the_database(sqlite: SqliteStore) -> None:
    player = Player.of(sqlite)
    await player.say("ann", "first")
    await texts(sqlite, "first")

    def looks(connection: apsw.Connection) -> list[str | None]:
        connection.execute("BEGIN")
        connection.execute("SELECT * FROM relay.messages").fetchall()
        connection.execute("DELETE FROM newest")
        states = [connection.txn_state(name) for name in ("main", "relay")]
        connection.execute("ROLLBACK")
        return [str(state) for state in states]

    states = await sqlite._index._connection.run(looks)
    assert states == [str(apsw.SQLITE_TXN_WRITE), str(apsw.SQLITE_TXN_READ)]
