"""PostgreSQL implementation of the store: each method is one write or one read."""

import contextlib
import secrets
from collections.abc import (
    AsyncIterator,
    Callable,
    Collection,
    Mapping,
    Sequence,
)
from functools import partial
from typing import Any, Final, TypeVar

import attrs
import trio
from typing_extensions import override

from argybargy.domain.access_codes import CodeRecord
from argybargy.domain.invites import InviteRecord
from argybargy.domain.limits import Limits
from argybargy.domain.message import Message
from argybargy.domain.names import PeerKey, RoomKey, room_key
from argybargy.domain.nodes import NodeRecord
from argybargy.domain.notifications import Notice
from argybargy.domain.pages import HistoryPage, Page, PageBuilder
from argybargy.domain.room.commit import Commit
from argybargy.domain.room.state import Room, SavedRoom
from argybargy.domain.room.writes import Audit, ClearRoom, Write
from argybargy.domain.search.query import Findings, Query, Scope
from argybargy.domain.seat import SharedSeat
from argybargy.domain.sessions import SessionRecord
from argybargy.domain.wake_hooks import WakeHook
from argybargy.store.corruption import CorruptionSignal
from argybargy.store.errors import Conflict, Corrupt, Refused, Yield
from argybargy.store.postgres.changes import changes_of
from argybargy.store.postgres.checks import check_notifications, check_server
from argybargy.store.postgres.connection import Connection, Link
from argybargy.store.postgres.deltas import encode_commit
from argybargy.store.postgres.hints import (
    SENDER_SETTINGS,
    HintSender,
    listen,
    open_sender,
)
from argybargy.store.postgres.readers import READERS, SNAPSHOT, Readers
from argybargy.store.postgres.schema import load_migrations, migrate
from argybargy.store.postgres.search import search_messages
from argybargy.store.postgres.tables.access import (
    delete_codes,
    delete_invites,
    delete_wake_hook,
    find_revoked,
    insert_codes,
    read_codes,
    read_cursors,
    read_invites,
    read_revoked,
    read_wake_hooks,
    save_cursors,
    save_invites,
    save_wake_hook,
    update_codes,
    use_invite,
)
from argybargy.store.postgres.tables.messages import (
    count_for,
    has_messages_of,
    read_back,
    read_message,
    read_page,
    read_recent,
    read_replies,
)
from argybargy.store.postgres.tables.nodes import (
    count_change,
    forget_node,
    note_alive,
    read_directory_version,
    read_records,
    read_seats,
    read_setting,
    replace_setting,
    save_record,
    save_seats,
    take_duty,
)
from argybargy.store.postgres.tables.records import (
    delete_notices,
    delete_sessions,
    insert_audits,
    insert_missing_audits,
    insert_session,
    read_audit,
    read_notices,
    read_sessions,
    read_tallies,
    save_notices,
    update_sessions,
)
from argybargy.store.postgres.tables.rooms import (
    decode_all,
    find_other_versions,
    load_room,
    read_commits,
    read_overview,
)
from argybargy.store.postgres.tables.sweeping import (
    cut_audit,
    finish_clearing,
    has_clearing,
    sweep_messages,
    sweep_receipts,
)
from argybargy.store.postgres.writer import (
    APPLIED,
    RoomWrite,
    Writer,
    open_writer,
)
from argybargy.store.protocol import (
    AuditRow,
    DatabaseSnapshot,
    Hint,
    Meeting,
    Store,
    StoredOverview,
    StoreInfo,
    WriterStatistics,
)
from argybargy.system.values import define

T = TypeVar("T")

DEFAULT_LIMITS: Final = Limits()
SWEEP_ROWS: Final = 500
"""Rows deleted in one transaction; small, so that posts wait only briefly."""
_SPARE_THREADS: Final = 4
"""Threads beside those of the connections, for abandoned calls that end soon."""
_CONNECTIONS: Final = 3
"""Connections beside the readers: to write, to send hints and to hear them."""
_YIELD: Final = "yield"


