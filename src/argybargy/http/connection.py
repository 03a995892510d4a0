"""HTTP/1.1 connection: the state machine that one Trio task runs per client.

Rules of this file:

- All changes of state go through `Connection._move_to`, which knows the legal ones.
- A request costs no task, no nursery and no cancel scope of its own. The one
  scope belongs to the connection, and only `Connection.end` cancels it.
- Between two requests this task alone reads from the stream; while the app runs,
  the exchange does. `Exchange.finish` hands the stream back.
"""

import enum
from functools import partial
from typing import Protocol

import trio

from argybargy.domain.errors import Problem, RelayError
from argybargy.http.asgi import App
from argybargy.http.exchange import Exchange, make_scope
from argybargy.http.isolation import contain_group, new_failure_id
from argybargy.http.limits import ConnectionLimits
from argybargy.http.request_head import HeadParser, RequestHead
from argybargy.http.response import Render, render_refusal
from argybargy.http.stream import NEVER, BufferedStream, ClientGoneError


class ConnectionState(enum.IntEnum):
    """State of one connection.

    An integer, because the hash of a plain enum is a Python function, and every
    request takes three transitions.
    """

    IDLE = enum.auto()
    """Between two requests, with no byte of the next one."""
    READING_HEAD = enum.auto()
    """Some bytes of a request head are here, perhaps all."""
    RUNNING_APP = enum.auto()
    """The app has the request: it reads the body and writes the response."""
    REFUSING = enum.auto()
    """The server writes the last response itself, without the app: a refusal."""
    LINGERING = enum.auto()
    """The last response is out; late bytes of the client are discarded."""
    CLOSED = enum.auto()
    """No more is read or written. The server closes the stream."""


_NEXT_STATES = {
    ConnectionState.IDLE: frozenset(
        {ConnectionState.READING_HEAD, ConnectionState.CLOSED}
    ),
    ConnectionState.READING_HEAD: frozenset(
        {
            ConnectionState.RUNNING_APP,
            ConnectionState.REFUSING,
            ConnectionState.CLOSED,
        }
    ),
    ConnectionState.RUNNING_APP: frozenset(
        {
            ConnectionState.IDLE,
            ConnectionState.REFUSING,
            ConnectionState.LINGERING,
            ConnectionState.CLOSED,
        }
    ),
    ConnectionState.REFUSING: frozenset(
        {ConnectionState.LINGERING, ConnectionState.CLOSED}
    ),
    ConnectionState.LINGERING: frozenset({ConnectionState.CLOSED}),
    ConnectionState.CLOSED: frozenset[ConnectionState](),
}


class ConnectionOwner(Protocol):
    """Server side of a connection: its app, its limits, and its counters."""

    app: App
    limits: ConnectionLimits
    render: Render
    is_draining: bool

    def note_request(self, connection: "Connection", exchange: Exchange) -> None:
        """Count a request, and watch its client once the request proves slow."""
        ...

    def note_refusal(self, problem: Problem) -> None:
        """Count a response that the server sent without the app."""
        ...

    def report(self, event: str, error: Exception, **facts: object) -> None:
        """Log and count a contained exception."""
        ...

    def get_date(self) -> bytes:
        """Return the value of the ``Date`` field; empty to leave the field out."""
        ...


