"""Effects of clock steps and of suspensions on a relay."""

import pytest
import trio
import trio.testing

from argybargy.domain.errors import Problem, RelayError
from argybargy.domain.limits import Limits
from argybargy.relay.access.code_lifetimes import CERTAIN_SECONDS
from argybargy.relay.api import operator
from argybargy.relay.api.agent import claim
from argybargy.relay.api.poll import PollAnswer
from argybargy.relay.clock import SETTLE_SECONDS
from argybargy.relay.housekeeping import tick
from argybargy.store.memory.store import DEFAULT_LIMITS, MemoryStore
from support.clock_places import LIMITS, PLACES, STEPS, Place, Step
from support.relay import ROOM, RelayHarness, SettableClocks, open_harness, texts

HOUR = 3_600
JUMPS = pytest.mark.parametrize("hours", [-10, -1, 1, 10])


def jump(harness: RelayHarness, hours: float) -> None:
    """Set the wall clock to another time; no time passes."""
    harness.clocks.shift(hours * HOUR)


async def timestamps(harness: RelayHarness) -> list[int]:
    messages = (await harness.relay.live(ROOM)).room.messages
    return [messages[seq].at_ms for seq in sorted(messages)]


async def test_timestamps_never_run_backwards_after_any_clock_change(
    autojump_clock: trio.testing.MockClock,
) -> None:
    store = MemoryStore(DEFAULT_LIMITS)
    for number, hours in enumerate([0, 1, -10, 0.001, 20, -30, 0]):
        # A new relay each time, which knows only the times in the store.
        async with open_harness(store=store) as harness:
            alice = await harness.guest(f"alice{number}")
            await harness.post(alice, "at some time")
            jump(harness, hours)
            await trio.sleep(SETTLE_SECONDS + 5)
            await harness.post(alice, "at another")
            told = await timestamps(harness)
            assert told == sorted(told)
            assert len(told) == 2 * (number + 1)
    assert told[-1] - told[0] >= 20 * HOUR * 1000


@JUMPS
async def test_a_lease_does_not_depend_on_the_wall_clock(
    autojump_clock: trio.testing.MockClock, hours: int
) -> None:
    async with open_harness() as harness:
        asker, holder = await harness.guest("asker"), await harness.guest("holder")
        rival = await harness.guest("rival")
        await harness.post(asker, "who?", expects="anyone")
        await claim(harness.relay, holder, 1, 60)
        jump(harness, hours)
        with pytest.raises(RelayError) as refusal:
            await claim(harness.relay, rival, 1, 60)
        assert refusal.value.problem is Problem.CLAIMED_BY_OTHER
        await trio.sleep(59)
        assert len(await timestamps(harness)) == 1
        await trio.sleep(2)
        reopened = (await harness.poll(rival, since=1, wait=1)).page.messages
        assert [message.event for message in reopened] == ["reopened"]
        assert (await claim(harness.relay, rival, 1, 60)).lease.fence == 2


@JUMPS
async def test_a_rate_limit_does_not_depend_on_the_wall_clock(
    autojump_clock: trio.testing.MockClock, hours: int
) -> None:
    async with open_harness(Limits(posts_per_window=2, window_seconds=10)) as harness:
        alice = await harness.guest("alice")
        await harness.post(alice, "one")
        await harness.post(alice, "two")
        jump(harness, hours)
        with pytest.raises(RelayError) as refusal:
            await harness.post(alice, "three")
        assert refusal.value.problem is Problem.RATE_LIMITED
        assert refusal.value.facts["retry_after"] in range(1, 11)
        await trio.sleep(10.1)
        assert (await harness.post(alice, "three")).message.seq == 3


@JUMPS
async def test_a_clock_change_does_not_end_polling(
    autojump_clock: trio.testing.MockClock, hours: int
) -> None:
    async with open_harness() as harness:
        guests = [await harness.guest(f"guest{number}") for number in range(5)]
        await harness.post(guests[0], "hello")
        answers: list[PollAnswer] = []

        async def listen(number: int) -> None:
            answers.append(await harness.poll(guests[number], since=1, wait=20))

        async with trio.open_nursery() as nursery:
            for number in range(1, 5):
                nursery.start_soon(listen, number)
            await harness.wait_parked(4)
            jump(harness, hours)
        assert [answer.budget.should_exit for answer in answers] == [False] * 4
        assert {answer.budget.idle_seconds for answer in answers} == {20}


