"""Power cuts at any moment: acknowledged writes survive, and none is partial."""

import random
import shutil
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TypeVar

import apsw
import attrs
import pytest
import trio

from argybargy.domain.access_codes import CodeRecord, digest_code
from argybargy.domain.room.commands import Claim
from argybargy.domain.room.state import Room
from argybargy.store.errors import Refused, StoreError
from argybargy.store.protocol import Store
from argybargy.store.sqlite import wal
from argybargy.store.sqlite.store import SqliteStore, open_sqlite_store
from support.faulty_disk import CHANGES, Disk, Operation, fail_by_chance, open_disk
from support.store_player import Player, audit, post

T = TypeVar("T")
ROOMS = ("one", "two", "three")
CHECKPOINT_PAGES = 12
"""So few pages that every other commit checkpoints the log."""
BROKEN = apsw.IOError("the cable is out")


@attrs.frozen
class Known:
    """Expected state of a room, or of the codes, at one moment.

    Attributes:
        acknowledged: The newest acknowledged write.
        possible: The newest write that was requested and not refused.
    """

    acknowledged: int = 0
    possible: int = 0


@attrs.frozen
class Cut:
    """A simulated power cut.

    Attributes:
        files: The remaining files.
        known: The answers until then, by the name of the room.
    """

    files: dict[str, bytes]
    known: dict[str, Known]


@attrs.define
class Cutter:
    """Records the files that a power cut before each change of the disk would leave.

    Attributes:
        cuts: One power cut for each change.
        known: The present expectations, by the name of the room, and `CODES`.
    """

    disk: Disk
    dice: random.Random
    cuts: list[Cut] = attrs.field(factory=list)
    known: dict[str, Known] = attrs.field(factory=dict)

    def cut(self, operation: Operation) -> None:
        """Record the files that a power cut before this operation would leave."""
        if operation.act in CHANGES:
            files = self.disk.cut_power(self.dice)
            self.cuts.append(Cut(files, self.known.copy()))

    async def attempt(
        self, what: str, number: int, work: Awaitable[object]
    ) -> StoreError | None:
        """Wait for a commit that makes `number` the newest; return how it failed."""
        before = self.known.get(what, Known())
        self.known[what] = Known(before.acknowledged, number)
        try:
            await work
        except StoreError as error:
            if isinstance(error, Refused):
                self.known[what] = before
            return error
        self.known[what] = Known(number, number)
        return None


CODES = "codes"


async def _live(store: SqliteStore, cutter: Cutter, turns: int) -> None:
    """Post pairs of messages into three rooms at once, claim, and issue codes."""
    players = [Player.of(store, name) for name in ROOMS]
    for turn in range(turns):
        async with trio.open_nursery() as nursery:
            for player in players:
                nursery.start_soon(_take_turn, player, cutter, turn)
        await _issue_code(store, cutter, turn)


async def _take_turn(player: Player, cutter: Cutter, turn: int) -> None:
    name, head = player.room.name, player.room.head
    commands = (
        post("ann", f"{name} {turn} asks", expects="anyone"),
        Claim("bob", head + 1),
        post("ann", "x" * 700, idempotency_key=f"{name} {turn}"),
    )
    if await cutter.attempt(name, head + 2, player.do(*commands)) is not None:
        await _settle(player.store)
        saved = await _insist(partial(player.store.load, name, 9_999))
        if saved is not None:
            player.room = Room.restore(saved, player.now, player.limits)
        cutter.known[name] = Known(player.room.head, player.room.head)


async def _issue_code(store: SqliteStore, cutter: Cutter, turn: int) -> None:
    record = CodeRecord(digest_code(f"code{turn}"), "one", f"peer{turn}", "", 1)
    count = cutter.known.get(CODES, Known()).acknowledged
    issuing = store.add_codes([record], [audit("invite")])
    if await cutter.attempt(CODES, count + 1, issuing) is not None:
        await _settle(store)
        count = len(await _insist(store.codes))
        cutter.known[CODES] = Known(count, count)


async def _settle(store: Store) -> None:
    """Wait until something is on the disk: from then on, what can be read is final."""
    await _insist(store.probe)


async def _insist(work: Callable[[], Awaitable[T]]) -> T:
    while True:
        with suppress(StoreError):
            return await work()


