"""What every store does. One contract suite runs over all of them.

A store serves any number of rooms at once. Commits of one room come one after the
other (a room has one task); those of different rooms may come together and be made
durable together. Names of rooms and peers are matched without regard to case and
come back in their first spelling.

Cancellation: any method may be cancelled at any await. A cancelled write may have
been applied or not, never half.
"""

from collections.abc import Mapping, Sequence
from typing import Final, Protocol

import attrs

from argybargy.domain.access_codes import CodeRecord
from argybargy.domain.message import Member, Message
from argybargy.domain.names import PeerKey
from argybargy.domain.pages import HistoryPage, Page
from argybargy.domain.room.state import Room, RoomStatus, SavedRoom
from argybargy.domain.room.writes import Audit, Write
from argybargy.domain.search.query import Findings, Query, Scope
from argybargy.domain.seq_gaps import SeqGap, count_messages
from argybargy.store.errors import Corrupt
from argybargy.system.histogram import SECONDS, SIZES, Distribution, Histogram


@attrs.frozen
class RoomSummary:
    """One room at a glance.

    Attributes:
        status: Open or closed.
        head: The newest seq; 0 before the first message.
        first: The oldest seq kept.
        created_ms: When it came to be.
        last_ms: The timestamp of its newest message; 0 before the first.
        heard_ms: When that came in, as this process counts the time; ``None`` in a
            store.
        holes: The numbers above `first` that no message has.
    """

    status: RoomStatus
    head: int
    first: int
    created_ms: int
    last_ms: int
    seq_gaps: tuple[SeqGap, ...] = ()
    heard_ms: int | None = attrs.field(default=None, eq=False)

    @property
    def messages(self) -> int:
        """How many messages are kept."""
        return count_messages(self.first, self.head, self.seq_gaps)


@attrs.frozen
class StoredOverview:
    """All rooms, in one snapshot.

    Attributes:
        rooms: Every room there is.
        members: Those who have posted, by folded room name.
        questions: Unanswered questions, each with the name of its room.
    """

    rooms: tuple[RoomSummary, ...]
    members: Mapping[str, tuple[Member, ...]]
    questions: tuple[tuple[str, Message], ...]


@attrs.frozen
class AuditRow:
    """One line of the audit log, with its place in it."""

    id: int
    audit: Audit


@attrs.frozen
class StoreInfo:
    """What a store says of itself.

    Attributes:
        engine: What it is made of.
        schema: The version of its data.
        durability: What a successful commit means.
    """

    engine: str
    schema: int
    durability: str


NO_SECONDS: Final = Histogram(SECONDS).statistics()
NO_SIZES: Final = Histogram(SIZES).statistics()


@attrs.frozen
class WriterStatistics:
    """What was written so far.

    Attributes:
        batches: Transactions tried.
        jobs: Jobs in them.
        waiting: Jobs that wait for the next one.
        commit_seconds: How long transactions took, the sync to the disk included.
        batch_jobs: How many jobs were in each.
    """

    batches: int = 0
    jobs: int = 0
    waiting: int = 0
    commit_seconds: Distribution = attrs.field(default=NO_SECONDS, eq=False)
    batch_jobs: Distribution = attrs.field(default=NO_SIZES, eq=False)


class DatabaseSnapshot(Protocol):
    """A copy of a whole store, to be read once from beginning to end.

    Attributes:
        size_bytes: How large it is.
    """

    size_bytes: int

    async def read(self, most_bytes: int) -> bytes:
        """Return the next bytes; none at the end.

        Raises:
            Refused: The disk does not give them.
        """
        ...

    async def aclose(self) -> None:
        """Remove the copy."""
        ...


