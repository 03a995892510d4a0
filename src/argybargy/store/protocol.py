"""The interface of a store, split by consumer. One contract suite tests every store.

A store serves any number of rooms at once. The commits of one room come one after the
other (a room has one task on each node); commits of different rooms may be in flight
together and share one flush to the disk. Room and peer names are matched without regard
to case and returned in the spelling of their first use.

Cancellation: any method may be cancelled at any await. A cancelled write was applied
completely or not at all.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Final, Protocol

import attrs

from argybargy.domain.access_codes import CodeRecord
from argybargy.domain.invites import InviteRecord
from argybargy.domain.message import Member, Message
from argybargy.domain.names import PeerKey, RoomKey
from argybargy.domain.nodes import NodeRecord
from argybargy.domain.notifications import Notice
from argybargy.domain.pages import HistoryPage, Page
from argybargy.domain.room.commit import Commit
from argybargy.domain.room.state import Room, RoomStatus, SavedRoom
from argybargy.domain.room.writes import Audit, Write
from argybargy.domain.search.query import Findings, Query, Scope
from argybargy.domain.seat import SharedSeat
from argybargy.domain.seq_gaps import SeqGap, count_messages
from argybargy.domain.sessions import SessionRecord
from argybargy.domain.wake_hooks import WakeHook
from argybargy.store.errors import Corrupt
from argybargy.system.histogram import SECONDS, SIZES, Distribution, Histogram
from argybargy.system.values import frozen


@frozen
class RoomSummary:
    """Counters and status of one room.

    Attributes:
        status: Name, and whether the room is open or closed.
        head: The newest seq; 0 before the first message.
        first: The oldest seq kept.
        created_ms: Creation time, in ms since the epoch.
        last_ms: Timestamp of the newest message; 0 before the first.
        seq_gaps: Ranges of seqs above `first` without a message.
        heard_ms: Arrival of the newest message, on the clock of this process;
            ``None`` when read from a store.
        version: The number of commits.
    """

    status: RoomStatus
    head: int
    first: int
    created_ms: int
    last_ms: int
    seq_gaps: tuple[SeqGap, ...] = ()
    heard_ms: int | None = attrs.field(default=None, eq=False)
    version: int = attrs.field(default=0, eq=False)

    @property
    def messages(self) -> int:
        """The number of messages kept."""
        return count_messages(self.first, self.head, self.seq_gaps)


@frozen
class StoredOverview:
    """All rooms, read in one snapshot.

    Attributes:
        rooms: One summary per room.
        members: The peers that have posted, by `RoomKey`.
        questions: Unanswered questions, each with the name of its room.
    """

    rooms: tuple[RoomSummary, ...]
    members: Mapping[RoomKey, tuple[Member, ...]]
    questions: tuple[tuple[str, Message], ...]


@frozen
class AuditRow:
    """One row of the audit log.

    Attributes:
        id: Position in the log; ids rise by one.
        audit: The recorded action.
    """

    id: int
    audit: Audit


@frozen
class StoreInfo:
    """Facts about a store.

    Attributes:
        engine: Name and version of the database engine.
        schema: Schema version of the stored data.
        durability: The guarantee behind a successful commit: ``fsync`` or ``none``.
        is_shared: Whether other nodes may write to it as well.
    """

    engine: str
    schema: int
    durability: str
    is_shared: bool = False


@frozen
class RoomHint:
    """The news that somebody has committed to a room.

    Attributes:
        room: The name of the room.
        version: Its version after the commit.
        commit: The commit; ``None`` if it has to be read.
    """

    room: str
    version: int
    commit: Commit | None = None


@frozen
class DirectoryHint:
    """The news that the directory has changed, and has to be read.

    The directory is the codes, invites, sessions, wake hooks, notices and settings.
    """


@frozen
class Meeting:
    """The other nodes of a store, and the time there.

    Attributes:
        others: What they say of themselves, in no order.
        clock_ms: The store's clock, in milliseconds since 1970 UTC; ``None`` if it has
            none of its own.
    """

    others: tuple[NodeRecord, ...] = ()
    clock_ms: int | None = None


NODE_SECONDS: Final = 10.0
"""Time after which a node that says nothing counts as dead."""

Hint = RoomHint | DirectoryHint | None
"""News of a shared store. ``None`` is a gap: other hints may have been lost."""


NO_SECONDS: Final = Histogram(SECONDS).statistics()
NO_SIZES: Final = Histogram(SIZES).statistics()


@frozen
class WriterStatistics:
    """Counters of the writer since the store was opened.

    Attributes:
        batches: Transactions attempted.
        jobs: Jobs in those transactions.
        waiting: Jobs queued for the next transaction.
        commit_seconds: Duration of transactions, including the sync to the disk.
        batch_jobs: Jobs per transaction.
    """

    batches: int = 0
    jobs: int = 0
    waiting: int = 0
    commit_seconds: Distribution = attrs.field(default=NO_SECONDS, eq=False)
    batch_jobs: Distribution = attrs.field(default=NO_SIZES, eq=False)


class DatabaseSnapshot(Protocol):
    """A copy of the whole database, to be read once from start to end.

    Attributes:
        size_bytes: Size of the copy.
    """

    size_bytes: int

    async def read(self, most_bytes: int) -> bytes:
        """Return up to `most_bytes` of the next bytes; empty at the end.

        Raises:
            Refused: The copy cannot be read from the disk.
        """
        ...

    async def aclose(self) -> None:
        """Delete the copy."""
        ...


class ProbeStore(Protocol):
    """A store that can be tested for writability."""

    async def probe(self) -> None:
        """Make one durable write without content.

        Raises:
            StoreError: The write failed.
        """
        ...


class RoomStore(ProbeStore, Protocol):
    """Durable rooms: their state, messages and cursors."""

    async def load(self, room: str, tail_messages: int) -> SavedRoom | None:
        """Return the saved state of a room with its newest `tail_messages` messages.

        Returns:
            ``None`` if there never was such a room. A deleted one has its numbers and
            `SavedRoom.is_deleted`.

        Raises:
            Refused: The store cannot read now.
        """
        ...

    async def commit(
        self,
        room: Room,
        expected_version: int,
        writes: Sequence[Write],
        *,
        nonce: str,
        most_rooms: int = 0,
    ) -> None:
        """Commit one batch of writes to a room: all of them or none.

        A commit without writes ends a doubt: once it is applied, an earlier one at the
        same version never will be, and a conflict with it says which commit was.

        Returns once the writes survive a loss of power, within the guarantee of
        `StoreInfo.durability`. Counters and status are taken from `room`; the stored
        version becomes ``expected_version + 1``. A room that does not exist after the
        decision is stored as deleted.

        Args:
            room: The room after the decision.
            expected_version: The version the decision was based on; 0 creates the
                room.
            writes: The changes, in order.
            nonce: A text that no other attempt has, see
                :func:`argybargy.domain.room.commit.make_nonce`.
            most_rooms: The most rooms with messages that there may be, this one
                included; 0 for any number. Only given when an empty room gets its first
                message. Two such commits at once must not both take the last place.

        Raises:
            Conflict: The stored version is a different one. Not applied. The node that
                loses gets the next turn, for a short while.
            Yield: It is another node's turn. Not applied.
            RoomQuotaFull: Not applied; `most_rooms` other rooms have messages.
            Refused: Not applied.
            Full: Not applied; the disk is full.
            Unknown: May have been applied.
        """
        ...

    async def commits(self, room: str, after: int) -> tuple[Commit, ...] | None:
        """Return the commits to a room after a version, oldest first.

        Returns:
            ``None`` if the store does not have all of them: the room must be loaded.
        """
        ...

    async def confirm(self, versions: Mapping[str, int]) -> frozenset[str]:
        """Return the rooms, by the names given, that are not at these versions.

        A room that does not exist is at version 0.
        """
        ...

    async def page(
        self, room: str, reader: PeerKey, after: int, limit: int, max_bytes: int
    ) -> Page:
        """Read the messages that a poll delivers to `reader` after a cursor.

        Messages and new cursor come from one snapshot. The rule is
        :func:`argybargy.domain.pages.read_after`.

        Args:
            room: Name of the room.
            reader: Key of the peer, see :func:`argybargy.domain.names.peer_key`.
            after: The cursor; only higher seqs are read.
            limit: Maximum number of messages.
            max_bytes: Maximum bytes of text; one message always fits.
        """
        ...

    async def look_back(
        self, room: str, reader: PeerKey | None, before: int, limit: int, max_bytes: int
    ) -> HistoryPage:
        """Read the newest messages below the seq `before` that are visible to `reader`.

        The operator (`reader` is ``None``) sees every message. The rule is
        :func:`argybargy.domain.pages.look_back`.
        """
        ...

    async def message(self, room: str, seq: int) -> Message | None:
        """Return one kept message, or ``None``."""
        ...

    async def replies(
        self, room: str, reader: PeerKey | None, seq: int, limit: int, max_bytes: int
    ) -> tuple[Message, ...]:
        """Read the oldest kept replies to message `seq` that are visible to `reader`.

        ``None`` is the operator, who sees all.

        The rule is :func:`argybargy.domain.pages.replies_to`.
        """
        ...

    async def recent(
        self, room: str | None, limit: int
    ) -> tuple[tuple[str, Message], ...]:
        """Return the newest messages of one room or of all rooms, oldest first.

        Each message comes with the name of its room.
        """
        ...

    async def count_unread(self, room: str, reader: PeerKey, after: int) -> int:
        """Count the messages that polls would deliver to `reader` after a cursor."""
        ...

    async def has_messages_of(self, room: str, peer: PeerKey) -> bool:
        """Tell whether a kept message is from a peer, or names it as an addressee.

        Messages under the same name from the operator or the relay do not count.
        """
        ...

    async def cursors(self, room: str) -> Mapping[str, int]:
        """Return the last flushed cursor of each peer of a room, by `PeerKey`."""
        ...

    async def overview(self) -> StoredOverview:
        """Return all rooms, their members and their unanswered questions."""
        ...


class CodeStore(ProbeStore, Protocol):
    """Durable access codes, as digests."""

    async def codes(self) -> tuple[CodeRecord, ...]:
        """Return every code, oldest first."""
        ...

    async def revoked(self, limit: int) -> tuple[bytes, ...]:
        """Return digests of removed codes: up to `limit`, in no order."""
        ...

    async def add_codes(
        self, codes: Sequence[CodeRecord], audits: Sequence[Audit]
    ) -> None:
        """Store new codes and their audit rows in one transaction.

        Raises:
            Refused: Not applied.
        """
        ...

    async def remove_codes(
        self, codes: Sequence[CodeRecord], audits: Sequence[Audit]
    ) -> None:
        """Delete codes and store the audit rows of revoking them, in one transaction.

        The digests stay on record as revoked; cursors of peers left without a code
        are deleted.

        Raises:
            Refused: Not applied.
        """
        ...

    async def update_codes(self, codes: Sequence[CodeRecord]) -> None:
        """Update capabilities, creation and expiry times of codes, in one transaction.

        Codes that are not in the store are ignored.

        Raises:
            Refused: Not applied.
        """
        ...

    async def adopt(
        self, audits: Sequence[Audit], codes: Mapping[str, CodeRecord]
    ) -> frozenset[str]:
        """Import audit rows and codes of another relay, idempotently, all or none.

        The `tally` of an audit row identifies the record: a row whose tally is in the
        log already is skipped together with its code. So is a row whose code was
        revoked here: an import never restores a revoked code.

        Args:
            audits: The rows, each with a tally of its own.
            codes: The codes to import, by the tally of their audit row.

        Returns:
            The tallies that were imported.

        Raises:
            Refused: Not applied.
        """
        ...


class InviteStore(ProbeStore, Protocol):
    """Durable one-use invites, as digests."""

    async def invites(self) -> tuple[InviteRecord, ...]:
        """Return every invite, oldest first; ended ones as well."""
        ...

    async def save_invites(
        self, invites: Sequence[InviteRecord], audits: Sequence[Audit]
    ) -> None:
        """Store invites and audit rows in one transaction.

        Of invites that are in the store, times and end are updated.

        Raises:
            Refused: Not applied.
        """
        ...

    async def redeem_invite(
        self, invite: InviteRecord, code: CodeRecord, audits: Sequence[Audit]
    ) -> None:
        """Store the use of an invite and the code for it, in one transaction.

        Args:
            invite: The invite, with its end.
            code: The new code.
            audits: The audit rows of the exchange.

        Raises:
            Conflict: The stored invite has ended already, or there is none. Not
                applied.
            Refused: Not applied.
        """
        ...

    async def delete_invites(self, invites: Sequence[InviteRecord]) -> None:
        """Delete invites.

        Raises:
            Refused: Not applied.
        """
        ...


class SessionStore(Protocol):
    """Durable sessions of the dashboard, as digests."""

    async def sessions(self) -> tuple[SessionRecord, ...]:
        """Return every session, oldest first.

        Raises:
            Refused: The store cannot read now.
        """
        ...

    async def open_session(
        self,
        session: SessionRecord,
        ended: Sequence[SessionRecord],
        audits: Sequence[Audit],
    ) -> None:
        """Store a new session and audit rows, and delete others, in one transaction.

        Args:
            session: The new session.
            ended: The sessions that end to make room for it.
            audits: The audit rows of the sign-in.

        Raises:
            Refused: Not applied.
            Unknown: May have been applied.
        """
        ...

    async def end_sessions(
        self, sessions: Sequence[SessionRecord], audits: Sequence[Audit]
    ) -> None:
        """Delete sessions and store audit rows, in one transaction.

        Sessions that are not in the store are ignored.

        Raises:
            Refused: Not applied.
            Unknown: May have been applied.
        """
        ...

    async def update_sessions(self, sessions: Sequence[SessionRecord]) -> None:
        """Update the times of sessions: creation, end and last use.

        Sessions that are not in the store are ignored: none that has ended comes back.

        Raises:
            Refused: Not applied.
            Unknown: May have been applied.
        """
        ...


class WakeStore(Protocol):
    """Durable wake hooks."""

    async def wake_hooks(self) -> tuple[WakeHook, ...]:
        """Return all hooks, by room and peer."""
        ...

    async def set_wake_hook(self, hook: WakeHook) -> None:
        """Store the hook of a peer, in place of an earlier one.

        Does nothing for a peer without a code. Removing its last code deletes it.

        Raises:
            Refused: Not applied.
        """
        ...

    async def remove_wake_hook(self, room: str, name: str) -> None:
        """Delete the hook of a peer, if it has one.

        Raises:
            Refused: Not applied.
        """
        ...


class NoticeStore(Protocol):
    """Durable notices: the events that the operator was notified about."""

    async def notices(self) -> tuple[Notice, ...]:
        """Return all notices, oldest first.

        Raises:
            Refused: The store cannot read now.
        """
        ...

    async def save_notices(
        self, notices: Sequence[Notice], deleted: Sequence[str]
    ) -> None:
        """Store notices and delete others, in one transaction.

        Args:
            notices: The new and changed ones; each replaces one with the same id or
                about the same event.
            deleted: The ids of those to delete; unknown ones are ignored. They are
                deleted first.

        Raises:
            Refused: Not applied.
            Unknown: May have been applied.
        """
        ...


class NodeStore(Protocol):
    """News that the nodes of a shared store exchange, besides their commits.

    A store that is not shared has one node: it leads, and sees no other. Its settings
    last until it is closed, since the data directory has what must last longer.
    """

    async def directory_version(self) -> int:
        """Return the number of changes of the directory.

        Whoever read the directory after it had this version need not read it again.
        Each change is told by a hint as well: by a `DirectoryHint`, or that of a commit
        which deletes a room. Uses of sessions and flushed cursors are no changes. A
        store that is not shared returns 0.

        Raises:
            Refused: The store cannot read now.
        """
        ...

    async def share(
        self,
        node: str,
        seats: Sequence[SharedSeat],
        rooms: Collection[RoomKey] | None,
    ) -> tuple[SharedSeat, ...]:
        """Store who is present at a node, and return who is at the others.

        A node calls it every two seconds, with what has changed since: that is also
        its sign of life. The seats of a node that says nothing for
        :data:`NODE_SECONDS` are returned no more, and may be deleted. Need not survive
        a loss of power.

        Args:
            node: The name of the node.
            seats: The new and changed ones; each replaces that of the same node, room
                and peer. One that `has_gone` is deleted.
            rooms: The rooms to return seats of; ``None`` means all.

        Returns:
            The seats at other nodes, in no order; a peer may have several.

        Raises:
            StoreError: The store failed, or has lost what this node had stored. The
                next call must have all seats again.
        """
        ...

    async def meet(self, node: NodeRecord) -> Meeting:
        """Store what a node says of itself, and return the other nodes.

        It is a sign of life as well. Need not survive a loss of power.

        Raises:
            StoreError: The store failed.
        """
        ...

    async def lead(self, node: str, duty: str) -> bool:
        """Take or keep a duty that one node does for all; tell whether this one does.

        The first node to ask gets it, and keeps it as long as it asks again within
        :data:`NODE_SECONDS`, by the clock of the store.

        Args:
            node: The name of the node.
            duty: The name of the duty; a constant of the program.

        Raises:
            StoreError: The store failed. The node must not do the duty.
        """
        ...

    async def leave(self, node: str) -> None:
        """Forget a node that ends: its seats, and the duties that it leads.

        Raises:
            StoreError: The store failed; the node is forgotten later.
        """
        ...

    async def setting(self, name: str) -> bytes | None:
        """Return a setting; ``None`` if there is none of this name.

        Raises:
            Refused: The store cannot read now.
        """
        ...

    async def set_setting(
        self, name: str, value: bytes, expected: bytes | None
    ) -> bool:
        """Replace a setting, if it is still the expected one.

        Args:
            name: Its name; a constant of the program.
            value: The new value.
            expected: The present value; ``None`` if there is none.

        Returns:
            Whether the setting was replaced.

        Raises:
            Refused: Not applied.
            Unknown: May have been applied.
        """
        ...


class AuditLog(Protocol):
    """The audit log, and the cursors that are flushed together with it."""

    async def note(
        self,
        cursors: Mapping[tuple[str, str], int],
        audits: Sequence[Audit],
    ) -> None:
        """Flush acknowledged cursors and audit rows in one transaction.

        Cursors of peers without a code are dropped, and the audit log is cut to its
        newest rows. An audit row with a `tally` replaces the row of the same tally. In
        a shared store the greater of two cursors of a peer is kept.

        Args:
            cursors: Acknowledged seqs by (room, peer).
            audits: New rows.

        Raises:
            Refused: Not applied.
        """
        ...

    async def audit(self, limit: int, before: int | None) -> tuple[AuditRow, ...]:
        """Return the newest audit rows below the id `before`, oldest first."""
        ...

    async def tallies(self, wanted: Sequence[str]) -> frozenset[str]:
        """Return the subset of `wanted` that is in the audit log."""
        ...


class SearchStore(Protocol):
    """Full-text search over messages."""

    async def search(
        self, query: Query, scope: Scope, before: int, limit: int, max_bytes: int
    ) -> Findings:
        """Find the newest messages in a scope that match a query.

        Messages hidden from the reader do not count towards `limit`, and do not affect
        the duration of the search.

        Args:
            query: Words and conditions.
            scope: Room and reader.
            before: Only matches with a lower `Found.place`.
            limit: Maximum number of matches.
            max_bytes: Maximum bytes of text; one message always fits.

        Raises:
            Refused: The store cannot read now, or its index is still catching up.
        """
        ...


class SnapshotStore(Protocol):
    """A store that can be backed up while in use."""

    async def snapshot(self) -> DatabaseSnapshot:
        """Copy the database as of one moment; writers are not blocked.

        Takes as long as writing the copy does. One copy is made at a time.

        Raises:
            Busy: Another copy is being made, or the maximum number is open.
            Refused: The store has no file, or cannot copy it now.
            Full: The disk is full.
        """
        ...


class StoreHealth(ProbeStore, Protocol):
    """Facts, counters and failures of a store."""

    @property
    def info(self) -> StoreInfo:
        """Engine, schema and durability."""
        ...

    def watch(self, heard: Callable[[Hint], None]) -> AbstractAsyncContextManager[None]:
        """Hear of the commits of other nodes while the block runs.

        Hints may come twice, late, in another order or not at all; but after hints
        were lost, a gap follows within a second.

        Args:
            heard: Called in Trio's thread; must neither block nor raise.
        """
        ...

    def statistics(self) -> WriterStatistics:
        """Return the counters of the writer."""
        ...

    async def wait_lost(self) -> Corrupt:
        """Wait until the stored data is found damaged or deleted.

        Methods that hit the damage raise ``Corrupt`` as well; one task waits here and
        ends the process.

        Returns:
            The error to raise.
        """
        ...


class Store(
    RoomStore,
    CodeStore,
    InviteStore,
    SessionStore,
    WakeStore,
    NoticeStore,
    NodeStore,
    AuditLog,
    SearchStore,
    SnapshotStore,
    StoreHealth,
    Protocol,
):
    """The whole store, as its owner opens it; consumers declare the part they use."""

    async def sweep(self) -> None:
        """Delete rows past their retention, in bounded transactions."""
        ...

    async def clear_deleted(self) -> None:
        """Delete what is left of deleted rooms, in bounded transactions.

        Nobody can read it since the commit that deleted the room. May be cancelled at
        any time, or interrupted by a crash; the next call continues.

        Raises:
            Refused: The store cannot delete now.
        """
        ...
