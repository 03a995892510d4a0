"""Cursor of a dashboard stream: a snapshot of the overview first, then deltas.

Nothing is queued for a client. When woken, its stream asks for the changes since its
version and gets the present values; so a slow client skips states and never falls
behind by more than one. A client too old for the change log gets a new snapshot.
"""

from collections.abc import Iterable, Iterator
from typing import Final

import attrs

from argybargy.domain.access_codes import CodeRecord
from argybargy.domain.instant import Instant
from argybargy.domain.message import Lease, Message
from argybargy.domain.names import ANYONE, RoomKey, room_key
from argybargy.domain.roster import RosterRow, Waiting
from argybargy.relay.overview.change_log import Change, Topic
from argybargy.relay.overview.overview import OVERVIEW_MESSAGES
from argybargy.relay.overview.room_view import RoomOutline, aged
from argybargy.relay.overview.watchers import Watcher
from argybargy.relay.relay import Relay
from argybargy.relay.store_errors import translated
from argybargy.system.values import define, frozen

MOST_CHANGED_MESSAGES: Final = 100
"""Messages in one delta; for more, a client gets a new snapshot."""


@frozen
class MessageInRoom:
    """Message with the facts that a view outside its room needs.

    Attributes:
        room: The name of its room.
        message: The message with its present claim.
        members: The names of the room's members.
        lease: The lease of that claim, if the room is in memory.
    """

    room: str
    message: Message
    members: tuple[str, ...]
    lease: Lease | None = None


@frozen
class OverviewSnapshot:
    """State of the overview that a client starts from.

    Attributes:
        version: The version of the overview.
        now_ms: The time of the snapshot.
        rooms: Every room.
        waiting: The inbox, longest wait first.
        codes: Every code.
        roster: The roster of the stream's room; empty without one.
        messages: The newest messages of that room or of all, oldest first.
    """

    version: int
    now_ms: int
    rooms: tuple[RoomOutline, ...]
    waiting: tuple[Waiting, ...]
    codes: tuple[CodeRecord, ...]
    roster: tuple[RosterRow, ...]
    messages: tuple[MessageInRoom, ...]


@frozen
class OverviewDelta:
    """The changed items with their present values, and the keys of removed ones.

    Attributes:
        version: The version that the client has after it.
        now_ms: The time of the values.
        rooms: Changed rooms.
        rooms_gone: The names of deleted rooms.
        waiting: New or changed rows of the inbox.
        waiting_gone: Room and seq of removed rows.
        codes: New or changed codes.
        codes_gone: The handles of removed codes.
        roster: New or changed rows of the roster.
        roster_gone: The names of removed rows.
        messages: New or changed messages.
        memo: Cache for the encoded bytes, shared by all streams that send this delta;
            no part of the value.
    """

    version: int
    now_ms: int
    rooms: tuple[RoomOutline, ...] = ()
    rooms_gone: tuple[str, ...] = ()
    waiting: tuple[Waiting, ...] = ()
    waiting_gone: tuple[tuple[str, int], ...] = ()
    codes: tuple[CodeRecord, ...] = ()
    codes_gone: tuple[str, ...] = ()
    roster: tuple[RosterRow, ...] = ()
    roster_gone: tuple[str, ...] = ()
    messages: tuple[MessageInRoom, ...] = ()
    memo: list[bytes] = attrs.field(factory=list, eq=False, repr=False, init=False)