class Store(Protocol):
    """Durable rooms, codes and audit."""

    @property
    def info(self) -> StoreInfo:
        """What this store is."""
        ...

    def statistics(self) -> WriterStatistics:
        """Tell what was written so far, and what waits to be."""
        ...

    async def load(self, room: str, tail_messages: int) -> SavedRoom | None:
        """Return what is known of a room, with its newest messages.

        Returns:
            ``None`` when there is no such room.

        Raises:
            Refused: The store cannot read now.
        """
        ...

    async def commit(
        self, room: Room, expected_version: int, writes: Sequence[Write]
    ) -> None:
        """Make one batch of decisions durable: all of it, or nothing.

        Returns only when the writes would survive the loss of power, as far as
        `info.durability` promises. The room's counters and status are taken from
        `room`; its version becomes ``expected_version + 1``. A version of 0 makes
        the room.

        Args:
            room: The room as decided.
            expected_version: The version the decision was made on.
            writes: What changed, in order.

        Raises:
            Conflict: The stored version is another one.
            Refused: Certainly not applied.
            Full: Certainly not applied, for want of space.
            Unknown: May have been applied.
        """
        ...

    async def page(
        self, room: str, reader: PeerKey, after: int, limit: int, max_bytes: int
    ) -> Page:
        """Read what a poll delivers to `reader` (folded) after a cursor.

        Rows and cursor come from one snapshot. See
        :func:`argybargy.domain.pages.read_after` for the rule.
        """
        ...

    async def look_back(
        self, room: str, reader: PeerKey | None, before: int, limit: int, max_bytes: int
    ) -> HistoryPage:
        """Read the newest messages below `before` that `reader` may see.

        See :func:`argybargy.domain.pages.look_back` for the rule.
        """
        ...

    async def message(self, room: str, seq: int) -> Message | None:
        """Return one kept message, or ``None``."""
        ...

    async def replies(
        self, room: str, reader: PeerKey, seq: int, limit: int, max_bytes: int
    ) -> tuple[Message, ...]:
        """Read the oldest kept replies to `seq` that `reader` (folded) may see.

        See :func:`argybargy.domain.pages.replies_to` for the rule.
        """
        ...

    async def recent(
        self, room: str | None, limit: int
    ) -> tuple[tuple[str, Message], ...]:
        """Return the newest messages of one room or of all, oldest first.

        Each comes with the name of its room.
        """
        ...

    async def search(
        self, query: Query, scope: Scope, before: int, limit: int, max_bytes: int
    ) -> Findings:
        """Find the newest messages within a scope that a query asks for.

        What the reader may not see takes nobody else's place and is not counted.

        Args:
            query: What is looked for; where is the scope's business.
            scope: Where, and by whom.
            before: Only what has a lower `Found.place`.
            limit: Most messages wanted.
            max_bytes: Most bytes of text; one message always fits.

        Raises:
            Refused: The store cannot read now, or is not done with its index.
        """
        ...

    async def count_unread(self, room: str, reader: PeerKey, after: int) -> int:
        """Count what a poll of `reader` (folded) would deliver after a cursor."""
        ...

    async def overview(self) -> StoredOverview:
        """Return all rooms, their members and their unanswered questions."""
        ...

    async def codes(self) -> tuple[CodeRecord, ...]:
        """Return every code, oldest first."""
        ...

    async def revoked(self, limit: int) -> tuple[bytes, ...]:
        """Return the digests of codes that were removed; of more than `limit`, some."""
        ...

    async def add_codes(
        self, codes: Sequence[CodeRecord], audits: Sequence[Audit]
    ) -> None:
        """Store codes with the audit rows of issuing them, in one transaction.

        Raises:
            Refused: Certainly not applied.
        """
        ...

    async def remove_codes(
        self, codes: Sequence[CodeRecord], audits: Sequence[Audit]
    ) -> None:
        """Remove codes with the audit rows of revoking them, in one transaction.

        Raises:
            Refused: Certainly not applied.
        """
        ...

    async def retime_codes(self, codes: Sequence[CodeRecord]) -> None:
        """Replace when codes were made and when they end, in one transaction.

        A code that the store does not have is left out.

        Raises:
            Refused: Certainly not applied.
        """
        ...

    async def cursors(self, room: str) -> Mapping[str, int]:
        """Return the last acknowledged cursor of each peer (folded) of a room."""
        ...

    async def note(
        self,
        cursors: Mapping[tuple[str, str], int],
        audits: Sequence[Audit],
    ) -> None:
        """Store what may be a few seconds late: cursors by (room, peer), and audit.

        Cursors of peers that hold no code any more are dropped, and the audit log
        is cut to its newest rows. An audit row with a `tally` replaces the one of
        the same tally.
        """
        ...

    async def adopt(
        self, audits: Sequence[Audit], codes: Mapping[str, CodeRecord]
    ) -> frozenset[str]:
        """Store what another relay has recorded, each piece once, all in one go.

        A piece is known by the tally of its audit row, for as long as the log keeps
        that row: where there is one of that tally, the piece is left out. A code that
        was ever revoked here does not come back.

        Args:
            audits: The rows, each with a tally of its own.
            codes: The code that goes with a row, by the tally of that row.

        Returns:
            The tallies that were new.

        Raises:
            Refused: Certainly not applied.
        """
        ...

    async def tallies(self, wanted: Sequence[str]) -> frozenset[str]:
        """Return those of some tallies that a row of the audit log has."""
        ...

    async def snapshot(self) -> DatabaseSnapshot:
        """Copy everything, as it is at one moment, while writing goes on.

        Takes as long as it takes to write the copy. One is made at a time.

        Raises:
            Busy: Another one is being made, or as many are open as may be.
            Refused: This store has no file, or cannot now.
            Full: There is no room for it.
        """
        ...

    async def audit(self, limit: int, before: int | None) -> tuple[AuditRow, ...]:
        """Return the newest audit rows below the id `before`, oldest first."""
        ...

    async def probe(self) -> None:
        """Make a real write, to know that one succeeds.

        Raises:
            StoreError: It did not.
        """
        ...

    async def wait_lost(self) -> Corrupt:
        """Wait until what is stored is found lost, which no waiting mends.

        Whatever meets the damage raises ``Corrupt`` as well: this is for the one that
        ends the process for it, so that nobody else has to.
        """
        ...

    async def sweep(self) -> None:
        """Delete what retention has given up, a bounded piece at a time."""
        ...
