"""A poll loses and duplicates no message, and leaves no subscription."""

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
from argybargy.relay.api.agent import claim, resume
from argybargy.relay.api.poll import PollAnswer
from argybargy.relay.api.posting import PostDraft
from argybargy.relay.room.delivery_report import Reachability
from argybargy.store.memory.store import DEFAULT_LIMITS, MemoryStore, open_memory_store
from support.relay import ROOM, open_harness, texts


async def test_a_poll_without_wait_answers_at_once(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_harness() as harness:
        bob = await harness.guest("bob")
        began = trio.current_time()
        answer = await harness.poll(bob)
        assert answer.page.messages == ()
        assert trio.current_time() == began


async def test_a_poll_parks_for_exactly_as_long_as_asked(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_harness() as harness:
        bob = await harness.guest("bob")
        began = trio.current_time()
        answer = await harness.poll(bob, wait=25)
        assert trio.current_time() - began == pytest.approx(25)
        assert answer.page.messages == ()
        assert harness.parked() == 0


async def test_a_parked_poll_wakes_with_the_post(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_harness() as harness, trio.open_nursery() as nursery:
        alice, bob = await harness.guest("alice"), await harness.guest("bob")
        answers: list[PollAnswer] = []

        async def listen() -> None:
            answers.append(await harness.poll(bob, wait=25))

        nursery.start_soon(listen)
        await harness.wait_parked(1)
        outcome = await harness.post(alice, "wake up")
        posted_at = trio.current_time()
        await harness.wait_parked(0)
        assert trio.current_time() == posted_at
        assert texts(answers[0].page.messages) == ["wake up"]
        assert answers[0].page.cursor == outcome.message.seq
        assert dict(outcome.delivery.counts or ())[Reachability.PARKED] == 1


@attrs.define
class BusyStore(MemoryStore):
    """A store that runs a function during its reads."""

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
    """The original reads and then subscribes: a message in between is lost, since the
    cursor moves past it.
    """
    store = busy_store()
    async with open_harness(no_limits(tail_messages=1), store) as harness:
        alice, bob = await harness.guest("alice"), await harness.guest("bob")
        for _ in range(3):
            await harness.post(bob, "older than the tail")
        store.during_page = lambda: harness.post(alice, "in the gap")
        began = trio.current_time()
        answer = await harness.poll(bob, since=0, wait=25)
        assert texts(answer.page.messages) == ["in the gap"]
        assert answer.page.cursor == 4
        assert trio.current_time() == began


async def test_the_cursor_never_runs_ahead_of_the_rows(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """The original reads the cursor in a second query: it skips messages in between."""
    store = busy_store()
    async with open_harness(no_limits(tail_messages=1), store) as harness:
        alice, bob = await harness.guest("alice"), await harness.guest("bob")
        await harness.post(alice, "one")
        await harness.post(alice, "two")
        store.during_page = lambda: harness.post(alice, "three")
        first = await harness.poll(bob, since=0)
        second = await harness.poll(bob, since=first.page.cursor)
        heard = texts(first.page.messages) + texts(second.page.messages)
        assert heard == ["one", "two", "three"]


async def test_a_burst_reaches_every_follower_whole_and_in_order(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_harness() as harness, trio.open_nursery() as nursery:
        posters = [await harness.guest(f"poster{n}") for n in range(4)]
        followers = [await harness.guest(f"follower{n}") for n in range(3)]
        heard: dict[str, list[int]] = {}

        async def follow(who: CodeRecord) -> None:
            mine = heard[who.name] = []
            cursor = 0
            while len(mine) < 400:
                answer = await harness.poll(who, since=cursor, wait=25)
                mine += [message.seq for message in answer.page.messages]
                cursor = answer.page.cursor

        async def say(who: CodeRecord) -> None:
            for n in range(100):
                await harness.post(who, f"{who.name} {n}")
                await trio.lowlevel.checkpoint()

        for follower in followers:
            nursery.start_soon(follow, follower)
        for poster in posters:
            nursery.start_soon(say, poster)
        await harness.wait_parked(3)
    assert list(heard.values()) == [list(range(1, 401))] * 3


async def test_a_direct_message_wakes_only_its_addressee(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_harness() as harness, trio.open_nursery() as nursery:
        alice = await harness.guest("alice")
        others = [await harness.guest(name) for name in ("bob", "carol", "dave")]
        done: dict[str, float] = {}

        async def listen(who: CodeRecord) -> None:
            await harness.poll(who, wait=10)
            done[who.name] = trio.current_time() - began

        began = trio.current_time()
        for other in others:
            nursery.start_soon(listen, other)
        await harness.wait_parked(3)
        await harness.post(alice, "psst", to=("carol",))
    assert done["carol"] == 0
    assert done["bob"] == pytest.approx(10)
    assert done["dave"] == pytest.approx(10)


async def test_closing_a_room_wakes_all_polls_with_should_exit(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_harness() as harness, trio.open_nursery() as nursery:
        guests = [await harness.guest(f"guest{n}") for n in range(50)]
        answers: list[PollAnswer] = []

        async def listen(who: CodeRecord) -> None:
            answers.append(await harness.poll(who, wait=25))

        for guest in guests:
            nursery.start_soon(listen, guest)
        await harness.wait_parked(50)
        began = trio.current_time()
        await operator.close_room(harness.relay, ROOM, "operator")
        await harness.wait_parked(0)
        assert trio.current_time() == began
    assert [answer.budget.reason for answer in answers] == ["room_closed"] * 50


async def test_revoking_a_code_ends_only_the_parked_polls_of_its_peer(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_harness() as harness, trio.open_nursery() as nursery:
        bob, carol = await harness.guest("bob"), await harness.guest("carol")
        outcomes: dict[str, object] = {}

        async def listen(who: CodeRecord) -> None:
            try:
                outcomes[who.name] = await harness.poll(who, wait=25)
            except RelayError as error:
                outcomes[who.name] = error.problem

        nursery.start_soon(listen, bob)
        nursery.start_soon(listen, carol)
        await harness.wait_parked(2)
        gone = await operator.revoke(harness.relay, "bob", None, everywhere=False)
        assert [record.name for record in gone] == ["bob"]
        await harness.wait_parked(1)
        assert outcomes == {"bob": Problem.UNAUTHORIZED}


async def test_an_expiring_code_ends_its_parked_poll(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_harness() as harness:
        bob = await harness.guest("bob", lifetime_seconds=5)
        began = trio.current_time()
        with pytest.raises(RelayError) as refusal:
            await harness.poll(bob, wait=25)
        assert refusal.value.problem is Problem.UNAUTHORIZED
        assert trio.current_time() - began == pytest.approx(5)


async def test_draining_answers_every_parked_poll_with_its_cursor(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_harness() as harness, trio.open_nursery() as nursery:
        alice, bob = await harness.guest("alice"), await harness.guest("bob")
        await harness.post(alice, "one")
        answers: list[PollAnswer] = []

        async def listen() -> None:
            answers.append(await harness.poll(bob, since=1, wait=25))

        nursery.start_soon(listen)
        await harness.wait_parked(1)
        harness.relay.drain()
        await harness.wait_parked(0)
        (answer,) = answers
        assert answer.is_draining
        assert answer.page.messages == ()
        assert answer.page.cursor == 1


async def test_a_fifth_poll_of_one_peer_displaces_its_oldest(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_harness() as harness, trio.open_nursery() as nursery:
        bob = await harness.guest("bob")
        finished: list[int] = []

        async def listen(number: int) -> None:
            await harness.poll(bob, wait=25)
            finished.append(number)

        for number in range(4):
            nursery.start_soon(listen, number)
            await harness.wait_parked(number + 1)
        nursery.start_soon(listen, 4)
        await trio.testing.wait_all_tasks_blocked()
        assert finished == [0]
        assert harness.parked() == 4


async def test_a_poll_that_is_cancelled_leaves_no_subscription(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_harness() as harness:
        bob = await harness.guest("bob")
        async with trio.open_nursery() as nursery:
            for _ in range(3):
                nursery.start_soon(harness.poll, bob, 0, 25)
            await harness.wait_parked(3)
            nursery.cancel_scope.cancel()
        assert harness.parked() == 0


async def test_a_cursor_beyond_the_head_is_reset_and_parks_at_the_head(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """The original returns an empty page with a lower cursor: the next post is lost."""
    async with open_harness() as harness, trio.open_nursery() as nursery:
        alice, bob = await harness.guest("alice"), await harness.guest("bob")
        await harness.post(alice, "one")
        answers: list[PollAnswer] = []

        async def listen() -> None:
            answers.append(await harness.poll(bob, since=500, wait=25))

        nursery.start_soon(listen)
        await harness.wait_parked(1)
        await harness.post(alice, "two")
        await harness.wait_parked(0)
        (answer,) = answers
        assert answer.is_reset
        assert texts(answer.page.messages) == ["two"]
        assert answer.page.cursor == 2


async def test_a_gap_by_retention_is_reported(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_harness(no_limits(messages_per_room=3)) as harness:
        alice, bob = await harness.guest("alice"), await harness.guest("bob")
        for number in range(10):
            await harness.post(alice, str(number))
        answer = await harness.poll(bob, since=2)
        assert answer.gap == (3, 7)
        assert texts(answer.page.messages) == ["7", "8", "9"]
        again = await harness.poll(bob, since=answer.page.cursor)
        assert again.gap is None


async def test_since_resume_continues_after_the_last_acknowledged_cursor(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_memory_store() as store:
        async with open_harness(no_limits(), store) as harness:
            alice, bob = await harness.guest("alice"), await harness.guest("bob")
            for text in ("one", "two", "three"):
                await harness.post(alice, text)
            await harness.poll(bob, since=2)
            again = await harness.poll(bob, since=None)
            assert texts(again.page.messages) == ["three"]
        async with open_harness(no_limits(), store) as harness:
            harness.relay.first_seen(bob, harness.clock.now())
            later = await harness.poll(bob, since=None)
            assert texts(later.page.messages) == ["three"]
            found = await resume(harness.relay, bob)
            assert (found.cursor, found.unread) == (2, 1)


async def test_a_poll_from_the_start_does_not_lower_the_acknowledged_cursor(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_harness() as harness:
        alice, bob = await harness.guest("alice"), await harness.guest("bob")
        await harness.post(alice, "one")
        await harness.poll(bob, since=1)
        await harness.poll(bob, since=0)
        assert (await resume(harness.relay, bob)).cursor == 1


async def test_own_posts_and_posts_of_others_reset_the_idle_time(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """The original dismisses an agent that posts regularly, since it uses the longer of
    the two idle times.
    """
    async with open_harness(no_limits(idle_seconds=100)) as harness:
        alice, bob = await harness.guest("alice"), await harness.guest("bob")
        for _ in range(20):
            answer = await harness.poll(bob, since=999, wait=20)
            assert not answer.budget.should_exit
            await harness.post(alice, "to myself", to=("alice2",))
        for _ in range(5):
            answer = await harness.poll(bob, since=999, wait=20)
        assert answer.budget.reason == "idle_timeout"


async def test_a_newcomer_to_a_quiet_room_has_the_full_idle_time(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_harness(no_limits(idle_seconds=100)) as harness:
        alice, bob = await harness.guest("alice"), await harness.guest("bob")
        await harness.post(alice, "long ago")
        await trio.sleep(5_000)
        answer = await harness.poll(bob, since=1)
        assert answer.budget.room_quiet_seconds == pytest.approx(5_000)
        assert not answer.budget.should_exit
        await trio.sleep(5_000)
        answer = await harness.poll(bob, since=1)
        assert not answer.budget.should_exit, "it was away, not waiting"


async def test_a_wall_clock_step_does_not_use_up_the_idle_time(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_harness(no_limits(idle_seconds=100)) as harness:
        alice, bob = await harness.guest("alice"), await harness.guest("bob")
        await harness.post(alice, "one")
        harness.clocks.sleep(30 * 60)
        answer = await harness.poll(bob, since=0)
        assert not answer.budget.should_exit


async def test_a_poll_of_the_holder_renews_its_claim(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_harness() as harness:
        alice, bob = await harness.guest("alice"), await harness.guest("bob")
        await harness.post(alice, "who?", expects="anyone")
        await claim(harness.relay, bob, 1, 30)
        for _ in range(5):
            await harness.poll(bob, since=1, wait=20)
        live = await harness.relay.live(ROOM)
        assert live.room.leases[1].holder == "bob"
        await trio.sleep(31)
        assert 1 not in live.room.leases
        heard = await harness.poll(bob, since=1)
        (reopened,) = heard.page.messages
        assert (reopened.event, reopened.reply_to) == ("reopened", 1)
        assert reopened.kind is SenderKind.SYSTEM


async def test_two_codes_of_one_peer_receive_the_same_messages(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_harness() as harness:
        first, second = await harness.guest("bob"), await harness.guest("BOB")
        alice = await harness.guest("alice")
        assert second.name == "bob", "the first spelling stays"
        await harness.post(alice, "to bob", to=("Bob",))
        for code in (first, second):
            answer = await harness.poll(code)
            assert texts(answer.page.messages) == ["to bob"]
            assert answer.page.messages[0].to == ("bob",)


async def test_too_many_immediate_reads_are_refused(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_harness(Limits(reads_per_window=3)) as harness:
        bob = await harness.guest("bob")
        for _ in range(3):
            await harness.poll(bob)
        with pytest.raises(RelayError) as refusal:
            await harness.poll(bob)
        assert refusal.value.problem is Problem.RATE_LIMITED
        assert refusal.value.facts["retry_after"] == 10
        await harness.poll(bob, wait=1)
        await trio.sleep(10)
        await harness.poll(bob)


async def test_posts_of_the_operator_in_a_closed_room_are_delivered(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_harness() as harness:
        bob = await harness.guest("bob")
        await operator.close_room(harness.relay, ROOM, "operator")
        await operator.say(
            harness.relay, ROOM, "operator", PostDraft("thanks all", ("all",))
        )
        answer = await harness.poll(bob, wait=25)
        assert texts(answer.page.messages) == ["thanks all"]
        assert answer.budget.reason == "room_closed"
