"""Polls that say what ends their wait, and how long the rest is held back."""

from collections.abc import Awaitable, Callable

import attrs
import pytest
import trio
import trio.testing

from argybargy.domain.access_codes import CodeRecord
from argybargy.domain.cursors import Since
from argybargy.domain.errors import Problem, RelayError
from argybargy.domain.limits import Limits
from argybargy.domain.wake_policy import Wake, WakePolicy
from argybargy.relay.api import operator
from argybargy.relay.api.agent import claim, release
from argybargy.relay.api.poll import PollAnswer
from argybargy.relay.api.posting import PostDraft
from support.paused_store import AFTER, PAGE, staged_store
from support.relay import ROOM, RelayHarness, open_harness, texts

UNLIMITED = Limits(posts_per_window=0, reads_per_window=0, claims_per_window=0)
ASKS = WakePolicy(Wake.ASKS, hold_seconds=600)
DIRECT = WakePolicy(Wake.DIRECT, hold_seconds=600)


@attrs.define
class Listener:
    """Bob with one poll under way, and alice, who speaks."""

    harness: RelayHarness
    alice: CodeRecord
    bob: CodeRecord
    nursery: trio.Nursery
    answers: list[PollAnswer] = attrs.field(factory=list)
    took: float = -1
    answered: trio.Event = attrs.field(factory=trio.Event)

    def listen(self, policy: WakePolicy, since: int = 0, wait: float = 25) -> None:
        self.nursery.start_soon(self._listen, policy, since, wait)

    async def _listen(self, policy: WakePolicy, since: int, wait: float) -> None:
        began = trio.current_time()
        answer = await self.harness.poll(self.bob, since, wait, policy=policy)
        self.took = trio.current_time() - began
        self.answers.append(answer)
        self.answered.set()

    async def settle(self) -> list[str] | None:
        """Let everything run; return the texts of the answer if there is one."""
        await trio.testing.wait_all_tasks_blocked()
        return texts(self.answers[-1].page.messages) if self.answers else None

    async def answer(self) -> PollAnswer:
        """Wait for the answer."""
        with trio.fail_after(1_000):
            await self.answered.wait()
        self.answered = trio.Event()
        return self.answers.pop()


async def _with_listener(
    act: Callable[[Listener], Awaitable[None]], limits: Limits = UNLIMITED
) -> None:
    async with open_harness(limits) as harness, trio.open_nursery() as nursery:
        alice, bob = await harness.guest("alice"), await harness.guest("bob")
        await act(Listener(harness, alice, bob, nursery))
        nursery.cancel_scope.cancel()


