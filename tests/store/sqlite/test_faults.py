"""Faults of the store: a locked database, a full disk, cancellation and kills."""

import shutil
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import apsw
import attrs
import pytest
import trio
import trio.testing

from argybargy.domain.message import TO_ALL, Message, SenderKind
from argybargy.domain.names import peer_key
from argybargy.domain.room.writes import AppendMessage
from argybargy.store.errors import Full, Refused, StoreError, Unknown
from argybargy.store.protocol import WriterStatistics
from argybargy.store.sqlite.connection import DatabaseThread, Role
from argybargy.store.sqlite.store import SqliteStore, open_sqlite_store
from argybargy.store.sqlite.writer import Writer, open_writer
from argybargy.store.write_queue import QUEUE_JOBS
from support.store_player import Player


async def test_rooms_that_write_at_once_share_transactions(
    sqlite: SqliteStore,
) -> None:
    players = [Player.of(sqlite, f"room{number}") for number in range(60)]

    async def talk(player: Player) -> None:
        for _ in range(5):
            await player.say("ann")

    async with trio.open_nursery() as nursery:
        for player in players:
            nursery.start_soon(talk, player)
    statistics = sqlite.statistics()
    assert statistics.jobs == 300
    assert statistics.batches <= 30
    assert statistics.batch_jobs.total == 300
    assert statistics.commit_seconds.count == statistics.batches
    assert len(await sqlite.recent(None, 999)) == 300


async def test_a_failed_write_does_not_affect_others_of_its_batch(
    sqlite: SqliteStore,
) -> None:
    good, bad = Player.of(sqlite, "good"), Player.of(sqlite, "bad")
    await bad.say("ann", "first")
    impossible = Message(2**70, 1, "ann", SenderKind.AGENT, TO_ALL, "x", "none")
    failures = []

    async def write_impossible() -> None:
        try:
            append = AppendMessage(impossible)
            await sqlite.commit(bad.room, bad.room.version, [append], nonce="x-1")
        except OverflowError as error:
            failures.append(error)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(good.say, "ann", "one")
        nursery.start_soon(write_impossible)
        nursery.start_soon(Player.of(sqlite, "other").say, "ann", "two")
    assert len(failures) == 1
    assert len(await sqlite.recent(None, 9)) == 3
    await bad.say("ann", "second")


async def test_a_lock_of_another_process_refuses_writes_until_it_is_released(
    sqlite: SqliteStore, tmp_path: Path
) -> None:
    player = Player.of(sqlite)
    await player.say("ann", "before")
    other = apsw.Connection(str(tmp_path / "data" / "relay.db"))
    other.execute("BEGIN IMMEDIATE")
    with trio.fail_after(3), pytest.raises(Refused, match="locked"):
        await player.say("ann", "during")
    assert len(await sqlite.recent(None, 9)) == 1
    other.execute("ROLLBACK")
    other.close()
    await player.say("ann", "after")
    assert player.room.head == 2


async def test_a_full_disk_is_reported_and_writes_recover(sqlite: SqliteStore) -> None:
    player = Player.of(sqlite)
    await player.say("ann", "small")
    await _limit_pages(sqlite, 1)
    with pytest.raises(Full):
        await player.say("ann", "x" * 200_000)
    assert len(await sqlite.recent(None, 9)) == 1
    await sqlite.probe()
    await _limit_pages(sqlite, 2**30)
    await player.say("ann", "x" * 200_000)
    assert (player.room.head, player.room.version) == (2, 2)


async def _limit_pages(store: SqliteStore, pages: int) -> None:
    connection = store._writer._connection
    await connection.run(
        lambda link: link.execute(f"PRAGMA max_page_count = {pages}").fetchall()
    )


async def test_a_lost_connection_is_reopened(sqlite: SqliteStore) -> None:
    player = Player.of(sqlite)
    await player.say("ann")
    await sqlite._writer._connection.aclose()
    await player.say("ann")
    assert await sqlite.count_unread("lab", peer_key("bob"), 0) == 2


async def test_a_write_to_a_failing_disk_is_refused_and_a_later_one_succeeds(
    sqlite: SqliteStore,
) -> None:
    player = Player.of(sqlite)
    await player.say("ann")

    def fail(connection: apsw.Connection) -> None:
        connection.execute("UPDATE rooms SET head = 77")
        raise apsw.IOError("the cable is out")

    with pytest.raises(Refused, match="cable"):
        await sqlite._writer.write(fail)
    await player.say("ann")
    assert player.room.head == 2
    assert len(await sqlite.recent(None, 9)) == 2


