"""The operator's view of all rooms, kept current by those who change something.

It is read from the store once, at the start. From then on every room task hands its
value over as it publishes a batch; presence and the directory say which rooms they
have touched. What follows from that (rosters, counts, the inbox) is made anew when
somebody looks, and only for rooms that were touched or whose outline holds no
longer; comparing it with what was there before says what has changed.

Mutable state, and what bounds it: a card, an outline and the claims of each room, by
the rooms there are (a card's questions by retention); the newest messages of all
rooms, by :data:`OVERVIEW_MESSAGES`; the handles of codes, by the codes; the log of
changes, by itself. Nobody needs to look: what is touched meanwhile is one set of names.
"""

from __future__ import annotations

import secrets
from collections import OrderedDict
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from typing import Final

import attrs

from argybargy.domain.access_codes import CodeRecord
from argybargy.domain.instant import Instant
from argybargy.domain.message import Message
from argybargy.domain.names import RoomKey, room_key
from argybargy.domain.room.leases import Leases
from argybargy.domain.room.state import Room
from argybargy.domain.room.writes import AppendMessage, UpdateClaim, Write
from argybargy.domain.roster import Waiting
from argybargy.domain.seq_gaps import gaps_from, present_seqs
from argybargy.relay.overview.change_log import Change, ChangeLog, Topic
from argybargy.relay.overview.room_card import RoomCard, cards_by_room, current_copy
from argybargy.relay.overview.room_view import (
    NEVER,
    RoomOutline,
    RoomView,
    RoomViewer,
    aged,
    differences,
    earliest,
    inbox_of,
    is_before,
)
from argybargy.relay.overview.watchers import Watchers
from argybargy.relay.statistics import OverviewStatistics
from argybargy.store.protocol import StoredOverview

OVERVIEW_MESSAGES: Final = 60
"""How many of the newest messages of all rooms are at hand."""


def _new_epoch() -> str:
    return secrets.token_hex(8)


