"""Snapshots: copies of the whole database, made while it is in use.

SQLite writes the copy from one read transaction, which does not block writers. The copy
is a private file in the data directory, opened and then unlinked: the operating system
frees it when it is closed, also if the process is killed. A copy left by a process
killed before that is deleted at the next start. Open copies occupy disk space, so their
number is bounded.
"""

import contextlib
import itertools
import weakref
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import BinaryIO, Final

import apsw
import attrs
import trio
from typing_extensions import override

from argybargy.store.corruption import CorruptionSignal
from argybargy.store.data_directory import SNAPSHOT
from argybargy.store.errors import Busy, Full, Refused
from argybargy.store.protocol import DatabaseSnapshot
from argybargy.store.sqlite.connection import DatabaseThread, Role
from argybargy.store.sqlite.errors import RETRY_SECONDS
from argybargy.system.files import make_private_file
from argybargy.system.values import define

MOST_OPEN_COPIES: Final = 2
"""Maximum number of open copies, each as large as the database."""


@define(eq=False)
class FileSnapshot(DatabaseSnapshot):
    """An open copy of the database, as an unlinked file."""

    size_bytes: int
    _file: BinaryIO = attrs.field(repr=False)
    _release: Callable[[], object] = attrs.field(repr=False)

    def __attrs_post_init__(self) -> None:
        # A client may disconnect before the response body is started; then no code
        # runs that would call `aclose`.
        self._release = weakref.finalize(self, self._release)

    @override
    async def read(self, most_bytes: int) -> bytes:
        try:
            return await trio.to_thread.run_sync(self._file.read, most_bytes)
        except OSError as error:
            raise Refused(f"the copy cannot be read: {error}") from error

    @override
    async def aclose(self) -> None:
        with trio.CancelScope(shield=True):  # fast: closes a file that was only read
            await trio.to_thread.run_sync(self._release)


@define(eq=False)
class Snapshots:
    """Makes copies of a database, one at a time.

    Mutable state: the number of the next copy, a semaphore held while one is made,
    and the numbers of the open copies.

    Attributes:
        path: The database.
        corruption: Receives damage found while copying.
    """

    path: Path
    corruption: CorruptionSignal
    _numbers: Iterator[int] = attrs.field(factory=itertools.count)
    _open: set[int] = attrs.field(factory=set)
    _making: trio.Semaphore = attrs.field(factory=lambda: trio.Semaphore(1))

    async def make(self) -> FileSnapshot:
        """Make a copy and open it; if cancelled, delete the partial copy.

        No deadline: the duration depends on the size of the database, and reads and
        writes of the relay continue meanwhile.

        Raises:
            Busy: Another copy is being made, or `MOST_OPEN_COPIES` are open.
            Refused: SQLite refused.
            Full: The disk is full.
        """
        if len(self._open) >= MOST_OPEN_COPIES:
            problem = f"{MOST_OPEN_COPIES} backups are being read"
            raise Busy(problem, RETRY_SECONDS)
        try:
            self._making.acquire_nowait()
        except trio.WouldBlock:
            raise Busy("a backup is being made", RETRY_SECONDS) from None
        try:
            return await self._make(next(self._numbers))
        except OSError as error:
            raise Full(f"no copy can be made: {error}", RETRY_SECONDS) from error
        finally:
            self._making.release()

    async def _make(self, number: int) -> FileSnapshot:
        target = self.path.with_name(f"{self.path.name}.{SNAPSHOT}{number}")
        connection = DatabaseThread(self.path, Role.COPIER, self.corruption)
        try:
            make_private_file(target)
            await connection.run(_copy, target)
            file, size_bytes = target.open("rb"), target.stat().st_size
            self._open.add(number)
            release = partial(_release, file, target, self._open, number)
            return FileSnapshot(size_bytes, file, release)
        finally:
            await connection.aclose()
            with contextlib.suppress(PermissionError):
                # Windows cannot unlink an open file; `_release` does it there.
                target.unlink(missing_ok=True)


def _release(file: BinaryIO, path: Path, numbers: set[int], number: int) -> None:
    """Close and delete a copy.

    Called from any thread, or by the garbage collector: `set.discard` is atomic.
    """
    file.close()
    path.unlink(missing_ok=True)
    numbers.discard(number)


def _copy(connection: apsw.Connection, target: Path) -> None:
    connection.execute("VACUUM INTO ?", (str(target),)).fetchall()
