"""Imports of records of another relay, and snapshots."""

import gc

import attrs
import pytest
import trio

from argybargy.domain.access_codes import CodeRecord, digest_code
from argybargy.domain.message import TO_ALL, Message, SenderKind
from argybargy.domain.names import peer_key
from argybargy.domain.room.commands import Import, ImportedMessage
from argybargy.domain.room.state import RoomStatus
from argybargy.domain.room.writes import Audit
from argybargy.store.errors import Refused
from argybargy.store.memory.store import MemoryStore
from argybargy.store.protocol import DatabaseSnapshot, Store
from argybargy.store.sqlite.backup.snapshot import MOST_OPEN_COPIES
from argybargy.store.sqlite.store import SqliteStore
from support.store_player import START_MS, Player

ROW = Audit(1, "invite", "admin", "lab", "ann", tally="import/audit/1")
CODE = CodeRecord(digest_code("a code of old"), "lab", "ann", "", 1)
CODE_ROW = Audit(2, "import", "admin", "lab", "ann", tally="import/code/1")


async def test_a_record_is_imported_once(store: Store) -> None:
    codes = {CODE_ROW.tally: CODE}
    new = await store.adopt([ROW, CODE_ROW], codes)
    assert new == {ROW.tally, CODE_ROW.tally}
    assert await store.adopt([ROW, CODE_ROW], codes) == frozenset()
    assert await store.codes() == (CODE,)
    assert [row.audit for row in await store.audit(9, None)] == [ROW, CODE_ROW]


async def test_known_tallies_are_reported(store: Store) -> None:
    await store.adopt([ROW], {})
    await store.note({}, [Audit(1, "say", "ann")])
    assert await store.tallies([ROW.tally, CODE_ROW.tally]) == {ROW.tally}
    assert await store.tallies([]) == frozenset()


async def test_a_revoked_code_is_not_imported_again(store: Store) -> None:
    await store.adopt([CODE_ROW], {CODE_ROW.tally: CODE})
    await store.remove_codes([CODE], [])
    await store.adopt([CODE_ROW], {CODE_ROW.tally: CODE})
    assert await store.codes() == ()


async def test_a_revoked_code_is_not_imported_after_the_audit_log_was_cut(
    store: Store,
) -> None:
    await store.add_codes([CODE], [])
    await store.remove_codes([CODE], [])
    assert await store.adopt([CODE_ROW], {CODE_ROW.tally: CODE}) == frozenset()
    assert await store.codes() == ()


async def test_seq_gaps_are_skipped_by_reads(store: Store) -> None:
    player = Player.of(store)
    numbers = (3, 4, 9, 10)
    messages = tuple(
        ImportedMessage(
            Message(seq, START_MS, "ann", SenderKind.AGENT, TO_ALL, f"{seq}", "none")
        )
        for seq in numbers
    )
    await player.do(Import("admin", RoomStatus("lab"), messages))
    page = await store.page("lab", peer_key("bob"), 0, 3, 10_000)
    assert [message.seq for message in page.messages] == [3, 4, 9]
    assert (page.cursor, page.first) == (9, 3)
    back = await store.look_back("lab", None, 10, 2, 10_000)
    assert [message.seq for message in back.messages] == [4, 9]
    saved = await store.load("lab", 100)
    assert saved is not None
    assert saved.seq_gaps == player.room.seq_gaps
    assert [message.seq for message in saved.messages] == list(numbers)
    overview = await store.overview()
    assert overview.rooms[0].messages == 4
    assert await store.count_unread("lab", peer_key("bob"), 0) == 4


async def test_the_memory_store_refuses_a_snapshot(store: Store) -> None:
    if not isinstance(store, MemoryStore):
        return
    with pytest.raises(Refused, match="memory"):
        await store.snapshot()


async def test_posts_go_on_while_a_copy_is_made(sqlite: SqliteStore) -> None:
    player = Player.of(sqlite)
    for _ in range(50):
        await player.say("ann", "x" * 8_000)
    posted = 0
    async with trio.open_nursery() as nursery:
        copied = trio.Event()

        async def copy() -> None:
            for _ in range(5):
                snapshot = await sqlite.snapshot()
                await snapshot.aclose()
            copied.set()

        nursery.start_soon(copy)
        while not copied.is_set():
            await player.say("ann", "meanwhile")
            posted += 1
    assert posted > 5, "nobody waited for a whole copy"


async def test_one_copy_is_made_at_a_time(sqlite: SqliteStore) -> None:
    player = Player.of(sqlite)
    for _ in range(20):
        await player.say("ann", "x" * 8_000)
    refused = 0

    async def copy() -> None:
        nonlocal refused
        try:
            await (await sqlite.snapshot()).aclose()
        except Refused:
            refused += 1

    async with trio.open_nursery() as nursery:
        nursery.start_soon(copy)
        nursery.start_soon(copy)
    assert refused == 1


async def test_only_a_few_copies_are_open_at_once(sqlite: SqliteStore) -> None:
    copies = [await sqlite.snapshot() for _ in range(MOST_OPEN_COPIES)]
    with pytest.raises(Refused, match="being read"):
        await sqlite.snapshot()
    await copies.pop().aclose()
    copies.append(await sqlite.snapshot())
    for copy in copies:
        await copy.aclose()
        await copy.aclose()


async def test_an_unread_snapshot_is_closed(
    sqlite: SqliteStore,
) -> None:
    for _ in range(MOST_OPEN_COPIES + 1):
        copy: DatabaseSnapshot | None = await sqlite.snapshot()
        assert copy is not None
        copy = None
        gc.collect()


async def test_a_cancelled_snapshot_leaves_no_file(
    sqlite: SqliteStore,
) -> None:
    player = Player.of(sqlite)
    for _ in range(100):
        await player.say("ann", "x" * 8_000)
    with trio.move_on_after(0.001):
        await sqlite.snapshot()
    directory = attrs.asdict(sqlite._snapshots, recurse=False)["path"].parent
    assert not [path for path in directory.iterdir() if "snapshot" in path.name]
    await (await sqlite.snapshot()).aclose()
