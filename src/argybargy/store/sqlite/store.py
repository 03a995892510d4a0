"""SQLite implementation of the store: each method is one writer job or one read."""

import contextlib
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Final

import apsw
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
from argybargy.domain.room.writes import Audit, Write
from argybargy.domain.search.query import Findings, Query, Scope
from argybargy.domain.seat import SharedSeat
from argybargy.domain.sessions import SessionRecord
from argybargy.domain.wake_hooks import WakeHook
from argybargy.store.corruption import CorruptionSignal
from argybargy.store.data_directory import hold_directory
from argybargy.store.errors import Conflict, Corrupt, StoreError, Unknown
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
from argybargy.store.sqlite.backup.snapshot import Snapshots
from argybargy.store.sqlite.clean_close import leave_note, take_note
from argybargy.store.sqlite.connection import CLOSE_SECONDS, DatabaseThread, Role
from argybargy.store.sqlite.doubts import Doubts
from argybargy.store.sqlite.readers import Readers
from argybargy.store.sqlite.schema import (
    Migration,
    check_and_migrate,
    load_migrations,
)
from argybargy.store.sqlite.search.index import Index, open_index
from argybargy.store.sqlite.search.query import search_messages
from argybargy.store.sqlite.tables.audit import (
    cut_audit,
    insert_audits,
    insert_missing_audits,
    read_audit,
    read_tallies,
)
from argybargy.store.sqlite.tables.codes import (
    delete_codes,
    insert_codes,
    read_codes,
    read_revoked,
    update_codes,
)
from argybargy.store.sqlite.tables.commit import commit_room
from argybargy.store.sqlite.tables.cursors import read_cursors, save_cursors
from argybargy.store.sqlite.tables.deleted_rooms import (
    delete_cleared_rows,
    find_clearing,
    finish_clearing,
)
from argybargy.store.sqlite.tables.invites import (
    delete_invites,
    read_invites,
    save_invites,
    use_invite,
)
from argybargy.store.sqlite.tables.messages import (
    count_for,
    has_messages_of,
    read_back,
    read_message,
    read_page,
    read_recent,
    read_replies,
    sweep_messages,
)
from argybargy.store.sqlite.tables.notices import (
    delete_notices,
    read_notices,
    save_notices,
)
from argybargy.store.sqlite.tables.receipts import sweep_receipts
from argybargy.store.sqlite.tables.rooms import (
    load_room,
    read_overview,
    read_versions,
)
from argybargy.store.sqlite.tables.sessions import (
    delete_sessions,
    insert_session,
    read_sessions,
    update_sessions,
)
from argybargy.store.sqlite.tables.wake_hooks import (
    delete_wake_hook,
    read_wake_hooks,
    save_wake_hook,
)
from argybargy.store.sqlite.wal import truncate_wal
from argybargy.store.sqlite.writer import Writer, open_writer
from argybargy.system.values import define

DEFAULT_LIMITS: Final = Limits()
SWEEP_ROWS: Final = 500
"""Rows deleted in one transaction; small, so that posts wait only briefly."""
CLEAR_ROWS: Final = 100
"""Messages of deleted rooms deleted in one transaction. Fewer than `SWEEP_ROWS`: here
piece follows upon piece, and a piece of the longest texts is megabytes to overwrite."""


