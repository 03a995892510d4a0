"""Events at any moment of a poll are delivered exactly once.

A poll subscribes, reads, parks, and reads again. The store of these tests holds the
poll at each of these points, and each kind of event happens there: to a poll that is
answered, and to one whose client leaves. Then the reader follows its cursor to the end,
and the received texts are compared with the posted ones.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Final

import attrs
import pytest
import trio
import trio.testing

from argybargy.domain.access_codes import CodeRecord
from argybargy.domain.cursors import Since
from argybargy.domain.errors import Problem, RelayError
from argybargy.domain.limits import Limits
from argybargy.domain.wake_policy import WAKE_AT_ONCE, Wake, WakePolicy
from argybargy.relay.api import operator
from argybargy.relay.api.poll import PollAnswer
from argybargy.relay.api.posting import PostDraft
from support.paused_store import (
    AFTER,
    BEFORE,
    COMMIT,
    LOAD,
    PAGE,
    StagedStore,
    Stop,
    staged_store,
)
from support.relay import ROOM, RelayHarness, open_harness, texts

WAIT = 25.0
OLDER: Final = ("old", "older", "oldest")
NO_TAIL = Limits(posts_per_window=0, reads_per_window=0, tail_messages=1)
"""A tail too short for the reader: each of its reads goes to the store."""


@attrs.frozen
class Style:
    """How a reader polls.

    Attributes:
        policy: What ends its waits.
        uses_next: Whether it leaves its cursor to the relay.
    """

    policy: WakePolicy = WAKE_AT_ONCE
    uses_next: bool = False


PLAIN: Final = Style()
NEXT: Final = Style(uses_next=True)
STYLES: Final = {
    "plain": PLAIN,
    "next": NEXT,
    "asks": Style(WakePolicy(Wake.ASKS, hold_seconds=600)),
    "direct, soon": Style(WakePolicy(Wake.DIRECT, hold_seconds=5), uses_next=True),
    "settling": Style(WakePolicy(settle_seconds=0.4)),
}


@attrs.define
class Reader:
    """A reader that follows its cursor, and records the answers.

    Attributes:
        style: How it polls.
        heard: The texts, in the order in which they came.
        answers: Every answer.
        problem: The refusal of the last poll.
        ended_at: When the last poll ended.
        presence: Cancel scope of the last poll's client.
    """

    harness: RelayHarness
    code: CodeRecord
    style: Style = PLAIN
    heard: list[str] = attrs.field(factory=list)
    answers: list[PollAnswer] = attrs.field(factory=list)
    problem: Problem | None = None
    ended_at: float = -1
    presence: trio.CancelScope = attrs.field(factory=trio.CancelScope)

    @property
    def cursor(self) -> int:
        """The cursor of the last answer, from which the next poll reads."""
        return self.answers[-1].page.cursor if self.answers else 0

    async def poll(self, wait: float = WAIT) -> None:
        self.presence = trio.CancelScope()
        with self.presence:
            try:
                since = Since.NEXT if self.style.uses_next else self.cursor
                policy = self.style.policy
                answer = await self.harness.poll(self.code, since, wait, policy=policy)
            except RelayError as error:
                self.problem = error.problem
            else:
                self.answers.append(answer)
                self.heard += texts(answer.page.messages)
        self.ended_at = trio.current_time()

    async def catch_up(self) -> None:
        """Poll to the end, as an agent does that comes back."""
        live = await self.harness.relay.live(ROOM)
        await self.poll(wait=0)
        while self.problem is None and self.cursor < live.room.head:
            await self.poll(wait=0)


@attrs.define
class Scene:
    """A room with earlier messages, a poster and a reader."""

    harness: RelayHarness
    store: StagedStore
    nursery: trio.Nursery
    alice: CodeRecord
    reader: Reader

    async def say(self, text: str, to: str = "all") -> None:
        await self.harness.post(self.alice, text, to=(to,))

    async def close(self) -> None:
        await operator.close_room(self.harness.relay, ROOM, "operator")

    async def reopen(self) -> None:
        await operator.reopen_room(self.harness.relay, ROOM, "operator")

    async def speak_as_human(self, text: str) -> None:
        draft = PostDraft(text, ("all",))
        await operator.say(self.harness.relay, ROOM, "operator", draft)

    async def revoke(self) -> None:
        await operator.revoke(self.harness.relay, "bob", None, everywhere=False)

    async def drain(self) -> None:
        await trio.lowlevel.checkpoint()
        self.harness.relay.drain()


@asynccontextmanager
async def open_scene(
    limits: Limits = NO_TAIL, style: Style = PLAIN
) -> AsyncIterator[Scene]:
    store = staged_store()
    async with open_harness(limits, store) as harness, trio.open_nursery() as nursery:
        alice, bob = await harness.guest("alice"), await harness.guest("bob")
        for text in OLDER:
            await harness.post(bob, text)
        reader = Reader(harness, bob, style)
        yield Scene(harness, store, nursery, alice, reader)


# -- where a poll can be met ------------------------------------------------------


async def _before(scene: Scene) -> None:
    """No point to hold: the poll starts after the event."""


async def _reading(scene: Scene, stop: Stop) -> Stop:
    scene.nursery.start_soon(scene.reader.poll)
    await stop.wait_reached()
    return stop


async def _subscribed(scene: Scene) -> Stop:
    return await _reading(scene, scene.store.stop(PAGE, BEFORE))


async def _read(scene: Scene) -> Stop:
    return await _reading(scene, scene.store.stop(PAGE, AFTER))


async def _parked(scene: Scene) -> None:
    scene.nursery.start_soon(scene.reader.poll)
    await trio.testing.wait_all_tasks_blocked()
    assert scene.harness.parked() == 1


async def _woken(scene: Scene) -> Stop:
    await _parked(scene)
    stop = scene.store.stop(PAGE, BEFORE)
    await scene.say("wakes")
    await stop.wait_reached()
    return stop


async def _woken_and_read(scene: Scene) -> Stop:
    await _parked(scene)
    stop = scene.store.stop(PAGE, AFTER)
    await scene.say("wakes")
    await stop.wait_reached()
    return stop


async def _timed_out(scene: Scene) -> Stop:
    await _parked(scene)
    stop = scene.store.stop(PAGE, BEFORE)
    await stop.wait_reached()
    return stop


async def _timed_out_and_read(scene: Scene) -> Stop:
    await _parked(scene)
    stop = scene.store.stop(PAGE, AFTER)
    await stop.wait_reached()
    return stop


Meet = Callable[[Scene], Awaitable[Stop | None]]
"""Brings a poll to a point, and returns the gate that holds it there."""

MOMENTS: Final[dict[str, Meet]] = {
    "before the poll": _before,
    "subscribed, not read": _subscribed,
    "read, not parked": _read,
    "parked": _parked,
    "woken, not read": _woken,
    "woken and read, not answered": _woken_and_read,
    "timed out, not read": _timed_out,
    "timed out and read, not answered": _timed_out_and_read,
}
HEARD_ALREADY: Final = {
    "woken, not read": ["wakes"],
    "woken and read, not answered": ["wakes"],
}


# -- what can happen there --------------------------------------------------------


@attrs.frozen
class Happening:
    """An event in a room during a poll.

    Attributes:
        act: It.
        said: The texts that the reader must receive.
        ends_poll: Whether a parked poll must end at once.
        verdict: The final answer to the reader, without texts.
    """

    act: Callable[[Scene], Awaitable[None]]
    said: tuple[str, ...] = ()
    ends_poll: bool = True
    verdict: str = ""


async def _post_to_all(scene: Scene) -> None:
    await scene.say("to all")


async def _post_to_reader(scene: Scene) -> None:
    await scene.say("to you", "bob")


async def _post_to_another(scene: Scene) -> None:
    await scene.say("to carol", "carol")


async def _three_posts(scene: Scene) -> None:
    await scene.say("one")
    await scene.say("two", "carol")
    await scene.say("three", "bob")


async def _posts_at_once(scene: Scene) -> None:
    async with trio.open_nursery() as nursery:
        for _ in range(3):
            nursery.start_soon(scene.say, "one of three")


async def _post_and_close(scene: Scene) -> None:
    await scene.say("last words")
    await scene.close()


async def _close_and_speak(scene: Scene) -> None:
    await scene.close()
    await scene.speak_as_human("thank you all")


async def _close_and_reopen(scene: Scene) -> None:
    await scene.close()
    await scene.reopen()
    await scene.say("welcome back")


async def _post_and_drain(scene: Scene) -> None:
    await scene.say("just in time")
    await scene.drain()


async def _post_and_revoke(scene: Scene) -> None:
    await scene.say("farewell")
    await scene.revoke()


async def _revoke_and_post(scene: Scene) -> None:
    await scene.revoke()
    await scene.say("not for you any more")


HAPPENINGS: Final = {
    "a post to all": Happening(_post_to_all, ("to all",)),
    "a post to the reader": Happening(_post_to_reader, ("to you",)),
    "a post to another": Happening(_post_to_another, ends_poll=False),
    "three posts": Happening(_three_posts, ("one", "three")),
    "three posts at once": Happening(_posts_at_once, ("one of three",) * 3),
    "a close": Happening(Scene.close, verdict="closed"),
    "a post and a close": Happening(_post_and_close, ("last words",), True, "closed"),
    "a close and a word of the human": Happening(
        _close_and_speak, ("thank you all",), True, "closed"
    ),
    "a close and a reopening": Happening(_close_and_reopen, ("welcome back",)),
    "a drain": Happening(Scene.drain, verdict="draining"),
    "a post and a drain": Happening(
        _post_and_drain, ("just in time",), True, "draining"
    ),
    "a revocation": Happening(Scene.revoke, verdict="unauthorized"),
    "a post and a revocation": Happening(
        _post_and_revoke, ("farewell",), True, "unauthorized"
    ),
    "a revocation and a post": Happening(_revoke_and_post, verdict="unauthorized"),
}


def _verdict(reader: Reader) -> str:
    """Return the final answer to the reader, without texts."""
    if reader.problem is not None:
        return reader.problem.value.code
    last = reader.answers[-1]
    if last.budget.reason == "room_closed":
        return "closed"
    return "draining" if last.is_draining else ""


def _check(scene: Scene, moment: str, happening: Happening) -> None:
    """Compare the received texts with the posted ones."""
    heard, said = scene.reader.heard, [*HEARD_ALREADY.get(moment, ()), *happening.said]
    if happening.verdict == "unauthorized":
        # A revoked reader has received the earlier texts, or the first of them.
        assert heard == said[: len(heard)]
    else:
        assert heard == said
    assert _verdict(scene.reader) == happening.verdict
    assert scene.harness.parked() == 0


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("what", HAPPENINGS)
@pytest.mark.parametrize("moment", MOMENTS)
async def test_a_poll_delivers_each_message_once_without_delay(
    autojump_clock: trio.testing.MockClock, moment: str, what: str, style: str
) -> None:
    happening, is_patient = HAPPENINGS[what], not STYLES[style].policy.is_default
    async with open_scene(style=STYLES[style]) as scene:
        stop = await MOMENTS[moment](scene)
        began = trio.current_time()
        await happening.act(scene)
        if stop is not None:
            stop.release()
        elif moment == "before the poll":
            scene.nursery.start_soon(scene.reader.poll)
        while scene.reader.ended_at < 0:
            await trio.testing.wait_all_tasks_blocked()
            if is_patient:
                await trio.sleep(0.1)
                assert trio.current_time() <= began + WAIT + 1, "it waited too long"
            elif happening.ends_poll or moment in HEARD_ALREADY:
                assert scene.reader.ended_at == began, "it waited on"
            else:
                await trio.sleep(1)
        await scene.reader.catch_up()
        _check(scene, moment, happening)


@pytest.mark.parametrize("moment", MOMENTS)
async def test_a_poll_that_ends_with_room_closed_has_delivered_all_messages(
    autojump_clock: trio.testing.MockClock, moment: str
) -> None:
    """An agent that reads `should_exit` may never ask again."""
    async with open_scene() as scene:
        stop = await MOMENTS[moment](scene)
        await _post_and_close(scene)
        if stop is not None:
            stop.release()
        reader = scene.reader
        await trio.testing.wait_all_tasks_blocked()
        while not (reader.answers and reader.answers[-1].budget.should_exit):
            await reader.poll(wait=0)
        assert reader.heard == [*HEARD_ALREADY.get(moment, ()), "last words"]


@pytest.mark.parametrize("style", ["plain", "next", "direct, soon"])
@pytest.mark.parametrize("leaves_first", [True, False], ids=["leaves", "happens"])
@pytest.mark.parametrize("what", HAPPENINGS)
@pytest.mark.parametrize("moment", [each for each in MOMENTS if each[0] != "b"])
async def test_a_cancelled_poll_loses_no_message(
    autojump_clock: trio.testing.MockClock,
    moment: str,
    what: str,
    leaves_first: bool,
    style: str,
) -> None:
    happening = HAPPENINGS[what]
    async with open_scene(style=STYLES[style]) as scene:
        await MOMENTS[moment](scene)
        if leaves_first:
            scene.reader.presence.cancel()
        await happening.act(scene)
        scene.reader.presence.cancel()
        await trio.testing.wait_all_tasks_blocked()
        assert scene.harness.parked() == 0
        await scene.reader.catch_up()
        _check(scene, moment, happening)


# -- while a post is on its way ------------------------------------------------------


async def _nothing(scene: Scene) -> None:
    await trio.lowlevel.checkpoint()


async def _comes_and_parks(scene: Scene) -> None:
    scene.nursery.start_soon(scene.reader.poll)
    await trio.testing.wait_all_tasks_blocked()


async def _comes_in_vain(scene: Scene) -> None:
    await scene.reader.poll()


async def _asks_twice(scene: Scene) -> None:
    await scene.reader.poll(wait=0)
    await scene.reader.poll(wait=0)


async def _comes_and_leaves(scene: Scene) -> None:
    await _comes_and_parks(scene)
    scene.reader.presence.cancel()
    await trio.testing.wait_all_tasks_blocked()


READERS: Final = {
    "nobody comes": _nothing,
    "comes and parks": _comes_and_parks,
    "comes and waits in vain": _comes_in_vain,
    "asks twice": _asks_twice,
    "comes and leaves": _comes_and_leaves,
}
TAIL = attrs.evolve(NO_TAIL, tail_messages=100)


@pytest.mark.parametrize("limits", [NO_TAIL, TAIL], ids=["store", "tail"])
@pytest.mark.parametrize("how", READERS)
@pytest.mark.parametrize("side", [BEFORE, AFTER])
async def test_a_post_during_a_commit_is_delivered_once(
    autojump_clock: trio.testing.MockClock,
    side: str,
    how: str,
    limits: Limits,
) -> None:
    async with open_scene(limits) as scene:
        stop = scene.store.stop(COMMIT, side)
        scene.nursery.start_soon(scene.say, "on its way")
        await stop.wait_reached()
        await READERS[how](scene)
        stop.release()
        await trio.testing.wait_all_tasks_blocked()
        await scene.reader.catch_up()
        assert scene.reader.heard == ["on its way"]
        assert not any(answer.is_reset for answer in scene.reader.answers)
        assert scene.reader.cursor == len(OLDER) + 1


# -- while the room is brought back into memory ------------------------------------


@pytest.mark.parametrize("leaves", [False, True], ids=["stays", "leaves"])
@pytest.mark.parametrize("what", HAPPENINGS)
@pytest.mark.parametrize("side", [BEFORE, AFTER])
async def test_a_poll_that_waits_for_its_room_to_load_misses_nothing(
    autojump_clock: trio.testing.MockClock, side: str, what: str, leaves: bool
) -> None:
    happening = HAPPENINGS[what]
    async with open_scene(attrs.evolve(NO_TAIL, live_room_seconds=1)) as scene:
        await trio.sleep(10)
        assert scene.harness.relay.find_live(ROOM) is None
        stop = scene.store.stop(LOAD, side)
        scene.nursery.start_soon(scene.reader.poll)
        await stop.wait_reached()
        scene.nursery.start_soon(happening.act, scene)
        await trio.testing.wait_all_tasks_blocked()
        if leaves:
            scene.reader.presence.cancel()
        stop.release()
        await trio.testing.wait_all_tasks_blocked()
        scene.reader.presence.cancel()
        await trio.testing.wait_all_tasks_blocked()
        await scene.reader.catch_up()
        _check(scene, "before the poll", happening)
