"""Group commit: one task commits the queued writes of all rooms in one transaction.

Invariants:

1. Rooms are locked in the order of their names, then the directory, so that two nodes
   never wait for each other. A commit that counts the rooms, and other writes, are
   transactions of their own.
2. What failed before COMMIT was sent was not applied. If the connection is lost after
   that, the outcome is unknown.
"""

import contextlib
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any, Final, TypeVar

import psycopg
import trio
from typing_extensions import override

from argybargy.store.errors import Refused, RoomQuotaFull, StoreError, Unknown
from argybargy.store.postgres.connection import Connection, Link
from argybargy.store.postgres.errors import first_line, lost_connection
from argybargy.store.postgres.tables.nodes import count_change
from argybargy.store.postgres.tables.rooms import count_spoken
from argybargy.store.write_queue import Job, WriteQueue, fail_all, ignore
from argybargy.system.values import define, frozen

T = TypeVar("T")

APPLIED: Final = "applied"
"""The outcome of a commit that was not in conflict."""
_CALL: Final = "SELECT * FROM ab_commit_1(%s, %s, %s, %s, %s)"
_QUOTA_LOCK: Final = 0x617267_71  # "argq"


@frozen
class RoomWrite:
    """A commit to a room.

    Attributes:
        key: The room; rooms are committed in the order of their keys.
        parameters: The parameters of the function ``ab_commit_1``.
        clears_access: Whether it deletes codes, invites and hooks: the directory.
        most_rooms: The most rooms with messages that there may be; 0 for any number.
    """

    key: str
    parameters: tuple[str, int, str, bytes, bool]
    clears_access: bool = False
    most_rooms: int = 0


Work = RoomWrite | Callable[[Connection], Any]


@define
class _Progress:
    """The state of a transaction, set in the worker thread.

    Attributes:
        is_committing: Whether COMMIT may have been sent. It is set before, so that it
            is true for every transaction that may have been applied.
    """

    is_committing: bool = False


@define(eq=False)
class Writer(WriteQueue[Work]):
    """Commits the queued writes to rooms in one transaction, and others one by one."""

    _link: Link

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
        applied: Callable[[T], None] = ignore,
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

    @override
    def _make_probe(self) -> Work:
        return _write_probe

    @override
    async def _commit_batch(self, jobs: Sequence[Job[Work, Any]]) -> None:
        rooms = [job for job in jobs if isinstance(job.work, RoomWrite)]
        rooms.sort(key=_room_of)
        try:
            grouped = [job for job in rooms if not _counts_rooms(job)]
            if grouped:
                await self._write_rooms(grouped)
            for job in rooms:
                if _counts_rooms(job):
                    await self._write_rooms([job])
            for job in jobs:
                if not isinstance(job.work, RoomWrite):
                    await self._write_one(job, job.work)
        finally:
            left = [job for job in jobs if not job.done.is_set()]
            fail_all(left, Refused("the store is closed"))

    async def _write_rooms(self, jobs: Sequence[Job[Work, Any]]) -> None:
        """Commit to rooms in one transaction; if it fails, in one for each."""
        writes = [job.work for job in jobs if isinstance(job.work, RoomWrite)]
        try:
            rows = await self._transact(commit_rooms, writes, jobs=jobs)
        except Unknown as error:
            fail_all(jobs, error)
        except Exception as error:  # noqa: BLE001 - raised again in each caller
            if len(jobs) == 1 or _is_hopeless(error):
                fail_all(jobs, error)
                return
            for job in jobs:
                await self._write_rooms([job])
        else:
            for job, row in zip(jobs, rows, strict=True):
                job.succeed(row)

    async def _write_one(
        self, job: Job[Work, Any], work: Callable[[Connection], Any]
    ) -> None:
        try:
            value = await self._transact(work, jobs=[job])
        except Exception as error:  # noqa: BLE001 - raised again in the caller
            fail_all([job], error)
        else:
            job.succeed(value)

    async def _transact(
        self,
        work: Callable[..., T],
        *args: Any,  # noqa: ANN401 - of any work
        jobs: Sequence[Job[Work, Any]],
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
                fail_all(jobs, Unknown("the store was closed in the middle of it"))
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


def _room_of(job: Job[Work, Any]) -> str:
    assert isinstance(job.work, RoomWrite)
    return job.work.key


def _counts_rooms(job: Job[Work, Any]) -> bool:
    assert isinstance(job.work, RoomWrite)
    return job.work.most_rooms > 0


def _is_hopeless(error: Exception) -> bool:
    """Tell whether the same would happen to each write alone."""
    cause = error.__cause__
    is_refused = isinstance(error, StoreError)
    if isinstance(cause, psycopg.Error):
        return is_refused and (lost_connection(cause) or cause.sqlstate != "40P01")
    return is_refused


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
    # `is_committing` stays true: a caller that gives up before it has this result
    # cannot know that the commit succeeded.
    return result


def commit_rooms(
    connection: Connection, writes: Sequence[RoomWrite]
) -> list[tuple[Any, ...]]:
    """Commit to rooms, in one round trip; return a row for each.

    Raises:
        RoomQuotaFull: It is one commit, and too many other rooms have messages.
    """
    if len(writes) == 1:
        rows = [_commit_room(connection, writes[0])]
    else:
        with connection.pipeline():
            cursors = [
                connection.execute(_CALL, write.parameters, prepare=True)
                for write in writes
            ]
            rows = [_row(cursor) for cursor in cursors]
    if any(
        write.clears_access and row[0] == APPLIED
        for write, row in zip(writes, rows, strict=True)
    ):
        count_change(connection)
    return rows


def _commit_room(connection: Connection, write: RoomWrite) -> tuple[Any, ...]:
    if write.most_rooms:
        # Before the room: of two that take the last place, one waits for the other.
        connection.execute("SELECT pg_advisory_xact_lock(%s)", (_QUOTA_LOCK,))
    row = _row(connection.execute(_CALL, write.parameters, prepare=True))
    if write.most_rooms and row[0] == APPLIED:
        others = count_spoken(connection, write.key)
        if others >= write.most_rooms:
            raise RoomQuotaFull(f"{write.most_rooms} other rooms have messages")
    return row


def _row(cursor: psycopg.Cursor[tuple[Any, ...]]) -> tuple[Any, ...]:
    row = cursor.fetchone()
    assert row is not None, "a function with OUT parameters returns one row"
    return row


def _write_probe(connection: Connection) -> None:
    connection.execute("UPDATE probes SET times = times + 1")