async def test_a_disk_failure_at_commit_leaves_the_outcome_unknown_until_it_heals(
    sqlite: SqliteStore,
) -> None:
    player = Player.of(sqlite)
    await player.say("ann")

    def fail() -> bool:
        raise apsw.IOError("the cable is out")

    connection = sqlite._writer._connection
    await connection.run(lambda link: link.set_commit_hook(fail))
    with pytest.raises(Unknown, match="COMMIT"):
        await player.say("ann")
    await player.say("ann")  # on a new connection, which has no such hook
    assert len(await sqlite.recent(None, 9)) == 2


@attrs.frozen
class Busy:
    """A connection to a database that another connection has locked.

    Attributes:
        connection: The one to write with.
        lock: The one that holds the lock.
        made: What was written.
    """

    connection: DatabaseThread
    lock: apsw.Connection
    made: list[str] = attrs.field(factory=list)

    def work(self, name: str) -> Callable[[apsw.Connection], None]:
        return lambda _: self.made.append(name)


@pytest.fixture
async def busy(tmp_path: Path) -> AsyncIterator[Busy]:
    lock = apsw.Connection(str(tmp_path / "x.db"))
    lock.execute("BEGIN IMMEDIATE")
    connection = DatabaseThread(tmp_path / "x.db", Role.WRITER)
    yield Busy(connection, lock)
    await connection.aclose()
    lock.close()


async def test_a_write_stuck_in_the_queue_is_refused_at_its_deadline(
    idle_writer: Writer, autojump_clock: trio.testing.MockClock
) -> None:
    with pytest.raises(Refused, match="30 s"):
        await idle_writer.write(lambda _: None)
    assert autojump_clock.current_time() == pytest.approx(30)


async def test_a_withdrawn_write_is_never_applied_and_a_started_one_is_awaited(
    busy: Busy,
) -> None:
    async with open_writer(busy.connection, write_seconds=0.05) as writer:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(writer.write, busy.work("started"))
            await trio.testing.wait_all_tasks_blocked()
            with pytest.raises(Refused, match=r"0\.05 s"):
                await writer.write(busy.work("withdrawn"))
            assert busy.made == []
            busy.lock.execute("ROLLBACK")
        await writer.write(busy.work("later"))
        assert busy.made == ["started", "later"]
        assert writer.statistics() == WriterStatistics(batches=2, jobs=2, waiting=0)


async def test_callers_of_a_writer_closed_mid_batch_get_an_error(busy: Busy) -> None:
    told: list[StoreError] = []

    async def write(writer: Writer) -> None:
        try:
            await writer.write(busy.work("never"))
        except StoreError as error:
            told.append(error)

    async with (
        trio.open_nursery() as nursery,
        open_writer(busy.connection) as writer,
    ):
        # The waiting callers outlive the writer, which is the case under test.
        nursery.start_soon(write, writer)
        await trio.testing.wait_all_tasks_blocked()
        nursery.start_soon(write, writer)
        await trio.testing.wait_all_tasks_blocked()
        writer._scope.cancel()
    assert {type(error) for error in told} == {Unknown, Refused}
    assert busy.made == []


async def test_a_cancelled_caller_leaves_no_partial_write(
    sqlite: SqliteStore,
) -> None:
    player = Player.of(sqlite)
    for _ in range(20):
        before = player.room
        with trio.CancelScope() as scope:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(player.say, "ann", "maybe")
                await trio.testing.wait_all_tasks_blocked()
                scope.cancel()
        saved = await sqlite.load("lab", 99)
        while saved is None or saved.version == before.version:
            saved = await sqlite.load("lab", 99)
        assert len(saved.messages) == saved.head == saved.version
        player.room = before
        player.room = type(before).restore(saved, player.now, player.limits)
    await sqlite.probe()


async def test_a_cancelled_read_leaves_its_connection_usable(
    sqlite: SqliteStore,
) -> None:
    def count_for_ever(connection: apsw.Connection) -> object:
        sql = """
            WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n)
            SELECT count(*) FROM n
        """
        return connection.execute(sql).get

    for _ in range(4):
        with trio.move_on_after(0.05) as scope:
            await sqlite._readers.read(count_for_ever)
        assert scope.cancelled_caught
    assert await sqlite.recent(None, 9) == ()


