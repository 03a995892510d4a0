"""The operator's in-memory read model of all rooms.

It is loaded from the store once. From then on every room task publishes to it, and
presence and the code registry touch the rooms that they change. Derived values
(rosters, counts, the inbox) are recomputed on demand, and only for rooms that were
touched or whose outline has expired; the differences go to the change log. Without
readers nothing is recomputed, and touched rooms gather in one set.

All methods are synchronous: between two checkpoints a reader sees one version.

Mutable state and its bounds: a card, an outline and the leases of each room, by the
rooms there are (a card's questions by retention); the newest messages of all rooms,
by :data:`OVERVIEW_MESSAGES`; the codes; and the change log, which bounds itself.
"""

from __future__ import annotations

import secrets
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from typing import Final

import attrs

from argybargy.domain.access_codes import CodeRecord
from argybargy.domain.instant import Instant
from argybargy.domain.message import Message
from argybargy.domain.names import RoomKey, room_key
from argybargy.domain.room.commit import Commit
from argybargy.domain.room.lease_index import Leases
from argybargy.domain.room.state import Room
from argybargy.domain.room.writes import (
    AppendMessage,
    ClearRoom,
    MessageChange,
    Write,
)
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
from argybargy.relay.overview.urgency import marked
from argybargy.relay.overview.watchers import Watchers
from argybargy.relay.statistics import OverviewStatistics
from argybargy.store.protocol import RoomSummary, StoredOverview
from argybargy.system.values import define

OVERVIEW_MESSAGES: Final = 60
"""Newest messages of all rooms that are kept in memory."""
_NO_LEASES: Final = Leases()


def _new_epoch() -> str:
    return secrets.token_hex(8)