async def test_a_code_that_expires_during_a_suspension_stays_expired(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_harness() as harness:
        alice = await harness.guest("alice")
        bob = await harness.guest("bob", lifetime_seconds=HOUR)
        await harness.post(bob, "here")
        harness.clocks.sleep(8 * HOUR)
        for call in (harness.post(bob, "still here?"), harness.poll(bob)):
            with pytest.raises(RelayError) as refusal:
                await call
            assert refusal.value.problem is Problem.UNAUTHORIZED
        await tick(harness.relay)
        assert [name for name, _ in _peers(harness)] == ["alice"]
        answer = await harness.poll(alice)
        assert texts(answer.page.messages) == ["here"]
        assert not answer.budget.should_exit


async def test_a_briefly_wrong_clock_expires_no_code(
    autojump_clock: trio.testing.MockClock,
) -> None:
    store, clocks = MemoryStore(DEFAULT_LIMITS), SettableClocks()
    async with open_harness(store=store, clocks=clocks) as harness:
        alice = await harness.guest("alice", lifetime_seconds=7 * 24 * HOUR)
    async with open_harness(store=store, clocks=clocks) as harness:
        jump(harness, 60 * 24)
        await trio.sleep(SETTLE_SECONDS + 10)
        with pytest.raises(RelayError):
            await harness.post(alice, "a relay that knows no more than the row")
        jump(harness, -60 * 24)
        await trio.sleep(CERTAIN_SECONDS + 10)
        assert await harness.relay.store.codes() == (alice,)
        assert (await harness.post(alice, "still here")).message.seq == 1
        jump(harness, 60 * 24)
        await trio.sleep(CERTAIN_SECONDS)
        assert len(harness.relay.codes) == 1
        await trio.sleep(SETTLE_SECONDS + 10)
        assert await harness.relay.store.codes() == ()


def _peers(harness: RelayHarness) -> list[tuple[str, str]]:
    codes = harness.relay.codes.live_codes(ROOM, harness.clock.now())
    return [(code.name, code.room) for code in codes]


async def test_a_long_suspension_ends_each_lease_once_and_loses_no_poll(
    mock_clock: trio.testing.MockClock,
) -> None:
    async with open_harness() as harness:
        asker, holder = await harness.guest("asker"), await harness.guest("holder")
        listener = await harness.guest("listener")
        for number in range(3):
            await harness.post(asker, f"who? {number}", expects="anyone")
            await claim(harness.relay, holder, number + 1, 60)
        answers: list[PollAnswer] = []

        async def listen() -> None:
            answers.append(await harness.poll(listener, since=3, wait=25))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(listen)
            await harness.wait_parked(1)
            mock_clock.jump(8 * HOUR)
        # The poll and the room task that ends its leases wake in random order.
        answer = await harness.poll(listener, since=3, wait=25)
        events = [(each.event, each.reply_to) for each in answer.page.messages]
        assert sorted(events, key=str) == [("reopened", seq) for seq in (1, 2, 3)]
        seen = [each.seq for each in answers[0].page.messages]
        assert seen in ([], [4, 5, 6])
        assert answers[0].page.cursor == (6 if seen else 3)
        assert (await claim(harness.relay, listener, 1, 60)).lease.fence == 4
        assert (await harness.post(asker, "good morning")).message.seq == 7


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.__name__)
@pytest.mark.parametrize("place", PLACES, ids=lambda place: place.__name__)
async def test_no_caller_depends_on_the_wall_clock(
    autojump_clock: trio.testing.MockClock, place: Place, step: Step
) -> None:
    async with open_harness(LIMITS) as harness:
        await place(harness, step)


async def test_a_room_that_is_ahead_of_the_clock_keeps_its_order_and_its_ages(
    autojump_clock: trio.testing.MockClock,
) -> None:
    store, clocks = MemoryStore(DEFAULT_LIMITS), SettableClocks()
    clocks.shift(10 * 365 * 24 * HOUR)
    async with open_harness(store=store, clocks=clocks) as harness:
        alice, bob = await harness.guest("alice"), await harness.guest("bob")
        await harness.post(bob, "hello", expects="none")
        await harness.post(alice, "in ten years", expects="anyone")
    clocks.shift(-10 * 365 * 24 * HOUR)
    async with open_harness(store=store, clocks=clocks) as harness:
        await trio.sleep(50)
        await harness.post(alice, "now", expects="anyone", key="k")
        await trio.sleep(100)
        assert (
            await harness.post(alice, "now", expects="anyone", key="k")
        ).is_duplicate
        told = await timestamps(harness)
        assert told == sorted(told)
        found = await operator.read_overview_state(harness.relay, None, 10)
        # The wait of the first question before the start of the relay is unknown.
        waits = [(row.message.text, round(row.seconds)) for row in found.waiting]
        assert waits == [("in ten years", 150), ("now", 100)]
        ages = {row.name: row.last_message_seconds for row in found.rooms[0].roster}
        # So is the age of the other's post before the room was loaded.
        assert ages == {"alice": pytest.approx(100), "bob": pytest.approx(100)}
        await trio.sleep(50)
        rows = (
            (await operator.read_overview_state(harness.relay, None, 10))
            .rooms[0]
            .roster
        )
        assert "working" not in {row.state for row in rows}
        assert (await harness.poll(bob)).budget.room_quiet_seconds == pytest.approx(150)
    async with open_harness(store=store, clocks=clocks) as harness:
        await trio.sleep(10)
        budget = (await harness.poll(bob)).budget
        assert budget.room_quiet_seconds == pytest.approx(160)
