"""Full-text index over all messages, in a file of its own beside the database.

Invariants:

1. The index is derived data: on any error the file is deleted and rebuilt.
2. Nothing here writes to the database or locks it. ``BEGIN IMMEDIATE`` would, since it
   locks attached databases too. No post waits for the index or fails because of it.
3. A search catches up first, so that it finds every earlier message. Housekeeping
   catches up as well, which leaves little for the search to do.

Indexing inside the transaction of a post was measured to add half the cost of the post;
catching up later adds nothing.
"""

import contextlib
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Concatenate, Final, ParamSpec, TypeVar

import apsw
import attrs
import trio

from argybargy.store.corruption import CorruptionSignal
from argybargy.store.errors import Corrupt, Refused, StoreError
from argybargy.store.reader_pool import READ_SECONDS
from argybargy.store.sqlite.connection import CLOSE_SECONDS, DatabaseThread, Role
from argybargy.store.sqlite.errors import RETRY_SECONDS
from argybargy.store.sqlite.readers import snapshot
from argybargy.store.sqlite.schema import check_integrity
from argybargy.store.sqlite.search.index_tables import (
    PIECE_ROWS,
    delete_entries,
    delete_orphans,
    index_piece,
    index_readdressed,
    merge,
    prepare,
)
from argybargy.store.sqlite.wal import truncate_wal
from argybargy.system.files import make_private_file
from argybargy.system.values import define

P = ParamSpec("P")
T = TypeVar("T")

INDEX_NAME: Final = "search.db"
MERGE_PAGES: Final = 500
"""Pages written in one step of :meth:`Index.scrub`; a step takes about 0.1 s."""
KEEP_UP_SECONDS: Final = 1.0
"""Deadline of housekeeping on the index, including the wait for its lock."""


