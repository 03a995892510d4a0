"""One connection to PostgreSQL, used in worker threads, with a deadline for each call.

psycopg has no interface for Trio, so its blocking one runs in Trio's worker threads. A
thread cannot be interrupted, but its socket can be shut down: then the call in the
thread fails at once. That bounds every call, also to a server that has stopped.
"""

import contextlib
import os
import socket
from collections.abc import Callable, Mapping
from typing import Any, Concatenate, Final, ParamSpec, TypeVar

import attrs
import psycopg
import trio

from argybargy.store.corruption import CorruptionSignal
from argybargy.store.errors import Corrupt, Refused
from argybargy.store.postgres.errors import translate
from argybargy.system.values import define

P = ParamSpec("P")
T = TypeVar("T")
Connection = psycopg.Connection[tuple[Any, ...]]

CALL_SECONDS: Final = 8.0
"""Deadline of one call, beyond the server's own deadline for a statement."""
STATEMENT_MS: Final = 5_000
CONNECT_SECONDS: Final = 5
_OPTIONS: Final[Mapping[str, Any]] = {
    "connect_timeout": CONNECT_SECONDS,
    "keepalives": 1,
    "keepalives_idle": 5,
    "keepalives_interval": 5,
    "keepalives_count": 2,
    "tcp_user_timeout": 10_000,
    "application_name": "argybargy",
}
_SETTINGS: Final = (
    f"SET statement_timeout = {STATEMENT_MS}",
    "SET idle_in_transaction_session_timeout = 10000",
    "SET lock_timeout = 4000",
    "SET TimeZone = 'UTC'",
    "SET client_encoding = 'UTF8'",
)


def connect(url: str, *settings: str) -> Connection:
    """Open a connection in autocommit mode.

    Args:
        url: Address of the database.
        settings: Statements to run first, after those that every connection needs.

    Raises:
        psycopg.Error: The server refused, or a setting is not allowed.
    """
    connection = psycopg.connect(url, autocommit=True, **_OPTIONS)
    try:
        # All at once: without parameters, a statement may be several.
        connection.execute("; ".join((*_SETTINGS, *settings)).encode())
    except BaseException:
        connection.close()
        raise
    return connection


@define(eq=False)
class _Call:
    """One call in a worker thread.

    Attributes:
        connection: The connection in use; ``None`` until it is open.
        has_begun: Whether the thread has taken the connection.
        is_done: Whether the thread has left the connection.
        is_abandoned: Whether nobody waits for the call any more.
        is_severed: Whether the socket was shut down, and may be closed.
    """

    connection: Connection | None = None
    has_begun: bool = False
    is_done: bool = False
    is_abandoned: bool = False
    is_severed: bool = False

    def open(self, url: str, settings: tuple[str, ...]) -> Connection:
        """Return the connection, opened if there is none."""
        self.has_begun = True
        # One of the two threads sees what the other has set: see `give_up`, `sever`.
        self._check_abandoned()
        if self.connection is None:
            self.connection = connect(url, *settings)
            self._check_abandoned()
        return self.connection

    def _check_abandoned(self) -> None:
        if self.is_abandoned:
            raise psycopg.OperationalError("nobody waits for it any more")

    def give_up(self) -> bool:
        """Abandon the call; return whether the thread leaves the connection alone."""
        self.is_abandoned = True
        return not self.has_begun

    def sever(self) -> None:
        """Shut the socket down, so that the call fails; who leaves last closes it."""
        self.is_abandoned = True
        if self.connection is not None:
            with contextlib.suppress(OSError, psycopg.Error):
                # A copy of the descriptor: psycopg keeps its own.
                copy = socket.socket(fileno=os.dup(self.connection.fileno()))
                with copy:
                    copy.shutdown(socket.SHUT_RDWR)
        self.is_severed = True
        self._close_if_left()

    def leave(self) -> None:
        """Note that the thread has left the connection."""
        self.is_done = True
        self._close_if_left()

    def _close_if_left(self) -> None:
        """Close a severed connection once the thread has left it: last one out."""
        if self.is_done and self.is_severed and self.connection is not None:
            self.connection.close()


@define(eq=False)
class Link:
    """A connection that opens on first use, and again after it was lost.

    One task at a time may use it.

    Mutable state: the open connection, or ``None``.

    Attributes:
        url: Address of the database.
        threads: Bounds the threads of all links of a store.
        corruption: Receives every `Corrupt` error.
        settings: Statements to run when it opens.
    """

    url: str = attrs.field(repr=False)
    threads: trio.CapacityLimiter = attrs.field(repr=False)
    corruption: CorruptionSignal = attrs.field(factory=CorruptionSignal, repr=False)
    settings: tuple[str, ...] = ()
    _connection: Connection | None = attrs.field(default=None, init=False, repr=False)

    @property
    def connection(self) -> Connection | None:
        """The open connection; ``None`` while there is none."""
        return self._connection

    async def run(
        self,
        work: Callable[Concatenate[Connection, P], T],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        """Call ``work(connection, ...)`` in a thread.

        Cancelling it, or its deadline, breaks the connection; the next call opens
        another.

        Raises:
            StoreError: The translated error of PostgreSQL.
        """
        with trio.move_on_after(CALL_SECONDS):
            return await self.run_without_deadline(work, *args, **kwargs)
        raise Refused(f"PostgreSQL did not answer within {CALL_SECONDS:g} s")

    async def run_without_deadline(
        self,
        work: Callable[Concatenate[Connection, P], T],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        """Call ``work(connection, ...)`` as :meth:`run` does, for however long.

        Raises:
            StoreError: The translated error of PostgreSQL.
        """
        call, self._connection = _Call(self._connection), None

        def in_thread() -> T:
            try:
                return work(call.open(self.url, self.settings), *args, **kwargs)
            finally:
                call.leave()

        try:
            return await trio.to_thread.run_sync(
                in_thread, abandon_on_cancel=True, limiter=self.threads
            )
        except Exception as error:
            translated = self._reported(error)
            if translated is error:
                raise
            raise translated from error
        finally:
            # Without a checkpoint since the call has ended, so nobody else has begun.
            if call.is_done:
                self._keep(call)
            elif call.give_up():
                self._connection = call.connection
            if self._connection is None:
                call.sever()

    def _keep(self, call: _Call) -> None:
        """Keep the connection of a finished call, if it is usable."""
        found = call.connection
        if found is None or found.closed:
            return
        is_idle = found.info.transaction_status is psycopg.pq.TransactionStatus.IDLE
        if is_idle and found.pgconn.pipeline_status == psycopg.pq.PipelineStatus.OFF:
            self._connection = found

    def _reported(self, error: Exception) -> Exception:
        translated = translate(error)
        if isinstance(translated, Corrupt):
            self.corruption.report(translated)
        return translated

    def close(self) -> None:
        """Close the connection, if it is open. No call may be in progress."""
        found, self._connection = self._connection, None
        if found is not None:
            found.close()
