"""Load in one room, by one peer or on the disk does not affect others."""

import pytest
import trio
import trio.testing

from argybargy.domain.errors import Problem, RelayError
from argybargy.domain.limits import Limits
from argybargy.relay.api import operator
from argybargy.relay.api.agent import claim, history
from argybargy.relay.api.poll import PollAnswer
from support.paused_store import BEFORE, COMMIT, staged_store
from support.relay import ROOM, open_harness, texts


async def test_reads_do_not_wait_for_a_slow_disk(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """The original has one lock for all rooms, and holds it for seconds."""
    store = staged_store()
    async with open_harness(store=store) as harness, trio.open_nursery() as nursery:
        alice, bob = await harness.guest("alice"), await harness.guest("bob")
        carol = await harness.guest("carol", room="elsewhere")
        await harness.post(alice, "before")
        await harness.post(carol, "here too")
        stop = store.stop(COMMIT, BEFORE)
        nursery.start_soon(harness.post, alice, "slow")
        await stop.wait_reached()
        began = trio.current_time()
        assert texts((await harness.poll(bob)).page.messages) == ["before"]
        found = await history(harness.relay, bob, before=10, limit=10)
        assert texts(found.lookback.messages) == ["before"]
        assert (await harness.post(carol, "quick")).message.seq == 2
        state = await operator.read_overview_state(harness.relay, None, 10)
        assert len(state.messages) == 3
        assert trio.current_time() == began
        stop.release()


async def test_waking_many_polls_reads_nothing_from_the_store(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """In the original a post costs three queries for each parked poll."""
    store = staged_store()
    async with open_harness(store=store) as harness:
        alice = await harness.guest("alice")
        guests = [await harness.guest(f"guest{number}") for number in range(50)]
        answers: list[PollAnswer] = []
        async with trio.open_nursery() as nursery:

            async def listen(number: int) -> None:
                answers.append(await harness.poll(guests[number], wait=25))

            for number in range(50):
                nursery.start_soon(listen, number)
            await harness.wait_parked(50)
            await harness.post(alice, "all of you")
        assert [texts(each.page.messages) for each in answers] == [["all of you"]] * 50
        assert store.pages == 0


@pytest.mark.parametrize("is_closed_first", [True, False])
async def test_posts_are_accepted_until_the_room_is_closed_and_refused_after(
    autojump_clock: trio.testing.MockClock, is_closed_first: bool
) -> None:
    """The original checks that the room is open, and stores the post later."""
    store = staged_store()
    async with open_harness(store=store) as harness:
        alice, bob = await harness.guest("alice"), await harness.guest("bob")
        await harness.post(alice, "before")
        outcomes: list[Problem | None] = []

        async def say() -> None:
            try:
                await harness.post(alice, "in the gap")
            except RelayError as error:
                outcomes.append(error.problem)
            else:
                outcomes.append(None)

        async def close() -> None:
            await operator.close_room(harness.relay, ROOM, "operator")

        stop = store.stop(COMMIT, BEFORE)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(harness.post, bob, "held")
            await stop.wait_reached()
            for act in (close, say) if is_closed_first else (say, close):
                nursery.start_soon(act)
                await trio.testing.wait_all_tasks_blocked()
            stop.release()
        found = await history(harness.relay, bob, before=10, limit=10)
        in_time = [] if is_closed_first else ["in the gap"]
        assert texts(found.lookback.messages) == ["before", "held", *in_time]
        assert outcomes == [Problem.ROOM_CLOSED if is_closed_first else None]


async def test_two_codes_of_one_peer_share_its_limit(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """The original counts by code: a peer with two codes may post twice as much."""
    async with open_harness(Limits(posts_per_window=2)) as harness:
        first, second = await harness.guest("bob"), await harness.guest("bob")
        await harness.post(first, "one")
        await harness.post(second, "two")
        for code in (first, second):
            with pytest.raises(RelayError) as refusal:
                await harness.post(code, "three")
            assert refusal.value.problem is Problem.RATE_LIMITED


async def test_a_question_that_seemed_meant_for_one_reader_is_answered_once(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """The original names one reader as the answerer, and tells a later one that anyone
    may answer; both do.
    """
    async with open_harness() as harness:
        alice, bob = await harness.guest("alice"), await harness.guest("bob")
        await harness.post(alice, "who?", expects="anyone")
        assert (await harness.poll(bob)).members == ("alice", "bob")
        carol = await harness.guest("carol")
        await claim(harness.relay, carol, 1, None)
        with pytest.raises(RelayError) as refusal:
            await harness.post(bob, "me", reply_to=1)
        assert refusal.value.problem is Problem.CLAIMED_BY_OTHER
        await harness.post(carol, "I do it", reply_to=1)
        found = await history(harness.relay, alice, before=10, limit=10)
        question, *replies = found.lookback.messages
        assert question.claimed_by == "carol"
        assert texts(tuple(replies)) == ["I do it"]
