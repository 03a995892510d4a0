"""The notices of the operator: which events were told, and the outboxes of services."""

import secrets
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final

import attrs
import trio

from argybargy.domain.instant import Instant
from argybargy.domain.names import RoomKey
from argybargy.domain.notifications import (
    Candidate,
    Event,
    EventKey,
    EventKind,
    Moment,
    Notice,
    NotificationRules,
    due_events,
    first_events,
    is_forgotten,
)
from argybargy.relay.clock import Clock
from argybargy.relay.notifications.outbox import (
    ChannelState,
    ChannelStatus,
    Outbox,
    OutboxReports,
)
from argybargy.relay.notifications.pieces import pieces
from argybargy.relay.notifications.push import (
    Channel,
    Push,
    PushedEvent,
    loop_of,
    push_of_test,
)
from argybargy.relay.notifications.statistics import NotificationStatistics
from argybargy.relay.wake_slot import WakeSlot
from argybargy.store.errors import StoreError
from argybargy.store.protocol import NoticeStore
from argybargy.system.logs import get_logger
from argybargy.system.values import define, frozen

log = get_logger(__name__)

PUSHES_PER_WINDOW: Final = 10
"""Maximum pushes in :data:`WINDOW_SECONDS`; further events go in one summary."""
WINDOW_SECONDS: Final = 600.0
_DURABLE: Final = frozenset({EventKind.QUESTION, EventKind.AGENT, EventKind.LOOP})
_LASTING: Final = frozenset({EventKind.QUESTION, EventKind.AGENT, EventKind.STORAGE})
"""Kinds that need no telling once they are over."""
_ALWAYS: Final = frozenset({EventKind.STORAGE, EventKind.STORAGE_END})
_STORAGE: Final = EventKey(EventKind.STORAGE)
_ID_BYTES: Final = 16
_STOPPING: Final = "the relay is stopping"


def _no_link(_notice_id: str, _now_ms: int) -> str | None:
    return None


@frozen
class NotificationPlan:
    """Services and settings of the notifications; without services there are none.

    Attributes:
        channels: The services.
        rules: The operator's settings.
        make_link: Returns a link to answer the question of a notice; ``None`` if the
            relay has no public address. The arguments are the id and the time.
    """

    channels: tuple[Channel, ...] = ()
    rules: NotificationRules = attrs.field(factory=NotificationRules)
    make_link: Callable[[str, int], str | None] = attrs.field(
        default=_no_link, repr=False
    )