@define(eq=False)
class PostgresStore(Store):
    """Rooms, codes and audit in a PostgreSQL database that several nodes share.

    Reads of one peer run one at a time, see `Readers.read_as`.

    Mutable state: the nodes that have shared seats through this store, one in use.
    """

    info: StoreInfo
    _writer: Writer
    _readers: Readers
    _hints: HintSender
    _limits: Limits
    _corruption: CorruptionSignal
    _make_link: Callable[[], Link]
    _sharing: set[str] = attrs.field(factory=set, init=False, repr=False)

    @override
    def statistics(self) -> WriterStatistics:
        return self._writer.statistics()

    @override
    async def load(self, room: str, tail_messages: int) -> SavedRoom | None:
        return await self._readers.read(load_room, room, tail_messages)

    @override
    async def commit(
        self,
        room: Room,
        expected_version: int,
        writes: Sequence[Write],
        *,
        nonce: str,
        most_rooms: int = 0,
    ) -> None:
        version = expected_version + 1
        delta = encode_commit(Commit.of(room, version, nonce, writes))
        changes, ends_doubt = changes_of(room, writes), not writes

        def applied(row: tuple[Any, ...]) -> None:
            outcome, spelling, *_ = row
            if outcome == APPLIED:
                self._hints.tell_commit(spelling, version, delta)

        write = RoomWrite(
            room_key(room.name),
            (changes, expected_version, nonce, delta, ends_doubt),
            clears_access=any(isinstance(each, ClearRoom) for each in writes),
            most_rooms=most_rooms,
        )
        outcome, _, next_nonce, missing, names = await self._writer.commit(
            write, applied
        )
        if outcome == APPLIED:
            return
        if outcome == _YIELD:
            raise Yield(f"it is another node's turn in the room {room.name}")
        rows = list(zip(missing or (), names or (), strict=True))
        raise Conflict(
            f"somebody else has committed to the room {room.name}",
            decode_all(rows, expected_version) or (),
            next_nonce or "",
        )

    @override
    async def commits(self, room: str, after: int) -> tuple[Commit, ...] | None:
        return await self._readers.read(read_commits, room, after)

    @override
    async def confirm(self, versions: Mapping[str, int]) -> frozenset[str]:
        if not versions:
            return frozenset()
        return await self._readers.read(find_other_versions, versions)

    @override
    @contextlib.asynccontextmanager
    async def watch(self, heard: Callable[[Hint], None]) -> AsyncIterator[None]:
        async with listen(self._hints.node, self._make_link(), heard):
            # A node that was killed may have owed hints.
            self._hints.tell_gap()
            yield

    @override
    async def page(
        self, room: str, reader: PeerKey, after: int, limit: int, max_bytes: int
    ) -> Page:
        builder = PageBuilder(limit, max_bytes)
        peer = room_key(room), reader
        return await self._readers.read_as(
            peer, read_page, room, reader, after, builder
        )

    @override
    async def look_back(
        self, room: str, reader: PeerKey | None, before: int, limit: int, max_bytes: int
    ) -> HistoryPage:
        builder = PageBuilder(limit, max_bytes)
        peer = room_key(room), reader
        return await self._readers.read_as(
            peer, read_back, room, reader, before, builder
        )

    @override
    async def message(self, room: str, seq: int) -> Message | None:
        return await self._readers.read(read_message, room, seq)

    @override
    async def replies(
        self, room: str, reader: PeerKey | None, seq: int, limit: int, max_bytes: int
    ) -> tuple[Message, ...]:
        builder = PageBuilder(limit, max_bytes)
        peer = room_key(room), reader
        return await self._readers.read_as(
            peer, read_replies, room, reader, seq, builder
        )

    @override
    async def recent(
        self, room: str | None, limit: int
    ) -> tuple[tuple[str, Message], ...]:
        return await self._readers.read(read_recent, room, limit)

    @override
    async def search(
        self, query: Query, scope: Scope, before: int, limit: int, max_bytes: int
    ) -> Findings:
        builder = PageBuilder(limit, max_bytes)
        return await self._readers.read(search_messages, query, scope, before, builder)

    @override
    async def count_unread(self, room: str, reader: PeerKey, after: int) -> int:
        peer = room_key(room), reader
        return await self._readers.read_as(peer, count_for, room, reader, after)

    @override
    async def has_messages_of(self, room: str, peer: PeerKey) -> bool:
        return await self._readers.read(has_messages_of, room, peer)

    @override
    async def overview(self) -> StoredOverview:
        return await self._readers.read(read_overview)

    @override
    async def codes(self) -> tuple[CodeRecord, ...]:
        return await self._readers.read(read_codes)

    @override
    async def revoked(self, limit: int) -> tuple[bytes, ...]:
        return await self._readers.read(read_revoked, limit)

    @override
    async def add_codes(
        self, codes: Sequence[CodeRecord], audits: Sequence[Audit]
    ) -> None:
        def work(connection: Connection) -> None:
            insert_codes(connection, codes)
            insert_audits(connection, audits)

        await self._write_directory(work)

    @override
    async def remove_codes(
        self, codes: Sequence[CodeRecord], audits: Sequence[Audit]
    ) -> None:
        def work(connection: Connection) -> None:
            delete_codes(connection, codes)
            insert_audits(connection, audits)

        await self._write_directory(work)

    @override
    async def update_codes(self, codes: Sequence[CodeRecord]) -> None:
        await self._write_directory(partial(update_codes, codes=codes))

    async def _write_directory(self, work: Callable[[Connection], T]) -> T:
        """Change the directory, count that, and tell the other nodes."""

        def counted(connection: Connection) -> T:
            result = work(connection)
            count_change(connection)
            return result

        return await self._writer.write(counted, lambda _: self._hints.tell_directory())

    @override
    async def wake_hooks(self) -> tuple[WakeHook, ...]:
        return await self._readers.read(read_wake_hooks)

    @override
    async def set_wake_hook(self, hook: WakeHook) -> None:
        await self._write_directory(partial(save_wake_hook, hook=hook))

    @override
    async def remove_wake_hook(self, room: str, name: str) -> None:
        await self._write_directory(partial(delete_wake_hook, room=room, name=name))

    @override
    async def invites(self) -> tuple[InviteRecord, ...]:
        return await self._readers.read(read_invites)

    @override
    async def save_invites(
        self, invites: Sequence[InviteRecord], audits: Sequence[Audit]
    ) -> None:
        def work(connection: Connection) -> None:
            save_invites(connection, invites)
            insert_audits(connection, audits)

        await self._write_directory(work)

    @override
    async def redeem_invite(
        self, invite: InviteRecord, code: CodeRecord, audits: Sequence[Audit]
    ) -> None:
        def work(connection: Connection) -> None:
            use_invite(connection, invite)
            insert_codes(connection, [code])
            insert_audits(connection, audits)

        await self._write_directory(work)

    @override
    async def delete_invites(self, invites: Sequence[InviteRecord]) -> None:
        await self._write_directory(partial(delete_invites, invites=invites))

    @override
    async def sessions(self) -> tuple[SessionRecord, ...]:
        return await self._readers.read(read_sessions)

    @override
    async def open_session(
        self,
        session: SessionRecord,
        ended: Sequence[SessionRecord],
        audits: Sequence[Audit],
    ) -> None:
        def work(connection: Connection) -> None:
            delete_sessions(connection, ended)
            insert_session(connection, session)
            insert_audits(connection, audits)

        await self._write_directory(work)

    @override
    async def end_sessions(
        self, sessions: Sequence[SessionRecord], audits: Sequence[Audit]
    ) -> None:
        def work(connection: Connection) -> None:
            delete_sessions(connection, sessions)
            insert_audits(connection, audits)

        await self._write_directory(work)

    @override
    async def update_sessions(self, sessions: Sequence[SessionRecord]) -> None:
        await self._writer.write(partial(update_sessions, sessions=sessions))

    @override
    async def notices(self) -> tuple[Notice, ...]:
        return await self._readers.read(read_notices)

    @override
    async def save_notices(
        self, notices: Sequence[Notice], deleted: Sequence[str]
    ) -> None:
        def work(connection: Connection) -> None:
            delete_notices(connection, deleted)
            save_notices(connection, notices)

        await self._write_directory(work)

    @override
    async def directory_version(self) -> int:
        return await self._readers.read(read_directory_version)

    @override
    async def share(
        self,
        node: str,
        seats: Sequence[SharedSeat],
        rooms: Collection[RoomKey] | None,
    ) -> tuple[SharedSeat, ...]:
        def work(connection: Connection) -> bool:
            is_known = note_alive(connection, node)
            save_seats(connection, node, seats)
            return is_known

        is_known = await self._writer.write(work)
        if not is_known and node in self._sharing:
            self._sharing.discard(node)
            raise Refused("PostgreSQL has forgotten this node")
        self._sharing.add(node)
        return await self._readers.read(read_seats, node, rooms)

    @override
    async def meet(self, node: NodeRecord) -> Meeting:
        clock_ms = await self._writer.write(partial(save_record, record=node))
        others = await self._readers.read(read_records, node.id)
        return Meeting(others, clock_ms)

    @override
    async def lead(self, node: str, duty: str) -> bool:
        return await self._writer.write(partial(take_duty, node=node, duty=duty))

    @override
    async def leave(self, node: str) -> None:
        self._sharing.discard(node)
        await self._writer.write(partial(forget_node, node=node))

    @override
    async def setting(self, name: str) -> bytes | None:
        return await self._readers.read(read_setting, name)

    @override
    async def set_setting(
        self, name: str, value: bytes, expected: bytes | None
    ) -> bool:
        def work(connection: Connection) -> bool:
            is_replaced = replace_setting(connection, name, value, expected)
            if is_replaced:
                count_change(connection)
            return is_replaced

        def tell(is_replaced: bool) -> None:
            if is_replaced:
                self._hints.tell_directory()

        return await self._writer.write(work, tell)

    @override
    async def cursors(self, room: str) -> Mapping[str, int]:
        return await self._readers.read(read_cursors, room)

    @override
    async def note(
        self, cursors: Mapping[tuple[str, str], int], audits: Sequence[Audit]
    ) -> None:
        def work(connection: Connection) -> None:
            save_cursors(connection, cursors)
            insert_audits(connection, audits)
            self._cut_audit(connection)

        await self._writer.write(work)

    @override
    async def adopt(
        self, audits: Sequence[Audit], codes: Mapping[str, CodeRecord]
    ) -> frozenset[str]:
        def work(connection: Connection) -> frozenset[str]:
            digests = [code.digest for code in codes.values()]
            revoked = find_revoked(connection, digests)
            skipped = {tally for tally in codes if codes[tally].digest in revoked}
            new = insert_missing_audits(
                connection, [each for each in audits if each.tally not in skipped]
            )
            insert_codes(connection, [codes[tally] for tally in codes if tally in new])
            return new

        return await self._write_directory(work)

    @override
    async def tallies(self, wanted: Sequence[str]) -> frozenset[str]:
        return await self._readers.read(read_tallies, wanted)

    @override
    async def snapshot(self) -> DatabaseSnapshot:
        await trio.lowlevel.checkpoint()
        raise Refused(
            "a PostgreSQL store is not backed up by the relay: use argybargy backup "
            "--store URL, or the backups of its server"
        )

    @override
    async def audit(self, limit: int, before: int | None) -> tuple[AuditRow, ...]:
        return await self._readers.read(read_audit, limit, before)

    @override
    async def probe(self) -> None:
        await self._writer.probe()

    @override
    async def wait_lost(self) -> Corrupt:
        return await self._corruption.wait()

    @override
    async def sweep(self) -> None:
        # Each piece is a transaction of its own, so that posts get in between.
        for work in (
            partial(sweep_receipts, rows=SWEEP_ROWS, limits=self._limits),
            self._cut_audit,
            partial(sweep_messages, rows=SWEEP_ROWS),
        ):
            while await self._writer.write(work) == SWEEP_ROWS:
                pass

    @override
    async def clear_deleted(self) -> None:
        if not await self._readers.read(has_clearing):
            return
        delete_messages = partial(sweep_messages, rows=SWEEP_ROWS)
        while await self._writer.write(delete_messages):
            pass
        await self._writer.write(finish_clearing)

    def _cut_audit(self, connection: Connection) -> int:
        return cut_audit(connection, self._limits.audit_rows, SWEEP_ROWS)


