"""Asking and waiting in one call, on virtual time."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial

import attrs
import pytest
import trio
import trio.testing

from argybargy.domain.access_codes import CodeRecord
from argybargy.domain.errors import Problem, RelayError
from argybargy.domain.limits import Limits
from argybargy.domain.message import TO_ALL, ResolutionKind, SenderKind
from argybargy.domain.room.commands import Withdraw
from argybargy.domain.roster import LastSeen
from argybargy.relay.api import agent, operator, posting
from argybargy.relay.api.asking import Asked, AwaitedThread, ask_as, await_thread
from argybargy.relay.api.posting import PostDraft
from argybargy.relay.room.delivery_report import Reachability
from argybargy.relay.room.subscriptions import Subscription
from support.cancel_points import run_cut
from support.relay import ROOM, RelayHarness, open_harness, texts

UNHURRIED = Limits(posts_per_window=0, reads_per_window=0, claims_per_window=0)


@attrs.define
class Scene:
    """A room with ann, who asks, and bob and carol."""

    harness: RelayHarness
    nursery: trio.Nursery
    ann: CodeRecord
    bob: CodeRecord
    carol: CodeRecord
    asked: dict[str, Asked | RelayError] = attrs.field(factory=dict)
    ended: dict[str, trio.Event] = attrs.field(factory=dict)

    async def ask(self, text: str = "may I?", wait: float = 50, **how: object) -> Asked:
        """Ask as ann, and wait."""
        self.harness.relay.first_seen(self.ann, self.harness.clock.now())
        draft = PostDraft(text, **({"to": ("bob",)} | how))  # type: ignore[arg-type]
        asked = await ask_as(self.harness.relay, self.ann, draft, wait)
        assert isinstance(asked, Asked)
        return asked

    async def wait_for(
        self, seq: int, wait: float = 25, who: CodeRecord | None = None
    ) -> AwaitedThread:
        """Wait for the end of a question, as ann unless told otherwise."""
        return await await_thread(self.harness.relay, who or self.ann, seq, wait)

    def start(self, text: str = "may I?", wait: float = 50, **how: object) -> None:
        """Ask in a task of its own; what comes of it is kept under the text."""

        async def run() -> None:
            try:
                self.asked[text] = await self.ask(text, wait, **how)
            except RelayError as error:
                self.asked[text] = error
            ended.set()

        ended = self.ended[text] = trio.Event()
        self.nursery.start_soon(run)

    async def parked(self, count: int = 1) -> None:
        """Wait until so many requests are parked."""
        live = await self.harness.relay.live(ROOM)
        while sum(each.is_parked for each in subscriptions(live.polls)) != count:
            await trio.lowlevel.checkpoint()

    async def outcome(self, text: str = "may I?") -> Asked:
        """Return what came of a question once it is there."""
        await self.ended[text].wait()
        found = self.asked[text]
        assert isinstance(found, Asked), found
        return found


def subscriptions(polls: object) -> list[Subscription]:
    """Return what is subscribed to a room."""
    by_peer = polls._by_peer  # type: ignore[attr-defined]
    return [each for mine in by_peer.values() for each in mine]


@asynccontextmanager
async def open_scene(limits: Limits = UNHURRIED) -> AsyncIterator[Scene]:
    async with open_harness(limits) as harness, trio.open_nursery() as nursery:
        ann, bob, carol = [
            await harness.guest(name) for name in ("ann", "bob", "carol")
        ]
        yield Scene(harness, nursery, ann, bob, carol)
        nursery.cancel_scope.cancel()


async def test_the_answer_comes_with_the_response(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_scene() as scene:
        scene.start(choices=("Yes", "No"))
        await scene.parked()
        started = trio.current_time()
        await posting.post_as(
            scene.harness.relay,
            scene.bob,
            PostDraft("", ("ann",), reply_to=1, choice="yes"),
        )
        asked = await scene.outcome()
        assert asked.answer is not None
        assert (asked.answer.seq, asked.answer.choice) == (2, "Yes")
        assert asked.message.resolution is not None
        assert asked.waited.is_over
        assert trio.current_time() == started
        # It is not acknowledged: the next poll delivers it, as any other message.
        answer = await scene.harness.poll(scene.ann, since=None)
        assert texts(answer.page.messages) == ["Yes"]


async def test_the_time_is_up_without_an_answer_and_the_wait_goes_on(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_scene() as scene:
        started = trio.current_time()
        asked = await scene.ask(wait=50)
        assert trio.current_time() - started == 50
        assert (asked.answer, asked.waited.is_over) == (None, False)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(answer_after, scene, 10, 1)
            found = await scene.wait_for(1)
        assert trio.current_time() - started == 60
        assert found.answer is not None
        assert found.thread.replies == (found.answer,)
        assert found.waited.is_over
        again = await scene.wait_for(1)
        assert trio.current_time() - started == 60, (
            "an ended question is not waited for"
        )
        assert again.answer == found.answer


async def answer_after(scene: Scene, seconds: float, seq: int) -> None:
    await trio.sleep(seconds)
    await scene.harness.post(scene.bob, f"re {seq}", ("ann",), reply_to=seq)


async def test_a_repeated_call_waits_on_and_posts_once(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_scene() as scene:
        first = await scene.ask(wait=1, idempotency_key="k")
        scene.start(idempotency_key="k")
        await scene.parked()
        await scene.harness.post(scene.bob, "yes", ("ann",), reply_to=1)
        again = await scene.outcome()
        assert again.posted.is_duplicate
        assert again.message.seq == first.message.seq == 1
        assert again.answer is not None
        third = await scene.ask(idempotency_key="k")
        assert third.answer == again.answer


async def test_two_questions_are_answered_in_the_other_order(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_scene() as scene:
        scene.start("first?")
        await scene.parked(1)
        scene.start("second?", to=("carol",))
        await scene.parked(2)
        await scene.harness.post(scene.carol, "to the second", ("ann",), reply_to=2)
        second = await scene.outcome("second?")
        assert second.answer is not None
        assert second.answer.text == "to the second"
        await scene.parked(1)
        await scene.harness.post(scene.bob, "to the first", ("ann",), reply_to=1)
        first = await scene.outcome("first?")
        assert first.answer is not None
        assert first.answer.text == "to the first"


async def test_an_answer_before_the_question_is_waited_for_is_not_missed(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """The answer is published at each pause of the asking task in turn."""
    async with open_scene() as scene:
        for pause in range(1, 12):
            head = (await scene.harness.relay.live(ROOM)).room.head
            question, done = head + 1, trio.Event()

            async def answer(question: int = question, pause: int = pause) -> None:
                live = await scene.harness.relay.live(ROOM)
                while live.room.head < question:
                    await trio.lowlevel.checkpoint()
                for _ in range(pause):
                    await trio.lowlevel.checkpoint()
                await scene.harness.post(scene.bob, "yes", ("ann",), reply_to=question)

            async with trio.open_nursery() as nursery:
                nursery.start_soon(answer)
                started = trio.current_time()
                asked = await scene.ask()
                done.set()
            assert asked.answer is not None
            assert trio.current_time() == started


async def test_a_withdrawn_question_ends_the_wait(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_scene() as scene:
        scene.start()
        await scene.parked()
        withdraw = Withdraw("titus", SenderKind.OPERATOR, 1, "done already")
        await scene.harness.relay.ask(ROOM, withdraw)
        asked = await scene.outcome()
        assert asked.answer is None
        assert asked.waited.is_over
        assert asked.message.resolution is not None
        assert asked.message.resolution.kind is ResolutionKind.WITHDRAWN


async def test_the_closing_of_the_room_ends_the_wait(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_scene() as scene:
        scene.start()
        await scene.parked()
        await operator.close_room(scene.harness.relay, ROOM, "titus")
        asked = await scene.outcome()
        assert asked.waited.is_over
        assert asked.waited.status.is_closed
        assert asked.message.is_open
        with pytest.raises(RelayError) as caught:
            await scene.ask("again?")
        assert caught.value.problem is Problem.ROOM_CLOSED


async def test_a_draining_relay_answers_those_that_wait(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_scene() as scene:
        scene.start()
        await scene.parked()
        scene.harness.relay.drain()
        asked = await scene.outcome()
        assert not asked.waited.is_over
        assert asked.waited.retry_seconds == 1
        await scene.harness.relay.wait_unparked()


async def test_a_revoked_or_expired_code_waits_no_longer(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_scene() as scene:
        scene.start()
        await scene.parked()
        await operator.revoke(scene.harness.relay, "ann", ROOM, everywhere=False)
        await scene.ended["may I?"].wait()
        error = scene.asked["may I?"]
        assert isinstance(error, RelayError)
        assert error.problem is Problem.UNAUTHORIZED
        brief = await scene.harness.guest("dan", lifetime_seconds=60)
        started = trio.current_time()
        draft = PostDraft("and me?", ("bob",))
        await trio.sleep(40)
        with pytest.raises(RelayError) as caught:
            await ask_as(scene.harness.relay, brief, draft, 50)
        assert caught.value.problem is Problem.UNAUTHORIZED
        assert trio.current_time() - started == pytest.approx(60, abs=0.01)


async def test_a_wait_counts_among_the_parked_polls_of_its_peer(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_scene(attrs.evolve(UNHURRIED, parked_polls_per_peer=2)) as scene:
        scene.start("first?")
        await scene.parked(1)
        scene.start("second?")
        await scene.parked(2)
        started = trio.current_time()
        scene.nursery.start_soon(scene.harness.poll, scene.ann, 0, 25)
        displaced = await scene.outcome("first?")
        assert trio.current_time() == started
        assert not displaced.waited.is_over
        assert displaced.waited.retry_seconds == 5
        stats = operator.stats(scene.harness.relay)
        assert stats.parked_polls == 2


async def test_waiting_is_presence_but_no_message_wakes_it(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_scene() as scene:
        scene.start()
        await scene.parked()
        await trio.sleep(40)
        seen = {each.name: each for each, _ in await peers(scene)}
        assert seen["ann"].is_online
        assert seen["ann"].seconds == 0
        plain = await scene.harness.post(scene.carol, "psst", ("ann",))
        assert plain.delivery.to == (("ann", Reachability.ONLINE),)
        everybody = await scene.harness.post(scene.carol, "hi")
        assert dict(everybody.delivery.counts or ())[Reachability.PARKED] == 0
        answer = await scene.harness.post(scene.bob, "yes", ("ann",), reply_to=1)
        assert answer.delivery.to == (("ann", Reachability.PARKED),)


async def peers(scene: Scene) -> list[tuple[LastSeen, CodeRecord]]:
    return await agent.peers(scene.harness.relay, scene.bob)


async def test_thousands_of_other_messages_cost_a_waiting_question_nothing(
    autojump_clock: trio.testing.MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    woken = 0
    wait_woken = Subscription.wait_woken

    async def counted(self: Subscription) -> None:
        nonlocal woken
        await wait_woken(self)
        woken += 1

    monkeypatch.setattr(Subscription, "wait_woken", counted)
    limits = attrs.evolve(UNHURRIED, messages_per_room=0)
    async with open_scene(limits) as scene:
        scene.start(wait=50)
        await scene.parked()
        for number in range(2_000):
            to = ("ann",) if number % 2 else TO_ALL
            await scene.harness.post(scene.carol, "other", to, expects="none")
        assert woken == 0
        await scene.harness.post(scene.bob, "yes", ("ann",), reply_to=1)
        asked = await scene.outcome()
        assert asked.answer is not None
        assert woken == 1


async def test_a_question_that_retention_drops_is_not_waited_for(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_scene(attrs.evolve(UNHURRIED, messages_per_room=3)) as scene:
        scene.start()
        await scene.parked()
        started = trio.current_time()
        for _ in range(3):
            await scene.harness.post(scene.carol)
        asked = await scene.outcome()
        assert (asked.message.seq, asked.answer) == (1, None)
        assert trio.current_time() == started
        with pytest.raises(RelayError) as caught:
            await scene.wait_for(1)
        assert caught.value.problem is Problem.NOT_FOUND


async def test_others_may_wait_for_a_question_that_they_may_see(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_scene() as scene:
        await scene.harness.post(scene.ann, "who?", expects="anyone")
        await scene.harness.post(scene.ann, "you?", ("bob",))
        with pytest.raises(RelayError) as caught:
            await scene.wait_for(2, who=scene.carol)
        assert caught.value.problem is Problem.NOT_FOUND
        async with trio.open_nursery() as nursery:
            nursery.start_soon(answer_after, scene, 1, 1)
            found = await scene.wait_for(1, who=scene.carol)
        assert found.answer is None, "the answer is private"
        assert found.waited.is_over


async def test_waits_that_do_not_park_count_as_reads(
    autojump_clock: trio.testing.MockClock,
) -> None:
    limits = attrs.evolve(UNHURRIED, reads_per_window=2)
    tries: list[tuple[str, Callable[[Scene], object]]] = [
        ("short", lambda scene: scene.wait_for(1, 0.5)),
        ("ended", lambda scene: scene.wait_for(2)),
        ("nowhere", lambda scene: scene.wait_for(77)),
        ("repeated", lambda scene: scene.ask(wait=0, idempotency_key="k")),
    ]
    for name, attempt in tries:
        async with open_scene(limits) as scene:
            await scene.harness.post(scene.ann, "may I?", ("bob",), "bob", key="k")
            await scene.harness.post(scene.ann, "hello")
            problems = set()
            for _ in range(3):
                try:
                    await attempt(scene)  # type: ignore[misc]
                except RelayError as error:
                    problems.add(error.problem)
            assert Problem.RATE_LIMITED in problems, name


async def test_a_holder_that_waits_keeps_its_claims(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_scene() as scene:
        await scene.harness.post(scene.bob, "who?", expects="anyone")
        await agent.claim(scene.harness.relay, scene.ann, 1, 30)
        asked = await scene.ask("which one?", wait=50, to=("carol",))
        assert asked.answer is None
        live = await scene.harness.relay.live(ROOM)
        await trio.sleep(20)
        assert live.room.leases[1].holder == "ann"


@pytest.mark.parametrize("expects", ["none", "ann", "ANN"])
async def test_a_question_asks_somebody_else(
    autojump_clock: trio.testing.MockClock, expects: str
) -> None:
    async with open_scene() as scene:
        with pytest.raises(RelayError) as caught:
            await scene.ask(expects=expects)
        assert caught.value.problem is Problem.INVALID_REQUEST
        assert (await scene.harness.relay.live(ROOM)).room.head == 0


async def test_a_question_to_several_or_all_asks_anyone(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_scene() as scene:
        for to in (TO_ALL, ("bob", "carol")):
            asked = await scene.ask(wait=0, to=to)
            assert asked.message.expects == "anyone"
        reply = await scene.ask(wait=0, to=("bob",), reply_to=1)
        assert reply.message.expects == "bob", "a reply may ask here"


async def test_a_cancelled_question_is_posted_wholly_or_not_and_leaves_no_trace(
    autojump_clock: trio.testing.MockClock,
) -> None:
    for at in range(1, 200):
        async with open_scene() as scene:
            operation = partial(scene.ask, wait=3, idempotency_key="k")
            knife = await run_cut(operation, at)
            live = await scene.harness.relay.live(ROOM)
            assert len(live.polls) == 0
            assert not live.polls.parked_peers()
            assert not live.polls.listening_peers()
            assert not live.polls._by_question
            scene.start(idempotency_key="k")
            await scene.parked()
            assert live.room.head == 1
            await scene.harness.post(scene.bob, "yes", ("ann",), reply_to=1)
            assert (await scene.outcome()).answer is not None
        if not knife.was_reached:
            break
    else:
        pytest.fail("the call never ends")
