"""A poll loses nothing, doubles nothing, and leaves nothing behind."""

from collections.abc import Awaitable, Callable

import attrs
import pytest
import trio
import trio.lowlevel
import trio.testing

from argybargy.domain.access_codes import CodeRecord
from argybargy.domain.errors import Problem, RelayError
from argybargy.domain.limits import Limits
from argybargy.domain.message import SenderKind
from argybargy.domain.names import PeerKey
from argybargy.domain.pages import Page
from argybargy.relay.api import operator
from argybargy.relay.api.agent import PostDraft, claim, resume
from argybargy.relay.api.poll import PollAnswer
from argybargy.relay.room.delivery_report import Reachability
from argybargy.store.memory.store import DEFAULT_LIMITS, MemoryStore, open_memory_store
from support.relay import ROOM, open_house, texts


async def test_a_poll_without_wait_answers_at_once(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_house() as house:
        bob = await house.guest("bob")
        began = trio.current_time()
        answer = await house.poll(bob)
        assert answer.page.messages == ()
        assert trio.current_time() == began


async def test_a_poll_parks_for_exactly_as_long_as_asked(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_house() as house:
        bob = await house.guest("bob")
        began = trio.current_time()
        answer = await house.poll(bob, wait=25)
        assert trio.current_time() - began == pytest.approx(25)
        assert answer.page.messages == ()
        assert house.parked() == 0


async def test_a_parked_poll_wakes_with_the_post(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_house() as house, trio.open_nursery() as nursery:
        alice, bob = await house.guest("alice"), await house.guest("bob")
        answers: list[PollAnswer] = []

        async def listen() -> None:
            answers.append(await house.poll(bob, wait=25))

        nursery.start_soon(listen)
        await house.wait_parked(1)
        outcome = await house.post(alice, "wake up")
        posted_at = trio.current_time()
        await house.wait_parked(0)
        assert trio.current_time() == posted_at
        assert texts(answers[0].page.messages) == ["wake up"]
        assert answers[0].page.cursor == outcome.message.seq
        assert dict(outcome.delivery.counts or ())[Reachability.PARKED] == 1


@attrs.define
class BusyStore(MemoryStore):
    """A store in whose reads something happens."""

    during_page: Callable[[], Awaitable[object]] | None = None

    async def page(
        self, room: str, reader: PeerKey, after: int, limit: int, max_bytes: int
    ) -> Page:
        page = await super().page(room, reader, after, limit, max_bytes)
        if self.during_page is not None:
            happening, self.during_page = self.during_page, None
            await happening()
        return page


def busy_store() -> BusyStore:
    return BusyStore(DEFAULT_LIMITS)


def no_limits(**changes: float) -> Limits:
    unlimited = Limits(posts_per_window=0, reads_per_window=0, claims_per_window=0)
    return attrs.evolve(unlimited, **changes)  # type: ignore[arg-type]


async def test_a_post_between_the_read_and_the_park_is_not_missed(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """The original reads and then registers for the wake: what comes in between is
    lost for good, since its cursor jumps over it.
    """
    store = busy_store()
    async with open_house(no_limits(tail_messages=1), store) as house:
        alice, bob = await house.guest("alice"), await house.guest("bob")
        for _ in range(3):
            await house.post(bob, "older than the tail")
        store.during_page = lambda: house.post(alice, "in the gap")
        began = trio.current_time()
        answer = await house.poll(bob, since=0, wait=25)
        assert texts(answer.page.messages) == ["in the gap"]
        assert answer.page.cursor == 4
        assert trio.current_time() == began


async def test_the_cursor_never_runs_ahead_of_the_rows(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """The original takes the cursor in a second query: what comes in between is
    skipped for ever.
    """
    store = busy_store()
    async with open_house(no_limits(tail_messages=1), store) as house:
        alice, bob = await house.guest("alice"), await house.guest("bob")
        await house.post(alice, "one")
        await house.post(alice, "two")
        store.during_page = lambda: house.post(alice, "three")
        first = await house.poll(bob, since=0)
        second = await house.poll(bob, since=first.page.cursor)
        heard = texts(first.page.messages) + texts(second.page.messages)
        assert heard == ["one", "two", "three"]


async def test_a_burst_reaches_every_follower_whole_and_in_order(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_house() as house, trio.open_nursery() as nursery:
        posters = [await house.guest(f"poster{n}") for n in range(4)]
        followers = [await house.guest(f"follower{n}") for n in range(3)]
        heard: dict[str, list[int]] = {}

        async def follow(who: CodeRecord) -> None:
            mine = heard[who.name] = []
            cursor = 0
            while len(mine) < 400:
                answer = await house.poll(who, since=cursor, wait=25)
                mine += [message.seq for message in answer.page.messages]
                cursor = answer.page.cursor

        async def say(who: CodeRecord) -> None:
            for n in range(100):
                await house.post(who, f"{who.name} {n}")
                await trio.lowlevel.checkpoint()

        for follower in followers:
            nursery.start_soon(follow, follower)
        for poster in posters:
            nursery.start_soon(say, poster)
        await house.wait_parked(3)
    assert list(heard.values()) == [list(range(1, 401))] * 3


async def test_a_direct_message_wakes_its_addressee_alone(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_house() as house, trio.open_nursery() as nursery:
        alice = await house.guest("alice")
        others = [await house.guest(name) for name in ("bob", "carol", "dave")]
        done: dict[str, float] = {}

        async def listen(who: CodeRecord) -> None:
            await house.poll(who, wait=10)
            done[who.name] = trio.current_time() - began

        began = trio.current_time()
        for other in others:
            nursery.start_soon(listen, other)
        await house.wait_parked(3)
        await house.post(alice, "psst", to=("carol",))
    assert done["carol"] == 0
    assert done["bob"] == pytest.approx(10)
    assert done["dave"] == pytest.approx(10)


async def test_closing_a_room_wakes_all_and_tells_them_to_leave(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_house() as house, trio.open_nursery() as nursery:
        guests = [await house.guest(f"guest{n}") for n in range(50)]
        answers: list[PollAnswer] = []

        async def listen(who: CodeRecord) -> None:
            answers.append(await house.poll(who, wait=25))

        for guest in guests:
            nursery.start_soon(listen, guest)
        await house.wait_parked(50)
        began = trio.current_time()
        await operator.close_room(house.relay, ROOM, "operator")
        await house.wait_parked(0)
        assert trio.current_time() == began
    assert [answer.budget.reason for answer in answers] == ["room_closed"] * 50


async def test_revoking_ends_the_parked_polls_of_that_peer_alone(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_house() as house, trio.open_nursery() as nursery:
        bob, carol = await house.guest("bob"), await house.guest("carol")
        outcomes: dict[str, object] = {}

        async def listen(who: CodeRecord) -> None:
            try:
                outcomes[who.name] = await house.poll(who, wait=25)
            except RelayError as error:
                outcomes[who.name] = error.problem

        nursery.start_soon(listen, bob)
        nursery.start_soon(listen, carol)
        await house.wait_parked(2)
        gone = await operator.revoke(house.relay, "bob", None, everywhere=False)
        assert [record.name for record in gone] == ["bob"]
        await house.wait_parked(1)
        assert outcomes == {"bob": Problem.UNAUTHORIZED}


async def test_a_code_that_runs_out_ends_its_parked_poll(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_house() as house:
        bob = await house.guest("bob", lifetime_seconds=5)
        began = trio.current_time()
        with pytest.raises(RelayError) as refusal:
            await house.poll(bob, wait=25)
        assert refusal.value.problem is Problem.UNAUTHORIZED
        assert trio.current_time() - began == pytest.approx(5)


async def test_draining_answers_every_parked_poll_with_its_cursor(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_house() as house, trio.open_nursery() as nursery:
        alice, bob = await house.guest("alice"), await house.guest("bob")
        await house.post(alice, "one")
        answers: list[PollAnswer] = []

        async def listen() -> None:
            answers.append(await house.poll(bob, since=1, wait=25))

        nursery.start_soon(listen)
        await house.wait_parked(1)
        house.relay.drain()
        await house.wait_parked(0)
        (answer,) = answers
        assert answer.is_draining
        assert answer.page.messages == ()
        assert answer.page.cursor == 1


async def test_a_fifth_poll_of_one_peer_sends_its_oldest_home(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_house() as house, trio.open_nursery() as nursery:
        bob = await house.guest("bob")
        finished: list[int] = []

        async def listen(number: int) -> None:
            await house.poll(bob, wait=25)
            finished.append(number)

        for number in range(4):
            nursery.start_soon(listen, number)
            await house.wait_parked(number + 1)
        nursery.start_soon(listen, 4)
        await trio.testing.wait_all_tasks_blocked()
        assert finished == [0]
        assert house.parked() == 4


async def test_a_poll_that_is_cancelled_leaves_no_subscription(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_house() as house:
        bob = await house.guest("bob")
        async with trio.open_nursery() as nursery:
            for _ in range(3):
                nursery.start_soon(house.poll, bob, 0, 25)
            await house.wait_parked(3)
            nursery.cancel_scope.cancel()
        assert house.parked() == 0


async def test_a_cursor_beyond_the_head_is_said_and_parks_at_the_head(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """The original answers nothing and lowers the cursor: what is posted next is
    lost.
    """
    async with open_house() as house, trio.open_nursery() as nursery:
        alice, bob = await house.guest("alice"), await house.guest("bob")
        await house.post(alice, "one")
        answers: list[PollAnswer] = []

        async def listen() -> None:
            answers.append(await house.poll(bob, since=500, wait=25))

        nursery.start_soon(listen)
        await house.wait_parked(1)
        await house.post(alice, "two")
        await house.wait_parked(0)
        (answer,) = answers
        assert answer.is_reset
        assert texts(answer.page.messages) == ["two"]
        assert answer.page.cursor == 2


async def test_a_cut_by_retention_is_said(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_house(no_limits(messages_per_room=3)) as house:
        alice, bob = await house.guest("alice"), await house.guest("bob")
        for number in range(10):
            await house.post(alice, str(number))
        answer = await house.poll(bob, since=2)
        assert answer.gap == (3, 7)
        assert texts(answer.page.messages) == ["7", "8", "9"]
        again = await house.poll(bob, since=answer.page.cursor)
        assert again.gap is None


async def test_since_resume_reads_on_from_the_last_acknowledgement(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_memory_store() as store:
        async with open_house(no_limits(), store) as house:
            alice, bob = await house.guest("alice"), await house.guest("bob")
            for text in ("one", "two", "three"):
                await house.post(alice, text)
            await house.poll(bob, since=2)
            again = await house.poll(bob, since=None)
            assert texts(again.page.messages) == ["three"]
        async with open_house(no_limits(), store) as house:
            house.relay.first_seen(bob, house.clock.now())
            later = await house.poll(bob, since=None)
            assert texts(later.page.messages) == ["three"]
            found = await resume(house.relay, bob)
            assert (found.cursor, found.unread) == (2, 1)


async def test_reading_again_from_the_start_takes_no_acknowledgement_back(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_house() as house:
        alice, bob = await house.guest("alice"), await house.guest("bob")
        await house.post(alice, "one")
        await house.poll(bob, since=1)
        await house.poll(bob, since=0)
        assert (await resume(house.relay, bob)).cursor == 1


async def test_own_posts_and_anybody_elses_keep_an_agent_in_the_room(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """The original sends away an agent that posts all the time, since it takes the
    longer of two clocks.
    """
    async with open_house(no_limits(idle_seconds=100)) as house:
        alice, bob = await house.guest("alice"), await house.guest("bob")
        for _ in range(20):
            answer = await house.poll(bob, since=999, wait=20)
            assert not answer.budget.should_exit
            await house.post(alice, "to myself", to=("alice2",))
        for _ in range(5):
            answer = await house.poll(bob, since=999, wait=20)
        assert answer.budget.reason == "idle_timeout"


async def test_a_newcomer_to_a_quiet_room_is_not_sent_away_at_once(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_house(no_limits(idle_seconds=100)) as house:
        alice, bob = await house.guest("alice"), await house.guest("bob")
        await house.post(alice, "long ago")
        await trio.sleep(5_000)
        answer = await house.poll(bob, since=1)
        assert answer.budget.room_quiet_seconds == pytest.approx(5_000)
        assert not answer.budget.should_exit
        await trio.sleep(5_000)
        answer = await house.poll(bob, since=1)
        assert not answer.budget.should_exit, "it was away, not waiting"


async def test_a_wall_clock_that_jumps_sends_nobody_away(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_house(no_limits(idle_seconds=100)) as house:
        alice, bob = await house.guest("alice"), await house.guest("bob")
        await house.post(alice, "one")
        house.hands.sleep(30 * 60)
        answer = await house.poll(bob, since=0)
        assert not answer.budget.should_exit


async def test_a_poll_of_the_holder_renews_its_claim(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_house() as house:
        alice, bob = await house.guest("alice"), await house.guest("bob")
        await house.post(alice, "who?", expects="anyone")
        await claim(house.relay, bob, 1, 30)
        for _ in range(5):
            await house.poll(bob, since=1, wait=20)
        live = await house.relay.live(ROOM)
        assert live.room.leases[1].holder == "bob"
        await trio.sleep(31)
        assert 1 not in live.room.leases
        heard = await house.poll(bob, since=1)
        (reopened,) = heard.page.messages
        assert (reopened.event, reopened.reply_to) == ("reopened", 1)
        assert reopened.kind is SenderKind.SYSTEM


async def test_two_codes_of_one_peer_hear_the_same(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_house() as house:
        first, second = await house.guest("bob"), await house.guest("BOB")
        alice = await house.guest("alice")
        assert second.name == "bob", "the first spelling stays"
        await house.post(alice, "to bob", to=("Bob",))
        for code in (first, second):
            answer = await house.poll(code)
            assert texts(answer.page.messages) == ["to bob"]
            assert answer.page.messages[0].to == ("bob",)


async def test_too_many_reads_that_do_not_park_are_refused(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_house(Limits(reads_per_window=3)) as house:
        bob = await house.guest("bob")
        for _ in range(3):
            await house.poll(bob)
        with pytest.raises(RelayError) as refusal:
            await house.poll(bob)
        assert refusal.value.problem is Problem.RATE_LIMITED
        assert refusal.value.facts["retry_after"] == 10
        await house.poll(bob, wait=1)
        await trio.sleep(10)
        await house.poll(bob)


async def test_the_operator_is_heard_in_a_closed_room(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_house() as house:
        bob = await house.guest("bob")
        await operator.close_room(house.relay, ROOM, "operator")
        await operator.say(
            house.relay, ROOM, "operator", PostDraft("thanks all", ("all",))
        )
        answer = await house.poll(bob, wait=25)
        assert texts(answer.page.messages) == ["thanks all"]
        assert answer.budget.reason == "room_closed"
