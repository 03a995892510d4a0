"""Agents with a wake hook are called at once: receipts, peers and roster say so."""

import pytest
import trio
import trio.testing

from argybargy.domain.seat import Listening
from argybargy.domain.wake_policy import Wake
from argybargy.relay.api import agent
from argybargy.relay.api.wake import remove_hook, set_hook
from argybargy.store.memory.store import open_memory_store
from support.nudge_scene import FREE, Scene, scene
from support.relay import ROOM, SettableClocks, open_harness
from support.wake_calls import RecordingCaller

Clock = trio.testing.MockClock
HOUR = 3_600


async def _receipt(it: Scene, to: tuple[str, ...] = ("bob",)) -> str:
    posted = await it.house.post(it.ann, to=to, expects="bob")
    ((_, receipt),) = posted.delivery.receipts
    return str(receipt.kind)


async def _peers(it: Scene) -> Listening:
    rows = await agent.peers(it.house.relay, it.ann)
    (found,) = [seen.listening for seen, _ in rows if seen.name == "bob"]
    return found


def _roster(it: Scene) -> Listening | None:
    relay = it.house.relay
    relay.overview.recompute(relay.clock.now())
    rows = relay.overview.view(ROOM, relay.clock.now()).roster
    (found,) = [row.listening for row in rows if row.name == "bob"]
    return found


@pytest.mark.parametrize("pause", [1, HOUR])
async def test_an_agent_with_a_hook_hears_at_its_next_turn(
    autojump_clock: Clock, pause: float
) -> None:
    async with scene() as it:
        await it.hook(wake=Wake.ASKS)
        await trio.sleep(pause)
        assert await _receipt(it) == "next turn"
        assert await _receipt(it, ("all",)) == "next turn"
        assert await _peers(it) is Listening.NEXT_TURN
        assert _roster(it) is Listening.NEXT_TURN


async def test_a_message_below_the_wake_of_the_hook_is_not_heard(
    autojump_clock: Clock,
) -> None:
    async with scene() as it:
        await it.hook(wake=Wake.ASKS)
        await trio.sleep(HOUR)
        posted = await it.house.post(it.ann, to=("bob",), expects="none")
        ((_, receipt),) = posted.delivery.receipts
        assert receipt.kind == "not listening since"


@pytest.mark.parametrize("end", ["removed", "failing"])
async def test_without_a_working_hook_it_is_not_listening(
    autojump_clock: Clock, end: str
) -> None:
    async with scene() as it:
        await it.hook()
        await trio.sleep(HOUR)
        assert _roster(it) is Listening.NEXT_TURN
        if end == "removed":
            await remove_hook(it.house.relay, it.bob)
        else:
            it.caller.is_failing = True
            assert await _receipt(it) == "next turn"
            await trio.sleep(1)
        assert await _receipt(it) == "not listening since"
        assert await _peers(it) is Listening.NOT_LISTENING
        assert _roster(it) is Listening.NOT_LISTENING


async def test_a_hook_that_works_again_is_shown_once_it_was_called(
    autojump_clock: Clock,
) -> None:
    async with scene() as it:
        await it.hook()
        await trio.sleep(HOUR)
        it.caller.is_failing = True
        await it.house.post(it.ann)
        await trio.sleep(1)
        assert _roster(it) is Listening.NOT_LISTENING
        it.caller.is_failing = False
        await trio.sleep(10)
        assert _roster(it) is Listening.NEXT_TURN


async def test_the_roster_shows_the_hook_of_an_agent_not_seen_since_the_start(
    autojump_clock: Clock,
) -> None:
    async with open_memory_store() as store:
        async with open_harness(FREE, store, caller=RecordingCaller()) as house:
            ann, bob = await house.guest("ann"), await house.guest("bob")
            await set_hook(house.relay, bob, "http://hook/bob", Wake.ALL)
        clocks, caller = SettableClocks(), RecordingCaller()
        async with open_harness(FREE, store, clocks, caller) as house:
            it = Scene(house, caller, ann, bob)
            await house.poll(ann)
            assert _roster(it) is Listening.NEXT_TURN
            assert await _receipt(it) == "next turn"
