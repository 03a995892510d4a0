"""One timer ends the waits of all polls, each at its own time."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import trio
from trio.testing import MockClock

from argybargy.relay.wait_timer import WaitTimer
from argybargy.relay.wake_slot import WakeSlot


@asynccontextmanager
async def running_timer() -> AsyncIterator[WaitTimer]:
    timer = WaitTimer()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(timer.run)
        yield timer
        nursery.cancel_scope.cancel()


@pytest.mark.parametrize(
    "waits", [[3.0, 1.0, 2.0], [1.0, 2.0, 3.0], [3.0, 2.0, 1.0], [2.0, 2.0, 2.0]]
)
async def test_each_wait_ends_at_its_time(
    waits: list[float], autojump_clock: MockClock
) -> None:
    ended = dict[int, float]()

    async def wait(timer: WaitTimer, place: int, seconds: float) -> None:
        slot = WakeSlot()
        number = timer.set(slot, began + seconds)
        await slot.wait_woken()
        timer.clear(number)
        ended[place] = trio.current_time() - began

    async with running_timer() as timer:
        began = trio.current_time()
        async with trio.open_nursery() as nursery:
            for place, seconds in enumerate(waits):
                nursery.start_soon(wait, timer, place, seconds)
        assert [ended[place] for place in range(len(waits))] == waits
        assert len(timer) == 0


async def test_a_wait_that_is_cleared_is_not_woken(autojump_clock: MockClock) -> None:
    async with running_timer() as timer:
        cleared, last = WakeSlot(), WakeSlot()
        number = timer.set(cleared, trio.current_time() + 1)
        timer.set(last, trio.current_time() + 2)
        timer.clear(number)
        await last.wait_woken()
        with trio.move_on_after(0) as scope:
            await cleared.wait_woken()
        assert scope.cancelled_caught


async def test_a_time_in_the_past_ends_the_wait_at_once(
    autojump_clock: MockClock,
) -> None:
    async with running_timer() as timer:
        slot, before = WakeSlot(), trio.current_time()
        timer.set(slot, before - 5)
        await slot.wait_woken()
        assert trio.current_time() == before


async def test_waits_that_end_early_do_not_fill_the_heap(
    autojump_clock: MockClock,
) -> None:
    async with running_timer() as timer:
        slot, long = WakeSlot(), WakeSlot()
        timer.set(long, trio.current_time() + 25)
        for _ in range(10_000):
            timer.clear(timer.set(slot, trio.current_time() + 25))
        assert len(timer._heap) < 2_000
        before = trio.current_time()
        await long.wait_woken()
        assert trio.current_time() == before + 25
