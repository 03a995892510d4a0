"""Hypercorn's HTTP/1.1 connection under bounds, deadlines and error isolation.

The alternative to `argybargy.http.server`. Gaps of Hypercorn 0.18 that this guard
closes:

- an exception in one connection ends the server;
- neither a handshake, a head, a body nor a write has a deadline of its own;
- HTTP/2 without TLS and websockets cannot be turned off;
- a target may contain a host, and a ``Host`` field may contain anything;
- the app gets a disconnect at the end of each request, at which Quart-Trio cancels
  Hypercorn while it prepares the connection for the next request;
- a body that the app does not read blocks the connection's reader.

Gaps that remain, and that `argybargy.http.connection` does not have:

- ``Content-Length`` beside ``Transfer-Encoding``, repeated ``Content-Length``, lines
  that end in a bare LF, and obsolete line folding are parsed as h11 does, not refused;
- ``100 Continue`` is sent before the app reads the body;
- only the app bounds a chunked body;
- connections are bounded in total, not per address;
- a shutdown waits for bodies that are still being sent;
- a refused connection closes at once, so that a client that is still sending may lose
  the response; a connection beyond the bound gets none;
- while a pipelined request waits, the client's end is polled for once a second.
"""

from collections import Counter
from contextlib import suppress
from typing import cast

import h11
import trio
from hypercorn.config import Config
from hypercorn.events import Closed, Event, RawData
from hypercorn.protocol import ProtocolWrapper
from hypercorn.protocol.h11 import H11Protocol
from hypercorn.trio.task_group import TaskGroup
from hypercorn.trio.tcp_server import TCPServer
from hypercorn.trio.worker_context import EventWrapper, WorkerContext
from hypercorn.typing import AppWrapper, ConnectionState

from argybargy.domain.errors import Problem, RelayError
from argybargy.http.asgi import App
from argybargy.http.endpoints import Endpoints, name_endpoints
from argybargy.http.hypercorn.app import DisconnectFilter
from argybargy.http.isolation import Log, isolate_errors
from argybargy.http.limits import ConnectionLimits
from argybargy.http.request_head import is_host
from argybargy.http.response import Render
from argybargy.http.server import ConnectionStatistics
from argybargy.http.stream import NEVER, make_hangup_check
from argybargy.http.tls import close_stream

_READ_BYTES = 64 * 1024
_WRITE_BYTES = 16 * 1024
_POLL_SECONDS = 1.0
"""Interval of checks for the client's end while a pipelined request waits."""
_CLOSE_SECONDS = 1.0
"""Longest wait for an app to accept the message that its request has ended."""
_VERSIONS = frozenset({b"1.0", b"1.1"})


class HypercornServer:
    """ASGI server on Hypercorn's connection; replaces `http.server.HttpServer`.

    It ignores the limits for chunked bodies, addresses, refusals and lingering.
    """

    def __init__(
        self,
        app: App,
        config: Config,
        *,
        render: Render,
        log: Log,
        limits: ConnectionLimits | None = None,
    ) -> None:
        self.render = render
        self.limits = limits or ConnectionLimits()
        self.config = config
        self.app = cast("AppWrapper", DisconnectFilter(app, self))
        self.context = WorkerContext(None)
        self.context.terminated = self._terminated = _Flag()
        self._log = log
        self._connections = 0
        self._connections_total = 0
        self._requests = 0
        self._refused: Counter[str] = Counter()
        self._failures: Counter[str] = Counter()

    def __repr__(self) -> str:
        return f"<HypercornServer: {self._connections} connections>"

    def statistics(self) -> ConnectionStatistics:
        """Return the counters."""
        return ConnectionStatistics(
            connections=self._connections,
            connections_total=self._connections_total,
            requests=self._requests,
            refused=dict(self._refused),
            failures=dict(self._failures),
        )

    async def __call__(self, stream: trio.abc.Stream) -> None:
        """Serve one connection to its end, and close it; contain its exceptions."""
        self._connections_total += 1
        self._connections += 1
        try:
            with isolate_errors(lambda error: self.report("connection_failed", error)):
                endpoints = name_endpoints(stream)
                if endpoints is not None:
                    await self._admit(stream, endpoints)
        finally:
            self._connections -= 1
            with trio.move_on_after(self.limits.linger_seconds, shield=True):
                await close_stream(stream)

    def drain(self) -> None:
        """End idle connections now, and every other one after its request."""
        self._terminated.set_nowait()

    def note_request(self) -> None:
        """Count a request."""
        self._requests += 1

    def note_refusal(self, problem: Problem) -> None:
        """Count a response that the server sent without the app."""
        self._refused[problem.value.code] += 1

    def report(self, event: str, error: Exception, **facts: object) -> None:
        """Log and count a contained exception."""
        self._failures[event] += 1
        self._log.error(event, exc_info=error, **facts)

    async def _admit(self, stream: trio.abc.Stream, endpoints: Endpoints) -> None:
        """Serve a connection within the bound; close any other without a response."""
        if self._connections <= self.limits.connections:
            await _GuardedConnection(self, stream, endpoints).run()
            return
        self.note_refusal(Problem.BUSY)
        if isinstance(stream, trio.SSLStream):
            await trio.aclose_forcefully(stream.transport_stream)


