"""Notifications of a running relay, on virtual time and without a network."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import attrs
import pytest
import trio
import trio.testing

from argybargy.domain.limits import Limits
from argybargy.domain.message import TO_ALL
from argybargy.domain.names import room_key
from argybargy.domain.notifications import (
    EVENTS_PER_PUSH,
    Candidate,
    Event,
    EventKind,
    NotificationRules,
)
from argybargy.domain.quiet_hours import QuietHours
from argybargy.domain.room.state import Room
from argybargy.domain.room.writes import Write
from argybargy.relay.api import operator
from argybargy.relay.api.agent import claim
from argybargy.relay.api.deletion import delete_room
from argybargy.relay.api.posting import PostDraft
from argybargy.relay.notifications.push import Push
from argybargy.relay.notifications.registry import (
    PUSHES_PER_WINDOW,
    WINDOW_SECONDS,
    NotificationPlan,
    Notifications,
)
from argybargy.relay.notifications.service import LOOK_SECONDS
from argybargy.store.errors import Full, Refused
from argybargy.store.memory.store import MemoryStore, open_memory_store
from support.recording_channel import RecordingChannel
from support.relay import EPOCH_MS, ROOM, RelayHarness, VirtualClock, open_harness
from support.work_counters import BUDGET_LINES, measured_lines

Clock = trio.testing.MockClock
FREE = Limits(posts_per_window=0, reads_per_window=0, claims_per_window=0)
TURNS = FREE.loop_turns
TO_OPERATOR = ("operator",)
SOON = LOOK_SECONDS + 1
START = datetime.fromtimestamp(EPOCH_MS / 1000, UTC)


@attrs.frozen
class Scene:
    """A relay that notifies the operator."""

    house: RelayHarness
    channel: RecordingChannel


@asynccontextmanager
async def scene(
    rules: NotificationRules | None = None,
    store: MemoryStore | None = None,
    channel: RecordingChannel | None = None,
) -> AsyncIterator[Scene]:
    channel = channel or RecordingChannel()
    plan = NotificationPlan((channel,), rules or NotificationRules())
    async with open_harness(FREE, store, plan=plan) as house:
        yield Scene(house, channel)


def quiet_for(minutes: int, urgent: tuple[str, ...] = ()) -> NotificationRules:
    """Return rules with quiet hours that begin now."""
    start = START.hour * 60 + START.minute
    return NotificationRules(
        urgent_words=urgent, quiet=QuietHours(start, start + minutes, UTC)
    )


async def test_a_question_to_the_operator_is_told_once_after_two_minutes(
    autojump_clock: Clock,
) -> None:
    async with scene() as it:
        ann = await it.house.guest("ann")
        await it.house.post(ann, "May I?", TO_OPERATOR)
        await it.house.post(ann, "a remark", TO_OPERATOR, expects="none")
        await trio.sleep(119)
        assert it.channel.pushes == []
        await trio.sleep(SOON)
        (push,) = it.channel.pushes
        assert (push.title, push.body) == ("build #1: ann asks you", "May I?")
        await trio.sleep(5_000)
        assert len(it.channel.pushes) == 1


async def test_an_answered_question_is_not_told(autojump_clock: Clock) -> None:
    async with scene() as it:
        ann = await it.house.guest("ann")
        await it.house.post(ann, "May I?", TO_OPERATOR)
        await trio.sleep(60)
        draft = PostDraft("Yes.", ("ann",), reply_to=1)
        await operator.say(it.house.relay, ROOM, "operator", draft)
        await trio.sleep(1_000)
        assert it.channel.pushes == []


async def test_a_question_to_anyone_is_told_unless_somebody_holds_it(
    autojump_clock: Clock,
) -> None:
    async with scene(NotificationRules(after_seconds=0)) as it:
        ann, bob = await it.house.guest("ann"), await it.house.guest("bob")
        await it.house.post(ann, "Who knows?", expects="anyone")
        await trio.sleep(60)
        await claim(it.house.relay, bob, 1, 600)
        await trio.sleep(599)
        assert "asks anyone" not in "".join(it.channel.titles)
        await trio.sleep(119)  # the claim has run out, and nobody has held it since
        assert "asks anyone" not in "".join(it.channel.titles)
        await trio.sleep(10)
        assert "build #1: ann asks anyone" in it.channel.titles


async def test_an_urgent_question_is_told_at_once(autojump_clock: Clock) -> None:
    async with scene(NotificationRules(urgent_words=("prod",))) as it:
        ann = await it.house.guest("ann")
        await it.house.post(ann, "Prod is down: roll back?", TO_OPERATOR)
        await trio.sleep(SOON)
        assert it.channel.titles == ["build #1: ann asks you"]


async def test_while_the_operator_watches_a_question_waits_for_ten_minutes(
    autojump_clock: Clock,
) -> None:
    async with scene() as it:
        ann = await it.house.guest("ann")
        watcher = it.house.relay.watchers.watch()
        await it.house.post(ann, "May I?", TO_OPERATOR)
        await trio.sleep(599)
        assert it.channel.pushes == []
        await trio.sleep(SOON)
        assert it.channel.titles == ["build #1: ann asks you"]
        watcher.close()


async def test_an_agent_with_work_that_stops_listening_is_told_once_an_hour(
    autojump_clock: Clock,
) -> None:
    async with scene() as it:
        ann, bob = await it.house.guest("ann"), await it.house.guest("bob")
        await it.house.guest("carol")  # has no work
        await it.house.post(ann, "Review this, bob?", ("bob",))
        online = FREE.online_seconds
        await trio.sleep(online + 299)
        assert it.channel.pushes == []
        await trio.sleep(10)
        assert it.channel.titles == ["build: bob is not listening"]
        for _ in range(3):  # it comes and goes
            await it.house.poll(bob)
            await trio.sleep(1_000)
        assert len(it.channel.pushes) == 1
        await it.house.poll(bob)
        await trio.sleep(1_000)
        assert len(it.channel.pushes) == 2


async def test_an_agent_with_a_parked_poll_listens(autojump_clock: Clock) -> None:
    async with scene() as it:
        ann, bob = await it.house.guest("ann"), await it.house.guest("bob")
        await it.house.post(ann, "Who can?", expects="anyone")
        await claim(it.house.relay, bob, 1, 86_400)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(it.house.poll, bob, 1, 2_000)
            await trio.sleep(1_900)
            assert it.channel.pushes == []
        await trio.sleep(1_000)
        assert it.channel.titles == ["build: bob is not listening"]


async def make_loop(it: Scene) -> None:
    both = [await it.house.guest("ann"), await it.house.guest("bob")]
    for number in range(TURNS + 2):
        await it.house.post(both[number % 2], "and?", reply_to=number or None)


async def test_a_lost_agent_is_not_told_again_after_a_restart(
    autojump_clock: Clock,
) -> None:
    async with open_memory_store() as store:
        async with scene(store=store) as it:
            ann = await it.house.guest("ann")
            await it.house.guest("bob")
            await it.house.post(ann, "Review this, bob?", ("bob",))
            await trio.sleep(500)
            assert it.channel.titles == ["build: bob is not listening"]
        channel = RecordingChannel()
        async with scene(store=store, channel=channel) as it:
            await trio.sleep(4_000)
            assert channel.pushes == []
            (bob,) = it.house.relay.codes.match("bob")
            await it.house.poll(bob)
            await trio.sleep(500)
    assert channel.titles == ["build: bob is not listening"]


async def test_a_damped_loop_is_told_once(autojump_clock: Clock) -> None:
    async with scene() as it:
        await make_loop(it)
        await trio.sleep(SOON)
        assert it.channel.titles == ["build: a loop of ann and bob was damped"]
        await trio.sleep(1_000)
        assert len(it.channel.pushes) == 1


async def test_a_loop_before_the_operators_eyes_is_not_told(
    autojump_clock: Clock,
) -> None:
    async with scene() as it:
        watcher = it.house.relay.watchers.watch()
        await make_loop(it)
        await trio.sleep(10)
        watcher.close()
        await trio.sleep(2_000)
        assert it.channel.pushes == []


async def test_what_waits_in_quiet_hours_is_told_as_one_summary_when_they_end(
    autojump_clock: Clock,
) -> None:
    async with scene(quiet_for(60)) as it:
        ann = await it.house.guest("ann")
        await make_loop(it)
        await it.house.post(ann, "First?", TO_OPERATOR)
        await it.house.post(ann, "Second?", TO_OPERATOR)
        await trio.sleep(58 * 60)
        assert it.channel.pushes == []
        await trio.sleep(3 * 60)
        (push,) = it.channel.pushes
        assert push.title == "3 things wait for you"
        assert f"build #{TURNS + 4}: ann asks you" in push.body
        assert "a loop of ann and bob was damped" in push.body
        assert "First?" not in push.body


async def test_urgent_questions_pass_quiet_hours(autojump_clock: Clock) -> None:
    async with scene(quiet_for(60, urgent=("prod",))) as it:
        ann = await it.house.guest("ann")
        await it.house.post(ann, "Later?", TO_OPERATOR)
        await it.house.post(ann, "prod?", TO_OPERATOR)
        await trio.sleep(1_800)
        assert it.channel.titles == ["build #2: ann asks you"]


async def test_a_loop_of_quiet_hours_is_told_after_a_restart(
    autojump_clock: Clock,
) -> None:
    rules = quiet_for(60)
    async with open_memory_store() as store:
        async with scene(rules, store) as it:
            await make_loop(it)
            await trio.sleep(60)
        channel = RecordingChannel()
        async with scene(rules, store, channel):
            await trio.sleep(3_700)
    assert channel.titles == ["build: a loop of ann and bob was damped"]


async def test_what_was_told_is_not_told_after_a_restart(
    autojump_clock: Clock,
) -> None:
    async with open_memory_store() as store:
        async with scene(store=store) as it:
            ann = await it.house.guest("ann")
            await it.house.post(ann, "May I?", TO_OPERATOR)
            await trio.sleep(125)
            assert len(it.channel.pushes) == 1
            await it.house.post(ann, "And this?", TO_OPERATOR)
        channel = RecordingChannel()
        async with scene(store=store, channel=channel) as it:
            assert it.house.relay.notifications.told_ms(ROOM, 1) is not None
            await trio.sleep(200)
    assert channel.titles == ["build #2: ann asks you"]


async def test_a_restart_within_the_two_minutes_does_not_begin_them_anew(
    autojump_clock: Clock,
) -> None:
    async with open_memory_store() as store:
        async with scene(store=store) as it:
            ann = await it.house.guest("ann")
            await it.house.post(ann, "May I?", TO_OPERATOR)
            await trio.sleep(100)
            clocks = it.house.clocks
        channel = RecordingChannel()
        plan = NotificationPlan((channel,))
        async with open_harness(FREE, store, clocks, plan=plan):
            await trio.sleep(25)
    assert channel.titles == ["build #1: ann asks you"]


async def test_a_question_stays_told_while_its_room_is_closed(
    autojump_clock: Clock,
) -> None:
    async with scene() as it:
        relay, ann = it.house.relay, await it.house.guest("ann")
        await it.house.post(ann, "May I?", TO_OPERATOR)
        await trio.sleep(60)
        await operator.close_room(relay, ROOM, "operator")
        await trio.sleep(600)
        assert it.channel.pushes == []
        await operator.reopen_room(relay, ROOM, "operator")
        await trio.sleep(10)
        assert len(it.channel.pushes) == 1
        await operator.close_room(relay, ROOM, "operator")
        await trio.sleep(10)
        await operator.reopen_room(relay, ROOM, "operator")
        await trio.sleep(10)
        assert len(it.channel.pushes) == 1


async def test_the_notice_of_a_question_goes_with_it(autojump_clock: Clock) -> None:
    async with open_memory_store() as store, scene(store=store) as it:
        relay, ann = it.house.relay, await it.house.guest("ann")
        await it.house.post(ann, "May I?", TO_OPERATOR)
        await it.house.post(ann, "And this?", TO_OPERATOR)
        await trio.sleep(130)
        assert len(await store.notices()) == 2
        draft = PostDraft("Yes.", ("ann",), reply_to=1)
        await operator.say(relay, ROOM, "operator", draft)
        await trio.sleep(10)
        assert [each.key.subject for each in await store.notices()] == ["2"]
        await operator.close_room(relay, ROOM, "operator")
        await delete_room(relay, ROOM, "operator")
        await trio.sleep(10)
        assert await store.notices() == ()
        assert relay.notifications.last_told_ms(ROOM) is None


async def test_many_events_at_once_are_one_push_and_pushes_have_a_pace(
    autojump_clock: Clock,
) -> None:
    rules = NotificationRules(after_seconds=0)
    async with scene(rules) as it:
        ann = await it.house.guest("ann")
        for _ in range(EVENTS_PER_PUSH + 1):
            await it.house.post(ann, "May I?", TO_OPERATOR)
        await trio.sleep(SOON)
        assert it.channel.titles[0] == f"{EVENTS_PER_PUSH} things wait for you"
        for _ in range(3 * PUSHES_PER_WINDOW):
            await it.house.post(ann, "May I?", TO_OPERATOR)
            await trio.sleep(LOOK_SECONDS)
        assert len(it.channel.pushes) == PUSHES_PER_WINDOW
        await trio.sleep(WINDOW_SECONDS)
        assert len(it.channel.pushes) == PUSHES_PER_WINDOW + 1
        assert it.channel.titles[-1].endswith(" things wait for you")
        told = {
            each.event.subject for push in it.channel.pushes for each in push.events
        }
        assert len(told) == EVENTS_PER_PUSH + 1 + 3 * PUSHES_PER_WINDOW


@attrs.define(eq=False)
class BrokenStore(MemoryStore):
    """A store that can be full.

    Attributes:
        is_full: Whether it refuses writes.
        probes: How often it was tested.
    """

    is_full: bool = False
    probes: int = 0

    async def probe(self) -> None:
        self.probes += 1
        await trio.lowlevel.checkpoint()
        if self.is_full:
            raise Full("disk full")

    async def commit(
        self,
        room: Room,
        expected_version: int,
        writes: Sequence[Write],
        *,
        nonce: str,
        most_rooms: int = 0,
    ) -> None:
        if self.is_full:
            raise Refused("disk full")
        await super().commit(
            room, expected_version, writes, nonce=nonce, most_rooms=most_rooms
        )

    async def save_notices(self, *args: object) -> None:
        if self.is_full:
            raise Refused("disk full")
        await super().save_notices(*args)  # type: ignore[arg-type]


async def test_storage_trouble_and_its_end_are_told(autojump_clock: Clock) -> None:
    store = BrokenStore(FREE)
    async with scene(quiet_for(600), store) as it:
        ann = await it.house.guest("ann")
        await trio.sleep(100)
        assert store.probes == 0, "an idle relay leaves the disk alone"
        store.is_full = True
        with pytest.raises(Exception, match="storage"):
            await it.house.post(ann, "lost")
        await trio.sleep(29)
        assert it.channel.pushes == []
        await trio.sleep(5)
        assert it.channel.titles == ["The relay cannot store messages"]
        await trio.sleep(1_000)
        store.is_full = False
        await trio.sleep(5)
        assert it.channel.titles[1:] == ["The relay stores messages again"]
        await trio.sleep(1_000)
        assert len(it.channel.pushes) == 2


async def test_a_short_storage_trouble_is_not_told(autojump_clock: Clock) -> None:
    store = BrokenStore(FREE)
    async with scene(store=store) as it:
        ann = await it.house.guest("ann")
        store.is_full = True
        with pytest.raises(Exception, match="storage"):
            await it.house.post(ann, "lost")
        await trio.sleep(20)
        store.is_full = False
        await trio.sleep(1_000)
        assert it.channel.pushes == []


async def test_what_was_told_while_the_disk_was_full_is_stored_later(
    autojump_clock: Clock,
) -> None:
    store = BrokenStore(FREE)
    async with scene(store=store) as it:
        ann = await it.house.guest("ann")
        await it.house.post(ann, "May I?", TO_OPERATOR)
        store.is_full = True
        await trio.sleep(200)
        assert "build #1: ann asks you" in it.channel.titles
        assert await store.notices() == ()
        store.is_full = False
        await trio.sleep(10)
        (notice,) = await store.notices()
        assert notice.told_ms is not None
        assert it.channel.titles.count("build #1: ann asks you") == 1


class SlowStore(BrokenStore):
    """A store that takes a second to store notices."""

    async def save_notices(self, *args: object) -> None:
        await trio.sleep(1)
        await super().save_notices(*args)


@attrs.define
class StoreReadingChannel(RecordingChannel):
    """A service that reads which notices are stored when it is told something."""

    store: MemoryStore = attrs.field(kw_only=True)
    stored: list[tuple[str, ...]] = attrs.field(factory=list)

    async def send(self, push: Push) -> None:
        self.stored.append(tuple(each.id for each in await self.store.notices()))
        await super().send(push)


@pytest.mark.parametrize("is_full", [False, True])
async def test_the_notice_of_a_link_is_stored_before_it_is_told(
    autojump_clock: Clock, is_full: bool
) -> None:
    store = SlowStore(FREE)
    channel = StoreReadingChannel(store=store)
    plan = NotificationPlan((channel,), make_link=lambda id_, _: f"https://x/{id_}")
    async with open_harness(FREE, store, plan=plan) as house:
        ann = await house.guest("ann")
        await house.post(ann, "May I?", TO_OPERATOR)
        store.is_full = is_full
        await trio.sleep(120 + SOON)
        assert channel.pushes, "a store that refuses does not keep it back"
        (told,) = channel.pushes[0].events
        assert told.link == f"https://x/{told.id}"
        assert channel.stored[0] == (() if is_full else (told.id,))


async def test_a_question_to_a_name_of_the_operator_is_told(
    autojump_clock: Clock,
) -> None:
    async with scene() as it:
        ann = await it.house.guest("ann")
        await it.house.post(ann, "May I?", ("titus",), expects="titus")
        await trio.sleep(60)
        await operator.say(it.house.relay, ROOM, "Titus", PostDraft("Here.", TO_ALL))
        await trio.sleep(60 + SOON)
        assert it.channel.titles == ["build #1: ann asks you"]


async def test_thousands_of_open_questions_do_not_hold_the_loop(
    autojump_clock: Clock,
) -> None:
    plan = NotificationPlan((RecordingChannel(),))
    async with open_memory_store() as store:
        notifications = Notifications(plan, store, VirtualClock())
        events = [
            Event(EventKind.QUESTION, EPOCH_MS + at, room=ROOM, subject=str(at + 1))
            for at in range(5_000)
        ]
        found = {each.key: Candidate(each, 1_000.0) for each in events}
        with measured_lines() as meter:
            for _ in range(PUSHES_PER_WINDOW):
                push = await notifications.tell(found, is_watching=False)
        assert push is not None
        told = [each.event.subject for each in push.events]
        first = EVENTS_PER_PUSH * (PUSHES_PER_WINDOW - 1)
        assert told == [str(first + at + 1) for at in range(EVENTS_PER_PUSH)]
        assert meter.lines < BUDGET_LINES, meter.where


async def test_without_services_nothing_runs(autojump_clock: Clock) -> None:
    store = BrokenStore(FREE)
    async with open_harness(FREE, store) as house:
        ann = await house.guest("ann")
        await house.post(ann, "May I?", TO_OPERATOR)
        await trio.sleep(1_000)
        assert house.relay.notifications.told_ms(room_key(ROOM), 1) is None
        assert await house.relay.notifications.test() == ()


async def test_a_post_waits_for_no_push(autojump_clock: Clock) -> None:
    channel = RecordingChannel(takes_seconds=25)
    async with scene(NotificationRules(after_seconds=0), channel=channel) as it:
        ann = await it.house.guest("ann")
        for _ in range(20):
            before = trio.current_time()
            await it.house.post(ann, "May I?", TO_OPERATOR)
            assert trio.current_time() == before
            await trio.sleep(LOOK_SECONDS)