@define(eq=False)
class Overview:
    """In-memory read model of all rooms, for the operator.

    Attributes:
        viewer: Computes outlines and views.
        watchers: The streams to wake.
        is_urgent: Tells whether the text of a question is urgent.
        epoch: A random text, new in each run of the relay: versions of different
            runs are not comparable.
        cards: The card of each room.
        inbox: The longest waiting questions, as of the last :meth:`recompute`.
        memo: Deltas of the newest version, by the state of the client they are for:
            many streams need the same one. Cleared by each change.
    """

    viewer: RoomViewer
    watchers: Watchers
    is_urgent: Callable[[str], bool]
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
        """Load what the store has, once, before the first reader."""
        self.cards = cards_by_room(overview, now)
        self.watchers.touched.update(self.cards)
        for name, message in recent:
            self._messages[room_key(name), message.seq] = message

    # -- changes ---------------------------------------------------------------

    def publish(self, room: Room, writes: Sequence[Write]) -> None:
        """Apply a publication of a room task.

        Args:
            room: The room as published.
            writes: The committed writes; empty when only leases were renewed.
        """
        key = room_key(room.name)
        renewed = list(self._renewed(key, room)) if room.exists else []
        if renewed:
            self._note(renewed)
            self.watchers.wake()
        writes = self._carry_out_clearing(key, writes)
        if not writes or not room.exists:
            return
        before = self.cards.get(key) or RoomCard.new(room.status)
        self._replace(key, before, before.follow(room, writes))
        self._note(self._follow(key, before.summary.head, room, writes))
        self.watchers.touch(key)

    def follow(self, commit: Commit, now: Instant) -> bool:
        """Apply a commit of another node to a room that is not in memory.

        Args:
            commit: The commit, as received here.
            now: The present time.

        Returns:
            False if it is not the next one of the room: the room must be read again.
        """
        key = room_key(commit.status.name)
        if commit.version != self.version_of(key) + 1:
            return False
        writes = self._carry_out_clearing(key, commit.writes)
        if not commit.exists:
            return True
        before = self.cards.get(key) or RoomCard.new(commit.status)
        card = before.follow_commit(commit, writes, now)
        self._replace(key, before, card)
        self._note(self._follow(key, before.summary.head, card.summary, writes))
        self.watchers.touch(key)
        return True

    def _carry_out_clearing(
        self, key: RoomKey, writes: Sequence[Write]
    ) -> Sequence[Write]:
        """Remove a room that was deleted; return the writes to the present one."""
        cleared = [at for at, each in enumerate(writes) if isinstance(each, ClearRoom)]
        if not cleared:
            return writes
        self.remove(key)
        return writes[cleared[-1] + 1 :]

    def _replace(self, key: RoomKey, before: RoomCard, card: RoomCard) -> None:
        """Replace the card of a room, and drop the messages that have expired."""
        self.cards[key] = card
        for seq in before.expired_seqs(card.summary.first):
            self._messages.pop((key, seq), None)

    def version_of(self, key: RoomKey) -> int:
        """Return the version of a room as far as it is known; 0 if it is not."""
        card = self.cards.get(key)
        return 0 if card is None else card.summary.version

    def reread(self, room: Room) -> None:
        """Replace a room that was read again and may differ in anything."""
        key = room_key(room.name)
        if not room.exists:
            self.remove(key)
            return
        before = self.cards.get(key) or RoomCard.new(room.status)
        self.cards[key] = before.reread(room)
        self._leases[key] = room.leases
        for seq in before.expired_seqs(room.first):
            self._messages.pop((key, seq), None)
        self._note(list(self._changed_standings(key, room)))
        self._note(list(self._follow(key, before.summary.head, room, ())))
        self.watchers.touch(key)

    def remove(self, key: RoomKey) -> None:
        """Remove a room that was deleted, with its messages and questions."""
        card = self.cards.pop(key, None)
        if card is None:
            return
        self._leases.pop(key, None)
        self._messages = OrderedDict(
            (place, each) for place, each in self._messages.items() if place[0] != key
        )
        self._note([Change(Topic.ROOM, key, card.summary.status.name)])
        self.watchers.touch(key)

    def _changed_standings(self, key: RoomKey, room: Room) -> Iterator[Change]:
        """Update the claims on kept messages; yield the changed ones."""
        for (where, seq), known in self._messages.items():
            if where == key and (now := current_copy(room, known)) != known:
                self._messages[where, seq] = now
                yield Change(Topic.MESSAGE, key, seq)

    def _follow(
        self, key: RoomKey, head: int, room: Room | RoomSummary, writes: Sequence[Write]
    ) -> Iterator[Change]:
        """Update the newest messages, and yield the new and changed ones.

        All messages above the known head count as new, and not only the written ones:
        before this batch, the room may have been read again with another node's writes.
        """
        said = {
            write.message.seq: write.message
            for write in writes
            if isinstance(write, AppendMessage)
        }
        held = room.messages if isinstance(room, Room) else said
        start = max(head + 1, room.first)
        for seq in present_seqs(start, room.head + 1, gaps_from(start, room.seq_gaps)):
            message = held.get(seq) or said.get(seq)
            if message is not None:
                self._append(key, message)
                yield Change(Topic.MESSAGE, key, seq)
        for write in writes:
            if isinstance(write, MessageChange):
                known = self._messages.get((key, write.seq))
                if known is not None:
                    self._messages[key, write.seq] = write.apply_to(known)
                yield Change(Topic.MESSAGE, key, write.seq)

    def _renewed(self, key: RoomKey, room: Room) -> Iterator[Change]:
        """Yield the kept messages and questions whose lease has another deadline now.

        Polls renew leases in memory, so no write contains the new deadline.
        """
        before, self._leases[key] = self._leases.get(key, _NO_LEASES), room.leases
        if before is room.leases:
            return
        asked = [(room_key(row.room), row.message.seq) for row in self.inbox]
        for topic, shown in (Topic.MESSAGE, self._messages), (Topic.WAITING, asked):
            for where, seq in shown:
                if where == key and before.get(seq) is not room.leases.get(seq):
                    yield Change(topic, key, seq)

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
        """Recompute if there are watchers, to wake them for changes by time alone."""
        if len(self.watchers):
            self.recompute(now)

    def statistics(self, now: Instant) -> OverviewStatistics:
        """Recompute, and return the figures."""
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
            claimed=sum(each.claimed for each in open_cards),
            oldest_wait_seconds=max(waits, default=0.0),
        )

    # -- reading ---------------------------------------------------------------

    def recompute(self, now: Instant) -> int:
        """Recompute touched rooms and expired outlines, and return the version.

        Everything read before the next checkpoint belongs to that version.
        """
        version = self._log.version
        touched, self.watchers.touched = self.watchers.touched, set()
        due = self._take_due(now)
        if touched or due:
            self._note(list(self._changes(touched | due, now)))
        if due and self._log.version != version:
            # A touch wakes the watchers, an expired outline does not: the first reader
            # that finds a change by time wakes all others.
            self.watchers.wake()
        return self._log.version

    def _take_due(self, now: Instant) -> set[RoomKey]:
        """Return the rooms with an expired outline."""
        if is_before(now, self._holds_until):
            return set()
        due = {key for key, outline in self._outlines.items() if outline.is_due(now)}
        remaining = (
            outline.holds_until
            for key, outline in self._outlines.items()
            if key not in due
        )
        self._holds_until = earliest(remaining)
        return due

    def _changes(self, stale: set[RoomKey], now: Instant) -> Iterator[Change]:
        is_inbox_stale = False
        for key in stale - self.cards.keys():
            gone = self._outlines.pop(key, None)
            if gone is not None:
                is_inbox_stale |= bool(gone.asked)
                yield from (Change(Topic.ROSTER, key, name) for name in gone.rows)
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
        asked = inbox_of(self._outlines.values())
        self.inbox = tuple(
            marked(
                row, before.get((room_key(row.room), row.message.seq)), self.is_urgent
            )
            for row in asked
        )
        after = {(room_key(row.room), row.message.seq): row for row in self.inbox}
        for room, seq in {**before, **after}:
            if before.get((room, seq)) != after.get((room, seq)):
                yield Change(Topic.WAITING, room, seq)

    def _code_changes(self) -> Iterator[Change]:
        codes = self.viewer.codes
        if codes.version == self._codes_version:
            return
        self._codes_version = codes.version
        before = self._codes
        self._codes = {record.key_id: record for record in codes}
        for key_id in {**before, **self._codes}:
            if before.get(key_id) != self._codes.get(key_id):
                yield Change(Topic.CODE, key=key_id)

    def changed_since(self, version: int) -> tuple[Change, ...] | None:
        """Return the changes after a version; see :meth:`ChangeLog.since`."""
        return self._log.since(version)

    @property
    def version(self) -> int:
        """The version of the newest change."""
        return self._log.version

    @property
    def outlines(self) -> Mapping[RoomKey, RoomOutline]:
        """The outline of each room, as of the last :meth:`recompute`."""
        return self._outlines

    def members(self, room: RoomKey) -> tuple[str, ...]:
        """Return the names of a room's members, as of the last :meth:`recompute`."""
        outline = self._outlines.get(room)
        return () if outline is None else outline.members

    def view(self, room: RoomKey, now: Instant) -> RoomView:
        """Return the view of a known room, after :meth:`recompute`."""
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
        """Return a message of a room if it is in memory."""
        found = self._messages.get((room, seq))
        card = self.cards.get(room)
        if found is None and card is not None:
            found = card.questions.get(seq)
        return found
