"""Nudges: who is called when, on virtual time and without a network."""

import hashlib
import hmac

import attrs
import pytest
import trio
import trio.testing

from argybargy.domain.errors import RelayError
from argybargy.domain.wake_hooks import WakeHosts
from argybargy.domain.wake_policy import Wake
from argybargy.relay.api import operator
from argybargy.relay.api.me import Statement, state
from argybargy.relay.api.wake import remove_hook, set_hook
from argybargy.relay.nudges.service import SIGNATURE, TIMESTAMP
from argybargy.store.errors import Refused
from argybargy.store.memory.store import MemoryStore, open_memory_store
from support.nudge_scene import FREE, scene
from support.relay import SettableClocks, open_harness
from support.wake_calls import RecordingCaller

Clock = trio.testing.MockClock


async def test_a_message_calls_the_hook_signed_and_without_its_text(
    autojump_clock: Clock,
) -> None:
    async with scene() as it:
        hook = await it.hook()
        await it.house.post(it.ann, "secret plans")
        await trio.sleep(1)
        ((at, path, body),) = it.caller.calls
        assert (at, path) == (0, "/bob")
        assert body == {"room": "build", "name": "bob", "count": 1}
        (headers,) = it.caller.headers
        signed = f"{headers[TIMESTAMP]}.{headers['body']}".encode()
        mac = hmac.new(hook.key.encode(), signed, hashlib.sha256).hexdigest()
        assert headers[SIGNATURE] == f"sha256={mac}"
        assert it.house.relay.counters.nudges_sent == 1


async def test_own_messages_and_those_to_others_call_nobody(
    autojump_clock: Clock,
) -> None:
    async with scene() as it:
        await it.hook()
        await it.house.post(it.bob)
        await it.house.post(it.ann, to=("carol",))
        await trio.sleep(100)
        assert it.caller.calls == []


async def test_unread_messages_are_nudged_about_with_growing_pauses(
    autojump_clock: Clock,
) -> None:
    async with scene() as it:
        await it.hook()
        await it.house.post(it.ann)
        await trio.sleep(100)
        assert it.caller.times == [0, 10, 30, 70]
        await it.house.poll(it.bob, since=1)
        await trio.sleep(10_000)
        assert len(it.caller.calls) == 4


async def test_a_burst_is_one_nudge_every_ten_seconds(autojump_clock: Clock) -> None:
    async with scene() as it:
        await it.hook()
        for _ in range(30):
            await it.house.post(it.ann)
            await trio.sleep(1)
        assert it.caller.times == [0, 10, 20]
        assert it.caller.counts == [1, 10, 20]


async def test_reading_lets_the_next_message_call_at_once(
    autojump_clock: Clock,
) -> None:
    async with scene() as it:
        await it.hook()
        await it.house.post(it.ann)
        await trio.sleep(1)
        assert [m.seq for m in (await it.house.poll(it.bob)).page.messages] == [1]
        await it.house.poll(it.bob, since=1)
        await it.house.post(it.ann)
        await trio.sleep(1)
        assert (it.caller.times, it.caller.counts) == ([0, 1], [1, 1])


async def test_a_parked_poll_is_no_reason_to_call(autojump_clock: Clock) -> None:
    async with scene() as it:
        await it.hook()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(it.house.poll, it.bob, 0, 25)
            await it.house.wait_parked(1)
            await it.house.post(it.ann)
        await trio.sleep(100)
        assert it.caller.calls == []


async def test_failed_calls_back_off_and_are_counted(autojump_clock: Clock) -> None:
    async with scene() as it:
        await it.hook()
        it.caller.is_failing = True
        for _ in range(100):
            await it.house.post(it.ann)
            await trio.sleep(1)
        assert it.caller.times == [0, 10, 30, 70]
        assert it.house.relay.counters.nudges_failed == 4
        it.caller.is_failing = False
        await trio.sleep(60)
        assert it.house.relay.counters.nudges_sent == 1
        assert it.caller.counts[-1] == 100


@pytest.mark.parametrize(
    ("wake", "count"), [(Wake.ALL, 3), (Wake.DIRECT, 2), (Wake.ASKS, 1)]
)
async def test_a_hook_is_called_for_the_messages_it_asks_for(
    autojump_clock: Clock, wake: Wake, count: int
) -> None:
    async with scene() as it:
        await it.hook(wake=wake)
        it.caller.takes_seconds = 5
        await it.house.post(it.ann)
        await it.house.post(it.ann, to=("bob",), expects="none")
        await it.house.post(it.ann, expects="anyone")
        await trio.sleep(20)
        assert it.caller.counts[-1] == count