@define(eq=False)
class StreamCursor:
    """The position of one stream.

    Attributes:
        relay: The relay.
        watcher: The stream's wake-up slot.
        room: The room whose roster and messages the stream shows; ``None`` for the
            messages of all rooms.
        messages: The number of newest messages in a snapshot.
        version: The version that the client has; ``None`` before the first snapshot.
    """

    relay: Relay
    watcher: Watcher
    room: str | None = None
    messages: int = OVERVIEW_MESSAGES
    version: int | None = None

    @property
    def _scope(self) -> RoomKey | None:
        return None if self.room is None else room_key(self.room)

    def refresh(self) -> Instant:
        """Recompute the overview, and return the time of the recomputation."""
        now = self.relay.clock.now()
        self.relay.overview.recompute(now)
        return now

    async def catch_up(self) -> OverviewSnapshot | OverviewDelta | None:
        """Return the changes that the client lacks, if any, and advance.

        Messages may have to be read from the store, and the overview changes during
        the read. So the version is taken before the read: a change made during the read
        is sent again with the next delta, and none is skipped.

        Raises:
            RelayError: The store could not be read; the cursor did not move.
        """
        board, now = self.relay.overview, self.refresh()
        version = board.version
        if self.version == version:
            return None
        here = self.version, version, self._scope, self.messages
        known = board.memo.get(here)
        found = known if isinstance(known, OverviewDelta) else await self._look(now)
        if version == board.version and isinstance(found, OverviewDelta):
            board.memo[here] = found
        self.version = version
        return found

    async def _look(self, now: Instant) -> OverviewSnapshot | OverviewDelta | None:
        changes = None
        if self.version is not None:
            changes = self.relay.overview.changed_since(self.version)
        if changes is None or self._count_messages(changes) > MOST_CHANGED_MESSAGES:
            return await self._snapshot(now)
        concerning = tuple(filter(self._concerns, changes))
        return await self._delta(concerning, now) if concerning else None

    def _concerns(self, change: Change) -> bool:
        scope = self._scope
        match change.topic:
            case Topic.ROSTER:
                return change.room == scope
            case Topic.MESSAGE | Topic.HINTS:
                return scope is None or change.room == scope
        return True

    def _count_messages(self, changes: Iterable[Change]) -> int:
        return sum(
            change.topic is Topic.MESSAGE and self._concerns(change)
            for change in changes
        )

    # -- snapshot --------------------------------------------------------------

    async def _snapshot(self, now: Instant) -> OverviewSnapshot:
        board, relay = self.relay.overview, self.relay
        snapshot = OverviewSnapshot(
            version=board.version,
            now_ms=now.wall_ms,
            rooms=tuple(board.outlines.values()),
            waiting=tuple(waiting_rows(relay, board.inbox, now)),
            codes=tuple(relay.codes),
            roster=self._roster(now),
            messages=(),
        )
        newest = await newest_messages(relay, self.room, self.messages)
        return attrs.evolve(snapshot, messages=tuple(map(self._with_room, newest)))

    def _roster(self, now: Instant) -> tuple[RosterRow, ...]:
        board, scope = self.relay.overview, self._scope
        if scope is None or scope not in board.cards:
            return ()
        return board.view(scope, now).roster

    def _with_room(self, row: tuple[str, Message]) -> MessageInRoom:
        return with_room(self.relay, *row)

    # -- delta -----------------------------------------------------------------

    async def _delta(self, changes: tuple[Change, ...], now: Instant) -> OverviewDelta:
        board, of = self.relay.overview, _by_topic(changes)
        waiting, waiting_gone = self._changed_waiting(of[Topic.WAITING], now)
        codes, codes_gone = self._changed_codes(of[Topic.CODE])
        roster, roster_gone = self._changed_roster(of[Topic.ROSTER], now)
        rooms, rooms_gone = self._changed_rooms(of[Topic.ROOM])
        delta = OverviewDelta(
            version=board.version,
            now_ms=now.wall_ms,
            rooms=rooms,
            rooms_gone=rooms_gone,
            waiting=waiting,
            waiting_gone=waiting_gone,
            codes=codes,
            codes_gone=codes_gone,
            roster=roster,
            roster_gone=roster_gone,
        )
        said = [await self._find(change) for change in of[Topic.MESSAGE]]
        said += [
            row
            for change in of[Topic.HINTS]
            for row in await self._asking_anyone(change)
        ]
        rows = {(room, each.seq): (room, each) for room, each in filter(None, said)}
        return attrs.evolve(delta, messages=tuple(map(self._with_room, rows.values())))

    def _changed_rooms(
        self, changes: list[Change]
    ) -> tuple[tuple[RoomOutline, ...], tuple[str, ...]]:
        """Return the changed rooms, and the names that no room has any more.

        A deleted room may have been created again, in another spelling.
        """
        outlines = self.relay.overview.outlines
        known = dict.fromkeys(each.room for each in changes if each.room in outlines)
        rooms = tuple(outlines[room] for room in known)
        names = {room.summary.status.name for room in rooms}
        gone = dict.fromkeys(str(each.key) for each in changes if each.key)
        return rooms, tuple(name for name in gone if name not in names)

    def _changed_waiting(
        self, changes: list[Change], now: Instant
    ) -> tuple[tuple[Waiting, ...], tuple[tuple[str, int], ...]]:
        board = self.relay.overview
        inbox = {(row.room, row.message.seq): row for row in board.inbox}
        keys = [
            (board.cards[change.room].summary.status.name, int(change.key))
            for change in changes
            if change.room in board.cards  # a deleted room takes its questions along
        ]
        return (
            tuple(
                waiting_rows(
                    self.relay, [inbox[key] for key in keys if key in inbox], now
                )
            ),
            tuple(key for key in keys if key not in inbox),
        )

    def _changed_codes(
        self, changes: list[Change]
    ) -> tuple[tuple[CodeRecord, ...], tuple[str, ...]]:
        if not changes:
            return (), ()
        known = {code.key_id: code for code in self.relay.codes}
        keys = [str(change.key) for change in changes]
        return (
            tuple(known[key] for key in keys if key in known),
            tuple(key for key in keys if key not in known),
        )

    def _changed_roster(
        self, changes: list[Change], now: Instant
    ) -> tuple[tuple[RosterRow, ...], tuple[str, ...]]:
        if not changes:
            return (), ()
        rows = {row.name: row for row in self._roster(now)}
        names = [str(change.key) for change in changes]
        return (
            tuple(rows[name] for name in names if name in rows),
            tuple(name for name in names if name not in rows),
        )

    async def _find(self, change: Change) -> tuple[str, Message] | None:
        """Return a message with its present claim; ``None`` if it was deleted."""
        relay, seq = self.relay, int(change.key)
        card = relay.overview.cards.get(change.room)
        if card is None:
            return None
        message = relay.overview.message(change.room, seq)
        live = relay.find_live(change.room)
        if message is None and live is not None:
            message = live.room.messages.get(seq)
        if message is None and seq >= card.summary.first:
            with translated():
                message = await relay.store.message(card.summary.status.name, seq)
        return None if message is None else (card.summary.status.name, message)

    async def _asking_anyone(self, change: Change) -> list[tuple[str, Message]]:
        """Return those of a room's newest messages that expect ``anyone`` to answer."""
        newest = await newest_messages(self.relay, self.room, self.messages)
        return [
            (room, message)
            for room, message in newest
            if room_key(room) == change.room and message.expects == ANYONE
        ]


