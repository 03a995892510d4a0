"""The SQLite store: every method is one job for the writer or one read."""

import contextlib
from collections.abc import AsyncIterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Final

import apsw
import attrs
import trio

from argybargy.domain.access_codes import CodeRecord
from argybargy.domain.limits import Limits
from argybargy.domain.message import Message
from argybargy.domain.names import PeerKey, fold
from argybargy.domain.pages import HistoryPage, Page, PageBuilder
from argybargy.domain.room.state import Room, SavedRoom
from argybargy.domain.room.writes import Audit, Write
from argybargy.domain.search.query import Findings, Query, Scope
from argybargy.store.data_directory import hold_directory
from argybargy.store.errors import Corrupt, StoreError
from argybargy.store.protocol import (
    AuditRow,
    DatabaseSnapshot,
    StoredOverview,
    StoreInfo,
    WriterStatistics,
)
from argybargy.store.sqlite.backup.snapshot import Snapshots
from argybargy.store.sqlite.connection import CLOSE_SECONDS, DatabaseThread, Role
from argybargy.store.sqlite.loss import Loss
from argybargy.store.sqlite.readers import Readers
from argybargy.store.sqlite.schema import (
    Migration,
    bring_up_to_date,
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
    read_cursors,
    read_revoked,
    retime_codes,
    save_cursors,
)
from argybargy.store.sqlite.tables.commit import commit_room
from argybargy.store.sqlite.tables.messages import (
    count_for,
    read_back,
    read_message,
    read_page,
    read_recent,
    read_replies,
    sweep_messages,
)
from argybargy.store.sqlite.tables.receipts import sweep_receipts
from argybargy.store.sqlite.tables.rooms import load_room, read_overview
from argybargy.store.sqlite.writer import Writer, open_writer

DEFAULT_LIMITS: Final = Limits()
SWEEP_ROWS: Final = 500
"""Rows deleted in one transaction: few enough that no post waits for them."""


@attrs.define(eq=False)
class SqliteStore:
    """Rooms, codes and audit in one SQLite file. See `argybargy.store.protocol`.

    Attributes:
        info: What this store is.
    """

    info: StoreInfo
    _writer: Writer
    _readers: Readers
    _index: Index
    _snapshots: Snapshots
    _limits: Limits
    _loss: Loss

    def statistics(self) -> WriterStatistics:
        """Tell what the writer has done, and what waits for it."""
        return self._writer.statistics()

    async def load(self, room: str, tail_messages: int) -> SavedRoom | None:
        """Return what is known of a room, with its newest messages."""
        return await self._readers.read(load_room, room, tail_messages)

    async def commit(
        self, room: Room, expected_version: int, writes: Sequence[Write]
    ) -> None:
        """Make one batch of decisions durable: all of it, or nothing."""
        await self._writer.write(
            lambda connection: commit_room(connection, room, expected_version, writes)
        )

    async def page(
        self, room: str, reader: PeerKey, after: int, limit: int, max_bytes: int
    ) -> Page:
        """Read what a poll delivers to `reader` (folded) after a cursor."""
        builder = PageBuilder(limit, max_bytes)
        peer = fold(room), reader
        return await self._readers.read_as(
            peer, read_page, room, reader, after, builder
        )

    async def look_back(
        self, room: str, reader: PeerKey | None, before: int, limit: int, max_bytes: int
    ) -> HistoryPage:
        """Read the newest messages below `before` that `reader` may see."""
        builder = PageBuilder(limit, max_bytes)
        peer = fold(room), reader
        return await self._readers.read_as(
            peer, read_back, room, reader, before, builder
        )

    async def message(self, room: str, seq: int) -> Message | None:
        """Return one kept message, or ``None``."""
        return await self._readers.read(read_message, room, seq)

    async def replies(
        self, room: str, reader: PeerKey, seq: int, limit: int, max_bytes: int
    ) -> tuple[Message, ...]:
        """Read the oldest kept replies to `seq` that `reader` (folded) may see."""
        builder = PageBuilder(limit, max_bytes)
        peer = fold(room), reader
        return await self._readers.read_as(
            peer, read_replies, room, reader, seq, builder
        )

    async def recent(
        self, room: str | None, limit: int
    ) -> tuple[tuple[str, Message], ...]:
        """Return the newest messages of one room or of all, oldest first."""
        return await self._readers.read(read_recent, room, limit)

    async def search(
        self, query: Query, scope: Scope, before: int, limit: int, max_bytes: int
    ) -> Findings:
        """Find the newest messages within a scope that a query asks for."""
        return await self._index.read(
            search_messages, query, scope, before, PageBuilder(limit, max_bytes)
        )

    async def count_unread(self, room: str, reader: PeerKey, after: int) -> int:
        """Count what a poll of `reader` (folded) would deliver after a cursor."""
        peer = fold(room), reader
        return await self._readers.read_as(peer, count_for, room, reader, after)

    async def overview(self) -> StoredOverview:
        """Return all rooms, their members and their unanswered questions."""
        return await self._readers.read(read_overview)

    async def codes(self) -> tuple[CodeRecord, ...]:
        """Return every code, oldest first."""
        return await self._readers.read(read_codes)

    async def revoked(self, limit: int) -> tuple[bytes, ...]:
        """Return the digests of codes that were removed; of more than `limit`, some."""
        return tuple(await self._readers.read(read_revoked, limit))

    async def add_codes(
        self, codes: Sequence[CodeRecord], audits: Sequence[Audit]
    ) -> None:
        """Store codes with the audit rows of issuing them, in one transaction."""

        def work(connection: apsw.Connection) -> None:
            insert_codes(connection, codes)
            insert_audits(connection, audits)

        await self._writer.write(work)

    async def remove_codes(
        self, codes: Sequence[CodeRecord], audits: Sequence[Audit]
    ) -> None:
        """Remove codes with the audit rows of revoking them, in one transaction."""

        def work(connection: apsw.Connection) -> None:
            delete_codes(connection, codes)
            insert_audits(connection, audits)

        await self._writer.write(work)

    async def retime_codes(self, codes: Sequence[CodeRecord]) -> None:
        """Replace when codes were made and when they end, in one transaction."""
        await self._writer.write(partial(retime_codes, codes=codes))

    async def cursors(self, room: str) -> Mapping[str, int]:
        """Return the last acknowledged cursor of each peer (folded) of a room."""
        return await self._readers.read(read_cursors, room)

    async def note(
        self, cursors: Mapping[tuple[str, str], int], audits: Sequence[Audit]
    ) -> None:
        """Store what may be a few seconds late: cursors by (room, peer), and audit."""

        def work(connection: apsw.Connection) -> None:
            save_cursors(connection, cursors)
            insert_audits(connection, audits)
            self._sweep_audit(connection)

        await self._writer.write(work)

    async def adopt(
        self, audits: Sequence[Audit], codes: Mapping[str, CodeRecord]
    ) -> frozenset[str]:
        """Store what another relay has recorded, each piece once, all in one go.

        A code that was ever revoked here does not come back.
        """

        def work(connection: apsw.Connection) -> frozenset[str]:
            revoked = read_revoked(connection)
            spent = {tally for tally in codes if codes[tally].digest in revoked}
            new = insert_missing_audits(
                connection, [each for each in audits if each.tally not in spent]
            )
            insert_codes(connection, [codes[tally] for tally in codes if tally in new])
            return new

        return await self._writer.write(work)

    async def tallies(self, wanted: Sequence[str]) -> frozenset[str]:
        """Return those of some tallies that a row of the audit log has."""
        return await self._readers.read(read_tallies, wanted)

    async def snapshot(self) -> DatabaseSnapshot:
        """Copy everything, as it is at one moment, while writing goes on."""
        return await self._snapshots.make()

    async def audit(self, limit: int, before: int | None) -> tuple[AuditRow, ...]:
        """Return the newest audit rows below the id `before`, oldest first."""
        return await self._readers.read(read_audit, limit, before)

    async def probe(self) -> None:
        """Make a real write, to know that one succeeds."""
        await self._writer.probe()

    async def wait_lost(self) -> Corrupt:
        """Wait until the database is found damaged, or taken away."""
        return await self._loss.wait()

    async def sweep(self) -> None:
        """Delete what retention has given up, a bounded piece at a time.

        Each piece is a transaction of its own, and posts get in between. The index
        comes last: what it cannot do keeps nothing else from being done.
        """
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
        await self._index.keep_up(gone)

    def _sweep_receipts(self, connection: apsw.Connection) -> int:
        return sweep_receipts(connection, SWEEP_ROWS, self._limits)

    def _sweep_audit(self, connection: apsw.Connection) -> int:
        return cut_audit(connection, self._limits.audit_rows, SWEEP_ROWS)


