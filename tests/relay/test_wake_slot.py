"""A wake-up slot holds one token for one waiting task."""

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from argybargy.relay.wake_slot import WakeSlot


async def test_a_token_from_before_the_wait_ends_it_at_once() -> None:
    slot = WakeSlot()
    slot.wake()
    slot.wake()
    await slot.wait_woken()
    with trio.move_on_after(0) as scope:
        await slot.wait_woken()
    assert scope.cancelled_caught, "two wake-ups left two tokens"


async def test_a_wake_up_ends_the_wait_of_a_parked_task() -> None:
    slot = WakeSlot()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(slot.wait_woken)
        await wait_all_tasks_blocked()
        slot.wake()
        slot.wake()


async def test_a_token_that_comes_with_the_cancellation_is_kept() -> None:
    slot = WakeSlot()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(slot.wait_woken)
        await wait_all_tasks_blocked()
        nursery.cancel_scope.cancel()
        slot.wake()
    await slot.wait_woken()


async def test_a_cancelled_wait_leaves_the_slot_to_the_next_task() -> None:
    slot = WakeSlot()
    with trio.move_on_after(0):
        await slot.wait_woken()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(slot.wait_woken)
        await wait_all_tasks_blocked()
        slot.wake()


async def test_a_second_waiting_task_is_a_mistake() -> None:
    slot = WakeSlot()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(slot.wait_woken)
        await wait_all_tasks_blocked()
        with pytest.raises(AssertionError, match="another task"):
            await slot.wait_woken()
        slot.wake()
