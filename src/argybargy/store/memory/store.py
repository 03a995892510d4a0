"""A store that forgets everything when the process ends.

For ``--ephemeral``, and for tests: the contract suite holds it to what the SQLite
store does. Each method passes one checkpoint and then acts at once, so a cancelled
call did nothing, and what is read is one snapshot. Searching alone goes through texts,
so it lets others run between them: it looks at the messages there were when it began.
"""

import contextlib
import heapq
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from itertools import islice
from typing import Final

import attrs
import trio

from argybargy.domain.access_codes import CodeRecord
from argybargy.domain.limits import Limits
from argybargy.domain.message import Message
from argybargy.domain.names import PeerKey, fold
from argybargy.domain.pages import HistoryPage, Page, PageBuilder
from argybargy.domain.room.state import Room, SavedRoom
from argybargy.domain.room.writes import Audit, Write
from argybargy.domain.search.query import Findings, Found, Query, Scope
from argybargy.domain.search.snippet import SNIPPET_CHARS, snippet
from argybargy.store.errors import Conflict, Corrupt, Refused
from argybargy.store.memory.room import StoredRoom
from argybargy.store.protocol import (
    AuditRow,
    DatabaseSnapshot,
    StoredOverview,
    StoreInfo,
    WriterStatistics,
)

DEFAULT_LIMITS: Final = Limits()
SEARCH_SECONDS: Final = 4.0
STEP_CHARS: Final = 8_000
"""How much a search looks at before it lets others run: one of the longest texts."""
_MESSAGE_CHARS: Final = 50
"""What a message costs that is passed over, in characters looked at."""
_RETRY_SECONDS: Final = 1


