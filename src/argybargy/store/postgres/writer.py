"""Group commit: one task commits the queued writes of all rooms in one transaction.

Invariants:

1. Cancelling a caller discards its result, never part of its write: the job runs in the
   writer's task, which is shielded.
2. Rooms are locked in the order of their names, so that two nodes never wait for each
   other. Other writes are transactions of their own, after the rooms.
3. What failed before COMMIT was sent was not applied. If the connection is lost after
   that, the outcome is unknown.
"""

import contextlib
import copy
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any, Final, Generic, TypeVar

import attrs
import psycopg
import trio

from argybargy.store.errors import Refused, StoreError, Unknown
from argybargy.store.postgres.connection import Connection, Link
from argybargy.store.postgres.errors import first_line, lost_connection
from argybargy.store.protocol import WriterStatistics
from argybargy.system.histogram import SECONDS, SIZES, Histogram

T = TypeVar("T")

QUEUE_JOBS: Final = 1_024
"""Jobs that may wait; further ones are refused."""
BATCH_JOBS: Final = 256
"""Jobs taken from the queue at once."""
WRITE_SECONDS: Final = 30.0
"""Longest wait in the queue; only a server that does not answer lets it run out."""
CLOSE_SECONDS: Final = 5.0
"""Time that queued jobs have when the store is closed."""
_CALL: Final = "SELECT * FROM ab_commit_1(%s, %s, %s, %s, %s)"


@attrs.frozen
class RoomWrite:
    """A commit to a room.

    Attributes:
        key: The room; rooms are committed in the order of their keys.
        parameters: The parameters of the function ``ab_commit_1``.
    """

    key: str
    parameters: tuple[str, int, str, bytes, bool]


Work = RoomWrite | Callable[[Connection], Any]


@attrs.define(eq=False)
class _Job(Generic[T]):
    """A queued write and the slot for its result.

    A queued job is either started by the writer or withdrawn by its caller, never
    both: both steps run in the event loop's thread without awaiting.

    Attributes:
        work: What to write.
        applied: Called with the result, even if the caller was cancelled.
        done: Set when the result is available.
        is_started: Whether the writer has taken the job; then a result will follow.
        is_withdrawn: Whether the caller has given up waiting.
    """

    work: Work
    applied: Callable[[T], None]
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

    def succeed(self, value: T) -> None:
        """Set the result."""
        self._value = value
        self.applied(value)
        self.done.set()

    def fail(self, error: Exception) -> None:
        """Set the error to raise: a copy, since several tasks may raise it."""
        self._error = copy.copy(error)
        self._error.__cause__ = error
        self.done.set()

    async def wait_done(self) -> T:
        """Wait for the result, and return or raise it."""
        await self.done.wait()
        if self._error is not None:
            raise self._error
        return self._value  # type: ignore[return-value]


@attrs.define
class _Progress:
    """The state of a transaction, set in the worker thread.

    Attributes:
        is_committing: Whether COMMIT may have been sent. It is set before, so that it
            is true for every transaction that may have been applied.
    """

    is_committing: bool = False


def _seconds() -> Histogram:
    return Histogram(SECONDS)


def _sizes() -> Histogram:
    return Histogram(SIZES)


def _ignore(_value: object) -> None:
    """Do nothing with a result."""