@define(eq=False)
class SqliteStore(Store):
    """Rooms, codes and audit in one SQLite file. See `argybargy.store.protocol`.

    Reads of one peer run one at a time, see `Readers.read_as`.

    Mutable state: the doubts, and the settings, in memory alone: the lock of the data
    directory keeps other nodes away.
    """

    info: StoreInfo
    _writer: Writer
    _readers: Readers
    _index: Index
    _snapshots: Snapshots
    _limits: Limits
    _corruption: CorruptionSignal
    _doubts: Doubts = attrs.field(factory=Doubts, init=False)
    _settings: dict[str, bytes] = attrs.field(factory=dict, init=False, repr=False)

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
        if self._doubts.by_room:
            await self._doubts.end(room.name, self._writer.probe)
        try:
            await self._writer.write(
                lambda connection: commit_room(
                    connection, room, expected_version, writes, most_rooms
                )
            )
        except Unknown:
            self._doubts.begin(room.name, expected_version, nonce)
            raise
        except Conflict as conflict:
            conflict.nonce = self._doubts.settled_nonce(room.name, expected_version)
            raise
        if self._doubts.by_room:
            self._doubts.forget(room.name)

    @override
    async def commits(self, room: str, after: int) -> tuple[Commit, ...] | None:
        (version,) = await self._readers.read(read_versions, (room,))
        return () if version == after else None

    @override
    async def confirm(self, versions: Mapping[str, int]) -> frozenset[str]:
        names = tuple(versions)
        found = await self._readers.read(read_versions, names)
        stored = dict(zip(names, found, strict=True))
        return frozenset(name for name in names if stored[name] != versions[name])

    @override
    @contextlib.asynccontextmanager
    async def watch(self, heard: Callable[[Hint], None]) -> AsyncIterator[None]:
        await trio.lowlevel.checkpoint()
        yield  # the lock of the data directory keeps other nodes away

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
        return await self._index.read(
            search_messages, query, scope, before, PageBuilder(limit, max_bytes)
        )

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
        return tuple(await self._readers.read(read_revoked, limit))

    @override
    async def add_codes(
        self, codes: Sequence[CodeRecord], audits: Sequence[Audit]
    ) -> None:
        def work(connection: apsw.Connection) -> None:
            insert_codes(connection, codes)
            insert_audits(connection, audits)

        await self._writer.write(work)

    @override
    async def remove_codes(
        self, codes: Sequence[CodeRecord], audits: Sequence[Audit]
    ) -> None:
        def work(connection: apsw.Connection) -> None:
            delete_codes(connection, codes)
            insert_audits(connection, audits)

        await self._writer.write(work)

    @override
    async def update_codes(self, codes: Sequence[CodeRecord]) -> None:
        await self._writer.write(partial(update_codes, codes=codes))

    @override
    async def wake_hooks(self) -> tuple[WakeHook, ...]:
        return await self._readers.read(read_wake_hooks)

    @override
    async def set_wake_hook(self, hook: WakeHook) -> None:
        await self._writer.write(partial(save_wake_hook, hook=hook))

    @override
    async def remove_wake_hook(self, room: str, name: str) -> None:
        await self._writer.write(partial(delete_wake_hook, room=room, name=name))

    @override
    async def invites(self) -> tuple[InviteRecord, ...]:
        return await self._readers.read(read_invites)

    @override
    async def save_invites(
        self, invites: Sequence[InviteRecord], audits: Sequence[Audit]
    ) -> None:
        def work(connection: apsw.Connection) -> None:
            save_invites(connection, invites)
            insert_audits(connection, audits)

        await self._writer.write(work)

    @override
    async def redeem_invite(
        self, invite: InviteRecord, code: CodeRecord, audits: Sequence[Audit]
    ) -> None:
        def work(connection: apsw.Connection) -> None:
            use_invite(connection, invite)
            insert_codes(connection, [code])
            insert_audits(connection, audits)

        await self._writer.write(work)

    @override
    async def delete_invites(self, invites: Sequence[InviteRecord]) -> None:
        await self._writer.write(partial(delete_invites, invites=invites))

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
        def work(connection: apsw.Connection) -> None:
            delete_sessions(connection, ended)
            insert_session(connection, session)
            insert_audits(connection, audits)

        await self._writer.write(work)

    @override
    async def end_sessions(
        self, sessions: Sequence[SessionRecord], audits: Sequence[Audit]
    ) -> None:
        def work(connection: apsw.Connection) -> None:
            delete_sessions(connection, sessions)
            insert_audits(connection, audits)

        await self._writer.write(work)

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
        def work(connection: apsw.Connection) -> None:
            delete_notices(connection, deleted)
            save_notices(connection, notices)

        await self._writer.write(work)

    @override
    async def directory_version(self) -> int:
        await trio.lowlevel.checkpoint()
        return 0

    @override
    async def share(
        self,
        node: str,
        seats: Sequence[SharedSeat],
        rooms: Collection[RoomKey] | None,
    ) -> tuple[SharedSeat, ...]:
        await trio.lowlevel.checkpoint()
        return ()

    @override
    async def meet(self, node: NodeRecord) -> Meeting:
        await trio.lowlevel.checkpoint()
        return Meeting()

    @override
    async def lead(self, node: str, duty: str) -> bool:
        await trio.lowlevel.checkpoint()
        return True

    @override
    async def leave(self, node: str) -> None:
        await trio.lowlevel.checkpoint()

    @override
    async def setting(self, name: str) -> bytes | None:
        await trio.lowlevel.checkpoint()
        return self._settings.get(name)

    @override
    async def set_setting(
        self, name: str, value: bytes, expected: bytes | None
    ) -> bool:
        await trio.lowlevel.checkpoint()
        if self._settings.get(name) != expected:
            return False
        self._settings[name] = value
        return True

    @override
    async def cursors(self, room: str) -> Mapping[str, int]:
        return await self._readers.read(read_cursors, room)

    @override
    async def note(
        self, cursors: Mapping[tuple[str, str], int], audits: Sequence[Audit]
    ) -> None:
        def work(connection: apsw.Connection) -> None:
            save_cursors(connection, cursors)
            insert_audits(connection, audits)
            self._sweep_audit(connection)

        await self._writer.write(work)

    @override
    async def adopt(
        self, audits: Sequence[Audit], codes: Mapping[str, CodeRecord]
    ) -> frozenset[str]:
        def work(connection: apsw.Connection) -> frozenset[str]:
            revoked = read_revoked(connection)
            skipped = {tally for tally in codes if codes[tally].digest in revoked}
            new = insert_missing_audits(
                connection, [each for each in audits if each.tally not in skipped]
            )
            insert_codes(connection, [codes[tally] for tally in codes if tally in new])
            return new

        return await self._writer.write(work)

    @override
    async def tallies(self, wanted: Sequence[str]) -> frozenset[str]:
        return await self._readers.read(read_tallies, wanted)

    @override
    async def snapshot(self) -> DatabaseSnapshot:
        return await self._snapshots.make()

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
        while await self._writer.write(self._sweep_receipts) == SWEEP_ROWS:
            pass
        while await self._writer.write(self._sweep_audit) == SWEEP_ROWS:
            pass
        gone: list[int] = []
        while True:
            piece = await self._writer.write(_sweep_messages)
            gone += piece
            if len(piece) < SWEEP_ROWS:
                break
        # Last, because it may be refused: a search may hold the index for seconds.
        await self._index.keep_up(gone)

    @override
    async def clear_deleted(self) -> None:
        while (room := await self._readers.read(find_clearing)) is not None:
            delete_rows = partial(delete_cleared_rows, room=room, rows=SWEEP_ROWS)
            while await self._writer.write(delete_rows):
                pass
            while deleted := await self._writer.write(_clear_messages):
                await self._index.drop(deleted)
            await self._index.scrub()
            await self._writer.truncate_log()
            # Last: after a crash, everything before this line is done once more.
            await self._writer.write(partial(finish_clearing, room=room))

    def _sweep_receipts(self, connection: apsw.Connection) -> int:
        return sweep_receipts(connection, SWEEP_ROWS, self._limits)

    def _sweep_audit(self, connection: apsw.Connection) -> int:
        return cut_audit(connection, self._limits.audit_rows, SWEEP_ROWS)


