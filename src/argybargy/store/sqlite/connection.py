"""One SQLite connection and its thread."""

import enum
from collections.abc import Callable
from pathlib import Path
from typing import Any, Concatenate, Final, ParamSpec, TypeVar

import apsw
import apsw.aio
import attrs
import trio

from argybargy.store.corruption import CorruptionSignal
from argybargy.store.errors import Corrupt
from argybargy.store.sqlite.errors import leaves_connection_usable, translate
from argybargy.store.sqlite.wal import checkpoint_wal, rewrite_wal
from argybargy.system.values import define

P = ParamSpec("P")
T = TypeVar("T")

BUSY_MS: Final = 1_000
"""SQLite's busy timeout. Short, because a refused caller can retry and a blocked one
cannot."""

CLOSE_SECONDS: Final = 5.0
"""Deadline for closing a connection."""


class Role(enum.Enum):
    """Purpose of a connection, as the pragmas it is opened with."""

    WRITER = (
        "PRAGMA synchronous = FULL",
        "PRAGMA fullfsync = ON",  # on macOS a plain fsync stops at the drive's cache
        "PRAGMA foreign_keys = ON",
        "PRAGMA journal_size_limit = 67108864",
        "PRAGMA secure_delete = ON",  # what is deleted must not stay in free pages
        "PRAGMA trusted_schema = OFF",
    )
    INDEX = (
        "PRAGMA journal_mode = WAL",
        # A lost tail is harmless: the index is rebuilt from the database.
        "PRAGMA synchronous = NORMAL",
        "PRAGMA secure_delete = ON",
        "PRAGMA trusted_schema = OFF",
    )
    COPIER = ("PRAGMA trusted_schema = OFF",)
    READER = ("PRAGMA query_only = ON", "PRAGMA trusted_schema = OFF")


@define(eq=False)
class DatabaseThread:
    """A connection that opens on first use, and reopens after an error.

    One task at a time may use it.

    Mutable state: `_link`, which is ``None`` while closed.

    Attributes:
        path: The database.
        role: Selects the pragmas.
        corruption: Receives every `Corrupt` error; all statements pass through here.
    """

    path: Path
    role: Role
    corruption: CorruptionSignal = attrs.field(factory=CorruptionSignal, repr=False)
    _link: Any = attrs.field(default=None, init=False, repr=False)

    @property
    def is_open(self) -> bool:
        """Whether the connection is open."""
        return self._link is not None

    async def run(
        self,
        work: Callable[Concatenate[apsw.Connection, P], T],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        """Call ``work(connection, ...)`` in the connection's thread.

        Cancellation and deadlines interrupt a running statement: shield work that
        must run to its end. An error that may leave the connection in a bad state
        closes it; the next call opens a new one.

        Raises:
            StoreError: The translated error of SQLite.
        """
        try:
            if self._link is None:
                self._link = await self._open()
            result: T = await self._link.async_run(work, self._link, *args, **kwargs)
        except Exception as error:
            if not leaves_connection_usable(error):
                await self.aclose()
            translated = translate(error, self.path)
            if isinstance(translated, Corrupt):
                self.corruption.report(translated)
            if translated is error:
                raise
            raise translated from error
        return result

    async def _open(self) -> Any:  # noqa: ANN401 - APSW has no type for both modes
        # Shielded, because a thread whose start is not awaited is never stopped. No
        # deadline: SQLite's busy timeout bounds the pragmas.
        with trio.CancelScope(shield=True):
            # APSW takes the class here; its annotation asks for an instance.
            token = apsw.async_controller.set(apsw.aio.Trio)  # type: ignore[arg-type]
            try:
                link = await apsw.Connection.as_async(str(self.path))
            finally:
                apsw.async_controller.reset(token)
            try:
                await link.async_run(_prepare, link, self.role)
            except BaseException:
                await link.aclose()
                raise
        return link

    async def aclose(self) -> None:
        """Close the connection and stop its thread; does nothing if closed.

        A thread stuck in a system call is abandoned after `CLOSE_SECONDS`; it stops
        when the call returns.
        """
        link, self._link = self._link, None
        if link is None:
            return
        with trio.move_on_after(CLOSE_SECONDS, shield=True):
            await link.aclose()
            return
        link.async_controller.close()


def _prepare(connection: apsw.Connection, role: Role) -> None:
    connection.set_busy_timeout(BUSY_MS)
    # No checkpoint on close: a damaged database must be left unchanged.
    connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
    for pragma in role.value:
        connection.execute(pragma).fetchall()
    if role is Role.WRITER:
        connection.set_wal_hook(checkpoint_wal)
        rewrite_wal(connection)
