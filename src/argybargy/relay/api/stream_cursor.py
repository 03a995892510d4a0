"""One client that follows the board: first all of it, then what has changed.

Nothing is queued for a client. It is woken, asks what has changed since the version
that it has, and is given the values as they are now; a client too far behind for
the log of changes is given everything anew.
"""

from collections.abc import Iterable
from typing import Final

import attrs

from argybargy.domain.access_codes import CodeRecord
from argybargy.domain.instant import Instant
from argybargy.domain.message import Message
from argybargy.domain.names import ANYONE, RoomKey, room_key
from argybargy.domain.roster import RosterRow, Waiting
from argybargy.relay.overview.change_log import Change, Topic
from argybargy.relay.overview.overview import OVERVIEW_MESSAGES
from argybargy.relay.overview.room_view import RoomOutline, aged
from argybargy.relay.overview.watchers import Watcher
from argybargy.relay.relay import Relay
from argybargy.relay.store_errors import translated

MOST_CHANGED_MESSAGES: Final = 100
"""Messages in one delta; after more than that, a client begins anew."""


@attrs.frozen
class MessageInRoom:
    """A message with what it takes to show it among those of other rooms.

    Attributes:
        room: The name of its room.
        message: What was said, as it stands now.
        members: The names of the room's members.
        claimed_until_ms: When the claim on it runs out, if it is claimed and does.
    """

    room: str
    message: Message
    members: tuple[str, ...]
    claimed_until_ms: int | None = None


@attrs.frozen
class OverviewSnapshot:
    """Everything that a client shows.

    Attributes:
        version: What it is up to.
        now_ms: When it was so.
        rooms: Every room.
        waiting: The inbox, longest wait first.
        codes: Every code.
        roster: Who belongs to the room in question; nobody without one.
        messages: The newest messages of that room or of all, oldest first.
    """

    version: int
    now_ms: int
    rooms: tuple[RoomOutline, ...]
    waiting: tuple[Waiting, ...]
    codes: tuple[CodeRecord, ...]
    roster: tuple[RosterRow, ...]
    messages: tuple[MessageInRoom, ...]


@attrs.frozen
class OverviewDelta:
    """What is different, as it is now. What is gone is named.

    Attributes:
        version: What the client is up to with it.
        now_ms: When it was so.
        rooms: Rooms that look different.
        waiting: Rows of the inbox that are new or different.
        waiting_gone: Room and seq of those that are in it no longer.
        codes: New codes.
        codes_gone: The handles of those that are gone.
        roster: Rows of the roster that are new or different.
        roster_gone: The names of those that are gone.
        messages: Messages that are new or different.
        memo: No part of the value: room for its bytes, which go to all that are
            told the same.
    """

    version: int
    now_ms: int
    rooms: tuple[RoomOutline, ...] = ()
    waiting: tuple[Waiting, ...] = ()
    waiting_gone: tuple[tuple[str, int], ...] = ()
    codes: tuple[CodeRecord, ...] = ()
    codes_gone: tuple[str, ...] = ()
    roster: tuple[RosterRow, ...] = ()
    roster_gone: tuple[str, ...] = ()
    messages: tuple[MessageInRoom, ...] = ()
    memo: list[bytes] = attrs.field(factory=list, eq=False, repr=False, init=False)


@attrs.define(eq=False)
class StreamCursor:
    """Where one client has got.

    Attributes:
        relay: What it follows.
        watcher: Wakes it.
        room: The room whose roster and messages it shows; ``None`` shows the
            messages of all.
        messages: How many of the newest messages a snapshot holds.
        version: What the client is up to; ``None`` before the first snapshot.
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
        """Bring the board up to this moment, and return that."""
        now = self.relay.clock.now()
        self.relay.overview.recompute(now)
        return now

    async def catch_up(self) -> OverviewSnapshot | OverviewDelta | None:
        """Return what the client does not know yet, and take it for known.

        Messages may have to be read from the store. What happens meanwhile belongs
        to the version after the one returned, and comes once more then.

        Raises:
            RelayError: The store cannot be read; the client is where it was.
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

    # -- everything ------------------------------------------------------------

    async def _snapshot(self, now: Instant) -> OverviewSnapshot:
        board, relay = self.relay.overview, self.relay
        snapshot = OverviewSnapshot(
            version=board.version,
            now_ms=now.wall_ms,
            rooms=tuple(board.outlines.values()),
            waiting=tuple(aged(row, now) for row in board.inbox),
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
        room, message = row
        live = self.relay.find_live(room)
        lease = None if live is None else live.room.leases.get(message.seq)
        return MessageInRoom(
            room,
            message,
            self.relay.overview.members(room_key(room)),
            None if lease is None else lease.expires_ms,
        )

    # -- what has changed ------------------------------------------------------

    async def _delta(self, changes: tuple[Change, ...], now: Instant) -> OverviewDelta:
        board, of = self.relay.overview, _by_topic(changes)
        waiting, waiting_gone = self._changed_waiting(of[Topic.WAITING], now)
        codes, codes_gone = self._changed_codes(of[Topic.CODE])
        roster, roster_gone = self._changed_roster(of[Topic.ROSTER], now)
        delta = OverviewDelta(
            version=board.version,
            now_ms=now.wall_ms,
            rooms=tuple(board.outlines[change.room] for change in of[Topic.ROOM]),
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

    def _changed_waiting(
        self, changes: list[Change], now: Instant
    ) -> tuple[tuple[Waiting, ...], tuple[tuple[str, int], ...]]:
        board = self.relay.overview
        inbox = {(row.room, row.message.seq): row for row in board.inbox}
        keys = [
            (board.cards[change.room].summary.status.name, int(change.key))
            for change in changes
        ]
        return (
            tuple(aged(inbox[key], now) for key in keys if key in inbox),
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
        """Return a message as it stands now, wherever it is; or it is gone."""
        relay, seq = self.relay, int(change.key)
        card = relay.overview.cards[change.room]
        message = relay.overview.message(change.room, seq)
        live = relay.find_live(change.room)
        if message is None and live is not None:
            message = live.room.messages.get(seq)
        if message is None and seq >= card.summary.first:
            with translated():
                message = await relay.store.message(card.summary.status.name, seq)
        return None if message is None else (card.summary.status.name, message)

    async def _asking_anyone(self, change: Change) -> list[tuple[str, Message]]:
        """Return the newest messages of a room that ask anyone."""
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


async def newest_messages(
    relay: Relay, room: str | None, limit: int
) -> list[tuple[str, Message]]:
    """Return the newest messages of one room or of all, each with its room's name.

    Of all rooms the board has them, of one its tail, if that reaches back far
    enough; else the store is asked.

    Raises:
        RelayError: The store cannot be read.
    """
    if room is None:
        return relay.overview.recent(limit)
    live = relay.find_live(room)
    if live is not None and live.is_loaded:
        now = live.room
        start = max(now.first, now.head - limit + 1)
        if start >= now.tail_first:
            return [(now.name, now.messages[seq]) for seq in range(start, now.head + 1)]
    with translated():
        return list(await relay.store.recent(room, limit))