@define(eq=False)
class Index:
    """Full-text index of a database; one user at a time, in order of arrival.

    Mutable state: the connection, the file, and whether the file may have orphans,
    which are entries of deleted messages.
    """

    _connection: DatabaseThread
    _database: Path
    _corruption: CorruptionSignal
    _turn: trio.Lock = attrs.field(factory=trio.Lock, repr=False)
    _has_orphans: bool = False

    @property
    def path(self) -> Path:
        """Path of the index file."""
        return self._connection.path

    async def read(
        self,
        work: Callable[Concatenate[apsw.Connection, P], T],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        """Catch up, then call ``work(connection, ...)`` in one snapshot.

        The database is attached as ``relay``: `work` can join its tables.

        Raises:
            Refused: SQLite refused, or `READ_SECONDS` ran out. The pieces indexed by
                then are kept, so that the next search has less to do.
        """
        with trio.move_on_after(READ_SECONDS):
            await self.catch_up()
            return await self._run(snapshot, work, *args, **kwargs)
        raise Refused(f"searching took over {READ_SECONDS:.0f} s", RETRY_SECONDS)

    async def make_ready(self) -> None:
        """Open and check the index, however long that takes.

        It takes as long as the index is large, 4 to 7 seconds with two million
        messages, and begins anew after an interruption. So housekeeping does it,
        without a deadline: no search would ever get that far within its own.

        Raises:
            Refused: The index cannot be written now.
        """
        await self._run(_do_nothing)

    async def catch_up(self) -> None:
        """Index the messages posted since the last call, in bounded pieces.

        Raises:
            Refused: The index cannot be written now.
        """
        while await self._run(index_piece):
            pass
        while await self._run(index_readdressed):
            pass

    async def keep_up(self, deleted: Sequence[int]) -> None:
        """Drop deleted messages, by id, and catch up.

        Opens the index first, see :meth:`make_ready`. Then it stops after
        `KEEP_UP_SECONDS`, since searches may hold the index. The next call drops the
        remaining messages, which no search finds meanwhile.

        Raises:
            Refused: The index cannot be written now.
        """
        await self._drop(deleted, catches_up=True)

    async def drop(self, deleted: Sequence[int]) -> None:
        """Drop deleted messages, by id; otherwise as :meth:`keep_up`.

        Catching up between two pieces of a deleted room would index messages that the
        next piece deletes.
        """
        await self._drop(deleted, catches_up=False)

    async def _drop(self, deleted: Sequence[int], *, catches_up: bool) -> None:
        # Until this call completes, some of `deleted` may remain as orphans.
        has_orphans, self._has_orphans = self._has_orphans, True
        if not self._connection.is_open:
            await self.make_ready()
        with trio.move_on_after(KEEP_UP_SECONDS):
            for start in range(0, 0 if has_orphans else len(deleted), PIECE_ROWS):
                await self._run(delete_entries, deleted[start : start + PIECE_ROWS])
            while has_orphans and await self._run(delete_orphans):
                pass
            self._has_orphans = False
            if catches_up:
                await self.catch_up()

    async def scrub(self) -> None:
        """Remove the words of deleted messages from the file, in bounded pieces.

        A deleted entry is only marked as such, and its words stay in the file until
        FTS5 merges the part of the index that they are in. Merging all parts takes
        time in proportion to the index; searches get their turn between two steps.

        Raises:
            Refused: The index cannot be written now.
        """
        while await self._run(delete_orphans):
            pass
        pages = -MERGE_PAGES  # negative: begin to merge all parts; then go on
        while await self._run(merge, pages):
            pages = MERGE_PAGES
        await self._run(truncate_wal)

    async def _run(
        self,
        work: Callable[Concatenate[apsw.Connection, P], T],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        async with self._turn:
            with contextlib.suppress(Corrupt, apsw.SQLError):
                return await self._work(work, *args, **kwargs)
            # Damaged, outdated or of another database: rebuild it.
            await self._delete_files()
            try:
                return await self._work(work, *args, **kwargs)
            except (Corrupt, apsw.SQLError) as error:
                failure = error
            # Outside the handler: cancelled in it, the check would hide the failure.
            await self._check_database()
            raise Refused(f"no index: {failure}", RETRY_SECONDS) from failure

    async def _check_database(self) -> None:
        """Check the attached database, which may be the damaged one.

        Raises:
            Corrupt: The database is damaged.
        """
        connection = DatabaseThread(self._database, Role.READER, self._corruption)
        try:
            await connection.run(check_integrity, self._database)
        finally:
            await connection.aclose()

    async def _work(
        self,
        work: Callable[Concatenate[apsw.Connection, P], T],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        if not self._connection.is_open:
            await self._open()
        return await self._connection.run(work, *args, **kwargs)

    async def _open(self) -> None:
        _make_file(self.path)
        try:
            await self._connection.run(prepare, self._database)
        except BaseException:
            # An open connection must be a prepared one: `_work` relies on it.
            await self._connection.aclose()
            raise

    async def _delete_files(self) -> None:
        await self._connection.aclose()
        for suffix in ("", "-wal", "-shm"):
            self.path.with_name(self.path.name + suffix).unlink(missing_ok=True)

    async def aclose(self) -> None:
        """Close the index. No search may be in progress."""
        if self._connection.is_open:
            with contextlib.suppress(StoreError), trio.move_on_after(CLOSE_SECONDS):
                await self._connection.run(truncate_wal)
        await self._connection.aclose()


@contextlib.asynccontextmanager
async def open_index(
    database: Path, corruption: CorruptionSignal
) -> AsyncIterator[Index]:
    """Open the index of a database while the block runs.

    The file is opened on first use, and created if missing.

    Args:
        database: Path of the indexed database.
        corruption: Receives damage of the database. Damage of the index is repaired
            and not reported.
    """
    path = database.with_name(INDEX_NAME)
    index = Index(DatabaseThread(path, Role.INDEX), database, corruption)
    try:
        yield index
    finally:
        with trio.CancelScope(shield=True):  # `aclose` has deadlines of its own
            await index.aclose()


def _do_nothing(_connection: apsw.Connection) -> None:
    """Do nothing: to open the index is all that is wanted."""


def _make_file(path: Path) -> None:
    try:
        make_private_file(path)
    except OSError as error:
        raise Refused(f"{path} cannot be used: {error}", RETRY_SECONDS) from error