@attrs.define(eq=False)
class MemoryStore:
    """Rooms, codes and audit in memory. See `argybargy.store.protocol`.

    Several relays may share one: whoever commits on an old version is refused.

    Mutable state: all of it, changed by one method at a time.
    """

    _limits: Limits
    _shelves: dict[str, StoredRoom] = attrs.field(factory=dict, repr=False)
    _codes: dict[bytes, CodeRecord] = attrs.field(factory=dict, repr=False)
    _revoked: set[bytes] = attrs.field(factory=set, repr=False)
    _cursors: dict[tuple[str, str], int] = attrs.field(factory=dict, repr=False)
    _audit: dict[int, Audit] = attrs.field(factory=dict, repr=False)
    _tallies: dict[str, int] = attrs.field(factory=dict, repr=False)
    _audits_ever: int = 0
    _messages_ever: int = 0

    @property
    def info(self) -> StoreInfo:
        """What this store is."""
        return StoreInfo(engine="memory", schema=1, durability="none")

    def statistics(self) -> WriterStatistics:
        """Tell that nothing was written: there is no transaction here to measure."""
        return WriterStatistics()

    async def wait_lost(self) -> Corrupt:
        """Wait for ever: what is in memory is not lost before the process ends."""
        await trio.sleep_forever()

    async def load(self, room: str, tail_messages: int) -> SavedRoom | None:
        """Return what is known of a room, with its newest messages."""
        await trio.lowlevel.checkpoint()
        shelf = self._shelves.get(fold(room))
        return None if shelf is None else shelf.saved(tail_messages)

    async def commit(
        self, room: Room, expected_version: int, writes: Sequence[Write]
    ) -> None:
        """Make one batch of decisions, unless the room has moved on."""
        await trio.lowlevel.checkpoint()
        shelf = self._shelves.get(fold(room.name))
        if expected_version != (0 if shelf is None else shelf.version):
            raise Conflict(f"somebody else has committed to the room {room.name}")
        if shelf is None:
            shelf = StoredRoom(room.status, created_ms=room.created_ms)
            self._shelves[fold(room.name)] = shelf
        self._messages_ever += shelf.apply(room, writes, self._messages_ever)
        self._add_audits([write for write in writes if isinstance(write, Audit)])

    async def page(
        self, room: str, reader: PeerKey, after: int, limit: int, max_bytes: int
    ) -> Page:
        """Read what a poll delivers to `reader` (folded) after a cursor."""
        await trio.lowlevel.checkpoint()
        shelf, builder = self._stored_room(room), PageBuilder(limit, max_bytes)
        cursor = max(after, shelf.head)
        for message in shelf.kept(after):
            if message.is_for(reader) and not builder.take(message):
                cursor = max(after, message.seq - 1)
                break
        return Page(tuple(builder.messages), cursor, shelf.head, shelf.first)

    async def look_back(
        self, room: str, reader: PeerKey | None, before: int, limit: int, max_bytes: int
    ) -> HistoryPage:
        """Read the newest messages below `before` that `reader` may see."""
        await trio.lowlevel.checkpoint()
        shelf, builder = self._stored_room(room), PageBuilder(limit, max_bytes)
        visible = [
            message
            for message in shelf.kept()
            if message.seq < before
            and (reader is None or message.is_visible_to(reader))
        ]
        has_more = not all(map(builder.take, reversed(visible)))
        return HistoryPage(builder.newest_last, shelf.first, has_more)

    async def message(self, room: str, seq: int) -> Message | None:
        """Return one kept message, or ``None``."""
        await trio.lowlevel.checkpoint()
        return self._stored_room(room).message(seq)

    async def replies(
        self, room: str, reader: PeerKey, seq: int, limit: int, max_bytes: int
    ) -> tuple[Message, ...]:
        """Read the oldest kept replies to `seq` that `reader` (folded) may see."""
        await trio.lowlevel.checkpoint()
        replies = (
            message
            for message in self._stored_room(room).kept()
            if message.reply_to == seq and message.is_visible_to(reader)
        )
        return PageBuilder(limit, max_bytes).fill(replies)

    async def recent(
        self, room: str | None, limit: int
    ) -> tuple[tuple[str, Message], ...]:
        """Return the newest messages of one room or of all, oldest first."""
        await trio.lowlevel.checkpoint()
        shelves = self._shelves.values() if room is None else [self._stored_room(room)]
        rows = [
            (shelf.order[message.seq], shelf.status.name, message)
            for shelf in shelves
            for message in shelf.kept()
        ]
        rows.sort(key=lambda row: row[0])
        newest = rows[max(0, len(rows) - limit) :]
        return tuple((name, message) for _, name, message in newest)

    async def search(
        self, query: Query, scope: Scope, before: int, limit: int, max_bytes: int
    ) -> Findings:
        """Find the newest messages within a scope that a query asks for."""
        await trio.lowlevel.checkpoint()
        with trio.move_on_after(SEARCH_SECONDS):
            return await self._search(
                query, scope, before, PageBuilder(limit, max_bytes)
            )
        raise Refused(f"searching took over {SEARCH_SECONDS:.0f} s", _RETRY_SECONDS)

    async def _search(
        self, query: Query, scope: Scope, before: int, builder: PageBuilder
    ) -> Findings:
        found: list[Found] = []
        looked_at = 0
        for shelf, place, message in self._newest_first(scope):
            if looked_at >= STEP_CHARS:
                await trio.lowlevel.checkpoint()
                looked_at = 0
            looked_at += _MESSAGE_CHARS
            if place < before and shelf.may_find(message, query, scope.reader):
                looked_at += len(message.text)
                if query.fits(message):
                    if not builder.take(message):
                        return Findings(tuple(found), has_more=True)
                    looked_at += SNIPPET_CHARS
                    shown = snippet(message.text, query.terms)
                    found.append(Found(shelf.status.name, message, place, shown))
        return Findings(tuple(found))

    async def count_unread(self, room: str, reader: PeerKey, after: int) -> int:
        """Count what a poll of `reader` (folded) would deliver after a cursor."""
        await trio.lowlevel.checkpoint()
        return sum(
            message.is_for(reader) for message in self._stored_room(room).kept(after)
        )

    async def overview(self) -> StoredOverview:
        """Return all rooms, their members and their unanswered questions."""
        await trio.lowlevel.checkpoint()
        shelves = self._shelves
        return StoredOverview(
            rooms=tuple(shelf.summary() for shelf in shelves.values()),
            members={
                name: tuple(shelf.members.values()) for name, shelf in shelves.items()
            },
            questions=tuple(
                (shelf.status.name, shelf.messages[seq])
                for shelf in shelves.values()
                for seq in sorted(shelf.questions)
            ),
        )

    async def codes(self) -> tuple[CodeRecord, ...]:
        """Return every code, oldest first."""
        await trio.lowlevel.checkpoint()
        return tuple(self._codes.values())

    async def revoked(self, limit: int) -> tuple[bytes, ...]:
        """Return the digests of codes that were removed; of more than `limit`, some."""
        await trio.lowlevel.checkpoint()
        return tuple(islice(self._revoked, limit))

    async def add_codes(
        self, codes: Sequence[CodeRecord], audits: Sequence[Audit]
    ) -> None:
        """Store codes with the audit rows of issuing them."""
        await trio.lowlevel.checkpoint()
        self._codes.update({code.digest: code for code in codes})
        self._add_audits(audits)

    async def remove_codes(
        self, codes: Sequence[CodeRecord], audits: Sequence[Audit]
    ) -> None:
        """Remove codes with the audit rows of revoking them."""
        await trio.lowlevel.checkpoint()
        for code in codes:
            self._codes.pop(code.digest, None)
            self._revoked.add(code.digest)
        left = self._peers()
        self._cursors = {
            peer: seq for peer, seq in self._cursors.items() if peer in left
        }
        self._add_audits(audits)

    async def retime_codes(self, codes: Sequence[CodeRecord]) -> None:
        """Replace when codes were made and when they end."""
        await trio.lowlevel.checkpoint()
        known = [code for code in codes if code.digest in self._codes]
        self._codes.update({code.digest: code for code in known})

    async def cursors(self, room: str) -> Mapping[str, int]:
        """Return the last acknowledged cursor of each peer (folded) of a room."""
        await trio.lowlevel.checkpoint()
        return {
            peer: seq
            for (where, peer), seq in self._cursors.items()
            if where == fold(room)
        }

    async def note(
        self, cursors: Mapping[tuple[str, str], int], audits: Sequence[Audit]
    ) -> None:
        """Store what may be a few seconds late: cursors by (room, peer), and audit."""
        await trio.lowlevel.checkpoint()
        known = self._peers()
        for (room, peer), seq in cursors.items():
            if (fold(room), fold(peer)) in known:
                self._cursors[fold(room), fold(peer)] = seq
        self._add_audits(audits)
        self._cut_audits()

    async def adopt(
        self, audits: Sequence[Audit], codes: Mapping[str, CodeRecord]
    ) -> frozenset[str]:
        """Store what another relay has recorded, each piece once."""
        await trio.lowlevel.checkpoint()
        spent = {tally for tally in codes if codes[tally].digest in self._revoked}
        new = [
            audit
            for audit in audits
            if audit.tally not in self._tallies and audit.tally not in spent
        ]
        tallies = frozenset(audit.tally for audit in new)
        self._add_audits(new)
        self._codes.update(
            {code.digest: code for tally, code in codes.items() if tally in tallies}
        )
        return tallies

    async def tallies(self, wanted: Sequence[str]) -> frozenset[str]:
        """Return those of some tallies that a row of the audit log has."""
        await trio.lowlevel.checkpoint()
        return frozenset(tally for tally in wanted if tally in self._tallies)

    async def snapshot(self) -> DatabaseSnapshot:
        """Refuse: what is in memory has no file.

        Raises:
            Refused: Always.
        """
        await trio.lowlevel.checkpoint()
        raise Refused("a store in memory cannot be backed up")

    async def audit(self, limit: int, before: int | None) -> tuple[AuditRow, ...]:
        """Return the newest audit rows below the id `before`, oldest first."""
        await trio.lowlevel.checkpoint()
        rows = tuple(
            AuditRow(row, audit)
            for row, audit in self._audit.items()
            if before is None or row < before
        )
        return rows[max(0, len(rows) - limit) :]

    async def probe(self) -> None:
        """Succeed: memory takes every write."""
        await trio.lowlevel.checkpoint()

    async def sweep(self) -> None:
        """Delete what retention has given up."""
        await trio.lowlevel.checkpoint()
        for shelf in self._shelves.values():
            shelf.sweep(self._limits)
        self._cut_audits()

    def _newest_first(self, scope: Scope) -> Iterator[tuple[StoredRoom, int, Message]]:
        """Yield what is there now within a scope, each with its `Found.place`."""
        if scope.room is not None:
            shelf = self._stored_room(scope.room)
            return ((shelf, each.seq, each) for each in shelf.newest_first())
        shelves = (_in_order(shelf) for shelf in self._shelves.values())
        return heapq.merge(*shelves, key=lambda row: -row[1])

    def _stored_room(self, room: str) -> StoredRoom:
        """Return a room, or an empty one where there is none."""
        return self._shelves.get(fold(room)) or StoredRoom.empty(room)

    def _peers(self) -> set[tuple[str, str]]:
        return {(code.peer.room, code.peer.name) for code in self._codes.values()}

    def _add_audits(self, audits: Sequence[Audit]) -> None:
        for audit in audits:
            row = self._tallies.get(audit.tally)
            if row is None:
                row = self._audits_ever = self._audits_ever + 1
            if audit.tally:
                self._tallies[audit.tally] = row
            self._audit[row] = audit

    def _cut_audits(self) -> None:
        surplus = max(0, len(self._audit) - self._limits.audit_rows)
        for row in list(self._audit)[:surplus]:
            self._tallies.pop(self._audit.pop(row).tally, None)


def _in_order(shelf: StoredRoom) -> Iterator[tuple[StoredRoom, int, Message]]:
    """Yield a room's messages with their places among those of all rooms."""
    for message in shelf.newest_first():
        place = shelf.order.get(message.seq)
        if place is not None:  # the sweep may have been here meanwhile
            yield shelf, place, message


@contextlib.asynccontextmanager
async def open_memory_store(
    limits: Limits = DEFAULT_LIMITS,
) -> AsyncIterator[MemoryStore]:
    """Open an empty store; it is gone when the block ends.

    Args:
        limits: How many audit rows and receipts to keep.
    """
    await trio.lowlevel.checkpoint()
    yield MemoryStore(limits)
