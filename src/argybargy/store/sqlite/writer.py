"""The one writer. Whatever is queued when it looks becomes one transaction.

Rules for whoever edits this file:

1. A requester that is cancelled loses its answer, never half of its write: the work
   is done by the writer's task, which nothing outside can cancel.
2. After every batch the connection is outside any transaction, whatever happened.
3. A job that fails takes nothing of the other jobs with it, unless SQLite itself has
   given up the transaction; then all of them failed, and none was applied.
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
from argybargy.system.histogram import SECONDS, SIZES, Histogram

T = TypeVar("T")

QUEUE_JOBS: Final = 1_024
BATCH_JOBS: Final = 256
WRITE_SECONDS: Final = 30.0
"""How long a job waits for its turn. Longer than any batch that still makes progress:
only behind a hung disk is it given up."""


@attrs.define(eq=False)
class Job(Generic[T]):
    """One piece of writing, and the slot for its answer.

    It is queued, and then either started by the writer or withdrawn by whoever
    asked for it, never both: the two run on one thread, and neither awaits.

    Attributes:
        work: What to do inside the transaction.
        done: Set once the answer is there.
        is_started: Whether the writer has taken it up; then it will be answered.
        is_withdrawn: Whether nobody wants it any more.
    """

    work: Callable[[apsw.Connection], T]
    done: trio.Event = attrs.field(factory=trio.Event)
    is_started: bool = False
    is_withdrawn: bool = False
    _value: T | None = None
    _error: Exception | None = None

    @property
    def is_pending(self) -> bool:
        """Whether an answer is still to come."""
        return not (self.is_withdrawn or self.done.is_set())

    def start(self) -> bool:
        """Take the job up, or return False when it was withdrawn."""
        self.is_started = not self.is_withdrawn
        return self.is_started

    def withdraw(self) -> bool:
        """Take the job back, or return False when it was started."""
        self.is_withdrawn = not self.is_started
        return self.is_withdrawn

    def answer(self, value: T | None, error: Exception | None) -> None:
        """Say how it went."""
        self._value, self._error = value, error
        self.done.set()

    async def wait_done(self) -> T:
        """Wait for the answer, and return or raise it."""
        await self.done.wait()
        if self._error is not None:
            raise self._error
        return self._value  # type: ignore[return-value]


@attrs.frozen
class Outcome:
    """How one job of a batch went, provided that the batch is committed."""

    value: Any = None
    error: Exception | None = None


def _seconds() -> Histogram:
    return Histogram(SECONDS)


def _sizes() -> Histogram:
    return Histogram(SIZES)


@attrs.define(eq=False)
class Writer:
    """Takes jobs from everybody and commits them together.

    Mutable state: the queue, bounded by `QUEUE_JOBS`, the newest probe in it, the
    counters, and which files it has written to, or how it lost them.
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
    _loss: str = attrs.field(default="", init=False, repr=False)
    _probe: Job[None] | None = attrs.field(default=None, init=False, repr=False)

    def __attrs_post_init__(self) -> None:
        channel = trio.open_memory_channel[Job[Any]](QUEUE_JOBS)
        self._send, self._receive = channel
        self._scope = trio.CancelScope(shield=True)

    def statistics(self) -> WriterStatistics:
        """Count batches and jobs so far, and the jobs that wait."""
        waiting = self._receive.statistics().current_buffer_used
        return WriterStatistics(
            self._batches,
            self._jobs,
            waiting,
            commit_seconds=self._commit_seconds.statistics(),
            batch_jobs=self._batch_jobs.statistics(),
        )

    async def write(self, work: Callable[[apsw.Connection], T]) -> T:
        """Run `work` in a transaction; return once it is on the disk.

        Cancelled, it loses the answer only: the work is done or not, never half.

        Args:
            work: Called in the writer's thread. What it raises is raised here, and
                what it wrote is undone.

        Raises:
            Refused: Certainly not applied: the queue is full, the store is closed,
                its turn did not come within `WRITE_SECONDS`, or SQLite refused.
            Unknown: The disk failed in the act of committing, or the store was
                closed and its last batch cut short.
            Corrupt: The database was taken away or is damaged. Not applied.
        """
        return await self._wait(self._queue(work))

    async def probe(self) -> None:
        """Make a write that means nothing, to know that one succeeds.

        One at a time is queued, and whoever asks meanwhile waits for that: behind a
        hung disk, those who went away must not fill the queue.

        Raises:
            StoreError: It did not succeed; see :meth:`write`.
        """
        if self._probe is None or not self._probe.is_pending:
            self._probe = self._queue(write_probe)
        await self._wait(self._probe)

    def _queue(self, work: Callable[[apsw.Connection], T]) -> Job[T]:
        if self._loss:
            raise Corrupt(self._loss)
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
        # No deadline: the transaction is under way, and nobody can say how it ends
        # before it has. SQLite's busy timeout and the disk bound it; the writer
        # answers whatever it has started, even when it is cut short.
        return await job.wait_done()

    async def run(self) -> None:
        """Write until closed, then finish what is queued.

        Shielded: it ends by :meth:`close`, which its owner always calls. Whatever
        is still queued when it is cut short is refused.
        """
        with self._scope, self._receive:
            try:
                async for job in self._receive:
                    await self._write_batch(self._take_queued(job))
            finally:
                while left := self._take_queued():
                    _answer_all(left, Refused("the store is closed"))

    def close(self) -> None:
        """Take no more jobs; those queued have `CLOSE_SECONDS` left."""
        self._send.close()
        self._scope.deadline = min(
            self._scope.deadline, trio.current_time() + CLOSE_SECONDS
        )

    def _take_queued(self, *first: Job[Any]) -> list[Job[Any]]:
        """Start what is queued, after `first`; what was withdrawn is skipped."""
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
            return  # all of them withdrawn
        works, began = [job.work for job in jobs], trio.current_time()
        try:
            outcomes = await self._connection.run(self._transact, works)
        except trio.Cancelled:
            _answer_all(jobs, Unknown("the store was closed in the middle of it"))
            raise
        except Exception as error:  # noqa: BLE001 - raised again, by each requester
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
        """Run a transaction, if it would get where the next start looks for it.

        SQLite writes on to a file that was deleted, and nobody would notice.
        """
        names = connection.filename, connection.filename_wal
        if self._files not in {None, identify(*names)}:
            self._loss = _save_what_is_left(connection)
            raise Corrupt(self._loss)
        outcomes = run_transaction(connection, works)
        self._files = self._files or identify(*names)
        return outcomes


