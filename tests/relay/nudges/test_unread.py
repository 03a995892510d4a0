"""Unread messages: those that call a hook, those that wait, those handed over."""

import attrs
import pytest
import trio
import trio.testing

from argybargy.domain.wake_hooks import WakeHosts
from argybargy.domain.wake_policy import Wake, WakePolicy
from argybargy.relay.api import operator
from argybargy.relay.api.asking import Asked, ask_as, await_thread
from argybargy.relay.api.posting import PostDraft
from argybargy.relay.api.wake import set_hook
from argybargy.relay.nudges import unread
from argybargy.store.memory.store import MemoryStore, open_memory_store
from support.nudge_scene import FREE, Scene, scene
from support.relay import ROOM, SettableClocks, open_harness
from support.wake_calls import RecordingCaller
from support.work_counters import BUDGET_LINES, measured_lines

Clock = trio.testing.MockClock


async def _ask(it: Scene, wait: float, asked: list[Asked]) -> None:
    draft = PostDraft("ready?", ("ann",))
    outcome = await ask_as(it.house.relay, it.bob, draft, wait)
    assert isinstance(outcome, Asked)
    asked.append(outcome)


async def test_an_agent_that_waits_for_an_answer_is_called_for_other_messages(
    autojump_clock: Clock,
) -> None:
    async with scene() as it, trio.open_nursery() as nursery:
        await it.hook()
        carol = await it.house.guest("carol")
        nursery.start_soon(_ask, it, 50, [])
        await it.house.wait_parked(1)
        await it.house.post(carol, "something else")
        await trio.sleep(1)
        assert (it.caller.times, it.caller.counts) == ([0], [1])


async def test_a_call_that_is_due_during_such_a_wait_is_made(
    autojump_clock: Clock,
) -> None:
    async with scene() as it, trio.open_nursery() as nursery:
        await it.hook()
        await it.house.post(it.ann)
        await trio.sleep(1)
        nursery.start_soon(_ask, it, 50, [])
        await it.house.wait_parked(1)
        await trio.sleep(15)
        assert it.caller.times == [0, 10]


async def test_the_answer_that_ends_the_wait_calls_nobody(
    autojump_clock: Clock,
) -> None:
    async with scene() as it, trio.open_nursery() as nursery:
        await it.hook()
        asked: list[Asked] = []
        nursery.start_soon(_ask, it, 50, asked)
        await it.house.wait_parked(1)
        await it.house.post(it.ann, "yes", to=("bob",), reply_to=1)
        await trio.sleep(100)
        assert [each.answer is not None for each in asked] == [True]
        assert it.caller.calls == []


async def test_an_answer_that_was_handed_over_hides_no_other_message(
    autojump_clock: Clock,
) -> None:
    async with scene() as it, trio.open_nursery() as nursery:
        await it.hook()
        await it.house.post(it.bob, "ready?", to=("ann",))
        nursery.start_soon(await_thread, it.house.relay, it.bob, 1, 50)
        await it.house.wait_parked(1)
        async with trio.open_nursery() as posts:
            for text, reply_to in (("one", None), ("yes", 1), ("two", None)):
                posts.start_soon(
                    it.house.post, it.ann, text, ("bob",), "none", reply_to
                )
        await trio.sleep(1)
        assert it.caller.counts[-1] == 2


@pytest.mark.parametrize(("most", "counts"), [(2, []), (1, [1])])
async def test_few_answers_are_known_as_handed_over(
    autojump_clock: Clock, monkeypatch: pytest.MonkeyPatch, most: int, counts: list[int]
) -> None:
    monkeypatch.setattr(unread, "MAX_HANDED", most)
    async with scene() as it, trio.open_nursery() as nursery:
        await it.hook()
        for seq in (1, 2):
            await it.house.post(it.bob, "ready?", to=("ann",))
            nursery.start_soon(await_thread, it.house.relay, it.bob, seq, 50)
        await it.house.wait_parked(2)
        async with trio.open_nursery() as posts:
            for seq in (1, 2):
                posts.start_soon(it.house.post, it.ann, "yes", ("bob",), None, seq)
        await trio.sleep(1)
        assert it.caller.counts == counts


async def _damp(it: Scene) -> None:
    """Let ann and bob answer each other until they are damped; bob has read all."""
    turns = FREE.loop_turns
    for number in range(turns + 2):
        me, other = ((it.ann, "bob"), (it.bob, "ann"))[number % 2]
        await it.house.post(me, reply_to=number or None, expects=other)
    await it.house.poll(it.bob, since=turns + 3)
    await trio.sleep(1)
    it.caller.calls.clear()


async def _answer_on(it: Scene) -> None:
    """Post an answer of ann to bob, who has the last word."""
    last = FREE.loop_turns + 2
    await it.house.post(it.ann, to=("bob",), reply_to=last, expects="bob")
    await trio.sleep(1)


async def test_a_damped_message_calls_when_the_damping_ends(
    autojump_clock: Clock,
) -> None:
    async with scene() as it:
        await it.hook()
        await _damp(it)
        await _answer_on(it)
        assert it.caller.calls == []
        await trio.sleep(70)
        assert it.caller.counts[:1] == [1]
        assert 50 < it.caller.times[0] < 65


async def test_damped_messages_of_too_many_senders_call_at_once(
    autojump_clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unread, "MAX_DAMPED_SENDERS", 0)
    async with scene() as it:
        await it.hook()
        await _damp(it)
        await _answer_on(it)
        assert it.caller.counts == [1]


