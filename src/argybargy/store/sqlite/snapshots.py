"""Copies of the whole database, made while it is in use.

SQLite makes the copy out of one read transaction: it shows one moment, and writers
do not wait for it. It is a file in the data directory that only its owner may read,
and it has lost its name before anybody reads it: it is gone with whoever had it open,
however that ends. What a killed process leaves goes at the next start.
"""

import contextlib
import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import apsw
import attrs
import trio

from argybargy.store.errors import Full, Refused
from argybargy.store.platform import make_private_file
from argybargy.store.sqlite.connection import Connection, Role
from argybargy.store.sqlite.directory import SNAPSHOT
from argybargy.store.sqlite.errors import RETRY_SECONDS


@attrs.define(eq=False)
class FileSnapshot:
    """An open copy. See `argybargy.store.interface.Snapshot`.

    Attributes:
        size_bytes: How large it is.
    """

    size_bytes: int
    _path: Path
    _file: Any = attrs.field(repr=False)

    async def read(self, most_bytes: int) -> bytes:
        """Return the next bytes; none at the end."""
        try:
            content: bytes = await self._file.read(most_bytes)
        except OSError as error:
            raise Refused(f"the copy cannot be read: {error}") from error
        return content

    async def aclose(self) -> None:
        """Remove the copy."""
        with trio.CancelScope(shield=True):  # closing a file that was only read
            await self._file.aclose()
        self._path.unlink(missing_ok=True)


@attrs.define(eq=False)
class Snapshots:
    """Makes copies of a database, one at a time.

    Mutable state: the number of the next copy, and whether one is being made.

    Attributes:
        path: The database.
    """

    path: Path
    _numbers: Iterator[int] = attrs.field(factory=itertools.count)
    _making: trio.Semaphore = attrs.field(factory=lambda: trio.Semaphore(1))

    async def make(self) -> FileSnapshot:
        """Make a copy and open it. Cancelled, it leaves none.

        No deadline: it takes as long as the disk takes for the whole database. The
        relay's own reads and writes go on meanwhile.

        Raises:
            Refused: Another one is being made, or SQLite refused.
            Full: There is no room for it.
        """
        try:
            self._making.acquire_nowait()
        except trio.WouldBlock:
            raise Refused("a backup is being made", RETRY_SECONDS) from None
        target = self.path.with_name(f"{self.path.name}.{SNAPSHOT}{self._next()}")
        try:
            return await self._make(target)
        except OSError as error:
            raise Full(f"no copy can be made: {error}", RETRY_SECONDS) from error
        finally:
            self._making.release()

    def _next(self) -> int:
        return next(self._numbers)

    async def _make(self, target: Path) -> FileSnapshot:
        connection = Connection(self.path, Role.COPIER)
        try:
            make_private_file(target)
            await connection.run(_copy, target)
            file = trio.wrap_file(target.open("rb"))
            return FileSnapshot(target.stat().st_size, target, file)  # noqa: ASYNC240
        finally:
            await connection.aclose()
            with contextlib.suppress(PermissionError):
                # Windows keeps the name of what is open; closing removes it there.
                target.unlink(missing_ok=True)  # noqa: ASYNC240 - takes no time


def _copy(connection: apsw.Connection, target: Path) -> None:
    connection.execute("VACUUM INTO ?", (str(target),)).fetchall()