@contextlib.asynccontextmanager
async def open_writer(
    connection: DatabaseThread, write_seconds: float = WRITE_SECONDS
) -> AsyncIterator[Writer]:
    """Run a writer while the block runs; then let it finish what is queued.

    Args:
        connection: What it writes to; nobody else uses it meanwhile.
        write_seconds: How long a job waits for its turn before it is withdrawn.
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
    """Make one exception per task: a raised one collects the traceback of its task."""
    copied = copy.copy(error)
    copied.__cause__ = error
    return copied


def _save_what_is_left(connection: apsw.Connection) -> str:
    """Copy the log, which may exist for us alone, into the database; say what is so."""
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
        Unknown: The disk failed in the act of committing.
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
            raise  # SQLite has rolled everything back
        connection.execute("ROLLBACK TO job")
        outcome = Outcome(error=translate(error))
    connection.execute("RELEASE job")
    return outcome


def _commit(connection: apsw.Connection) -> None:
    try:
        connection.execute("COMMIT")
    except (apsw.IOError, apsw.NoMemError) as error:
        # SQLite has taken it back, but the log may hold it, and whoever reads the log
        # after a crash would find it there.
        _write_over(connection, error)
        raise


def _write_over(connection: apsw.Connection, error: Exception) -> None:
    """Put another transaction where one that failed at COMMIT may lie in the log.

    On the same connection: it knows where the log ended before.

    Raises:
        Unknown: That failed as well; a crash now may bring the first one back.
    """
    try:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        write_probe(connection)
    except apsw.Error:
        raise Unknown(f"{type(error).__name__} at COMMIT: {error}") from error


def write_probe(connection: apsw.Connection) -> None:
    """Make a real write that means nothing."""
    connection.execute("UPDATE probes SET times = times + 1")
