"""Disk failures during a commit: correct answers, and recovery without a restart."""

import random
from collections.abc import Iterable, Iterator
from pathlib import Path

import apsw
import attrs
import pytest
import trio
import trio.testing

from argybargy.domain.access_codes import CodeRecord, digest_code
from argybargy.domain.room.state import Room
from argybargy.relay.clock import system_clock
from argybargy.relay.readiness import Readiness
from argybargy.store.errors import Full, Refused, StoreError, Unknown
from argybargy.store.sqlite import wal
from argybargy.store.sqlite.store import SqliteStore, open_sqlite_store
from support.faulty_disk import (
    CHANGES,
    Act,
    Disk,
    Fault,
    fail_always,
    fail_nth,
    open_disk,
)
from support.store_player import Player

BROKEN = apsw.IOError("the cable is out")
FULL = apsw.FullError("no space left")
GROWING = frozenset({Act.WRITE, Act.TRUNCATE})
"""Operations that a full disk refuses."""
LASTING = 10**9
CUTS = 3


@attrs.define
class Patient:
    """A store on a disk with injected failures.

    Attributes:
        answers: The outcome of each posted text; ``None`` is success.
    """

    disk: Disk
    store: SqliteStore
    player: Player
    answers: dict[str, StoreError | None] = attrs.field(factory=dict)

    async def say(self, text: str) -> StoreError | None:
        """Post a text, and record the outcome."""
        try:
            await self.player.say("ann", text)
        except StoreError as error:
            self.answers[text] = error
        else:
            self.answers[text] = None
        return self.answers[text]

    async def reload(self) -> None:
        """Read the stored texts."""
        saved = await self.store.load("lab", 9_999)
        assert saved is not None
        self.player.room = Room.restore(saved, self.player.now, self.player.limits)

    async def check(self) -> None:
        """Fail the test unless the store works and every answer was correct."""
        await self.reload()
        assert await self.say("after") is None
        found = [each.text for _, each in await self.store.recent(None, 99)]
        assert self.find_lies(found) == []
        link = self.store._writer._connection
        assert not await link.run(lambda connection: connection.in_transaction)

    def find_lies(self, found: Iterable[str]) -> list[str]:
        """Return the answers that contradict the stored texts."""
        texts = list(found)
        return [
            f"{text!r} was answered {error!r} and is there {texts.count(text)} times"
            for text, error in self.answers.items()
            if texts.count(text) not in _true_counts(error)
        ]

    def find_lies_after_crashes(self, directory: Path) -> list[str]:
        """Simulate a kill and a power cut here; return the answers that were wrong."""
        crashes = {"killed": _read_files(self.disk.root)} | {
            f"cut{seed}": self.disk.cut_power(random.Random(seed))
            for seed in range(CUTS)
        }
        return [
            f"{name}: {lie}"
            for name, files in crashes.items()
            for lie in self.find_lies(_read_texts(files, directory / name))
        ]


def _true_counts(error: StoreError | None) -> set[int]:
    if isinstance(error, Refused):
        return {0}
    return {1} if error is None else {0, 1}


def _read_files(directory: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in directory.glob("relay.db*")}


def _read_texts(files: dict[str, bytes], directory: Path) -> list[str]:
    """Open SQLite on the files after a crash, and return the stored texts."""
    directory.mkdir(parents=True)
    for name, content in files.items():
        (directory / name).write_bytes(content)
    database = apsw.Connection(str(directory / "relay.db"))
    try:
        assert database.execute("PRAGMA integrity_check").get == "ok"
        return [row[0] for row in database.execute("SELECT text FROM messages")]
    finally:
        database.close()


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    with open_disk(tmp_path / "disk") as opened:
        yield opened


async def _suffer(disk: Disk, fault: Fault, scratch: Path) -> Patient:
    """Post before, twice during and once after a fault; check every answer.

    The files after a simulated crash are checked as well, after the answers and at the
    end.
    """
    async with open_sqlite_store(disk.root) as store:
        patient = Patient(disk, store, Player.of(store))
        assert await patient.say("before") is None
        disk.fault = fault
        await patient.say("during")
        await patient.say("during, again")
        lies = patient.find_lies_after_crashes(scratch / "early")
        disk.heal()
        await patient.check()
        lies += patient.find_lies_after_crashes(scratch / "late")
    assert lies == []
    return patient


@pytest.mark.parametrize("pages", [1, 1_000], ids=["checkpoints", "log only"])
@pytest.mark.parametrize("times", [1, LASTING], ids=["once", "lasting"])
@pytest.mark.parametrize("number", range(1, 16))
async def test_the_store_reports_correctly_and_recovers_after_any_failed_operation(
    tmp_path: Path,
    disk: Disk,
    monkeypatch: pytest.MonkeyPatch,
    number: int,
    times: int,
    pages: int,
) -> None:
    monkeypatch.setattr(wal, "CHECKPOINT_PAGES", pages)
    await _suffer(disk, fail_nth(number, BROKEN, times=times), tmp_path)