class _Flag(EventWrapper):
    """Hypercorn's event, with a setter for synchronous code."""

    def set_nowait(self) -> None:
        """Set the event. Never blocks."""
        self._event.set()


class _Pause(EventWrapper):
    """Hypercorn's wait until a pipelined request may start, aware of hang-ups."""

    def __init__(self, connection: "_GuardedConnection") -> None:
        super().__init__()
        self._connection = connection
        self._is_hung_up = make_hangup_check(connection.stream)

    async def wait(self) -> None:
        """Wait; end the connection if the client leaves meanwhile."""
        while not self.is_set():
            with trio.move_on_after(_POLL_SECONDS):
                await super().wait()
            if self._is_hung_up():
                self._connection.end()


class _GuardedConnection(TCPServer):
    """One connection, with one cancel scope around all of its tasks."""

    def __init__(
        self, server: HypercornServer, stream: trio.abc.Stream, endpoints: Endpoints
    ) -> None:
        super().__init__(
            server.app,
            server.config,
            server.context,
            ConnectionState({}),
            stream,  # type: ignore[arg-type]
        )
        self._server = server
        self._endpoints = endpoints
        self._scope = trio.CancelScope()
        self._head_by = NEVER

    def end(self) -> None:
        """Cancel the connection and all of its tasks. Never blocks."""
        self._scope.cancel()

    async def run(self) -> None:
        """Serve requests until either side ends the connection."""
        with self._scope:
            async with TaskGroup() as task_group:
                self._task_group = task_group
                self._http1 = _StrictHttp1(self._server, self, self._endpoints)
                self.protocol = cast("ProtocolWrapper", self._http1)
                await self.idle_task.restart(task_group, self._idle_timeout)
                if await self._do_handshake():
                    await self._read_data()
                self._scope.cancel()

    async def _do_handshake(self) -> bool:
        """Finish the TLS handshake of an HTTPS connection; False if it failed."""
        stream: trio.abc.Stream = self.stream  # Hypercorn types it as TLS always
        if not isinstance(stream, trio.SSLStream):
            return True
        with trio.move_on_after(self._server.limits.head_seconds):
            try:
                await stream.do_handshake()
            except trio.BrokenResourceError:
                return False
            return True
        await trio.aclose_forcefully(stream.transport_stream)
        return False

    async def _idle_timeout(self) -> None:
        with trio.move_on_after(self._server.limits.idle_seconds):
            await self.context.terminated.wait()
        self._scope.cancel()

    async def protocol_send(self, event: Event) -> None:
        if not isinstance(event, RawData):
            await super().protocol_send(event)
            if isinstance(event, Closed):
                # The reader may block on an app that no longer reads the body.
                self._scope.cancel()
            return
        async with self.send_lock:
            if not await self._write(event.data):
                self._scope.cancel()

    async def _write(self, data: bytes) -> bool:
        """Send `data`; False if the client left or stopped reading."""
        view = memoryview(data)
        for start in range(0, len(data), _WRITE_BYTES):
            with trio.move_on_after(self._server.limits.write_seconds) as scope:
                try:
                    await self.stream.send_all(view[start : start + _WRITE_BYTES])
                except (trio.BrokenResourceError, trio.ClosedResourceError):
                    return False
            if scope.cancelled_caught:
                return False
        return True

    async def _read_data(self) -> None:
        while await self._read_some():
            pass
        # The connection has ended. Hypercorn tells the app of a running request.
        await self.protocol.handle(Closed())

    async def _read_some(self) -> bool:
        """Read once; False at the end of the connection, or if a head is late."""
        with trio.move_on_at(self._head_by) as scope:
            try:
                data = await self.stream.receive_some(_READ_BYTES)
            except (trio.BrokenResourceError, trio.ClosedResourceError):
                return False
        if scope.cancelled_caught:
            await self._http1.refuse(RelayError(Problem.REQUEST_TIMEOUT))
            return False
        await self.protocol.handle(RawData(bytes(data)))
        if not self._http1.has_partial_head:
            self._head_by = NEVER
        elif self._head_by == NEVER:
            self._head_by = trio.current_time() + self._server.limits.head_seconds
        return bool(data)