async def test_what_does_not_end_the_wait_rides_along_with_what_does(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async def act(it: Listener) -> None:
        it.listen(ASKS)
        await it.harness.wait_parked(1)
        await it.harness.post(it.alice, "for your information")
        await it.harness.post(it.alice, "psst", to=("bob",), expects="none")
        assert await it.settle() is None
        await it.harness.post(it.alice, "bob?", expects="bob")
        assert await it.settle() == ["for your information", "psst", "bob?"]
        assert it.answers[0].page.cursor == 3

    await _with_listener(act)


async def test_a_direct_message_ends_a_wait_for_direct_messages(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async def act(it: Listener) -> None:
        it.listen(DIRECT)
        await it.harness.wait_parked(1)
        await it.harness.post(it.alice, "for your information")
        assert await it.settle() is None
        await it.harness.post(it.alice, "psst", to=("bob",), expects="none")
        assert await it.settle() == ["for your information", "psst"]

    await _with_listener(act)


async def test_a_word_of_the_operator_ends_every_wait(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async def act(it: Listener) -> None:
        it.listen(ASKS)
        await it.harness.wait_parked(1)
        draft = PostDraft("go on", ("all",))
        await operator.say(it.harness.relay, ROOM, "titus", draft)
        assert await it.settle() == ["go on"]

    await _with_listener(act)


async def test_the_wait_ends_empty_before_what_is_held(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async def act(it: Listener) -> None:
        await it.harness.post(it.alice, "to carol", to=("carol",))
        await it.harness.post(it.alice, "for your information")
        it.listen(ASKS)
        answer = await it.answer()
        assert it.took == pytest.approx(25)
        assert answer.page.messages == ()
        assert (answer.page.cursor, answer.page.has_more) == (1, False)
        later = await it.harness.poll(it.bob, since=answer.page.cursor)
        assert texts(later.page.messages) == ["for your information"]

    await _with_listener(act)


@pytest.mark.parametrize("hold", [1, 10, 30, 60])
async def test_the_oldest_held_message_is_delivered_after_the_hold(
    autojump_clock: trio.testing.MockClock, hold: float
) -> None:
    async def act(it: Listener) -> None:
        posted_at = trio.current_time()
        await it.harness.post(it.alice, "one")
        policy, since = attrs.evolve(ASKS, hold_seconds=hold), 0
        for _ in range(5):
            it.listen(policy, since)
            await trio.sleep(0.5)
            answer = await it.answer()
            since = answer.page.cursor
            if answer.page.messages:
                break
        assert texts(answer.page.messages) == ["one"]
        assert trio.current_time() - posted_at == pytest.approx(hold, abs=0.6)

    await _with_listener(act)


async def test_a_hold_of_zero_has_no_end(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async def act(it: Listener) -> None:
        await it.harness.post(it.alice, "one")
        await trio.sleep(3_000)
        it.listen(attrs.evolve(ASKS, hold_seconds=0))
        answer = await it.answer()
        assert it.took == pytest.approx(25)
        assert answer.page.messages == ()

    await _with_listener(act, attrs.evolve(UNLIMITED, idle_seconds=0))


async def test_held_messages_are_delivered_with_the_advice_to_leave(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async def act(it: Listener) -> None:
        await it.harness.post(it.alice, "one")
        it.listen(attrs.evolve(ASKS, hold_seconds=0))
        assert texts((await it.answer()).page.messages) == ["one"]

    await _with_listener(act, attrs.evolve(UNLIMITED, idle_seconds=20))


async def test_a_poll_that_does_not_wait_holds_nothing_back(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async def act(it: Listener) -> None:
        await it.harness.post(it.alice, "one")
        answer = await it.harness.poll(it.bob, policy=ASKS)
        assert texts(answer.page.messages) == ["one"]

    await _with_listener(act)


async def test_closing_the_room_delivers_what_is_held(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async def act(it: Listener) -> None:
        it.listen(ASKS)
        await it.harness.wait_parked(1)
        await it.harness.post(it.alice, "one")
        await operator.close_room(it.harness.relay, ROOM, "operator")
        assert await it.settle() == ["one"]
        assert it.answers[0].budget.reason == "room_closed"

    await _with_listener(act)


async def test_a_drain_ends_the_wait_before_what_is_held(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async def act(it: Listener) -> None:
        it.listen(ASKS)
        await it.harness.wait_parked(1)
        await it.harness.post(it.alice, "one")
        it.harness.relay.drain()
        assert await it.settle() == []
        assert it.answers[0].page.cursor == 0

    await _with_listener(act)


async def test_revoking_ends_the_wait(autojump_clock: trio.testing.MockClock) -> None:
    async with open_harness() as harness, trio.open_nursery() as nursery:
        alice, bob = await harness.guest("alice"), await harness.guest("bob")
        problems: list[Problem] = []

        async def listen() -> None:
            try:
                await harness.poll(bob, wait=25, policy=ASKS)
            except RelayError as error:
                problems.append(error.problem)

        nursery.start_soon(listen)
        await harness.wait_parked(1)
        await harness.post(alice, "one")
        await operator.revoke(harness.relay, "bob", None, everywhere=False)
        await trio.testing.wait_all_tasks_blocked()
        assert problems == [Problem.UNAUTHORIZED]


async def test_a_fifth_patient_poll_sends_the_oldest_home(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async def act(it: Listener) -> None:
        for number in range(4):
            it.listen(ASKS)
            await it.harness.wait_parked(number + 1)
        it.listen(ASKS)
        assert await it.settle() == []
        assert it.answers[0].is_displaced
        assert it.harness.parked() == 4

    await _with_listener(act)


async def test_a_claimed_question_ends_the_wait_when_it_is_open_again(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async def act(it: Listener) -> None:
        carol = await it.harness.guest("carol")
        await it.harness.post(it.alice, "who can?", expects="anyone")
        await claim(it.harness.relay, carol, 1, None)
        it.listen(ASKS)
        assert await it.settle() is None
        await release(it.harness.relay, carol, 1)
        found = await it.settle()
        assert found is not None
        assert found[0] == "who can?"
        assert len(found) == 2

    await _with_listener(act)


async def test_the_asker_sleeps_on_while_its_question_is_open_again(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async def act(it: Listener) -> None:
        carol = await it.harness.guest("carol")
        await it.harness.post(it.bob, "who can?", expects="anyone")
        await claim(it.harness.relay, carol, 1, None)
        it.listen(ASKS)
        await it.harness.wait_parked(1)
        await release(it.harness.relay, carol, 1)
        assert await it.settle() is None
        await it.harness.post(carol, "I can", reply_to=1)
        found = await it.settle()
        assert found is not None
        assert found[-1] == "I can"

    await _with_listener(act)


async def test_settling_gathers_a_burst(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async def act(it: Listener) -> None:
        it.listen(WakePolicy(settle_seconds=0.5))
        await it.harness.wait_parked(1)
        for number in range(4):
            await it.harness.post(it.alice, str(number))
            await trio.sleep(0.2)
        assert await it.settle() == ["0", "1", "2"]
        assert it.took == pytest.approx(0.5)

    await _with_listener(act)


async def test_settling_counts_from_the_message_not_from_the_poll(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async def act(it: Listener) -> None:
        await it.harness.post(it.alice, "one")
        await trio.sleep(0.3)
        it.listen(WakePolicy(settle_seconds=0.5))
        await it.answer()
        assert it.took == pytest.approx(0.2, abs=0.01)
        await trio.sleep(5)
        it.listen(WakePolicy(settle_seconds=0.5))
        await it.answer()
        assert it.took == 0

    await _with_listener(act)


async def test_settling_ends_with_the_wait_and_when_the_page_is_full(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async def act(it: Listener) -> None:
        it.listen(WakePolicy(settle_seconds=2), wait=1)
        await it.harness.wait_parked(1)
        await trio.sleep(0.5)
        await it.harness.post(it.alice, "one")
        assert texts((await it.answer()).page.messages) == ["one"]
        assert it.took == pytest.approx(1)
        began = trio.current_time()
        it.listen(WakePolicy(settle_seconds=2), since=1)
        await it.harness.wait_parked(1)
        for number in range(3):
            await it.harness.post(it.alice, str(number))
        assert await it.settle() == ["0", "1"]
        assert trio.current_time() == began

    await _with_listener(act, attrs.evolve(UNLIMITED, poll_bytes=2))


async def test_a_held_message_is_not_delivered_twice_nor_skipped_by_next(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async def act(it: Listener) -> None:
        await it.harness.post(it.alice, "held")
        found = []
        for number in range(3):
            answer = await it.harness.poll(it.bob, Since.NEXT, 25, policy=ASKS)
            found.append(texts(answer.page.messages))
            if number == 1:
                await it.harness.post(it.alice, "bob?", expects="bob")
        found.append(
            texts((await it.harness.poll(it.bob, Since.NEXT, 1)).page.messages)
        )
        assert found == [[], [], ["held", "bob?"], []]

    await _with_listener(act)


async def test_a_reader_far_behind_with_nothing_for_it_parks(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async def act(it: Listener) -> None:
        for _ in range(5):
            await it.harness.post(it.alice, "to carol", to=("carol",))
        it.listen(ASKS)
        answer = await it.answer()
        assert it.took == pytest.approx(25)
        assert answer.page.cursor == 5

    await _with_listener(act, attrs.evolve(UNLIMITED, tail_messages=2))


async def test_a_question_that_comes_during_the_last_read_is_delivered_next(
    autojump_clock: trio.testing.MockClock,
) -> None:
    store = staged_store()
    limits = attrs.evolve(UNLIMITED, tail_messages=2)
    async with open_harness(limits, store) as harness, trio.open_nursery() as nursery:
        alice, bob = await harness.guest("alice"), await harness.guest("bob")
        await harness.post(alice, "one")
        answers: list[PollAnswer] = []

        async def listen(since: int) -> None:
            answers.append(await harness.poll(bob, since, 25, policy=ASKS))

        nursery.start_soon(listen, 0)
        await harness.wait_parked(1)
        for text in ("two", "three"):
            await harness.post(alice, text)
        stop = store.stop(PAGE, AFTER)
        await stop.wait_reached()  # the wait is over
        await harness.post(alice, "bob?", expects="bob")
        stop.release()
        await harness.wait_parked(0)
        assert (answers[0].page.messages, answers[0].page.cursor) == ((), 0)
        nursery.start_soon(listen, 0)
        await trio.testing.wait_all_tasks_blocked()
        heard = texts(answers[1].page.messages)
        assert heard == ["one", "two", "three", "bob?"]