def _sweep_messages(connection: apsw.Connection) -> list[int]:
    return sweep_messages(connection, SWEEP_ROWS)


@contextlib.asynccontextmanager
async def open_sqlite_store(
    directory: Path,
    limits: Limits = DEFAULT_LIMITS,
    migrations: Sequence[Migration] | None = None,
) -> AsyncIterator[SqliteStore]:
    """Open the store in `directory`, and make it there if there is none.

    On leaving, writes that are queued get `CLOSE_SECONDS` to be made. What the
    block raises comes out in an `ExceptionGroup`: a nursery stands around it.

    Args:
        directory: The data directory; made, private, if missing.
        limits: How many audit rows and receipts to keep.
        migrations: The schema; ``None`` is the one that comes with the package.

    Raises:
        Corrupt: The database is damaged, or the file is none. It is left as it is.
        Incompatible: It is newer than this program, or another server holds it.
        Refused: It cannot be opened now.
    """
    loss = Loss()
    with hold_directory(directory) as path:
        async with (
            _open_connections(path, loss) as (connection, readers),
            open_index(path, loss) as index,
        ):
            steps = migrations or load_migrations()
            # Not to be cut short; as long as it takes to copy and change the file.
            with trio.CancelScope(shield=True):
                schema = await connection.run(bring_up_to_date, path, steps)
            info = StoreInfo(f"sqlite {apsw.sqlite_lib_version()}", schema, "fsync")
            async with open_writer(connection) as writer:
                snapshots = Snapshots(path, loss)
                yield SqliteStore(info, writer, readers, index, snapshots, limits, loss)


@contextlib.asynccontextmanager
async def _open_connections(
    path: Path, loss: Loss
) -> AsyncIterator[tuple[DatabaseThread, Readers]]:
    connection, readers = (
        DatabaseThread(path, Role.WRITER, loss),
        Readers.of(path, loss),
    )
    try:
        yield connection, readers
    finally:
        with trio.CancelScope(shield=True):  # each step has its own deadline
            await readers.aclose()
            await _checkpoint(connection)
            await connection.aclose()


async def _checkpoint(connection: DatabaseThread) -> None:
    """Move what the log holds into the database, for a tidy directory.

    Nothing is lost where it cannot be done: the next start reads the log.
    """
    if not connection.is_open:
        return  # never used, or given up on: then the files stay as they are
    with contextlib.suppress(StoreError), trio.move_on_after(CLOSE_SECONDS):
        await connection.run(_truncate_log)


def _truncate_log(connection: apsw.Connection) -> None:
    connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
