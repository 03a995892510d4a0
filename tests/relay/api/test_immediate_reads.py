"""The limit on immediate reads counts polls by their effect, not by their request."""

import attrs
import pytest
import trio
import trio.testing

from argybargy.domain.access_codes import CodeRecord
from argybargy.domain.errors import Problem, RelayError
from argybargy.domain.limits import Limits
from argybargy.relay.api import operator
from argybargy.relay.api.poll_answer import DISPLACED_RETRY_SECONDS, PollAnswer
from support.paused_store import PAGE, StagedStore, staged_store
from support.relay import ROOM, RelayHarness, open_harness

LIMITS = Limits(posts_per_window=0)
WINDOWS = 6


def most_reads(seconds: float) -> float:
    """Return the number of immediate reads that a peer may make in that time."""
    return LIMITS.reads_per_window * (seconds / LIMITS.window_seconds + 1)


def pause_after(error: RelayError) -> int:
    """Return the retry delay of a refused reader."""
    assert error.problem is Problem.RATE_LIMITED
    pause = error.facts["retry_after"]
    assert isinstance(pause, int)
    return pause


@attrs.define
class Follower:
    """A client that polls without end.

    Attributes:
        keeps_since: Whether it asks from the start again and again.
        obeys: Whether it pauses where an answer asks it to; where an error does, it
            always pauses.
    """

    harness: RelayHarness
    code: CodeRecord
    wait: float
    keeps_since: bool = False
    obeys: bool = True
    answers: int = 0
    refusals: int = 0
    since: int = 0

    async def run(self) -> None:
        while True:
            try:
                answer = await self.harness.poll(self.code, self.since, self.wait)
            except RelayError as error:
                self.refusals += 1
                await trio.sleep(pause_after(error))
                continue
            self.answers += 1
            if not self.keeps_since:
                self.since = answer.page.cursor
            await trio.sleep(self._pause(answer))

    def _pause(self, answer: PollAnswer) -> float:
        return (answer.retry_seconds or 0) if self.obeys else 0


async def follow_for(seconds: float, followers: list[Follower]) -> None:
    with trio.move_on_after(seconds):
        async with trio.open_nursery() as nursery:
            for follower in followers:
                nursery.start_soon(follower.run)


async def refused(
    harness: RelayHarness, code: CodeRecord, since: int, wait: float
) -> bool:
    try:
        await harness.poll(code, since, wait)
    except RelayError as error:
        return pause_after(error) > 0
    return False


@pytest.mark.parametrize("wait", [0, 0.5, 1, 25])
async def test_repeated_polls_for_the_same_messages_are_limited(
    autojump_clock: trio.testing.MockClock, wait: float
) -> None:
    async with open_harness(LIMITS) as harness:
        alice, bob = await harness.guest("alice"), await harness.guest("bob")
        await harness.post(alice, "always there")
        follower = Follower(harness, bob, wait, keeps_since=True)
        seconds = WINDOWS * LIMITS.window_seconds
        await follow_for(seconds, [follower])
        assert follower.refusals
        assert follower.answers <= most_reads(seconds) + 1


async def test_a_refused_poll_reads_no_messages(
    autojump_clock: trio.testing.MockClock,
) -> None:
    store = staged_store()
    limits = attrs.evolve(LIMITS, tail_messages=1, reads_per_window=3)
    async with open_harness(limits, store) as harness:
        alice, bob = await harness.guest("alice"), await harness.guest("bob")
        for text in ("one", "two", "three"):
            await harness.post(alice, text)
        outcomes = [await refused(harness, bob, 0, 25) for _ in range(8)]
        assert outcomes == [False] * 4 + [True] * 4
        assert store.pages == 4