@define(eq=False)
class Notifications:
    """The notices of a relay.

    Mutable state: the notices, bounded by the open questions, the agents and the pairs
    of agents; which of them last, are in an outbox or were given up, and are to be
    stored; the times of the latest pushes; the running test; and the outboxes.

    Attributes:
        plan: How the operator is notified.
        store: Durable storage.
        clock: The relay's clock.
        slot: Wakes the service before its time.
        is_storage_suspect: Whether a write has failed since the service looked.
    """

    plan: NotificationPlan
    store: NoticeStore
    clock: Clock
    slot: WakeSlot = attrs.field(factory=WakeSlot)
    is_storage_suspect: bool = False
    outboxes: tuple[Outbox, ...] = attrs.field(init=False)
    _notices: dict[EventKey, Notice] = attrs.field(factory=dict, repr=False)
    _by_id: dict[str, EventKey] = attrs.field(factory=dict, repr=False)
    _taken: set[EventKey] = attrs.field(factory=set, repr=False)
    _present: Mapping[EventKey, Candidate] = attrs.field(factory=dict, repr=False)
    _lasting: set[EventKey] = attrs.field(factory=set, repr=False)
    _unsaved: set[EventKey] = attrs.field(factory=set, repr=False)
    _deleted: set[str] = attrs.field(factory=set, repr=False)
    _pushed_at: deque[float] = attrs.field(factory=deque, repr=False)
    _telling: trio.Lock = attrs.field(factory=trio.Lock, repr=False)
    _testing: trio.Lock = attrs.field(factory=trio.Lock, repr=False)
    _test_scope: trio.CancelScope = attrs.field(factory=trio.CancelScope, repr=False)
    _is_draining: bool = False
    _is_store_failing: bool = False

    def __attrs_post_init__(self) -> None:
        reports = OutboxReports(self._accepted, self._is_current)
        self.outboxes = tuple(
            Outbox(channel, self.clock, reports) for channel in self.plan.channels
        )

    async def load(self) -> None:
        """Load the notices of earlier runs.

        Raises:
            StoreError: The store could not be read.
        """
        for notice in await self.store.notices():
            self._put(notice)
            # What lasts at the first look has lasted while no relay ran.
            self._lasting.add(notice.key)

    async def reread(self) -> None:
        """Read the notices again, which the leading node has changed.

        Raises:
            StoreError: The store could not be read.
        """
        stored = await self.store.notices()
        async with self._telling:
            self.hand_over()
            self._notices.clear()
            self._by_id.clear()
            for notice in stored:
                self._put(notice)
                self._lasting.add(notice.key)

    def hand_over(self) -> None:
        """Stop telling: another node tells the operator from now on."""
        self._taken.clear()
        self._unsaved.clear()
        self._deleted.clear()
        self._lasting.clear()
        self._present = {}
        for outbox in self.outboxes:
            outbox.clear()

    # -- for others ------------------------------------------------------------

    def note_store_failure(self) -> None:
        """Note that a write has failed: the next look tests the store."""
        self.is_storage_suspect = True

    def told_ms(self, room: RoomKey, seq: int) -> int | None:
        """Return when the operator was told of a question; ``None`` if not."""
        key = EventKey(EventKind.QUESTION, room, str(seq))
        notice = self._notices.get(key)
        return None if notice is None else notice.told_ms

    def last_told_ms(self, room: RoomKey) -> int | None:
        """Return when the operator was last told of a question open in a room."""
        times = (
            notice.told_ms
            for key, notice in self._notices.items()
            if key.room == room and key.kind is EventKind.QUESTION
        )
        return max((each for each in times if each is not None), default=None)

    def question_of(self, notice_id: str) -> EventKey | None:
        """Return the question that a notice is about; ``None`` if it is over."""
        key = self._by_id.get(notice_id)
        return key if key is not None and key.kind is EventKind.QUESTION else None

    def statuses(self) -> tuple[ChannelStatus, ...]:
        """Return the state of each service."""
        return tuple(outbox.status for outbox in self.outboxes)

    def is_quiet(self) -> bool:
        """Tell whether it is quiet hours."""
        quiet = self.plan.rules.quiet
        return quiet is not None and quiet.includes(self.clock.now().wall_ms)

    def statistics(self) -> NotificationStatistics:
        """Return the figures since the start."""
        statuses = self.statuses()
        return NotificationStatistics(
            sent=sum(each.sent for each in statuses),
            failed=sum(outbox.failures for outbox in self.outboxes),
            dropped=sum(each.dropped for each in statuses),
            waiting=sum(each.waiting for each in statuses),
            failing=sum(each.state is ChannelState.FAILING for each in statuses),
        )

    async def test(self) -> tuple[tuple[str, str | None], ...]:
        """Send a test to every service, past the queues.

        Returns:
            The name of each service, and why it has not accepted the test.
        """
        reasons = dict[int, str | None]()

        async def try_one(at: int, outbox: Outbox, push: Push) -> None:
            reasons[at] = await outbox.try_once(push)

        async with self._testing:
            with trio.CancelScope() as self._test_scope:
                if self._is_draining:
                    self._test_scope.cancel()
                push = push_of_test(_new_id(), self.clock.now().wall_ms)
                async with trio.open_nursery() as nursery:
                    for at, outbox in enumerate(self.outboxes):
                        nursery.start_soon(try_one, at, outbox, push)
        return tuple(
            (outbox.channel.label, reasons.get(at, _STOPPING))
            for at, outbox in enumerate(self.outboxes)
        )

    def drain(self) -> None:
        """End tests: the end of the relay does not wait for a slow service."""
        self._is_draining = True
        self._test_scope.cancel()

    # -- for the service -------------------------------------------------------

    async def tell(
        self,
        found: Mapping[EventKey, Candidate],
        *,
        is_watching: bool,
        is_certain: bool = True,
    ) -> Push | None:
        """Put what is due into the outboxes, as one push.

        Many events are looked at in pieces, with a checkpoint after each. Meanwhile an
        outbox may note that an event was told; nothing else changes the notices, and
        :meth:`reread` waits. Notices with a link are stored before they are told; if
        the store refuses, they are told all the same.

        Args:
            found: The events that last.
            is_watching: Whether the operator has a dashboard or `watch` open.
            is_certain: Whether no other node tells the same; else only trouble with
                the store is told.

        Returns:
            The push; ``None`` if nothing is due.
        """
        async with self._telling:
            now = self.clock.now()
            events = await self._due(
                found, now, is_watching=is_watching, is_certain=is_certain
            )
            if not events or not self._is_in_pace(events, now):
                return None
            self._pushed_at.append(now.steady_seconds)
            push = self._push_of(events, now)
            if any(each.link for each in push.events):
                # The link may be opened at once, on another node, which finds the
                # question of a notice in the store.
                await self.save()
            for outbox in self.outboxes:
                outbox.put(push)
            return push

    async def _due(
        self,
        found: Mapping[EventKey, Candidate],
        now: Instant,
        *,
        is_watching: bool,
        is_certain: bool,
    ) -> tuple[Event, ...]:
        """Return the events that are due, and forget what is over."""
        self._present = found
        self._lasting.intersection_update(found)
        ended = self._end_of_trouble(now)
        self._note_loops(found, now, is_watching=is_watching)
        await self._forget(now)
        moment = Moment(self.is_quiet(), is_watching)
        events = due_events(ended, self.plan.rules, moment)
        for piece in pieces({**found, **self._notices}):
            untold = [
                each
                for each in self._untold(piece, found, now)
                if is_certain or each.event.kind in _ALWAYS
            ]
            due = due_events(untold, self.plan.rules, moment)
            events = first_events([*events, *due])
            await trio.lowlevel.checkpoint()
        return events

    def _untold(
        self,
        keys: Iterable[EventKey],
        found: Mapping[EventKey, Candidate],
        now: Instant,
    ) -> Iterator[Candidate]:
        """Yield those of some events that were not told; loops also if they are over.

        Args:
            keys: The events, those in `found` and those of notices.
            found: The events that last.
            now: The current time.
        """
        for key in keys:
            notice, candidate = self._notices.get(key), found.get(key)
            if key in self._taken or (
                notice is not None and notice.told_ms is not None
            ):
                continue
            if notice is not None and key.kind is EventKind.LOOP:
                event = loop_of(notice) if candidate is None else candidate.event
                yield Candidate(event, now.age_seconds(notice.at_ms, None))
            elif candidate is not None:
                yield candidate

    def _note_loops(
        self, found: Mapping[EventKey, Candidate], now: Instant, *, is_watching: bool
    ) -> None:
        """Note the loops that are new: those of quiet hours are told when they end.

        One that begins before the operator's eyes counts as told.
        """
        for key in found:
            if key.kind is EventKind.LOOP and key not in self._notices:
                told_ms = now.wall_ms if is_watching else None
                self._put(Notice(_new_id(), key, now.wall_ms, told_ms), is_new=True)
                self._lasting.add(key)

    def _end_of_trouble(self, now: Instant) -> list[Candidate]:
        """Return the end of a storage trouble that was told."""
        notice = self._notices.get(_STORAGE)
        if notice is None or _STORAGE in self._present:
            return []
        self._remove(notice)
        if notice.told_ms is None:
            return []
        minutes = max(1, round((now.wall_ms - notice.at_ms) / 60_000))
        text = f"It could not for about {minutes} min."
        end = Event(EventKind.STORAGE_END, now.wall_ms, text=text, is_urgent=True)
        return [Candidate(end, 0.0)]

    async def _forget(self, now: Instant) -> None:
        """Remove the notices that are kept no longer."""
        for piece in pieces(self._notices):
            for key in piece:
                notice = self._notices[key]
                if is_forgotten(notice, self._lasting, now.wall_ms):
                    self._remove(notice)
            await trio.lowlevel.checkpoint()
        # An event that was given up may be told when it happens again.
        for piece in pieces(self._taken):
            self._taken.difference_update(
                key
                for key in piece
                if key not in self._present and key not in self._notices
            )
            await trio.lowlevel.checkpoint()

    def _is_in_pace(self, events: tuple[Event, ...], now: Instant) -> bool:
        """Tell whether a push would not be one too many; storage trouble never is."""
        oldest = now.steady_seconds - WINDOW_SECONDS
        while self._pushed_at and self._pushed_at[0] < oldest:
            self._pushed_at.popleft()
        if any(event.kind in _ALWAYS for event in events):
            return True
        return len(self._pushed_at) < PUSHES_PER_WINDOW

    def _push_of(self, events: tuple[Event, ...], now: Instant) -> Push:
        pushed = []
        for event in events:
            notice = self._notices.get(event.key)
            if notice is None:
                notice = Notice(_new_id(), event.key, now.wall_ms)
                if event.kind is not EventKind.STORAGE_END:
                    self._put(notice, is_new=True)
                    self._lasting.add(event.key)
                    self._taken.add(event.key)
            else:
                self._taken.add(event.key)
            link = None
            if event.kind is EventKind.QUESTION:
                link = self.plan.make_link(notice.id, now.wall_ms)
            pushed.append(PushedEvent(notice.id, event, link))
        push_id = pushed[0].id if len(pushed) == 1 else _new_id()
        return Push(push_id, now.wall_ms, tuple(pushed))

    def _put(self, notice: Notice, *, is_new: bool = False) -> None:
        self._notices[notice.key] = notice
        self._by_id[notice.id] = notice.key
        if is_new and notice.key.kind in _DURABLE:
            self._unsaved.add(notice.key)

    def _remove(self, notice: Notice) -> None:
        self._notices.pop(notice.key, None)
        self._by_id.pop(notice.id, None)
        self._taken.discard(notice.key)
        self._unsaved.discard(notice.key)
        if notice.key.kind in _DURABLE:
            self._deleted.add(notice.id)

    async def save(self) -> None:
        """Store the changed notices; what the store refuses is tried again later."""
        keys, deleted = set(self._unsaved), set(self._deleted)
        if not keys and not deleted:
            return
        notices = [self._notices[key] for key in keys]
        try:
            await self.store.save_notices(notices, sorted(deleted))
        except StoreError as error:
            if not self._is_store_failing:
                log.warning("notices not stored", reason=str(error))
            self._is_store_failing = True
            return
        self._is_store_failing = False
        self._deleted -= deleted
        for notice in notices:
            # One that has changed while it was stored is stored again.
            if self._notices.get(notice.key) is notice:
                self._unsaved.discard(notice.key)

    # -- for the outboxes ------------------------------------------------------

    def _accepted(self, push: Push) -> None:
        """Note that a service has accepted a push."""
        now_ms = self.clock.now().wall_ms
        for pushed in push.events:
            key = self._by_id.get(pushed.id)
            notice = None if key is None else self._notices[key]
            if notice is not None and notice.told_ms is None:
                self._put(attrs.evolve(notice, told_ms=now_ms), is_new=True)
        self.slot.wake()

    def _is_current(self, push: Push) -> bool:
        """Tell whether a push is still of use: one of its events lasts."""
        return any(
            pushed.event.kind not in _LASTING or pushed.event.key in self._present
            for pushed in push.events
        )


def _new_id() -> str:
    return secrets.token_hex(_ID_BYTES)
