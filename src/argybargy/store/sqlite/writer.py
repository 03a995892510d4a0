"""Group commit: a single writer task commits all queued jobs in one transaction.

Invariants:

1. After every batch the connection is outside any transaction.
2. A failed job does not affect the other jobs of its batch, unless SQLite rolls the
   transaction back; then all of them fail and none is applied.
"""

import contextlib
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any, TypeVar

import apsw
import attrs
import trio
from typing_extensions import override

from argybargy.store.data_directory import Identity, identify
from argybargy.store.errors import Corrupt, Unknown
from argybargy.store.sqlite.connection import DatabaseThread
from argybargy.store.sqlite.errors import SPOILING, translate
from argybargy.store.sqlite.wal import truncate_wal_if_unused
from argybargy.store.write_queue import (
    WRITE_SECONDS,
    Job,
    WriteQueue,
    fail_all,
    ignore,
)
from argybargy.system.values import define, frozen

T = TypeVar("T")

Work = Callable[[apsw.Connection], Any]


@frozen
class Outcome:
    """Result of one job, valid once its batch is committed."""

    value: Any = None
    error: Exception | None = None


@define(eq=False)
class Writer(WriteQueue[Work]):
    """Commits all queued jobs in one transaction.

    Mutable state beside the queue: the identity of the files written to, and the error
    once they are gone.
    """

    _connection: DatabaseThread
    _files: Identity | None = attrs.field(default=None, init=False, repr=False)
    _lost_reason: str = attrs.field(default="", init=False, repr=False)
    _must_truncate: bool = attrs.field(default=False, init=False, repr=False)

    async def write(self, work: Callable[[apsw.Connection], T]) -> T:
        """Run `work` in a transaction and return its result once that is durable.

        If the caller is cancelled, the work is still applied completely or not at all.

        Args:
            work: Called in the connection's thread. Its exception is raised here, and
                its writes are rolled back.

        Raises:
            Refused: Not applied: the queue is full, the store is closed, the wait
                exceeded `WRITE_SECONDS`, or SQLite refused.
            Unknown: May have been applied: the disk failed during COMMIT, or the
                store was closed during the transaction.
            Corrupt: Not applied: the database is damaged or was deleted.
        """
        return await self._wait(self._queue(work))

    async def truncate_log(self) -> None:
        """Empty the write-ahead log, which may contain what was deleted.

        Does nothing while a reader uses the log, which is overwritten later and emptied
        when the store is closed.

        Raises:
            StoreError: As :meth:`write`.
        """

        def work(_connection: apsw.Connection) -> None:
            self._must_truncate = True

        await self.write(work)

    @override
    def _make_probe(self) -> Work:
        return write_probe

    @override
    def _queue(
        self, work: Work, applied: Callable[[Any], None] = ignore
    ) -> Job[Work, Any]:
        if self._lost_reason:
            raise Corrupt(self._lost_reason)
        return super()._queue(work, applied)

    @override
    async def _commit_batch(self, jobs: Sequence[Job[Work, Any]]) -> None:
        try:
            works = [job.work for job in jobs]
            outcomes = await self._connection.run(self._transact, works)
        except trio.Cancelled:
            # The deadline of `close` has passed. COMMIT may have run already.
            fail_all(jobs, Unknown("the store was closed in the middle of it"))
            raise
        except Exception as error:  # noqa: BLE001 - raised again in each caller
            fail_all(jobs, error)
            return
        for job, outcome in zip(jobs, outcomes, strict=True):
            if outcome.error is None:
                job.succeed(outcome.value)
            else:
                job.fail(outcome.error)

    def _transact(
        self,
        connection: apsw.Connection,
        works: Sequence[Callable[[apsw.Connection], Any]],
    ) -> list[Outcome]:
        """Run a transaction, unless the database files were deleted or replaced.

        SQLite goes on writing to a deleted file, and the commits would be lost at the
        next start.
        """
        names = connection.filename, connection.filename_wal
        if self._files not in {None, identify(*names)}:
            self._lost_reason = _checkpoint_lost_files(connection)
            raise Corrupt(self._lost_reason)
        outcomes = run_transaction(connection, works)
        if self._must_truncate:  # set by a job of this transaction, in this thread
            self._must_truncate = False
            truncate_wal_if_unused(connection)
        self._files = self._files or identify(*names)
        return outcomes


