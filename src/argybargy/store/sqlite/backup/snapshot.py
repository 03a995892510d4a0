"""Copies of the whole database, made while it is in use.

SQLite makes the copy out of one read transaction: it shows one moment, and writers
do not wait for it. It is a file in the data directory that only its owner may read,
and it has lost its name before anybody reads it: it is gone with whoever had it open,
however that ends. What a killed process leaves goes at the next start. A copy takes
room on the disk for as long as it is open, so only a few may be.
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

from argybargy.store.data_directory import SNAPSHOT
from argybargy.store.errors import Busy, Full, Refused
from argybargy.store.sqlite.connection import DatabaseThread, Role
from argybargy.store.sqlite.errors import RETRY_SECONDS
from argybargy.store.sqlite.loss import Loss
from argybargy.system.files import make_private_file

MOST_OPEN_COPIES: Final = 2
"""Copies that may be open at once, each as large as the database."""


@attrs.define(eq=False)
class FileSnapshot:
    """An open copy. See `argybargy.store.protocol.Snapshot`.

    Attributes:
        size_bytes: How large it is.
    """

    size_bytes: int
    _file: BinaryIO = attrs.field(repr=False)
    _let_go: Callable[[], object] = attrs.field(repr=False)

    def __attrs_post_init__(self) -> None:
        # Somebody may leave before they begin to read: then nobody closes it.
        self._let_go = weakref.finalize(self, self._let_go)

    async def read(self, most_bytes: int) -> bytes:
        """Return the next bytes; none at the end."""
        try:
            return await trio.to_thread.run_sync(self._file.read, most_bytes)
        except OSError as error:
            raise Refused(f"the copy cannot be read: {error}") from error

    async def aclose(self) -> None:
        """Remove the copy."""
        with trio.CancelScope(shield=True):  # closing a file that was only read
            await trio.to_thread.run_sync(self._let_go)


@attrs.define(eq=False)
class Snapshots:
    """Makes copies of a database, one at a time.

    Mutable state: the number of the next copy, whether one is being made, and the
    numbers of those that are open.

    Attributes:
        path: The database.
        loss: Told of damage.
    """

    path: Path
    loss: Loss
    _numbers: Iterator[int] = attrs.field(factory=itertools.count)
    _open: set[int] = attrs.field(factory=set)
    _making: trio.Semaphore = attrs.field(factory=lambda: trio.Semaphore(1))

    async def make(self) -> FileSnapshot:
        """Make a copy and open it. Cancelled, it leaves none.

        No deadline: it takes as long as the disk takes for the whole database. The
        relay's own reads and writes go on meanwhile.

        Raises:
            Busy: Another one is being made, or as many are open as may be.
            Refused: SQLite refused.
            Full: There is no room for it.
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
        connection = DatabaseThread(self.path, Role.COPIER, self.loss)
        try:
            make_private_file(target)
            await connection.run(_copy, target)
            file, size_bytes = target.open("rb"), target.stat().st_size
            self._open.add(number)
            let_go = partial(_let_go, file, target, self._open, number)
            return FileSnapshot(size_bytes, file, let_go)
        finally:
            await connection.aclose()
            with contextlib.suppress(PermissionError):
                # Windows keeps the name of what is open; closing removes it there.
                target.unlink(missing_ok=True)


def _let_go(file: BinaryIO, path: Path, numbers: set[int], number: int) -> None:
    """Close a copy, wherever this is called: a set takes no half of a change."""
    file.close()
    path.unlink(missing_ok=True)
    numbers.discard(number)


def _copy(connection: apsw.Connection, target: Path) -> None:
    connection.execute("VACUUM INTO ?", (str(target),)).fetchall()