def _sweep_messages(connection: apsw.Connection) -> list[int]:
    return sweep_messages(connection, SWEEP_ROWS, is_clearing=False)


def _clear_messages(connection: apsw.Connection) -> list[int]:
    return sweep_messages(connection, CLEAR_ROWS, is_clearing=True)


@contextlib.asynccontextmanager
async def open_sqlite_store(
    directory: Path,
    limits: Limits = DEFAULT_LIMITS,
    migrations: Sequence[Migration] | None = None,
) -> AsyncIterator[SqliteStore]:
    """Open the store in `directory`, creating it if missing.

    When the block ends, queued writes have `CLOSE_SECONDS` to be committed; the rest
    raise `Refused` or `Unknown`. Exceptions of the block arrive in an
    `ExceptionGroup`, because the writer runs in a nursery around it.

    Args:
        directory: The data directory; created, private, if missing.
        limits: Retention of audit rows and receipts.
        migrations: The schema; ``None`` loads that of the package.

    Raises:
        Corrupt: The database is damaged or no database. The file is left unchanged.
        Incompatible: The schema is newer than this program, or another relay holds
            the directory.
        Refused: The database cannot be opened now.
    """
    corruption = CorruptionSignal()
    with hold_directory(directory) as path:
        is_checked = take_note(path)
        async with (
            _open_connections(path, corruption) as (connection, readers),
            open_index(path, corruption) as index,
        ):
            steps = migrations or load_migrations()
            # Cancelled half-way, a migration would leave its work to the next start.
            # No deadline: copying and migrating take as long as the file is large.
            with trio.CancelScope(shield=True):
                schema = await connection.run(
                    check_and_migrate, path, steps, is_checked=is_checked
                )
            info = StoreInfo(f"sqlite {apsw.sqlite_lib_version()}", schema, "fsync")
            async with open_writer(connection) as writer:
                snapshots = Snapshots(path, corruption)
                yield SqliteStore(
                    info, writer, readers, index, snapshots, limits, corruption
                )
        if not corruption.is_reported:
            leave_note(path)


@contextlib.asynccontextmanager
async def _open_connections(
    path: Path, corruption: CorruptionSignal
) -> AsyncIterator[tuple[DatabaseThread, Readers]]:
    connection, readers = (
        DatabaseThread(path, Role.WRITER, corruption),
        Readers.of(path, corruption),
    )
    try:
        yield connection, readers
    finally:
        # Shielded, or cancellation would leave threads behind. Each step has a
        # deadline of its own.
        with trio.CancelScope(shield=True):
            await readers.aclose()
            await _checkpoint(connection)
            await connection.aclose()


async def _checkpoint(connection: DatabaseThread) -> None:
    """Checkpoint the write-ahead log, so that the database is one file again.

    A failure loses nothing: the next start reads the log.
    """
    if not connection.is_open:
        return  # never used, or closed after an error: leave the files unchanged
    with contextlib.suppress(StoreError), trio.move_on_after(CLOSE_SECONDS):
        await connection.run(truncate_wal)
