"""Polls of two agents that answer each other without end."""

from collections.abc import Awaitable, Callable

import attrs
import pytest
import trio
import trio.testing

from argybargy.domain.access_codes import CodeRecord, Peer
from argybargy.domain.instant import Instant
from argybargy.domain.limits import Limits
from argybargy.domain.message import DAMPED, Message
from argybargy.domain.room.state import Room
from argybargy.domain.wake_policy import WAKE_AT_ONCE, Wake, WakePolicy
from argybargy.relay.access.code_registry import CodeRegistry
from argybargy.relay.api import operator
from argybargy.relay.api.poll import PollAnswer
from argybargy.relay.api.posting import PostDraft
from support.relay import ROOM, RelayHarness, open_harness

LIMITS = Limits(posts_per_window=0, reads_per_window=0, claims_per_window=0)
TURNS = LIMITS.loop_turns


@attrs.define
class Pair:
    """Two agents that have just been damped, and a third one.

    Anna has read everything but bob's last reply and the notice behind it.
    """

    it: RelayHarness
    anna: CodeRecord
    bob: CodeRecord
    carol: CodeRecord
    nursery: trio.Nursery
    answers: list[PollAnswer] = attrs.field(factory=list)

    @property
    def last(self) -> Message:
        """Bob's last reply."""
        return self._room().messages[TURNS + 2]

    @property
    def notice(self) -> Message:
        """The notice of the damping."""
        return self._room().messages[TURNS + 3]

    def _room(self) -> Room:
        live = self.it.relay.find_live(ROOM)
        assert live is not None
        return live.room

    async def poll(
        self,
        since: int = TURNS + 1,
        wait: float = 25,
        policy: WakePolicy = WAKE_AT_ONCE,
    ) -> PollAnswer:
        return await self.it.poll(self.anna, since, wait, policy=policy)

    async def listen(self, policy: WakePolicy = WAKE_AT_ONCE) -> None:
        """Park a poll of anna."""

        async def listen() -> None:
            self.answers.append(await self.poll(policy=policy))

        self.nursery.start_soon(listen)
        await self.it.wait_parked(1)
        await trio.testing.wait_all_tasks_blocked()
        assert self.answers == []

    async def heard(self) -> list[int]:
        """Let everything run, and return what anna's poll brings."""
        await trio.testing.wait_all_tasks_blocked()
        return [each.seq for answer in self.answers for each in answer.page.messages]


async def _with_pair(act: Callable[[Pair], Awaitable[None]]) -> None:
    async with open_harness(LIMITS) as it, trio.open_nursery() as nursery:
        anna, bob, carol = [await it.guest(name) for name in ("anna", "bob", "carol")]
        for number in range(TURNS + 2):
            await it.post(
                (anna, bob)[number % 2],
                f"{number}",
                reply_to=number or None,
                expects=("bob", "anna")[number % 2],
            )
        pair = Pair(it, anna, bob, carol, nursery)
        assert pair.last.sender == "bob"
        assert pair.notice.event == DAMPED
        await act(pair)
        nursery.cancel_scope.cancel()


@pytest.mark.parametrize("wake", Wake)
async def test_a_damped_message_ends_the_wait_when_the_damping_ends(
    autojump_clock: trio.testing.MockClock, wake: Wake
) -> None:
    async def act(it: Pair) -> None:
        began, policy = trio.current_time(), WakePolicy(wake)
        for ends_at in (25, 50):
            answer = await it.poll(policy=policy)
            assert trio.current_time() - began == pytest.approx(ends_at, abs=0.01)
            assert answer.page.messages == ()
            assert answer.page.cursor == TURNS + 1, "nothing is skipped"
            assert not answer.page.has_more
        answer = await it.poll(policy=policy)
        assert trio.current_time() - began == pytest.approx(60, abs=0.01)
        assert answer.page.messages == (it.last, it.notice)

    await _with_pair(act)