@pytest.mark.parametrize("number", range(1, 12))
async def test_a_disk_full_at_any_write_is_distinguished_from_a_broken_one(
    tmp_path: Path, disk: Disk, number: int
) -> None:
    fault = fail_nth(number, FULL, GROWING, LASTING)
    patient = await _suffer(disk, fault, tmp_path)
    answers = list(patient.answers.values())[1:3]
    assert [type(error) for error in answers if error is not None] in (
        [Full, Full],
        [Full],
        [],
    )
    assert (number > 1) or isinstance(answers[0], Full)


async def test_a_sync_that_fails_once_is_a_certain_refusal(
    tmp_path: Path, disk: Disk
) -> None:
    fault = fail_nth(1, BROKEN, {Act.SYNC})
    patient = await _suffer(disk, fault, tmp_path)
    assert isinstance(patient.answers["during"], Refused)
    assert patient.answers["during, again"] is None


async def test_a_sync_that_keeps_failing_leaves_the_outcome_unknown(
    tmp_path: Path, disk: Disk
) -> None:
    fault = fail_always(BROKEN, {Act.SYNC})
    patient = await _suffer(disk, fault, tmp_path)
    assert isinstance(patient.answers["during"], Unknown)
    # The next writer could not begin: it was certainly not applied.
    assert isinstance(patient.answers["during, again"], Refused)


async def test_codes_and_audit_rows_are_stored_together_on_a_failing_disk(
    disk: Disk,
) -> None:
    async with open_sqlite_store(disk.root) as store:
        for number in range(1, 12):
            record = CodeRecord(digest_code(f"{number}"), "lab", f"p{number}", "", 1)
            disk.fault = fail_nth(number, BROKEN, CHANGES, LASTING)
            try:
                await store.add_codes([record], [])
                is_there = {True}
            except Refused:
                is_there = {False}
            except Unknown:
                is_there = {True, False}
            disk.heal()
            await store.probe()
            assert (record in await store.codes()) in is_there


async def test_reads_succeed_while_writes_fail(disk: Disk) -> None:
    async with open_sqlite_store(disk.root) as store:
        patient = Patient(disk, store, Player.of(store))
        await patient.say("before")
        for error, kind in [(BROKEN, StoreError), (FULL, Full)]:
            disk.fault = fail_always(error, CHANGES)
            assert isinstance(await patient.say(f"while {error}"), kind)
            assert [each.text for _, each in await store.recent(None, 9)] == ["before"]
            with pytest.raises(StoreError):
                await store.probe()
            disk.heal()
            await store.probe()


async def test_a_failed_checkpoint_is_logged_and_loses_no_commit(
    tmp_path: Path, disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    monkeypatch.setattr(wal, "CHECKPOINT_PAGES", 1)
    monkeypatch.setattr(wal.log, "warning", lambda event, **_: said.append(event))
    async with open_sqlite_store(disk.root) as store:
        patient = Patient(disk, store, Player.of(store))
        disk.fault = lambda each: BROKEN if each.file == "relay.db" else None
        assert await patient.say("during") is None
        assert said == ["checkpoint failed"]
        assert patient.find_lies_after_crashes(tmp_path / "then") == []
        disk.heal()
        assert await patient.say("after") is None
    assert said == ["checkpoint failed"]


async def test_a_slow_disk_delays_writers_but_no_reader(disk: Disk) -> None:
    async with open_sqlite_store(disk.root) as store:
        await Player.of(store).say("ann", "before")
        ready = Readiness(store, system_clock())
        await ready.check()
        disk.sync_seconds = 1.3
        before = store.statistics().batches
        async with trio.open_nursery() as nursery:
            for number in range(20):
                nursery.start_soon(Player.of(store, f"r{number}").say, "ann")
            await trio.testing.wait_all_tasks_blocked()
            with trio.fail_after(0.6):
                assert len(await store.recent(None, 99)) == 1
            await trio.sleep(1.01)
            with pytest.raises(Refused, match="too long"):
                await ready.check()
            disk.sync_seconds = 0
        assert len(await store.recent(None, 99)) == 21
        assert store.statistics().batches - before <= 4
        await trio.sleep(1.01)
        await ready.check()


@pytest.mark.parametrize("times", [1, LASTING], ids=["once", "lasting"])
@pytest.mark.parametrize("number", range(1, 60, 4))
async def test_a_failed_start_raises_a_store_error_and_changes_nothing(
    disk: Disk, number: int, times: int
) -> None:
    disk.fault = fail_nth(number, BROKEN, times=times)
    said = "opened"
    try:
        async with open_sqlite_store(disk.root):
            pass
    except StoreError as error:
        said = str(error)
    # It takes more than forty operations to make a database.
    assert said == "IOError: the cable is out" or number > 40
    disk.heal()
    async with open_sqlite_store(disk.root) as store:
        await Player.of(store).say("ann", "works")
        assert [each.text for _, each in await store.recent(None, 9)] == ["works"]
