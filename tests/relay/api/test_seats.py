"""Ears hold the seat of their agent while they poll."""

from collections.abc import Awaitable, Callable

import attrs
import pytest
import trio
import trio.testing

from argybargy.domain.access_codes import CodeRecord
from argybargy.domain.errors import Problem, RelayError
from argybargy.domain.limits import Limits
from argybargy.domain.seat import Ear, Listening, Waker
from argybargy.domain.wake_policy import WAKE_AT_ONCE, Wake, WakePolicy
from argybargy.relay.api import agent, operator
from argybargy.relay.api.poll import PollAnswer, PollRequest, poll
from support.relay import ROOM, RelayHarness, open_harness, texts

EAR = Ear("codex", "0.171.0", Waker.QUEUE, "one")
OTHER = attrs.evolve(EAR, session="two")


@attrs.define
class Hall:
    """Alice, who writes to bob; ears of bob in tasks of their own."""

    it: RelayHarness
    alice: CodeRecord
    bob: CodeRecord
    nursery: trio.Nursery

    async def hear(
        self,
        ear: Ear | None = EAR,
        wait: float = 25,
        policy: WakePolicy = WAKE_AT_ONCE,
        since: int = 0,
    ) -> PollAnswer:
        """Poll as an ear of bob."""
        self.it.relay.first_seen(self.bob, self.it.clock.now())
        request = PollRequest(since, wait, 100, policy, ear=ear)
        return await poll(self.it.relay, self.bob, request)

    async def start(self, ear: Ear | None = EAR, **how: object) -> trio.CancelScope:
        """Park a poll; it ends with the returned scope or with the test."""
        scope = trio.CancelScope()

        async def run() -> None:
            with scope:
                await self.hear(ear, **how)  # type: ignore[arg-type]

        self.nursery.start_soon(run)
        await trio.testing.wait_all_tasks_blocked()
        return scope

    async def is_refused(self, ear: Ear = OTHER) -> bool:
        """Tell whether an ear cannot take the seat."""
        try:
            await self.hear(ear, wait=0)
        except RelayError as refusal:
            assert refusal.problem is Problem.SEAT_TAKEN  # noqa: PT017
            return True
        return False

    async def listening(self) -> Listening:
        """Return how soon bob hears, as a peer sees it."""
        rows = await agent.peers(self.it.relay, self.alice)
        (found,) = [seen.listening for seen, _ in rows if seen.name == "bob"]
        return found

    async def roster(self) -> Listening | None:
        """Return how soon bob hears, as the operator sees it."""
        state = await operator.read_overview_state(self.it.relay, ROOM, 1)
        (room,) = state.rooms
        (found,) = [row.listening for row in room.roster if row.name == "bob"]
        return found


async def _with_hall(
    act: Callable[[Hall], Awaitable[None]], limits: Limits | None = None
) -> None:
    async with open_harness(limits) as it, trio.open_nursery() as nursery:
        alice, bob = await it.guest("alice"), await it.guest("bob")
        await act(Hall(it, alice, bob, nursery))
        nursery.cancel_scope.cancel()


