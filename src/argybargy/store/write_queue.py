"""The queue of writes that a store commits in batches.

Invariants:

1. Cancelling a caller discards its result, never part of its write: the job runs in the
   writer's task, which is shielded.
2. Every job that was started is answered, even if the writer itself is cancelled.
"""

import copy
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, Final, Generic, TypeVar

import attrs
import trio

from argybargy.store.errors import Refused
from argybargy.store.protocol import WriterStatistics
from argybargy.system.histogram import SECONDS, SIZES, Histogram
from argybargy.system.values import define

T = TypeVar("T")
W = TypeVar("W")

QUEUE_JOBS: Final = 1_024
"""Jobs that may wait; further ones are refused."""
BATCH_JOBS: Final = 256
"""Jobs taken from the queue at once."""
WRITE_SECONDS: Final = 30.0
"""Longest wait in the queue. Longer than any batch on a working disk or server: only
one that hangs lets it run out."""
CLOSE_SECONDS: Final = 5.0
"""Time that queued jobs have when the store is closed."""


def ignore(_value: object) -> None:
    """Do nothing with a result."""


@define(eq=False)
class Job(Generic[W, T]):
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

    work: W
    applied: Callable[[T], None] = ignore
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
        """Set the error to raise, of this job alone."""
        self._error = error
        self.done.set()

    async def wait_done(self) -> T:
        """Wait for the result, and return or raise it."""
        await self.done.wait()
        if self._error is not None:
            raise self._error
        return self._value  # type: ignore[return-value]


def fail_all(jobs: Sequence[Job[Any, Any]], error: Exception) -> None:
    """Set a copy of an error for each job: tracebacks of tasks must not mix."""
    for job in jobs:
        copied = copy.copy(error)
        copied.__cause__ = error
        job.fail(copied)


def _seconds() -> Histogram:
    return Histogram(SECONDS)


def _sizes() -> Histogram:
    return Histogram(SIZES)


@define(eq=False)
class WriteQueue(ABC, Generic[W]):
    """Queues the writes of all tasks; a subclass commits them in batches.

    Mutable state: the queue, bounded by `QUEUE_JOBS`; the newest queued probe; the
    counters.
    """

    _write_seconds: float = attrs.field(default=WRITE_SECONDS, kw_only=True)
    _send: trio.MemorySendChannel[Job[W, Any]] = attrs.field(init=False)
    _receive: trio.MemoryReceiveChannel[Job[W, Any]] = attrs.field(init=False)
    _scope: trio.CancelScope = attrs.field(init=False, repr=False)
    _batches: int = attrs.field(default=0, init=False)
    _jobs: int = attrs.field(default=0, init=False)
    _commit_seconds: Histogram = attrs.field(init=False, factory=_seconds)
    _batch_jobs: Histogram = attrs.field(init=False, factory=_sizes)
    _probe: Job[W, None] | None = attrs.field(default=None, init=False, repr=False)

    def __attrs_post_init__(self) -> None:
        channel = trio.open_memory_channel[Job[W, Any]](QUEUE_JOBS)
        self._send, self._receive = channel
        self._scope = trio.CancelScope(shield=True)

    @abstractmethod
    async def _commit_batch(self, jobs: Sequence[Job[W, Any]]) -> None:
        """Commit a batch of at least one job, and answer each."""

    @abstractmethod
    def _make_probe(self) -> W:
        """Return a durable write without content."""

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

    async def probe(self) -> None:
        """Make one durable write without content.

        At most one probe is queued; concurrent callers share it. Otherwise probes of
        callers that timed out would fill the queue behind a disk or server that hangs.

        Raises:
            StoreError: The write failed.
        """
        if self._probe is None or not self._probe.is_pending:
            self._probe = self._queue(self._make_probe())
        await self._wait(self._probe)

    def _queue(self, work: W, applied: Callable[[Any], None] = ignore) -> Job[W, Any]:
        job = Job[W, Any](work, applied)
        try:
            self._send.send_nowait(job)
        except trio.WouldBlock:
            raise Refused(f"{QUEUE_JOBS} writes are waiting already") from None
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            raise Refused("the store is closed") from None
        return job

    async def _wait(self, job: Job[W, T]) -> T:
        with trio.move_on_after(self._write_seconds):
            return await job.wait_done()
        if job.withdraw():
            raise Refused(f"no turn to write came within {self._write_seconds:g} s")
        # No deadline: the transaction is running, and its outcome is unknown until it
        # ends. SQLite's busy timeout and the disk bound it, or the deadlines of calls
        # to the server; a started job is answered even if the writer is cancelled.
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
                    fail_all(left, Refused("the store is closed"))

    def close(self) -> None:
        """Refuse new jobs; queued ones have `CLOSE_SECONDS` left."""
        self._send.close()
        self._scope.deadline = min(
            self._scope.deadline, trio.current_time() + CLOSE_SECONDS
        )

    def _take_queued(self, *first: Job[W, Any]) -> list[Job[W, Any]]:
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

    async def _write_batch(self, jobs: Sequence[Job[W, Any]]) -> None:
        if not jobs:
            return  # all were withdrawn
        began = trio.current_time()
        await self._commit_batch(jobs)
        self._batches += 1
        self._jobs += len(jobs)
        self._commit_seconds.observe(trio.current_time() - began)
        self._batch_jobs.observe(len(jobs))
