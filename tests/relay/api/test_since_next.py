"""An agent without a memory reads on with ``next``: the table in `domain.cursors`."""

import attrs
import pytest
import trio
import trio.testing

from argybargy.domain.cursors import Since
from argybargy.domain.errors import RelayError
from argybargy.domain.limits import Limits
from argybargy.relay.api import operator
from argybargy.relay.api.agent import resume
from argybargy.relay.api.poll import PollAnswer
from argybargy.store.memory.store import open_memory_store
from support.paused_store import PAGE, staged_store
from support.relay import ROOM, RelayHarness, open_harness, texts

NEXT, RESUME = Since.NEXT, Since.RESUME
UNLIMITED = Limits(posts_per_window=0, reads_per_window=0, claims_per_window=0)


def heard(answer: PollAnswer) -> list[str]:
    return texts(answer.page.messages)


async def test_next_reads_on_and_acknowledges_the_last_answer(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_harness() as harness:
        alice, bob = await harness.guest("alice"), await harness.guest("bob")
        await harness.post(alice, "one")
        assert heard(await harness.poll(bob, NEXT)) == ["one"]
        assert (await resume(harness.relay, bob)).cursor == 0
        await harness.post(alice, "two")
        assert heard(await harness.poll(bob, NEXT, wait=25)) == ["two"]
        assert (await resume(harness.relay, bob)).cursor == 1
        assert heard(await harness.poll(bob, RESUME)) == ["two"]
        assert heard(await harness.poll(bob, NEXT)) == []
        assert (await resume(harness.relay, bob)).cursor == 2


async def test_next_walks_page_by_page(autojump_clock: trio.testing.MockClock) -> None:
    async with open_harness() as harness:
        alice, bob = await harness.guest("alice"), await harness.guest("bob")
        for number in range(5):
            await harness.post(alice, str(number))
        found = [heard(await harness.poll(bob, NEXT, limit=2)) for _ in range(4)]
        assert found == [["0", "1"], ["2", "3"], ["4"], []]


async def test_a_cancelled_poll_had_no_answer(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_harness(attrs.evolve(UNLIMITED, tail_messages=1)) as harness:
        alice, bob = await harness.guest("alice"), await harness.guest("bob")
        await harness.post(alice, "one")
        await harness.poll(bob, NEXT)
        with trio.move_on_after(1):
            await harness.poll(bob, NEXT, wait=25)
        await harness.post(alice, "two")
        assert heard(await harness.poll(bob, NEXT)) == ["two"]
        assert heard(await harness.poll(bob, RESUME)) == ["two"]


async def test_a_poll_cancelled_after_its_last_read_had_no_answer(
    autojump_clock: trio.testing.MockClock,
) -> None:
    store = staged_store()
    limits = attrs.evolve(UNLIMITED, tail_messages=1)
    async with open_harness(limits, store) as harness:
        alice, bob = await harness.guest("alice"), await harness.guest("bob")
        for text in ("one", "two", "three"):
            await harness.post(alice, text)
        stop = store.stop(PAGE, "after")
        async with trio.open_nursery() as nursery:
            nursery.start_soon(harness.poll, bob, NEXT)
            await stop.wait_reached()
            nursery.cancel_scope.cancel()
        assert heard(await harness.poll(bob, NEXT)) == ["one", "two", "three"]


async def test_a_refused_poll_had_no_answer(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_harness(attrs.evolve(UNLIMITED, reads_per_window=1)) as harness:
        alice, bob = await harness.guest("alice"), await harness.guest("bob")
        await harness.post(alice, "one")
        assert heard(await harness.poll(bob, NEXT)) == ["one"]
        await harness.post(alice, "two")
        with pytest.raises(RelayError):
            await harness.poll(bob, NEXT)
        await trio.sleep(UNLIMITED.window_seconds + 1)
        assert heard(await harness.poll(bob, NEXT)) == ["two"]


async def test_after_a_lost_answer_resume_shows_it_again(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_harness() as harness:
        alice, bob = await harness.guest("alice"), await harness.guest("bob")
        await harness.post(alice, "one")
        await harness.poll(bob, NEXT)  # lost on its way
        await harness.post(alice, "two")
        assert heard(await harness.poll(bob, RESUME)) == ["one", "two"]
        assert heard(await harness.poll(bob, NEXT)) == []


async def _park(
    harness: RelayHarness, nursery: trio.Nursery, count: int
) -> list[PollAnswer]:
    """Park polls of bob with ``next``, one after the other; collect the answers."""
    bob = await harness.guest("bob")
    answers: list[PollAnswer] = []

    async def listen() -> None:
        answers.append(await harness.poll(bob, NEXT, wait=25))

    for number in range(count):
        nursery.start_soon(listen)
        await harness.wait_parked(number + 1)
    return answers


async def test_two_polls_at_once_are_both_answered_and_acknowledged_together(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_harness() as harness, trio.open_nursery() as nursery:
        alice = await harness.guest("alice")
        answers = await _park(harness, nursery, 2)
        await harness.post(alice, "one")
        await harness.wait_parked(0)
        assert list(map(heard, answers)) == [["one"], ["one"]]
        bob = await harness.guest("bob")
        assert heard(await harness.poll(bob, NEXT)) == []


async def test_an_answer_to_the_poll_begun_earlier_does_not_count(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """Its client may have left unnoticed, to come back with the later poll."""
    async with open_harness() as harness:
        alice, bob = await harness.guest("alice"), await harness.guest("bob")
        async with trio.open_nursery() as nursery:
            answers = await _park(harness, nursery, 1)
            with trio.move_on_after(1):
                await harness.poll(bob, NEXT, wait=25)
            await harness.post(alice, "one")
        assert list(map(heard, answers)) == [["one"]]
        assert heard(await harness.poll(bob, NEXT)) == ["one"]
        assert heard(await harness.poll(bob, NEXT)) == []


async def test_after_a_cursor_of_the_agent_next_begins_where_its_answer_ended(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_harness() as harness:
        alice, bob = await harness.guest("alice"), await harness.guest("bob")
        for text in ("one", "two", "three"):
            await harness.post(alice, text)
        assert heard(await harness.poll(bob, 1, limit=1)) == ["two"]
        assert heard(await harness.poll(bob, NEXT)) == ["three"]
        assert heard(await harness.poll(bob, 0, limit=1)) == ["one"]
        assert heard(await harness.poll(bob, NEXT)) == ["three"], "two is acknowledged"


@pytest.mark.parametrize("flushed", [True, False])
async def test_after_a_restart_next_begins_at_the_acknowledged_cursor(
    autojump_clock: trio.testing.MockClock, flushed: bool
) -> None:
    async with open_memory_store() as store:
        async with open_harness(UNLIMITED, store) as harness:
            alice, bob = await harness.guest("alice"), await harness.guest("bob")
            for text in ("one", "two"):
                await harness.post(alice, text)
                assert heard(await harness.poll(bob, NEXT)) == [text]
            if flushed:
                await trio.sleep(5)
        async with open_harness(UNLIMITED, store) as harness:
            again = heard(await harness.poll(bob, NEXT))
            assert again == ["two"], "it was never acknowledged"
            assert heard(await harness.poll(bob, NEXT)) == []


async def test_a_room_that_left_memory_takes_no_answer_with_it(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_harness(attrs.evolve(UNLIMITED, live_room_seconds=1)) as harness:
        alice, bob = await harness.guest("alice"), await harness.guest("bob")
        await harness.post(alice, "one")
        await harness.poll(bob, NEXT)
        await trio.sleep(60)
        assert harness.relay.find_live(ROOM) is None
        assert heard(await harness.poll(bob, NEXT)) == []


async def test_a_day_without_a_request_forgets_the_last_answer(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_harness() as harness:
        alice, bob = await harness.guest("alice"), await harness.guest("bob")
        await harness.post(alice, "one")
        await harness.poll(bob, NEXT)
        steady = harness.clock.now().steady_seconds
        harness.relay.presence.sweep(steady + 25 * 3600)
        assert heard(await harness.poll(bob, NEXT)) == ["one"]


async def test_after_a_reset_next_goes_on_from_the_head(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_harness() as harness:
        alice, bob = await harness.guest("alice"), await harness.guest("bob")
        await harness.post(alice, "one")
        assert (await harness.poll(bob, 500)).is_reset
        await harness.post(alice, "two")
        answer = await harness.poll(bob, NEXT)
        assert (heard(answer), answer.is_reset) == (["two"], False)
        live = await harness.relay.live(ROOM)
        live.cursors[bob.peer.name] = 500  # as kept by a relay restored from a backup
        answer = await harness.poll(bob, NEXT)
        assert (answer.since, answer.is_reset) == (2, True)
        assert not (await harness.poll(bob, NEXT)).is_reset


async def test_a_closed_room_changes_nothing_about_next(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_harness() as harness:
        alice, bob = await harness.guest("alice"), await harness.guest("bob")
        await harness.post(alice, "one")
        await harness.poll(bob, NEXT)
        await harness.post(alice, "two")
        await operator.close_room(harness.relay, ROOM, "operator")
        last = await harness.poll(bob, NEXT, wait=25)
        assert (heard(last), last.budget.reason) == (["two"], "room_closed")
        await operator.reopen_room(harness.relay, ROOM, "operator")
        await harness.post(alice, "three")
        assert heard(await harness.poll(bob, NEXT)) == ["three"]
