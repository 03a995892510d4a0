"""The load of others on the cores, and the rule when it is too much."""

import os
from collections.abc import Iterator

import pytest
import trio
from trio.testing import MockClock

from bench.machine import (
    BusyMachine,
    Machine,
    Reading,
    busy_seconds,
    is_busy,
    share_of_others,
)

STAT = """\
cpu  300 30 60 5000 70 6 7 8 9 1
cpu0 100 10 20 2000 40 1 2 3 4 1
cpu1 200 20 40 3000 30 5 5 5 5 0
cpu10 900 900 900 900 900 900 900 900 900 900
intr 67439522 0 0
"""
TWO_CORES = frozenset({0, 1})


def test_idle_time_and_waiting_for_a_disk_are_not_busy() -> None:
    assert busy_seconds(STAT, {0}, 100) == pytest.approx(1.36)


def test_the_busy_time_of_several_cores_is_added() -> None:
    assert busy_seconds(STAT, {0, 1}, 100) == pytest.approx(1.36 + 2.75)


def test_what_the_benchmark_did_itself_is_not_the_load_of_others() -> None:
    before, after = Reading(10.0, 5.0, 1.0), Reading(20.0, 17.0, 11.0)
    # 12 s of 20 were busy, 10 of them its own.
    assert share_of_others(before, after, 2) == pytest.approx(0.1)


def test_the_share_stays_within_its_bounds() -> None:
    # Two clocks of different grain may differ by a little.
    assert share_of_others(Reading(0, 0, 0), Reading(1, 0.5, 0.51), 1) == 0
    assert share_of_others(Reading(0, 0, 0), Reading(1, 1.02, 0), 1) == 1
    assert share_of_others(Reading(1, 0, 0), Reading(1, 1, 0), 1) == 0


def test_a_machine_is_busy_from_a_tenth_on() -> None:
    assert not is_busy(0.1)
    assert is_busy(0.11)


def loaded(*shares: float) -> Machine:
    """Return a machine with these loads of others, second by second; then the last."""
    busy = _busy_times(shares)
    return Machine(TWO_CORES, lambda: Reading(trio.current_time(), next(busy), 0.0))


def _busy_times(shares: tuple[float, ...]) -> Iterator[float]:
    """Yield the busy time at the two readings of each second."""
    busy, number = 0.0, 0
    while True:
        yield busy
        busy += 2 * shares[min(number, len(shares) - 1)]
        number += 1
        yield busy


async def test_a_quiet_machine_is_not_waited_for(autojump_clock: MockClock) -> None:
    began = trio.current_time()
    await loaded(0.05).wait_quiet()
    assert trio.current_time() - began == pytest.approx(1)


async def test_a_short_load_is_waited_out(autojump_clock: MockClock) -> None:
    began = trio.current_time()
    await loaded(0.9, 0.5, 0.02).wait_quiet()
    assert trio.current_time() - began == pytest.approx(3)


async def test_a_busy_machine_is_refused_with_what_to_do(
    autojump_clock: MockClock,
) -> None:
    refused = "Other processes use 83% of cores 0 and 1, .*Stop what runs .*--anyway"
    with pytest.raises(BusyMachine, match=refused):
        await loaded(0.83).wait_quiet()


async def test_the_real_clocks_know_the_work_of_this_process() -> None:
    machine = Machine.of_this_process(os.sched_getaffinity(0))
    before = machine.read()
    deadline = before.own_seconds + 0.2
    while machine.read().own_seconds < deadline:
        sum(number * number for number in range(10_000))
    assert machine.read().busy_seconds > before.busy_seconds
    assert 0 <= machine.share_since(before) <= 1