class _StrictHttp1(H11Protocol):
    """Hypercorn's HTTP/1.1 protocol, which refuses HTTP/2 and websockets."""

    def __init__(
        self,
        server: HypercornServer,
        connection: _GuardedConnection,
        endpoints: Endpoints,
    ) -> None:
        super().__init__(
            server.app,
            server.config,
            server.context,
            connection._task_group,  # noqa: SLF001 - set by Hypercorn's own run()
            ConnectionState({}),
            endpoints.scheme == "https",
            endpoints.client,
            endpoints.server,
            connection.protocol_send,
        )
        self._server = server
        self.can_read = _Pause(connection)

    @property
    def has_partial_head(self) -> bool:
        """Whether a part of a request head has arrived."""
        return self.stream is None and bool(self.connection.trailing_data[0])

    async def handle(self, event: Event) -> None:
        try:
            await super().handle(event)
        except RelayError as error:
            await self.refuse(error)
            await self.send(Closed())

    async def _close_stream(self) -> None:
        # Puts a disconnect into the app's queue. That blocks while the queue is
        # full of body parts that the app does not read: hence the deadline.
        with trio.move_on_after(_CLOSE_SECONDS):
            await super()._close_stream()
        self.stream = None

    async def _check_protocol(self, event: h11.Request) -> None:
        self._server.note_request()
        if event.http_version not in _VERSIONS:
            raise RelayError(Problem.VERSION_NOT_SUPPORTED)
        limits = self._server.limits
        if len(event.target) > limits.url_bytes:
            raise RelayError(Problem.URL_TOO_LONG, limit_bytes=limits.url_bytes)
        _check_target(event)
        fields = dict(event.headers)
        size = sum(len(name) + len(value) + 4 for name, value in event.headers)
        if len(event.headers) > limits.head_fields or size > limits.head_bytes:
            raise self._too_large()
        self._check_fields(fields)

    def _check_fields(self, fields: dict[bytes, bytes]) -> None:
        limits = self._server.limits
        if not is_host(fields.get(b"host", b"")):
            raise RelayError(Problem.MALFORMED)
        if fields.get(b"upgrade", b"h2c").lower() != b"h2c":
            raise RelayError(Problem.NOT_IMPLEMENTED)
        if fields.get(b"expect", b"100-continue").lower() != b"100-continue":
            raise RelayError(Problem.EXPECTATION_FAILED)
        if int(fields.get(b"content-length", 0)) > limits.body_bytes:
            raise RelayError(Problem.BODY_TOO_LARGE, limit_bytes=limits.body_bytes)

    def _too_large(self) -> RelayError:
        limits = self._server.limits
        return RelayError(
            Problem.HEADERS_TOO_LARGE,
            limit_bytes=limits.head_bytes,
            limit_fields=limits.head_fields,
        )

    async def _send_error_response(self, status_code: int) -> None:
        match status_code:
            case 431:
                await self.refuse(self._too_large())
            case 501:
                await self.refuse(RelayError(Problem.NOT_IMPLEMENTED))
            case _:
                await self.refuse(RelayError(Problem.MALFORMED))

    async def refuse(self, error: RelayError) -> None:
        """Send an error response, after which the connection closes."""
        self._server.note_refusal(error.problem)
        body, described = self._server.render(error)
        fields = [
            *described,
            (b"content-length", b"%d" % len(body)),
            (b"connection", b"close"),
            *self.config.response_headers("h11"),
        ]
        status = error.problem.value.status
        # h11 raises if a response was begun already: then the connection just closes.
        with suppress(h11.LocalProtocolError):
            start = h11.Response(status_code=status, headers=fields)
            await self._send_h11_event(start)
            await self._send_h11_event(h11.Data(data=body))
            await self._send_h11_event(h11.EndOfMessage())


def _check_target(event: h11.Request) -> None:
    """Refuse a target that is not a plain path: it may contain another host.

    Hypercorn passes the whole target on as the path. The check of the ``Host`` field
    would then miss the host in the target.

    Raises:
        RelayError: ``malformed``, or ``not_implemented`` for CONNECT.
    """
    target, method = event.target, event.method
    if method == b"CONNECT":
        raise RelayError(Problem.NOT_IMPLEMENTED)
    is_local = target.startswith(b"/") or (target == b"*" and method == b"OPTIONS")
    if not is_local or b"#" in target:
        raise RelayError(Problem.MALFORMED)