@attrs.define(eq=False)
class Writer:
    """Queues writes of all tasks and commits them in batches.

    Mutable state: the queue, bounded by `QUEUE_JOBS`; the newest queued probe; the
    counters.
    """

    _link: Link
    _send: trio.MemorySendChannel[_Job[Any]] = attrs.field(init=False)
    _receive: trio.MemoryReceiveChannel[_Job[Any]] = attrs.field(init=False)
    _scope: trio.CancelScope = attrs.field(init=False, repr=False)
    _batches: int = attrs.field(default=0, init=False)
    _jobs: int = attrs.field(default=0, init=False)
    _commit_seconds: Histogram = attrs.field(init=False, factory=_seconds)
    _batch_jobs: Histogram = attrs.field(init=False, factory=_sizes)
    _probe: _Job[None] | None = attrs.field(default=None, init=False, repr=False)

    def __attrs_post_init__(self) -> None:
        channel = trio.open_memory_channel[_Job[Any]](QUEUE_JOBS)
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

    async def commit(
        self, write: RoomWrite, applied: Callable[[Any], None]
    ) -> tuple[Any, ...]:
        """Commit to a room; return the row of ``ab_commit_1`` once it is durable.

        If the caller is cancelled, the write is still applied completely or not at all.

        Args:
            write: The commit.
            applied: Called with the row in any case, before it is returned.

        Raises:
            Refused: Not applied.
            Unknown: May have been applied.
        """
        job = self._queue(write, applied)
        row: tuple[Any, ...] = await self._wait(job)
        return row

    async def write(
        self,
        work: Callable[[Connection], T],
        applied: Callable[[T], None] = _ignore,
    ) -> T:
        """Run `work` in a transaction and return its result once that is durable.

        Args:
            work: Called in a worker thread. Its exception is raised here, and its
                writes are rolled back.
            applied: Called with the result, even if the caller was cancelled.

        Raises:
            Refused: Not applied.
            Unknown: May have been applied.
        """
        return await self._wait(self._queue(work, applied))

    async def probe(self) -> None:
        """Make one durable write without content. Concurrent callers share one.

        Raises:
            StoreError: The write failed; see :meth:`write`.
        """
        if self._probe is None or not self._probe.is_pending:
            self._probe = self._queue(_write_probe, _ignore)
        await self._wait(self._probe)

    def _queue(self, work: Work, applied: Callable[[Any], None]) -> _Job[Any]:
        job = _Job[Any](work, applied)
        try:
            self._send.send_nowait(job)
        except trio.WouldBlock:
            raise Refused(f"{QUEUE_JOBS} writes are waiting already") from None
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            raise Refused("the store is closed") from None
        return job

    @staticmethod
    async def _wait(job: _Job[T]) -> T:
        with trio.move_on_after(WRITE_SECONDS):
            return await job.wait_done()
        if job.withdraw():
            raise Refused(f"no turn to write came within {WRITE_SECONDS:g} s")
        # No deadline of its own: each call to the server has one.
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
                    _fail_all(left, Refused("the store is closed"))

    def close(self) -> None:
        """Refuse new jobs; queued ones have `CLOSE_SECONDS` left."""
        self._send.close()
        self._scope.deadline = min(
            self._scope.deadline, trio.current_time() + CLOSE_SECONDS
        )

    def _take_queued(self, *first: _Job[Any]) -> list[_Job[Any]]:
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

    async def _write_batch(self, jobs: Sequence[_Job[Any]]) -> None:
        if not jobs:
            return  # all were withdrawn
        began = trio.current_time()
        rooms = [job for job in jobs if isinstance(job.work, RoomWrite)]
        rooms.sort(key=_room_of)
        try:
            if rooms:
                await self._write_rooms(rooms)
            for job in jobs:
                if not isinstance(job.work, RoomWrite):
                    await self._write_one(job, job.work)
        finally:
            left = [job for job in jobs if not job.done.is_set()]
            _fail_all(left, Refused("the store is closed"))
        self._batches += 1
        self._jobs += len(jobs)
        self._commit_seconds.observe(trio.current_time() - began)
        self._batch_jobs.observe(len(jobs))

    async def _write_rooms(self, jobs: Sequence[_Job[Any]]) -> None:
        """Commit to rooms in one transaction; if it fails, in one for each."""
        writes = [job.work for job in jobs if isinstance(job.work, RoomWrite)]
        try:
            rows = await self._transact(commit_rooms, writes, jobs=jobs)
        except Unknown as error:
            _fail_all(jobs, error)
        except Exception as error:  # noqa: BLE001 - raised again in each caller
            if len(jobs) == 1 or _is_hopeless(error):
                _fail_all(jobs, error)
                return
            for job in jobs:
                await self._write_rooms([job])
        else:
            for job, row in zip(jobs, rows, strict=True):
                job.succeed(row)

    async def _write_one(
        self, job: _Job[Any], work: Callable[[Connection], Any]
    ) -> None:
        try:
            value = await self._transact(work, jobs=[job])
        except Exception as error:  # noqa: BLE001 - raised again in the caller
            job.fail(error)
        else:
            job.succeed(value)

    async def _transact(
        self,
        work: Callable[..., T],
        *args: Any,  # noqa: ANN401 - of any work
        jobs: Sequence[_Job[Any]],
    ) -> T:
        """Run `work` in a transaction.

        Raises:
            Unknown: The connection was lost after COMMIT was sent.
            Exception: Nothing was applied.
        """
        progress = _Progress()
        try:
            return await self._link.run(run_transaction, progress, work, *args)
        except trio.Cancelled:
            # The deadline of `close` has passed, and the connection is cut.
            if progress.is_committing:
                _fail_all(jobs, Unknown("the store was closed in the middle of it"))
            raise
        except Refused as error:
            if progress.is_committing:
                raise Unknown(str(error)) from error
            raise