def _by_topic(changes: Iterable[Change]) -> dict[Topic, list[Change]]:
    found: dict[Topic, list[Change]] = {topic: [] for topic in Topic}
    for change in changes:
        found[change.topic].append(change)
    return found


def with_room(relay: Relay, room: str, message: Message) -> MessageInRoom:
    """Return a message with its room's members, and the lease of the claim on it."""
    members = relay.overview.members(room_key(room))
    return MessageInRoom(room, message, members, lease_on(relay, room, message.seq))


def waiting_rows(
    relay: Relay, rows: Iterable[Waiting], now: Instant
) -> Iterator[Waiting]:
    """Yield rows of the inbox with their present wait and lease."""
    for row in rows:
        lease = lease_on(relay, row.room, row.message.seq)
        yield attrs.evolve(aged(row, now), lease=lease)


def lease_on(relay: Relay, room: str, seq: int) -> Lease | None:
    """Return the lease of the claim on a message, if its room is in memory."""
    live = relay.find_live(room)
    return None if live is None else live.room.leases.get(seq)


async def newest_messages(
    relay: Relay, room: str | None, limit: int
) -> list[tuple[str, Message]]:
    """Return the newest messages of one room or of all, each with its room's name.

    The overview has those of all rooms, and the tail of a live room those of one,
    if it reaches back far enough; otherwise the store is read.

    Raises:
        RelayError: The store could not be read.
    """
    if room is None:
        return relay.overview.recent(limit)
    live = relay.find_live(room)
    if live is not None and live.is_readable:
        now = live.room
        start = max(now.first, now.head - limit + 1)
        if start >= now.tail_first:
            return [(now.name, now.messages[seq]) for seq in range(start, now.head + 1)]
    with translated():
        return list(await relay.store.recent(room, limit))