async def test_a_poll_that_parked_before_the_damping_is_not_woken_by_it(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async def act(it: Pair) -> None:
        heard = []

        async def bob_listens() -> None:
            answer = await it.it.poll(it.bob, since=TURNS + 3, wait=25)
            heard.append(answer.page)

        it.nursery.start_soon(bob_listens)
        await it.it.wait_parked(1)
        await trio.sleep(1)
        reply = await it.it.post(it.anna, "and?", reply_to=it.last.seq, expects="bob")
        await trio.testing.wait_all_tasks_blocked()
        assert heard == []
        await trio.sleep(25)
        assert [page.messages for page in heard] == [()]
        assert [page.cursor for page in heard] == [reply.message.seq - 1]

    await _with_pair(act)


async def test_a_poll_that_does_not_wait_gets_it_at_once(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async def act(it: Pair) -> None:
        answer = await it.poll(wait=0)
        assert answer.page.messages == (it.last, it.notice)

    await _with_pair(act)


async def test_it_comes_with_the_next_message_that_wakes(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async def act(it: Pair) -> None:
        await it.listen()
        await it.it.post(it.carol, "hello")
        assert await it.heard() == [TURNS + 2, TURNS + 3, TURNS + 4]

    await _with_pair(act)


async def test_a_word_of_the_operator_to_another_agent_releases_it(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async def act(it: Pair) -> None:
        await it.listen()
        draft = PostDraft("go on", ("carol",))
        await operator.say(it.it.relay, ROOM, "titus", draft)
        assert await it.heard() == [TURNS + 2, TURNS + 3]

    await _with_pair(act)


async def test_the_operator_releases_it_without_a_word(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async def act(it: Pair) -> None:
        await it.listen()
        undamp = operator.undamp
        assert await undamp(it.it.relay, ROOM, "titus", ("bob", "carol")) == ()
        assert await it.heard() == []
        pairs = await undamp(it.it.relay, ROOM, "titus", None)
        assert pairs == (("anna", "bob"),)
        assert await it.heard() == [TURNS + 2, TURNS + 3]

    await _with_pair(act)


async def test_a_third_agent_hears_the_pair_as_ever(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async def act(it: Pair) -> None:
        answer = await it.it.poll(it.carol, since=TURNS + 1, wait=25)
        assert trio.current_time() < 1
        assert answer.page.messages == (it.last, it.notice)
        began = trio.current_time()
        answer = await it.it.poll(it.carol, since=TURNS + 2, wait=25)
        assert trio.current_time() - began == pytest.approx(25)
        assert answer.page.messages == (), "the notice alone wakes nobody"

    await _with_pair(act)


async def test_closing_the_room_delivers_it(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async def act(it: Pair) -> None:
        await it.listen()
        await operator.close_room(it.it.relay, ROOM, "titus")
        assert await it.heard() == [TURNS + 2, TURNS + 3]

    await _with_pair(act)


async def test_a_drain_ends_the_wait_before_it(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async def act(it: Pair) -> None:
        await it.listen()
        it.it.relay.drain()
        assert await it.heard() == []
        assert [each.page.cursor for each in it.answers] == [TURNS + 1]

    await _with_pair(act)


async def test_a_page_of_damped_messages_takes_one_look_at_the_capabilities(
    autojump_clock: trio.testing.MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = 0
    look = CodeRegistry.capabilities_of

    def counted(codes: CodeRegistry, peer: Peer, now: Instant) -> str:
        nonlocal looks
        looks += 1
        return look(codes, peer, now)

    async def act(pair: Pair) -> None:
        for _ in range(20):
            await pair.it.post(pair.bob, "on", reply_to=TURNS + 1, expects="anna")
        monkeypatch.setattr(CodeRegistry, "capabilities_of", counted)
        answer = await pair.poll(wait=1)
        assert answer.page.messages == ()
        assert looks < 10

    await _with_pair(act)