@contextlib.asynccontextmanager
async def open_writer(link: Link) -> AsyncIterator[Writer]:
    """Run a writer while the block runs; then drain its queue.

    Args:
        link: The connection to write to, used by the writer alone.
    """
    writer = Writer(link)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(writer.run)
        try:
            yield writer
        finally:
            writer.close()


def _room_of(job: _Job[Any]) -> str:
    assert isinstance(job.work, RoomWrite)
    return job.work.key


def _is_hopeless(error: Exception) -> bool:
    """Tell whether the same would happen to each write alone."""
    cause = error.__cause__
    is_refused = isinstance(error, StoreError)
    if isinstance(cause, psycopg.Error):
        return is_refused and (lost_connection(cause) or cause.sqlstate != "40P01")
    return is_refused


def _fail_all(jobs: Sequence[_Job[Any]], error: Exception) -> None:
    for job in jobs:
        job.fail(error)


def run_transaction(
    connection: Connection,
    progress: _Progress,
    work: Callable[..., T],
    *args: Any,  # noqa: ANN401 - of any work
) -> T:
    """Run ``work(connection, ...)`` between BEGIN and COMMIT.

    Raises:
        Unknown: The connection was lost after COMMIT was sent.
        Exception: Nothing was applied.
    """
    connection.execute("BEGIN")
    try:
        result = work(connection, *args)
    except BaseException:
        with contextlib.suppress(psycopg.Error):  # a lost connection has rolled back
            connection.execute("ROLLBACK")
        raise
    progress.is_committing = True
    try:
        connection.execute("COMMIT")
    except psycopg.Error as error:
        if connection.closed:
            raise Unknown(f"PostgreSQL at COMMIT: {first_line(error)}") from error
        progress.is_committing = False  # the server has said no
        raise
    progress.is_committing = False
    return result


def commit_rooms(
    connection: Connection, writes: Sequence[RoomWrite]
) -> list[tuple[Any, ...]]:
    """Commit to rooms, in one round trip; return a row for each."""
    if len(writes) == 1:
        return [_row(connection.execute(_CALL, writes[0].parameters, prepare=True))]
    with connection.pipeline():
        cursors = [
            connection.execute(_CALL, write.parameters, prepare=True)
            for write in writes
        ]
        return [_row(cursor) for cursor in cursors]


def _row(cursor: psycopg.Cursor[tuple[Any, ...]]) -> tuple[Any, ...]:
    row = cursor.fetchone()
    assert row is not None, "a function with OUT parameters returns one row"
    return row


def _write_probe(connection: Connection) -> None:
    connection.execute("UPDATE probes SET times = times + 1")
