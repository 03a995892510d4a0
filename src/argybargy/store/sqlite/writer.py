"""Group commit: a single writer task commits all queued jobs in one transaction.

Invariants:

1. Cancelling a caller discards its result, never part of its write: the job runs in the
   writer's task, which is shielded.
2. After every batch the connection is outside any transaction.
3. A failed job does not affect the other jobs of its batch, unless SQLite rolls the
   transaction back; then all of them fail and none is applied.
"""

import contextlib
import copy
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any, Final, Generic, TypeVar

import apsw
import attrs
import trio

from argybargy.store.data_directory import Identity, identify
from argybargy.store.errors import Corrupt, Refused, Unknown
from argybargy.store.protocol import WriterStatistics
from argybargy.store.sqlite.connection import CLOSE_SECONDS, DatabaseThread
from argybargy.store.sqlite.errors import SPOILING, translate
from argybargy.store.sqlite.wal import truncate_wal_if_unused
from argybargy.system.histogram import SECONDS, SIZES, Histogram

T = TypeVar("T")

QUEUE_JOBS: Final = 1_024
"""Jobs that may wait; further ones are refused."""
BATCH_JOBS: Final = 256
"""Jobs in one transaction."""
WRITE_SECONDS: Final = 30.0
"""Longest wait in the queue. Longer than any batch on a working disk: only a hung disk
lets it run out."""


@attrs.define(eq=False)
class Job(Generic[T]):
    """A queued write and the slot for its result.

    A queued job is either started by the writer or withdrawn by its caller, never
    both: both steps run in the event loop's thread without awaiting.

    Attributes:
        work: Runs inside the transaction.
        done: Set when the result is available.
        is_started: Whether the writer has taken the job; then a result will follow.
        is_withdrawn: Whether the caller has given up waiting.
    """

    work: Callable[[apsw.Connection], T]
    done: trio.Event = attrs.field(factory=trio.Event)
    is_started: bool = False
    is_withdrawn: bool = False
    _value: T | None = None
    _error: Exception | None = None

    @property
    def is_pending(self) -> bool:
        """Whether a result is still to come."""
        return not (self.is_withdrawn or self.done.is_set())

    def start(self) -> bool:
        """Mark the job as started, or return False if it was withdrawn."""
        self.is_started = not self.is_withdrawn
        return self.is_started

    def withdraw(self) -> bool:
        """Withdraw the job, or return False if it was started."""
        self.is_withdrawn = not self.is_started
        return self.is_withdrawn

    def answer(self, value: T | None, error: Exception | None) -> None:
        """Set the result, or the error to raise."""
        self._value, self._error = value, error
        self.done.set()

    async def wait_done(self) -> T:
        """Wait for the result, and return or raise it."""
        await self.done.wait()
        if self._error is not None:
            raise self._error
        return self._value  # type: ignore[return-value]


@attrs.frozen
class Outcome:
    """Result of one job, valid once its batch is committed."""

    value: Any = None
    error: Exception | None = None


def _seconds() -> Histogram:
    return Histogram(SECONDS)


def _sizes() -> Histogram:
    return Histogram(SIZES)


