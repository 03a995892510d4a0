"""The settled clock: drift, steps and suspensions."""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise

import attrs
import pytest
import structlog.testing
import trio
import trio.testing

from argybargy.relay.clock import (
    DRIFT_MS,
    ERAS_KEPT,
    SETTLE_SECONDS,
    SettledClock,
    system_clock,
)
from support.relay import EPOCH_MS, SettableClocks

HOUR = 3_600
STEPS = pytest.mark.parametrize("seconds", [-30 * 24 * HOUR, -90, 90, 30 * 24 * HOUR])


@attrs.define
class Steps:
    """Log events about steps."""

    entries: list[dict[str, object]]

    def __iter__(self) -> Iterator[tuple[object, object]]:
        for entry in self.entries:
            yield entry["event"], entry["seconds"]


@contextmanager
def logged() -> Iterator[Steps]:
    with structlog.testing.capture_logs() as entries:
        yield Steps(entries)  # type: ignore[arg-type]  # structlog's own mapping


@STEPS
async def test_a_step_is_logged_once_and_followed_after_it_has_lasted(
    autojump_clock: trio.testing.MockClock, seconds: int
) -> None:
    clocks = SettableClocks()
    clock = clocks.clock()
    assert clock.now().wall_ms == EPOCH_MS
    with logged() as steps:
        clocks.shift(seconds)
        for _ in range(int(SETTLE_SECONDS)):
            now = clock.now()
            assert (now.wall_ms, now.stepped_ms) == (clocks.right_ms(), 0)
            await trio.sleep(1)
        now = clock.now()
        shift_ms = seconds * 1000
        assert (now.wall_ms, now.stepped_ms) == (clocks.right_ms() + shift_ms, shift_ms)
        assert now.counted_ms == clocks.right_ms()
        assert clock.now() == now
    assert list(steps) == [
        ("clock stepped", float(seconds)),
        ("clock step believed", float(seconds)),
    ]


@STEPS
async def test_a_reverted_step_changes_nothing(
    autojump_clock: trio.testing.MockClock, seconds: int
) -> None:
    clocks = SettableClocks()
    clock = clocks.clock()
    clock.now()
    with logged() as steps:
        clocks.shift(seconds)
        await trio.sleep(5)
        clock.now()
        clocks.shift(-seconds)
        await trio.sleep(10 * SETTLE_SECONDS)
        now = clock.now()
    assert (now.wall_ms, now.stepped_ms) == (clocks.right_ms(), 0)
    assert list(steps) == [
        ("clock stepped", float(seconds)),
        ("clock step taken back", float(seconds)),
    ]


async def test_a_small_correction_is_followed_but_never_backwards(
    autojump_clock: trio.testing.MockClock,
) -> None:
    clocks = SettableClocks()
    clock, told = clocks.clock(), list[int]()
    with logged() as steps:
        for seconds in (0, 0.9, -0.9, -0.9, 0, 0, 0.5):
            clocks.shift(seconds)
            told.append(clock.now().wall_ms - EPOCH_MS)
            await trio.sleep(0.5)
    assert told == [0, 1_400, 1_400, 1_400, 1_400, 1_600, 2_600]
    assert list(steps) == []
    assert clock.now().stepped_ms == 0


async def test_a_clock_that_keeps_stepping_is_not_followed_and_rarely_logged(
    autojump_clock: trio.testing.MockClock,
) -> None:
    clocks = SettableClocks()
    clock = clocks.clock()
    clock.now()
    with logged() as steps:
        for _ in range(600):
            clocks.shift(2 * DRIFT_MS / 1000)
            await trio.sleep(1)
            assert clock.now().wall_ms == clocks.right_ms()
    assert len(list(steps)) == 60


async def test_a_suspension_of_the_machine_is_no_step(
    autojump_clock: trio.testing.MockClock,
) -> None:
    clocks = SettableClocks()
    clock = clocks.clock()
    before = clock.now()
    with logged() as steps:
        clocks.sleep(8 * HOUR)
        now = clock.now()
    assert now.counted_ms == now.wall_ms == before.wall_ms + 8 * HOUR * 1000
    assert now.steady_seconds == before.steady_seconds
    assert list(steps) == []


async def test_the_system_clock_reads_wall_elapsed_and_steady_time(
    autojump_clock: trio.testing.MockClock,
) -> None:
    clock = system_clock()
    assert isinstance(clock, SettledClock)
    first, second = clock.now(), clock.now()
    assert EPOCH_MS / 2 < first.wall_ms <= second.wall_ms
    assert first.steady_seconds == second.steady_seconds == trio.current_time()
    assert second.stepped_ms == 0


@pytest.mark.parametrize(
    ("ahead_ms", "heard_ms", "age"),
    [(0, None, 0), (-5_000, None, 5), (9_000_000, None, 0), (9_000_000, -7_000, 7)],
)
async def test_a_timestamp_ahead_of_the_clock_has_its_counted_age(
    autojump_clock: trio.testing.MockClock,
    ahead_ms: int,
    heard_ms: int | None,
    age: float,
) -> None:
    now = attrs.evolve(SettableClocks().clock().now(), stepped_ms=77_000)
    heard = None if heard_ms is None else now.counted_ms + heard_ms
    assert now.age_seconds(now.wall_ms + ahead_ms, heard) == age
    assert now.on_wall(now.counted_ms) == now.wall_ms


async def test_only_the_newest_steps_are_remembered(
    autojump_clock: trio.testing.MockClock,
) -> None:
    clocks = SettableClocks()
    clock = clocks.clock()
    clock.now()
    for _ in range(ERAS_KEPT + 2):
        clocks.shift(HOUR)
        clock.now()
        await trio.sleep(SETTLE_SECONDS)
        clock.now()
    now = clock.now()
    assert len(now.eras) == ERAS_KEPT
    assert [era.stepped_ms // 3_600_000 for era in now.eras] == list(
        range(2, ERAS_KEPT + 2)
    )
    for era, after in pairwise(now.eras):
        assert era.began_ms < era.ended_ms == after.began_ms