async def test_a_call_for_a_new_capability_is_a_nudge(autojump_clock: Clock) -> None:
    async with scene() as it:
        await it.hook(wake=Wake.ASKS)
        await it.house.post(it.ann, to=("can:sql",))
        await trio.sleep(1)
        assert it.caller.calls == []
        await state(it.house.relay, it.bob, Statement(capabilities=("sql",)))
        await trio.sleep(1)
        assert it.caller.counts == [1]
        await it.house.poll(it.bob, since=2)
        await it.house.post(it.ann, to=("can:sql",))
        await trio.sleep(1)
        assert it.caller.counts == [1, 1]


async def test_calls_at_once_are_bounded(autojump_clock: Clock) -> None:
    limits = attrs.evolve(FREE, wake_calls=2)
    async with scene(limits) as it:
        it.caller.takes_seconds = 1
        for number in range(5):
            await it.hook(await it.house.guest(f"agent-{number}"))
        await it.house.post(it.ann)
        await trio.sleep(5)
        assert it.caller.most == 2
        assert it.caller.times == [0, 0, 1, 1, 2]


async def test_setting_a_hook_again_does_not_shorten_the_pause(
    autojump_clock: Clock,
) -> None:
    async with scene() as it:
        first = await it.hook()
        await it.house.post(it.ann)
        await trio.sleep(1)
        second = await it.hook()
        assert second.key != first.key
        await trio.sleep(8)
        assert it.caller.times == [0]


async def test_messages_unread_when_the_hook_is_set_call_it(
    autojump_clock: Clock,
) -> None:
    async with scene() as it:
        await it.house.post(it.ann)
        await it.hook()
        await trio.sleep(1)
        assert it.caller.counts == [1]


async def test_more_hooks_than_the_limit_are_refused(autojump_clock: Clock) -> None:
    async with scene(attrs.evolve(FREE, wake_hooks=1)) as it:
        await it.hook()
        await it.hook()
        with pytest.raises(RelayError, match="wake_quota"):
            await it.hook(it.ann)
        assert await remove_hook(it.house.relay, it.bob)
        assert not await remove_hook(it.house.relay, it.bob)
        await it.hook(it.ann)


@pytest.mark.parametrize("end", ["remove", "revoke", "close", "host"])
async def test_nudges_end(autojump_clock: Clock, end: str) -> None:
    async with scene() as it:
        await it.hook()
        await it.house.post(it.ann)
        await trio.sleep(1)
        relay = it.house.relay
        match end:
            case "remove":
                await remove_hook(relay, it.bob)
            case "revoke":
                await operator.revoke(relay, "bob", None, everywhere=False)
                assert await relay.store.wake_hooks() == ()
                assert len(relay.hooks) == 0
            case "close":
                await operator.close_room(relay, "build", "op")
            case "host":
                it.caller.hosts = WakeHosts()
                with pytest.raises(RelayError, match="wake_host_refused"):
                    await it.hook()
                return
        await trio.sleep(10_000)
        assert it.caller.times == [0]


async def test_hooks_and_unread_messages_outlive_the_relay(
    autojump_clock: Clock,
) -> None:
    async with open_memory_store() as store:
        caller = RecordingCaller(is_failing=True)
        async with open_harness(FREE, store, caller=caller) as house:
            ann, bob = await house.guest("ann"), await house.guest("bob")
            gone = await house.guest("gone", lifetime_seconds=5)
            for who in (bob, gone):
                await set_hook(house.relay, who, f"http://hook/{who.name}", Wake.ASKS)
            await house.post(ann)
            await house.poll(bob, since=1)
            for _ in range(3):
                await house.post(ann, to=("bob",))
        await trio.sleep(10)
        caller, clocks = RecordingCaller(), SettableClocks()
        clocks.shift(100)
        async with open_harness(FREE, store, clocks, caller):
            await trio.sleep(1)
            assert [(path, body["count"]) for _, path, body in caller.calls] == [
                ("/bob", 3)
            ]
            (kept,) = await store.wake_hooks()
            assert (kept.name, kept.wake) == ("bob", Wake.ASKS)


async def test_a_hook_that_was_not_stored_is_not_set(
    autojump_clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(*_: object) -> None:
        raise Refused("the disk is full")

    async with scene() as it:
        monkeypatch.setattr(MemoryStore, "set_wake_hook", refuse)
        with pytest.raises(RelayError):
            await it.hook()
        assert len(it.house.relay.hooks) == 0


async def test_closing_the_relay_cancels_a_call(autojump_clock: Clock) -> None:
    caller = RecordingCaller(takes_seconds=3_600)
    async with scene(caller=caller) as it:
        await it.hook()
        await it.house.post(it.ann)
        await trio.testing.wait_all_tasks_blocked()
        assert caller.running == 1
        began = trio.current_time()
    assert caller.running == 0
    assert trio.current_time() - began < 10