@contextlib.asynccontextmanager
async def open_postgres_store(
    url: str, limits: Limits = DEFAULT_LIMITS, *, needs_fsync: bool = True
) -> AsyncIterator[PostgresStore]:
    """Open the store in a database, whose tables the first node creates.

    When the block ends, queued writes have some seconds to be committed; the rest
    raise `Refused` or `Unknown`. Exceptions of the block arrive in an
    `ExceptionGroup`, because the writer runs in a nursery around it.

    Args:
        url: Address of the database.
        limits: Retention of audit rows and receipts.
        needs_fsync: Whether the server must survive a loss of power. Only tests run
            without.

    Raises:
        Incompatible: The server or its settings do not suffice, or the schema is newer
            than this program.
        Refused: The server cannot be reached, or lacks a right.
    """
    corruption = CorruptionSignal()
    threads = trio.CapacityLimiter(READERS + _CONNECTIONS + _SPARE_THREADS)

    def make_link(*settings: str) -> Link:
        return Link(url, threads, corruption, settings)

    main, sender = make_link(), make_link(*SENDER_SETTINGS)
    readers = Readers([make_link(*SNAPSHOT) for _ in range(READERS)])
    try:
        version = await main.run(partial(check_server, needs_fsync=needs_fsync))
        await main.run(check_notifications, url)
        # Cancelled half-way, it would only be rolled back; no deadline, because another
        # node may be at it, with many rows.
        schema = await main.run_without_deadline(migrate, load_migrations())
        info = StoreInfo(f"postgresql {version}", schema, "fsync", is_shared=True)
        async with (
            open_sender(secrets.token_hex(8), sender) as hints,
            open_writer(main) as writer,
        ):
            yield PostgresStore(
                *(info, writer, readers, hints, limits, corruption, make_link)
            )
    finally:
        for link in (main, sender):
            link.close()
        readers.close()