async def test_a_seat_is_held_for_two_polls(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async def act(hall: Hall) -> None:
        await hall.hear()
        assert trio.current_time() == pytest.approx(25)
        await trio.sleep(34.9)
        assert await hall.is_refused()
        assert await hall.listening() is Listening.WAKES_NOW
        await trio.sleep(0.2)
        assert await hall.listening() is Listening.ONLINE
        assert not await hall.is_refused()

    await _with_hall(act)


async def test_a_refusal_says_who_holds_the_seat_but_not_its_session(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async def act(hall: Hall) -> None:
        await hall.start()
        with pytest.raises(RelayError) as caught:
            await hall.hear(OTHER)
        assert caught.value.facts["held_by"] == "codex/0.171.0 queue"
        assert str(caught.value.facts["held_until"]).startswith("2027-01-15T08:01:00")
        assert "one" not in caught.value.text.split()

    await _with_hall(act)


async def test_a_refused_ear_acknowledges_nothing(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async def act(hall: Hall) -> None:
        await hall.it.post(hall.alice, "hello")
        await hall.start(wait=5)
        with pytest.raises(RelayError):
            await poll(hall.it.relay, hall.bob, PollRequest(1, 25, 100, ear=OTHER))
        assert (await agent.resume(hall.it.relay, hall.bob)).cursor == 0

    await _with_hall(act)


async def test_refused_ears_count_as_reads(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async def act(hall: Hall) -> None:
        await hall.start()
        for _ in range(3):
            assert await hall.is_refused()
        with pytest.raises(RelayError) as caught:
            await hall.hear(OTHER)
        assert caught.value.problem is Problem.RATE_LIMITED

    await _with_hall(act, Limits(reads_per_window=3))


async def test_an_ear_that_is_refused_for_its_reads_leaves_the_seat_soon(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async def act(hall: Hall) -> None:
        await hall.it.post(hall.alice)
        await hall.hear(None, wait=0)
        with pytest.raises(RelayError) as caught:
            await hall.hear(EAR)  # asks again for the message that it was given
        assert caught.value.problem is Problem.RATE_LIMITED
        await trio.sleep(10)
        await hall.start(OTHER, since=1)

    await _with_hall(act, Limits(reads_per_window=1))


async def test_a_newer_ear_of_the_same_session_replaces_the_older(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async def act(hall: Hall) -> None:
        answers = []

        async def first() -> None:
            answers.append(await hall.hear())

        hall.nursery.start_soon(first)
        await hall.it.wait_parked(1)
        await hall.start()
        assert [answer.is_displaced for answer in answers] == [True]
        assert hall.it.parked() == 1
        newer = attrs.evolve(EAR, version="0.172.0", waker=Waker.SPOOL)
        await hall.start(newer)
        assert hall.it.parked() == 1
        assert await hall.listening() is Listening.NEXT_TURN

    await _with_hall(act)


async def test_polls_that_are_no_ears_go_on_beside_one(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async def act(hall: Hall) -> None:
        await hall.start()
        await hall.start(None)
        assert hall.it.parked() == 2
        await hall.it.post(hall.alice, "hello")
        answer = await hall.hear(None, wait=0)
        assert texts(answer.page.messages) == ["hello"]

    await _with_hall(act)


async def test_an_ear_whose_connection_ends_leaves_its_seat_soon(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async def act(hall: Hall) -> None:
        scope = await hall.start()
        scope.cancel()
        await trio.testing.wait_all_tasks_blocked()
        assert await hall.is_refused()
        await trio.sleep(10)
        assert not await hall.is_refused()

    await _with_hall(act)


async def test_an_older_poll_that_is_cancelled_keeps_the_newer_seat(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async def act(hall: Hall) -> None:
        older = await hall.start()
        hall.nursery.start_soon(hall.hear)
        older.cancel()
        await trio.testing.wait_all_tasks_blocked()
        await trio.sleep(11)
        assert await hall.is_refused()

    await _with_hall(act)


async def test_a_revoked_agent_loses_its_seat(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async def act(hall: Hall) -> None:
        await hall.hear(wait=1)
        await operator.revoke(hall.it.relay, "bob", None, everywhere=False)
        hall.bob = await hall.it.guest("bob")
        assert not await hall.is_refused()

    await _with_hall(act)


@pytest.mark.parametrize(
    ("waker", "shown"),
    [(Waker.LINES, Listening.WAKES_NOW), (Waker.SPOOL, Listening.NEXT_TURN)],
)
async def test_the_roster_follows_the_seat(
    autojump_clock: trio.testing.MockClock, waker: Waker, shown: Listening
) -> None:
    async def act(hall: Hall) -> None:
        assert await hall.roster() is Listening.ONLINE
        await hall.start(None, wait=5)
        assert await hall.roster() is Listening.ONLINE, "parked is online here"
        assert await hall.listening() is Listening.PARKED
        await hall.start(attrs.evolve(EAR, waker=waker), wait=5)
        assert await hall.roster() is shown
        await trio.sleep(19)
        assert await hall.roster() is shown
        await trio.sleep(2)
        assert await hall.roster() is Listening.ONLINE
        await trio.sleep(60)
        assert await hall.roster() is Listening.NOT_LISTENING

    await _with_hall(act)


async def receipts(hall: Hall, **how: object) -> dict[str, str]:
    outcome = await hall.it.post(hall.alice, **({"to": ("bob",)} | how))  # type: ignore[arg-type]
    return {name: str(receipt) for name, receipt in outcome.delivery.receipts}


ASKS = WakePolicy(Wake.ASKS, 600)


async def test_receipts_follow_ears_and_their_policy(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async def act(hall: Hall) -> None:
        await hall.start(policy=ASKS)
        assert await receipts(hall, expects="none") == {"bob": "held"}
        assert await receipts(hall) == {"bob": "wakes now"}
        await trio.testing.wait_all_tasks_blocked()
        assert hall.it.parked() == 0
        assert await receipts(hall) == {"bob": "wakes now"}, "between two polls"
        assert await receipts(hall, expects="none") == {"bob": "held"}
        await trio.sleep(59.9)
        assert await receipts(hall) == {"bob": "wakes now"}
        await trio.sleep(0.2)
        found = (await receipts(hall))["bob"]
        assert found == "not listening since 2027-01-15T08:00:00.000+00:00"

    await _with_hall(act)


async def test_receipts_of_agents_without_an_ear(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async def act(hall: Hall) -> None:
        await hall.it.code("carol")
        assert await receipts(hall, to=("bob", "carol", "dave", "operator")) == {
            "bob": "online",
            "carol": "not listening",
            "dave": "unknown",
            "operator": "away",
        }
        await hall.it.poll(hall.bob, since=1)
        await hall.start(None, policy=attrs.evolve(ASKS, wake=Wake.DIRECT), since=1)
        assert await receipts(hall) == {"bob": "parked"}
        assert await receipts(hall, to=("all",)) == {}
        assert await receipts(hall, to=("all",), expects="anyone") == {}
        await hall.start(None, policy=ASKS, since=4)
        assert await receipts(hall, to=("all",), expects="bob") == {"bob": "parked"}

    await _with_hall(act)


async def test_the_receipt_of_a_repeated_post_tells_whether_it_was_read(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async def act(hall: Hall) -> None:
        assert await receipts(hall, key="k") == {"bob": "online"}
        assert await receipts(hall, key="k") == {"bob": "online"}
        await hall.it.poll(hall.bob, since=1)
        assert await receipts(hall, key="k") == {"bob": "read"}

    await _with_hall(act)


async def test_a_damped_message_is_said_to_be_damped(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async def act(hall: Hall) -> None:
        pair, turns = (hall.alice, hall.bob), Limits().loop_turns
        outcome = None
        for number in range(turns + 2):
            outcome = await hall.it.post(
                pair[number % 2],
                reply_to=number or None,
                to=(pair[1 - number % 2].name,),
            )
        assert outcome is not None
        ((name, receipt),) = outcome.delivery.receipts
        assert name == "alice"
        assert str(receipt) == "damped until 2027-01-15T08:01:00.000+00:00"
        await hall.start()
        found = await receipts(hall, reply_to=turns + 2)
        assert found == {"bob": "damped until 2027-01-15T08:01:00.000+00:00"}

    await _with_hall(act)