async def _examine(cut: Cut, directory: Path) -> list[str]:
    """Open the remaining files; return their faults as sentences."""
    shutil.rmtree(directory, ignore_errors=True)
    with open_disk(directory) as disk:  # the store under test skips every sync
        for name, content in cut.files.items():
            (directory / name).write_bytes(content)
        async with open_sqlite_store(disk.root) as store:
            wrong = await _examine_codes(store, cut.known.get(CODES, Known()))
            for name in ROOMS:
                wrong += await _examine_room(store, name, cut.known.get(name, Known()))
            await Player.of(store, "after").say("ann", "works")
    return wrong + _check_integrity(directory)


async def _examine_codes(store: SqliteStore, known: Known) -> list[str]:
    codes = len(await store.codes())
    actions = [row.audit.action for row in await store.audit(999, None)]
    if codes != actions.count("invite"):
        return [f"{codes} codes and the audit log {actions}"]
    is_right = known.acknowledged <= codes <= known.possible
    return [] if is_right else [f"{codes} codes, but {known}"]


async def _examine_room(store: SqliteStore, name: str, known: Known) -> list[str]:
    saved = await store.load(name, 9_999)
    if saved is None:
        return [f"{name} is gone, but {known}"] if known.acknowledged else []
    wrong = []
    if not known.acknowledged <= saved.head <= known.possible:
        wrong.append(f"{name} is at {saved.head}, but {known}")
    if [each.seq for each in saved.messages] != list(range(1, saved.head + 1)):
        wrong.append(f"{name} has holes")
    commits = {
        "by messages": len(saved.messages) / 2,
        "by leases": len(saved.leases),
        "by receipts": len(saved.receipts),
        "by version": saved.version,
    }
    if len(set(commits.values())) != 1:
        wrong.append(f"{name} has half a commit: {commits}")
    return wrong


def _check_integrity(directory: Path) -> list[str]:
    database = apsw.Connection(str(directory / "relay.db"))
    try:
        said = [row[0] for row in database.execute("PRAGMA integrity_check")]
        broken = database.execute("PRAGMA foreign_key_check").fetchall()
    finally:
        database.close()
    return [str(each) for each in [*said, *broken] if each != "ok"]


async def _cut_while_living(
    directory: Path,
    seed: int,
    turns: int,
    broken_share: float = 0.0,
    pragma: str = "PRAGMA synchronous = FULL",
) -> list[Cut]:
    """Run a workload, and return the files after each power cut."""
    with open_disk(directory) as disk:
        cutter = Cutter(disk, random.Random(seed))
        disk.watch = cutter.cut
        async with open_sqlite_store(directory) as store:
            link = store._writer._connection
            await link.run(lambda connection: connection.execute(pragma).fetchall())
            if broken_share:
                disk.fault = fail_by_chance(broken_share, BROKEN, cutter.dice)
            await _live(store, cutter, turns)
            disk.heal()
    return cutter.cuts


async def _examine_all(cuts: list[Cut], directory: Path) -> list[str]:
    return [
        f"cut {number}: {sentence}"
        for number, cut in enumerate(cuts)
        for sentence in await _examine(cut, directory)
    ]


MANY = pytest.mark.long
TURNS = pytest.mark.parametrize(
    ("seed", "turns"),
    [(1, 2), *(pytest.param(seed, 6, marks=MANY) for seed in range(1, 12))],
)
CUTS_A_TURN = 33


@pytest.fixture(autouse=True)
def frequent_checkpoints(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wal, "CHECKPOINT_PAGES", CHECKPOINT_PAGES)


@TURNS
async def test_a_power_cut_at_any_moment_loses_nothing_acknowledged(
    tmp_path: Path, seed: int, turns: int
) -> None:
    cuts = await _cut_while_living(tmp_path / "disk", seed, turns)
    assert len(cuts) >= CUTS_A_TURN * turns
    assert await _examine_all(cuts, tmp_path / "after") == []


@TURNS
async def test_a_power_cut_among_failing_writes_and_syncs_loses_nothing_acknowledged(
    tmp_path: Path, seed: int, turns: int
) -> None:
    cuts = await _cut_while_living(tmp_path / "disk", seed, turns, broken_share=0.05)
    assert len(cuts) >= CUTS_A_TURN * turns
    assert await _examine_all(cuts, tmp_path / "after") == []


async def test_power_cuts_expose_a_store_that_does_not_sync(tmp_path: Path) -> None:
    lazily = "PRAGMA synchronous = NORMAL"
    cuts = await _cut_while_living(tmp_path / "disk", 1, turns=3, pragma=lazily)
    wrong = await _examine_all(cuts, tmp_path / "after")
    assert any("Known(acknowledged=" in sentence for sentence in wrong)
    assert not any("half a commit" in sentence for sentence in wrong)