@attrs.define(eq=False)
class Overview:
    """Everything at a glance, without a question to the store.

    Attributes:
        viewer: Looks at rooms.
        watchers: Who wants to know of changes.
        epoch: Another one in each life of the relay: versions mean nothing across.
        cards: What is known of each room, by folded name.
        inbox: The questions that wait longest, as of the last :meth:`recompute`.
        memo: What one follower made of the newest version, for the others that are
            where it was; at most one entry each.
    """

    viewer: RoomViewer
    watchers: Watchers
    epoch: str = attrs.field(factory=_new_epoch)
    cards: dict[RoomKey, RoomCard] = attrs.field(factory=dict, repr=False)
    inbox: tuple[Waiting, ...] = attrs.field(default=(), repr=False)
    memo: dict[Hashable, object] = attrs.field(factory=dict, repr=False)
    _log: ChangeLog = attrs.field(factory=ChangeLog)
    _outlines: dict[RoomKey, RoomOutline] = attrs.field(factory=dict, repr=False)
    _codes: dict[str, CodeRecord] = attrs.field(factory=dict, repr=False)
    _codes_version: int = -1
    _holds_until: Instant = NEVER
    _leases: dict[RoomKey, Leases] = attrs.field(factory=dict, repr=False)
    _messages: OrderedDict[tuple[RoomKey, int], Message] = attrs.field(
        factory=OrderedDict, repr=False
    )

    def load(
        self,
        overview: StoredOverview,
        recent: Sequence[tuple[str, Message]],
        now: Instant,
    ) -> None:
        """Take over what the store knows, once, before anybody looks."""
        self.cards = cards_by_room(overview, now)
        self.watchers.touched.update(self.cards)
        for name, message in recent:
            self._messages[room_key(name), message.seq] = message

    # -- what changes it -------------------------------------------------------

    def publish(self, room: Room, writes: Sequence[Write]) -> None:
        """Take over what a room task has just made durable.

        Args:
            room: The room after it.
            writes: All that was written.
        """
        key = room_key(room.name)
        renewed = list(self._renewed(key, room))
        if renewed:
            self._note(renewed)
            self.watchers.wake()
        if not writes:
            return
        before = self.cards.get(key) or RoomCard.new(room.status)
        self.cards[key] = before.follow(room, writes)
        for seq in before.expired_seqs(room.first):
            self._messages.pop((key, seq), None)
        self._note(self._follow(key, before.summary.head, room, writes))
        self.watchers.touch(key)

    def reread(self, room: Room) -> None:
        """Take over a room that was read again, since nobody knew what was in it."""
        if not room.exists:
            return
        key = room_key(room.name)
        before = self.cards.get(key) or RoomCard.new(room.status)
        self.cards[key] = before.reread(room)
        self._leases[key] = room.leases
        for seq in before.expired_seqs(room.first):
            self._messages.pop((key, seq), None)
        self._note(list(self._restood(key, room)))
        self._note(list(self._follow(key, before.summary.head, room, ())))
        self.watchers.touch(key)

    def _restood(self, key: RoomKey, room: Room) -> Iterator[Change]:
        """Bring up to date how the messages at hand stand; yield those that changed."""
        for (where, seq), known in self._messages.items():
            if where == key and (now := current_copy(room, known)) != known:
                self._messages[where, seq] = now
                yield Change(Topic.MESSAGE, key, seq)

    def _follow(
        self, key: RoomKey, head: int, room: Room, writes: Sequence[Write]
    ) -> Iterator[Change]:
        """Bring the newest messages up to date, and yield those that changed.

        All since the head that the board knew are new: the room may have been
        loaded again, with what another node wrote, before it decided this batch.
        """
        said = {
            write.message.seq: write.message
            for write in writes
            if isinstance(write, AppendMessage)
        }
        start = max(head + 1, room.first)
        for seq in present_seqs(start, room.head + 1, gaps_from(start, room.seq_gaps)):
            message = room.messages.get(seq) or said.get(seq)
            if message is not None:
                self._append(key, message)
                yield Change(Topic.MESSAGE, key, seq)
        for write in writes:
            if isinstance(write, UpdateClaim):
                known = self._messages.get((key, write.seq))
                if known is not None:
                    self._messages[key, write.seq] = write.apply_to(known)
                yield Change(Topic.MESSAGE, key, write.seq)

    def _renewed(self, key: RoomKey, room: Room) -> Iterator[Change]:
        """Yield the messages at hand whose claim runs out at another time now.

        Whoever holds one renews it by polling, and nothing is written about that.
        """
        before, self._leases[key] = self._leases.get(key), room.leases
        if before is None or before is room.leases:
            return
        for where, seq in self._messages:
            if where == key and before.get(seq) is not room.leases.get(seq):
                yield Change(Topic.MESSAGE, key, seq)

    def _append(self, key: RoomKey, message: Message) -> None:
        self._messages[key, message.seq] = message
        if len(self._messages) > OVERVIEW_MESSAGES:
            self._messages.popitem(last=False)

    def _note(self, changes: Iterable[Change]) -> None:
        version = self._log.version
        self._log.note(changes)
        if self._log.version != version:
            self.memo.clear()

    def tick(self, now: Instant) -> None:
        """Let those who watch know what time alone has changed."""
        if len(self.watchers):
            self.recompute(now)

    def statistics(self, now: Instant) -> OverviewStatistics:
        """Return what is at a glance in numbers, as of this moment."""
        self.recompute(now)
        open_cards = [
            each for each in self.cards.values() if not each.summary.status.is_closed
        ]
        waits = [aged(row, now).seconds for row in self.inbox]
        return OverviewStatistics(
            rooms_open=len(open_cards),
            rooms_closed=len(self.cards) - len(open_cards),
            online=sum(outline.online for outline in self._outlines.values()),
            questions=sum(len(each.questions) for each in open_cards),
            oldest_wait_seconds=max(waits, default=0.0),
        )

    # -- looking ---------------------------------------------------------------

    def recompute(self, now: Instant) -> int:
        """Bring everything up to this moment, and return its version.

        What is read without a checkpoint after it belongs to that version.
        """
        version = self._log.version
        touched, self.watchers.touched = self.watchers.touched, set()
        due = self._take_due(now)
        if touched or due:
            self._note(list(self._changes(touched | due, now)))
        if due and self._log.version != version:
            # Whoever touches a room wakes the watchers. Time wakes nobody: whoever
            # finds first what it has changed has to, for all.
            self.watchers.wake()
        return self._log.version

    def _take_due(self, now: Instant) -> set[RoomKey]:
        """Return the rooms that may look different by time alone."""
        if is_before(now, self._holds_until):
            return set()
        due = {key for key, outline in self._outlines.items() if outline.is_due(now)}
        held = (
            outline.holds_until
            for key, outline in self._outlines.items()
            if key not in due
        )
        self._holds_until = earliest(held)
        return due

    def _changes(self, stale: set[RoomKey], now: Instant) -> Iterator[Change]:
        is_inbox_stale = False
        for key in stale & self.cards.keys():
            before = self._outlines.get(key)
            after = self.viewer.outline(key, self.cards[key], now)
            self._outlines[key] = after
            self._holds_until = earliest((self._holds_until, after.holds_until))
            is_inbox_stale |= before is None or before.asked != after.asked
            yield from differences(key, before, after)
        if is_inbox_stale:
            yield from self._inbox_changes()
        yield from self._code_changes()

    def _inbox_changes(self) -> Iterator[Change]:
        before = {(room_key(row.room), row.message.seq): row for row in self.inbox}
        self.inbox = inbox_of(self._outlines.values())
        after = {(room_key(row.room), row.message.seq): row for row in self.inbox}
        for room, seq in {**before, **after}:
            if before.get((room, seq)) != after.get((room, seq)):
                yield Change(Topic.WAITING, room, seq)

    def _code_changes(self) -> Iterator[Change]:
        directory = self.viewer.codes
        if directory.version == self._codes_version:
            return
        self._codes_version = directory.version
        before = self._codes
        self._codes = {record.key_id: record for record in directory}
        for key_id in {**before, **self._codes}:
            if before.get(key_id) != self._codes.get(key_id):
                yield Change(Topic.CODE, key=key_id)

    def changed_since(self, version: int) -> tuple[Change, ...] | None:
        """Return what has changed after a version; see :meth:`ChangeLog.since`."""
        return self._log.since(version)

    @property
    def version(self) -> int:
        """What was last settled, and what was said since."""
        return self._log.version

    @property
    def outlines(self) -> Mapping[RoomKey, RoomOutline]:
        """How each room looks, by folded name, as of the last :meth:`recompute`."""
        return self._outlines

    def members(self, room: RoomKey) -> tuple[str, ...]:
        """Return the names of a room's members (folded) as of that moment."""
        outline = self._outlines.get(room)
        return () if outline is None else outline.members

    def view(self, room: RoomKey, now: Instant) -> RoomView:
        """Return a known room (folded) as it looks now, after :meth:`recompute`."""
        return self.viewer.view(room, self._outlines[room], now)

    def recent(self, limit: int = OVERVIEW_MESSAGES) -> list[tuple[str, Message]]:
        """Return the newest messages of all rooms, oldest first.

        Each comes with the name of its room.
        """
        rows = list(self._messages.items())
        newest = rows[max(0, len(rows) - limit) :]
        return [
            (self.cards[room].summary.status.name, each) for (room, _), each in newest
        ]

    def message(self, room: RoomKey, seq: int) -> Message | None:
        """Return a message of a room (folded) if it is at hand."""
        found = self._messages.get((room, seq))
        card = self.cards.get(room)
        if found is None and card is not None:
            found = card.questions.get(seq)
        return found