@pytest.mark.parametrize("by", ["undamp", "word"])
async def test_a_damped_message_calls_when_the_damping_is_lifted(
    autojump_clock: Clock, by: str
) -> None:
    async with scene() as it:
        await it.hook(wake=Wake.ASKS)
        await _damp(it)
        await _answer_on(it)
        assert it.caller.calls == []
        relay = it.house.relay
        if by == "undamp":
            await operator.undamp(relay, ROOM, "titus", ("ann", "bob"))
        else:
            draft = PostDraft("go on", ("ann",))
            await operator.say(relay, ROOM, "titus", draft)
        await trio.sleep(1)
        assert it.caller.counts == [1]


async def test_lifting_one_damping_leaves_the_others(autojump_clock: Clock) -> None:
    async with scene() as it:
        await it.hook()
        await _damp(it)
        await _answer_on(it)
        relay = it.house.relay
        await operator.undamp(relay, ROOM, "titus", ("ann", "carol"))
        await trio.sleep(10)
        assert it.caller.calls == []


async def test_a_damped_message_that_was_read_calls_nobody(
    autojump_clock: Clock,
) -> None:
    async with scene() as it:
        await it.hook()
        await _damp(it)
        await _answer_on(it)
        await it.house.poll(it.bob, since=FREE.loop_turns + 4)
        await trio.sleep(10_000)
        assert it.caller.calls == []


async def test_messages_below_its_wake_do_not_call_a_new_hook(
    autojump_clock: Clock,
) -> None:
    async with scene() as it:
        await it.house.post(it.ann)
        await it.house.post(it.ann, to=("bob",))
        await it.house.post(it.ann)
        await it.hook(wake=Wake.ASKS)
        await trio.sleep(1)
        assert it.caller.counts == [1]
        await it.house.poll(it.bob, since=2)
        await trio.sleep(1_000)
        assert it.caller.counts == [1]


@pytest.mark.parametrize("is_asked", [False, True])
async def test_after_a_start_only_messages_above_its_wake_call_a_hook(
    autojump_clock: Clock, is_asked: bool
) -> None:
    async with open_memory_store() as store:
        hosts = WakeHosts()
        async with open_harness(FREE, store, caller=RecordingCaller()) as house:
            ann, bob = await house.guest("ann"), await house.guest("bob")
            house.relay.hooks.caller.hosts = WakeHosts(frozenset({"hook"}))
            await set_hook(house.relay, bob, "http://hook/bob", Wake.ASKS)
            house.relay.hooks.caller.hosts = hosts
            await house.post(ann)
            if is_asked:
                await house.post(ann, to=("bob",))
        caller, clocks = RecordingCaller(), SettableClocks()
        async with open_harness(FREE, store, clocks, caller):
            await trio.sleep(1)
            assert caller.counts == [1] * is_asked


async def test_messages_beyond_the_memory_of_a_room_call_a_hook_for_all(
    autojump_clock: Clock,
) -> None:
    async with scene(attrs.evolve(FREE, tail_messages=2)) as it:
        for _ in range(5):
            await it.house.post(it.ann)
        await it.hook()
        await trio.sleep(1)
        assert it.caller.counts == [5]


async def test_reopening_a_room_calls_about_what_is_unread(
    autojump_clock: Clock,
) -> None:
    async with scene() as it:
        await it.hook()
        await it.house.post(it.ann)
        await trio.sleep(1)
        relay = it.house.relay
        await operator.close_room(relay, ROOM, "titus")
        await trio.sleep(1_000)
        assert it.caller.times == [0]
        await operator.reopen_room(relay, ROOM, "titus")
        await trio.sleep(1)
        assert it.caller.times[1:] == [1_001]


async def test_a_patient_poll_is_no_reason_to_call(autojump_clock: Clock) -> None:
    async with scene() as it, trio.open_nursery() as nursery:
        await it.hook(wake=Wake.ALL)

        async def listen() -> None:
            await it.house.poll(it.bob, 0, 25, policy=WakePolicy(Wake.ASKS))

        nursery.start_soon(listen)
        await it.house.wait_parked(1)
        await it.house.post(it.ann)
        await trio.sleep(100)
        assert it.caller.calls == []


async def test_a_publication_to_many_hooks_does_not_block_the_loop(
    autojump_clock: Clock,
) -> None:
    async with scene() as it:
        for number in range(400):
            await it.hook(await it.house.guest(f"agent-{number}"), Wake.ASKS)
        await trio.testing.wait_all_tasks_blocked()
        with measured_lines() as meter:
            async with trio.open_nursery() as nursery:
                for _ in range(32):
                    nursery.start_soon(it.house.post, it.ann)
            await trio.testing.wait_all_tasks_blocked()
        assert meter.lines < BUDGET_LINES, meter.where


async def test_a_room_deleted_before_its_look_is_not_loaded(
    autojump_clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with scene() as it:
        relay = it.house.relay
        other = await it.house.guest("eve", "other")
        for who in (it.bob, other):
            await it.hook(who)
        await trio.sleep(1)
        for room in (it.bob.room, other.room):
            relay.rooms.discard(await relay.live(room))
        load = MemoryStore.load

        async def load_slowly(store: MemoryStore, room: str, tail: int) -> object:
            relay.hooks.forget_room(other.peer.room)  # while the first one is loaded
            return await load(store, room, tail)

        monkeypatch.setattr(MemoryStore, "load", load_slowly)
        for who in (it.bob, other):
            relay.hooks.look(who.peer.room)
        await trio.sleep(1)
        assert relay.find_live(it.bob.room) is not None
        assert relay.find_live(other.room) is None