async def test_a_started_write_is_finished_when_the_store_is_cancelled(
    tmp_path: Path,
) -> None:
    with trio.CancelScope() as scope:
        async with open_sqlite_store(tmp_path) as store, trio.open_nursery() as nursery:
            for number in range(20):
                nursery.start_soon(Player.of(store, f"r{number}").say, "ann")
            await trio.testing.wait_all_tasks_blocked()
            scope.cancel()
    assert scope.cancelled_caught
    assert (tmp_path / "relay.db-wal").stat().st_size == 0
    async with open_sqlite_store(tmp_path) as store:
        assert len(await store.recent(None, 99)) == 20


async def test_a_closed_store_refuses_to_write(tmp_path: Path) -> None:
    async with open_sqlite_store(tmp_path) as store:
        pass
    with pytest.raises(Refused, match="closed"):
        await store.probe()


@pytest.fixture
def idle_writer(tmp_path: Path) -> Writer:
    """A writer whose task does not run, as if its disk hung."""
    return Writer(DatabaseThread(tmp_path / "x.db", Role.WRITER))


async def test_more_writes_than_the_queue_holds_are_refused(
    idle_writer: Writer,
) -> None:
    refused = []

    async def write() -> None:
        try:
            await idle_writer.write(lambda _: None)
        except Refused as error:
            refused.append(error)

    async with trio.open_nursery() as nursery:
        for _ in range(QUEUE_JOBS + 3):
            nursery.start_soon(write)
        await trio.testing.wait_all_tasks_blocked()
        assert len(refused) == 3
        nursery.cancel_scope.cancel()


async def test_abandoned_probes_occupy_one_slot_of_the_queue(
    busy: Busy,
) -> None:
    async with open_writer(busy.connection) as writer:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(writer.write, busy.work("started"))
            await trio.testing.wait_all_tasks_blocked()
            for _ in range(5):
                with trio.move_on_after(0.01):
                    await writer.probe()
            assert writer.statistics().waiting == 1
            busy.lock.execute("CREATE TABLE probes (times)")
            busy.lock.execute("COMMIT")
        await writer.probe()
        assert busy.made == ["started"]
        assert writer.statistics().waiting == 0


async def test_consecutive_probes_are_separate_writes(sqlite: SqliteStore) -> None:
    before = sqlite.statistics().jobs
    for _ in range(3):
        await sqlite.probe()
    assert sqlite.statistics().jobs == before + 3


_TALK_FOR_EVER = """
import pathlib, sys, trio
from support.store_player import Player
from argybargy.store.sqlite.store import open_sqlite_store

async def main():
    async with open_sqlite_store(pathlib.Path(sys.argv[1])) as store:
        player = Player.of(store)
        while True:
            print((await player.say("ann")).seq, flush=True)

trio.run(main)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGKILL")
async def test_acknowledged_writes_survive_a_kill(tmp_path: Path) -> None:
    tests = Path(__file__).parents[2]
    command = [sys.executable, "-c", _TALK_FOR_EVER, str(tmp_path)]
    process = await trio.lowlevel.open_process(
        command, stdout=subprocess.PIPE, env={"PYTHONPATH": str(tests)}
    )
    assert process.stdout is not None
    heard = b""
    with trio.fail_after(30):
        while heard.count(b"\n") < 20:
            heard += await process.stdout.receive_some()
        process.send_signal(signal.SIGKILL)
        async for rest in process.stdout:
            heard += rest
        await process.wait()
    last = int(heard.rsplit(b"\n", 1)[0].splitlines()[-1])
    async with open_sqlite_store(tmp_path) as store:
        saved = await store.load("lab", 10_000)
        assert saved is not None
        assert saved.head in {last, last + 1}
        assert len(saved.messages) == saved.head


async def test_the_log_alone_is_enough_to_start_again(tmp_path: Path) -> None:
    async with open_sqlite_store(tmp_path / "one") as store:
        await Player.of(store).say("ann", "kept")
        shutil.copytree(tmp_path / "one", tmp_path / "two")
    async with open_sqlite_store(tmp_path / "two") as store:
        assert len(await store.recent(None, 9)) == 1