async def test_an_agent_that_advances_its_cursor_is_never_refused(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """Each answer has new messages, so none is counted."""
    async with open_harness(LIMITS) as harness:
        alice, bob = await harness.guest("alice"), await harness.guest("bob")
        since = 0
        for number in range(5 * LIMITS.reads_per_window):
            await harness.post(alice, str(number))
            answer = await harness.poll(bob, since, 25)
            assert len(answer.page.messages) == 1
            since = answer.page.cursor


async def test_an_agent_that_pages_through_a_long_history_is_never_refused(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_harness(LIMITS) as harness:
        alice, bob = await harness.guest("alice"), await harness.guest("bob")
        for number in range(3 * LIMITS.reads_per_window):
            await harness.post(alice, str(number))
        since = 0
        while since < 3 * LIMITS.reads_per_window:
            since = (await harness.poll(bob, since, 25, limit=1)).page.cursor


@pytest.mark.parametrize("wait", [1, 25])
async def test_an_agent_in_a_quiet_room_is_never_refused(
    autojump_clock: trio.testing.MockClock, wait: float
) -> None:
    limits = attrs.evolve(LIMITS, reads_per_window=2)
    async with open_harness(limits) as harness:
        follower = Follower(harness, await harness.guest("bob"), wait)
        await follow_for(100, [follower])
        assert follower.refusals == 0
        assert follower.answers >= 100 / wait - 1


async def test_five_agents_with_one_code_pause_and_are_not_refused(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_harness(LIMITS) as harness:
        bob = await harness.guest("bob")
        followers = [Follower(harness, bob, 25) for _ in range(5)]
        await follow_for(100, followers)
        answers = sum(each.answers for each in followers)
        assert sum(each.refusals for each in followers) == 0
        one_by_one = 5 * 100 / 25
        assert answers <= one_by_one + 100 / DISPLACED_RETRY_SECONDS + 5


@pytest.mark.parametrize("clients", [5, 20])
@pytest.mark.parametrize("wait", [1, 5, 25])
async def test_agents_with_one_code_that_never_pause_are_slowed_down(
    autojump_clock: trio.testing.MockClock, wait: float, clients: int
) -> None:
    async with open_harness(LIMITS) as harness:
        bob, seconds = await harness.guest("bob"), WINDOWS * LIMITS.window_seconds
        followers = [Follower(harness, bob, wait, obeys=False) for _ in range(clients)]
        await follow_for(seconds, followers)
        parked = LIMITS.parked_polls_per_peer * (seconds / wait + 1)
        answers = sum(each.answers for each in followers)
        assert answers <= most_reads(seconds) + parked


async def test_a_displaced_poll_returns_a_retry_after(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_harness(LIMITS) as harness, trio.open_nursery() as nursery:
        bob = await harness.guest("bob")
        answers: list[PollAnswer] = []

        async def listen() -> None:
            answers.append(await harness.poll(bob, wait=25))

        for _ in range(5):
            nursery.start_soon(listen)
        await trio.testing.wait_all_tasks_blocked()
        (displaced,) = answers
        assert displaced.retry_seconds == DISPLACED_RETRY_SECONDS
        assert displaced.page.messages == ()
        await trio.sleep(26)
        assert [each.retry_seconds for each in answers[1:]] == [None] * 4


async def test_polls_of_a_closed_room_are_limited(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_harness(attrs.evolve(LIMITS, reads_per_window=3)) as harness:
        bob = await harness.guest("bob")
        await operator.close_room(harness.relay, ROOM, "operator")
        assert [await refused(harness, bob, 0, 25) for _ in range(4)] == [
            False,
            False,
            False,
            True,
        ]


async def test_one_of_many_simultaneous_polls_is_not_counted(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """All polls arrive before the first is answered; together they exceed the limit."""
    store: StagedStore = staged_store()
    limits = attrs.evolve(LIMITS, tail_messages=1, reads_per_window=3)
    async with open_harness(limits, store) as harness, trio.open_nursery() as nursery:
        alice, bob = await harness.guest("alice"), await harness.guest("bob")
        for text in ("one", "two", "three"):
            await harness.post(alice, text)
        outcomes: list[bool] = []

        async def ask() -> None:
            outcomes.append(await refused(harness, bob, 0, 25))

        stops = [store.stop(PAGE, "before") for _ in range(8)]
        for _ in range(8):
            nursery.start_soon(ask)
        await trio.testing.wait_all_tasks_blocked()
        for stop in stops:
            stop.release()
        await trio.testing.wait_all_tasks_blocked()
        assert sorted(outcomes) == [False] * 4 + [True] * 4