@contextlib.asynccontextmanager
async def open_writer(
    connection: DatabaseThread, write_seconds: float = WRITE_SECONDS
) -> AsyncIterator[Writer]:
    """Run a writer while the block runs; then drain its queue.

    Args:
        connection: The connection to write to, used by the writer alone.
        write_seconds: Longest wait of a job in the queue.
    """
    writer = Writer(connection, write_seconds=write_seconds)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(writer.run)
        try:
            yield writer
        finally:
            writer.close()


def _checkpoint_lost_files(connection: apsw.Connection) -> str:
    """Checkpoint a log that was deleted or replaced; return the error to raise.

    The open descriptor may be the only access left to the content of the log.
    """
    connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
    return (
        f"{connection.filename} or its log was removed or replaced while in use. "
        "If the database is still there, all is in it: start again; if not, restore "
        "it from a backup."
    )


def run_transaction(
    connection: apsw.Connection, works: Sequence[Callable[[apsw.Connection], Any]]
) -> list[Outcome]:
    """Run all `works` in one transaction, each in a savepoint of its own.

    One alone needs no savepoint: undoing it undoes the transaction. That saves an idle
    relay two of the six statements of a post.

    Raises:
        Unknown: The disk failed during COMMIT; the batch may have been applied.
        apsw.Error: Nothing was applied.
    """
    try:
        connection.execute("BEGIN IMMEDIATE")
        if len(works) == 1:
            outcomes = [_run_alone(connection, works[0])]
        else:
            outcomes = [_run_in_savepoint(connection, work) for work in works]
        if connection.in_transaction:
            _commit(connection)
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
    assert not connection.in_transaction
    return outcomes


def _run_alone(
    connection: apsw.Connection, work: Callable[[apsw.Connection], Any]
) -> Outcome:
    """Run the only work of a transaction; the transaction is over if it failed."""
    try:
        return Outcome(value=work(connection))
    except SPOILING:
        raise
    except Exception as error:
        if not connection.in_transaction:
            raise  # SQLite has rolled the transaction back
        connection.execute("ROLLBACK")
        return Outcome(error=translate(error))


def _run_in_savepoint(
    connection: apsw.Connection, work: Callable[[apsw.Connection], Any]
) -> Outcome:
    connection.execute("SAVEPOINT job")
    try:
        outcome = Outcome(value=work(connection))
    except SPOILING:
        raise
    except Exception as error:
        if not connection.in_transaction:
            raise  # SQLite has rolled the whole transaction back
        connection.execute("ROLLBACK TO job")
        outcome = Outcome(error=translate(error))
    connection.execute("RELEASE job")
    return outcome


def _commit(connection: apsw.Connection) -> None:
    try:
        connection.execute("COMMIT")
    except (apsw.IOError, apsw.NoMemError) as error:
        # SQLite has rolled back, but the frames may be in the log with a valid commit
        # mark, and recovery after a crash would apply them.
        _overwrite_failed_commit(connection, error)
        raise


def _overwrite_failed_commit(connection: apsw.Connection, error: Exception) -> None:
    """Commit a probe over the log frames of a transaction that failed at COMMIT.

    Uses the same connection, which still knows the end of the log before the failure.

    Raises:
        Unknown: The probe failed as well; a crash may bring the transaction back.
    """
    try:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        write_probe(connection)
    except apsw.Error:
        raise Unknown(f"{type(error).__name__} at COMMIT: {error}") from error


def write_probe(connection: apsw.Connection) -> None:
    """Write to the probe row."""
    connection.execute("UPDATE probes SET times = times + 1")