@attrs.define(eq=False)
class Writer:
    """Queues jobs of all tasks and commits them in batches.

    Mutable state: the queue, bounded by `QUEUE_JOBS`; the newest queued probe; the
    counters; the identity of the files written to, and the error once they are gone.
    """

    _connection: DatabaseThread
    _write_seconds: float = WRITE_SECONDS
    _send: trio.MemorySendChannel[Job[Any]] = attrs.field(init=False)
    _receive: trio.MemoryReceiveChannel[Job[Any]] = attrs.field(init=False)
    _scope: trio.CancelScope = attrs.field(init=False, repr=False)
    _batches: int = attrs.field(default=0, init=False)
    _jobs: int = attrs.field(default=0, init=False)
    _commit_seconds: Histogram = attrs.field(init=False, factory=_seconds)
    _batch_jobs: Histogram = attrs.field(init=False, factory=_sizes)
    _files: Identity | None = attrs.field(default=None, init=False, repr=False)
    _lost_reason: str = attrs.field(default="", init=False, repr=False)
    _probe: Job[None] | None = attrs.field(default=None, init=False, repr=False)
    _must_truncate: bool = attrs.field(default=False, init=False, repr=False)

    def __attrs_post_init__(self) -> None:
        channel = trio.open_memory_channel[Job[Any]](QUEUE_JOBS)
        self._send, self._receive = channel
        self._scope = trio.CancelScope(shield=True)

    def statistics(self) -> WriterStatistics:
        """Return the counters so far and the length of the queue."""
        waiting = self._receive.statistics().current_buffer_used
        return WriterStatistics(
            self._batches,
            self._jobs,
            waiting,
            commit_seconds=self._commit_seconds.statistics(),
            batch_jobs=self._batch_jobs.statistics(),
        )

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

    async def probe(self) -> None:
        """Make one durable write without content.

        At most one probe is queued; concurrent callers share it. Otherwise probes of
        callers that timed out would fill the queue behind a hung disk.

        Raises:
            StoreError: The write failed; see :meth:`write`.
        """
        if self._probe is None or not self._probe.is_pending:
            self._probe = self._queue(write_probe)
        await self._wait(self._probe)

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

    def _queue(self, work: Callable[[apsw.Connection], T]) -> Job[T]:
        if self._lost_reason:
            raise Corrupt(self._lost_reason)
        job = Job(work)
        try:
            self._send.send_nowait(job)
        except trio.WouldBlock:
            raise Refused(f"{QUEUE_JOBS} writes are waiting already") from None
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            raise Refused("the store is closed") from None
        return job

    async def _wait(self, job: Job[T]) -> T:
        with trio.move_on_after(self._write_seconds):
            return await job.wait_done()
        if job.withdraw():
            raise Refused(f"no turn to write came within {self._write_seconds:g} s")
        # No deadline: the transaction is running, and its outcome is unknown until it
        # ends. SQLite's busy timeout and the disk bound it; the writer answers every
        # started job, even when it is cancelled itself.
        return await job.wait_done()

    async def run(self) -> None:
        """Commit jobs until closed, then drain the queue.

        Shielded from cancellation: it ends by :meth:`close`, which its owner always
        calls. Jobs still queued at the deadline of `close` are refused.
        """
        with self._scope, self._receive:
            try:
                async for job in self._receive:
                    await self._write_batch(self._take_queued(job))
            finally:
                while left := self._take_queued():
                    _answer_all(left, Refused("the store is closed"))

    def close(self) -> None:
        """Refuse new jobs; queued ones have `CLOSE_SECONDS` left."""
        self._send.close()
        self._scope.deadline = min(
            self._scope.deadline, trio.current_time() + CLOSE_SECONDS
        )

    def _take_queued(self, *first: Job[Any]) -> list[Job[Any]]:
        """Start `first` and queued jobs, up to a batch; skip withdrawn ones."""
        jobs = [job for job in first if job.start()]
        while len(jobs) < BATCH_JOBS:
            try:
                job = self._receive.receive_nowait()
            except (trio.WouldBlock, trio.EndOfChannel):
                break
            if job.start():
                jobs.append(job)
        return jobs

    async def _write_batch(self, jobs: Sequence[Job[Any]]) -> None:
        if not jobs:
            return  # all were withdrawn
        works, began = [job.work for job in jobs], trio.current_time()
        try:
            outcomes = await self._connection.run(self._transact, works)
        except trio.Cancelled:
            # The deadline of `close` has passed. COMMIT may have run already.
            _answer_all(jobs, Unknown("the store was closed in the middle of it"))
            raise
        except Exception as error:  # noqa: BLE001 - raised again in each caller
            outcomes = [Outcome(error=_copied(error)) for _ in jobs]
        self._batches += 1
        self._jobs += len(jobs)
        self._commit_seconds.observe(trio.current_time() - began)
        self._batch_jobs.observe(len(jobs))
        for job, outcome in zip(jobs, outcomes, strict=True):
            job.answer(outcome.value, outcome.error)

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
    writer = Writer(connection, write_seconds)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(writer.run)
        try:
            yield writer
        finally:
            writer.close()


def _answer_all(jobs: Sequence[Job[Any]], error: Exception) -> None:
    for job in jobs:
        job.answer(None, _copied(error))


def _copied(error: Exception) -> Exception:
    """Copy an error, one for each task that raises it: tracebacks must not mix."""
    copied = copy.copy(error)
    copied.__cause__ = error
    return copied


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

    Raises:
        Unknown: The disk failed during COMMIT; the batch may have been applied.
        apsw.Error: Nothing was applied.
    """
    try:
        connection.execute("BEGIN IMMEDIATE")
        outcomes = [_run_in_savepoint(connection, work) for work in works]
        _commit(connection)
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
    assert not connection.in_transaction
    return outcomes


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