class Connection:
    """One client's connection.

    The mutable state is `state`, the exchange in progress, and the refusal to send
    at the end. `run` changes them in the connection's task; other tasks only `end`.

    Attributes:
        state: Current state.
        stream: Buffered bytes of the client, and their deadlines.
    """

    __slots__ = (
        "_client",
        "_exchange",
        "_owner",
        "_parser",
        "_refusal",
        "_scheme",
        "_scope",
        "_server",
        "state",
        "stream",
    )

    def __init__(
        self,
        owner: ConnectionOwner,
        stream: trio.abc.Stream,
        *,
        scheme: str = "http",
        client: tuple[str, int] | None = None,
        server: tuple[str, int] | None = None,
    ) -> None:
        self.state = ConnectionState.IDLE
        self.stream = BufferedStream(stream, owner.limits.write_seconds)
        self._owner = owner
        self._scheme = scheme
        self._client = client
        self._server = server
        self._scope = trio.CancelScope()
        self._parser = HeadParser(owner.limits)
        self._exchange: Exchange | None = None
        self._refusal: RelayError | None = None

    def __repr__(self) -> str:
        return f"<Connection of {self._client}: {self.state.name.lower()}>"

    def _move_to(self, state: ConnectionState) -> None:
        """Enter another state: the only place that assigns `state`."""
        assert state in _NEXT_STATES[self.state], (self.state, state)
        self.state = state

    # Called by the server's own tasks.

    @property
    def is_idle(self) -> bool:
        """Whether the connection waits for a request, with no byte of it received."""
        return self.state is ConnectionState.IDLE

    @property
    def is_receiving(self) -> bool:
        """Whether a deadline runs for the rest of a request head or body."""
        return self.stream.read_by != NEVER and not self.is_idle

    def end(self, refusal: RelayError | None = None) -> None:
        """Cancel the connection's current work, and close it. Never blocks.

        Only the first call counts.

        Args:
            refusal: Sent to the client, unless a response was begun.
        """
        if not self._scope.cancel_called:
            self._refusal = refusal
            self._scope.cancel()

    def expire(self, now: float) -> None:
        """End the connection of a client that missed a deadline.

        A late head or body is answered with ``request_timeout``. An idle client, or
        one that stopped reading, gets no response: it expects none, or would not
        read it.
        """
        is_late = self.is_receiving and now > self.stream.read_by
        self.end(RelayError(Problem.REQUEST_TIMEOUT) if is_late else None)

    async def run(self) -> None:
        """Serve requests until the client leaves or the connection is ended.

        The stream stays open: the caller closes it. Exceptions of the app are
        reported to the owner and do not propagate.
        """
        try:
            with self._scope:
                await self._serve()
            # Outside the scope: a cancelled connection may still have to send its
            # refusal. `_refuse` has a deadline of its own.
            if self._refusal is not None:
                await self._refuse(self._refusal)
        finally:
            self._move_to(ConnectionState.CLOSED)
            self._parser.close()

    # Requests, one after the other.

    async def _serve(self) -> None:
        try:
            while not self._owner.is_draining:
                head = await self._read_head()
                if head is None or not await self._handle(head):
                    return
        except RelayError as error:
            self._refusal = error

    async def _read_head(self) -> RequestHead | None:
        """Read a request head; None if the client left instead.

        Raises:
            RelayError: The head is malformed, too large or not supported.
        """
        stream, limits = self.stream, self._owner.limits
        self._exchange = None
        if stream.pending:
            # A pipelined request has arrived already, so no read will block. Without
            # this checkpoint, a client with many pipelined requests would starve all
            # other tasks.
            self._move_to(ConnectionState.READING_HEAD)
            await trio.lowlevel.checkpoint()
        else:
            stream.read_by = trio.current_time() + limits.idle_seconds
            if not await stream.read_more():
                return None
            self._move_to(ConnectionState.READING_HEAD)
        stream.read_by = NEVER
        while True:
            head, stream.pending = self._parser.feed(stream.pending)
            if head is not None:
                stream.read_by = NEVER
                return head
            # The deadline is set once per head and only when the first read was not
            # enough: a client that trickles bytes cannot extend it.
            if stream.read_by == NEVER:
                stream.read_by = trio.current_time() + limits.head_seconds
            if not await stream.read_more():
                return None

    async def _handle(self, head: RequestHead) -> bool:
        """Run the app on a request; return whether another request may follow."""
        self._move_to(ConnectionState.RUNNING_APP)
        owner = self._owner
        exchange = self._exchange = Exchange(
            self.stream, head, owner, end_connection=self.end
        )
        owner.note_request(self, exchange)
        failure_id = None
        try:
            # No name for the scope: the app may drop it while the request waits.
            await owner.app(
                make_scope(head, self._scheme, self._client, self._server),
                exchange.receive,
                exchange.send,
            )
        except Exception as error:  # noqa: BLE001 - the app may raise any of them
            failure_id = new_failure_id()
            self._report_unless_gone(failure_id, error)
        except BaseExceptionGroup as group:
            failure_id = new_failure_id()
            contain_group(group, partial(self._report_unless_gone, failure_id))
        finally:
            exchange.is_running = False
            exchange.unwatch()
        await exchange.finish()
        return await self._conclude(exchange, failure_id)

    def _report_unless_gone(self, failure_id: str, error: Exception) -> None:
        """Report exceptions of the app, except the `ClientGoneError` of `send`."""
        others: BaseException | None = error
        if isinstance(error, ExceptionGroup):
            others = error.split(ClientGoneError)[1]
        elif isinstance(error, ClientGoneError):
            others = None
        if isinstance(others, Exception):
            self._owner.report("app_failed", others, request_id=failure_id)

    async def _conclude(self, exchange: Exchange, failure_id: str | None) -> bool:
        """End the app's response; return whether another request may follow."""
        response = exchange.response
        if exchange.is_client_gone or self.stream.is_mid_write:
            return False
        if not response.is_complete:
            if not response.is_begun:
                # The id leads from the response to the exception in the log.
                self._refusal = RelayError(
                    Problem.INTERNAL, request_id=failure_id or new_failure_id()
                )
            return False  # a response cut short must not look complete: close
        if response.is_persistent:
            self._move_to(ConnectionState.IDLE)
            return True
        # Bytes that the client may still send would reset the connection if the
        # socket were closed now, and the reset could destroy the response.
        if not exchange.is_body_complete or self.stream.pending:
            await self._linger()
        return False

    # The end of the connection.

    async def _refuse(self, error: RelayError) -> None:
        """Send the last response, unless the client has part of another one."""
        exchange, owner = self._exchange, self._owner
        if exchange is not None and exchange.response.is_begun:
            return
        self._move_to(ConnectionState.REFUSING)
        owner.note_refusal(error.problem)
        data = render_refusal(error, owner.render(error), owner.get_date())
        if exchange is not None and exchange.method == "HEAD":
            data = data[: data.index(b"\r\n\r\n") + 4]
        # The server's sweep for late connections no longer applies, so that the
        # write needs a deadline here.
        with trio.move_on_after(owner.limits.write_seconds):
            try:
                await self.stream.write(data)
            except ClientGoneError:
                return
            await self._linger()

    async def _linger(self) -> None:
        self._move_to(ConnectionState.LINGERING)
        limits = self._owner.limits
        self.stream.read_by = NEVER
        await self.stream.linger(limits.linger_seconds, limits.linger_bytes)
