"""One connection and the thread it lives in."""

import enum
from collections.abc import Callable
from pathlib import Path
from typing import Any, Concatenate, Final, ParamSpec, TypeVar

import apsw
import apsw.aio
import attrs
import trio

from argybargy.store.errors import Corrupt
from argybargy.store.sqlite.errors import leaves_connection_usable, translate
from argybargy.store.sqlite.loss import Loss
from argybargy.store.sqlite.wal import checkpoint_wal, rewrite_wal

P = ParamSpec("P")
T = TypeVar("T")

BUSY_MS: Final = 1_000
"""How long SQLite waits for another process. Short: whoever is refused may ask
again, whoever hangs cannot."""

CLOSE_SECONDS: Final = 5.0


class Role(enum.Enum):
    """What a connection is for: the pragmas that make it so."""

    WRITER = (
        "PRAGMA synchronous = FULL",
        "PRAGMA fullfsync = ON",  # on macOS a plain fsync stops at the drive's cache
        "PRAGMA foreign_keys = ON",
        "PRAGMA journal_size_limit = 67108864",
        "PRAGMA trusted_schema = OFF",
    )
    INDEX = (
        "PRAGMA journal_mode = WAL",
        # Losing the end of an index costs nothing: it is made again.
        "PRAGMA synchronous = NORMAL",
        "PRAGMA trusted_schema = OFF",
    )
    COPIER = ("PRAGMA trusted_schema = OFF",)
    READER = ("PRAGMA query_only = ON", "PRAGMA trusted_schema = OFF")


@attrs.define(eq=False)
class DatabaseThread:
    """A connection that opens when it is first used, and again after it has failed.

    Mutable state: `_link`, which is ``None`` while closed. One task at a time uses
    a connection.

    Attributes:
        path: The database.
        role: What it is for.
        loss: Told of damage: the one place that every statement goes through.
    """

    path: Path
    role: Role
    loss: Loss = attrs.field(factory=Loss, repr=False)
    _link: Any = attrs.field(default=None, init=False, repr=False)

    @property
    def is_open(self) -> bool:
        """Whether there is a connection at the moment."""
        return self._link is not None

    async def run(
        self,
        work: Callable[Concatenate[apsw.Connection, P], T],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        """Call ``work(connection, ...)`` in the connection's thread.

        The current deadline and cancellation reach into a running statement and
        end it with an error: shield what must not be cut short.

        Raises:
            StoreError: What SQLite said, translated.
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
                self.loss.note(translated)
            if translated is error:
                raise
            raise translated from error
        return result

    async def _open(self) -> Any:  # noqa: ANN401 - APSW has no type for both modes
        # Shielded without a deadline of its own: a thread whose start nobody
        # waits for would never end. SQLite's own busy timeout bounds the pragmas.
        with trio.CancelScope(shield=True):
            # The variable holds the class; its annotation says an instance.
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
        """Close the connection and end its thread. Nothing happens if it is closed.

        A thread stuck in the kernel is given up on after `CLOSE_SECONDS`; it ends
        by itself as soon as the kernel lets it.
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
    # Closing must not write: whoever finds a damaged database leaves it as it is.
    connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
    for pragma in role.value:
        connection.execute(pragma).fetchall()
    if role is Role.WRITER:
        connection.set_wal_hook(checkpoint_wal)
        rewrite_wal(connection)
