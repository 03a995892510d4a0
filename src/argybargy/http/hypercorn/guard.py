"""Hypercorn's own HTTP/1.1 connection, kept from doing harm.

The alternative to `argybargy.http.server`, to show that both treat an app alike. What
Hypercorn 0.18 does not see to by itself, and this guard does:

- an exception in one connection ends the server;
- neither a handshake, a head, a body nor a write has a deadline of its own;
- HTTP/2 without TLS and websockets cannot be turned off;
- a target may hold a host, and a Host field anything;
- the end of a request is told to the app as a disconnect, at which Quart-Trio cancels
  Hypercorn in the middle of making the connection ready for the next request;
- a body that the app leaves unread keeps the connection's reader waiting for it.

What it does not see to, and our own connection does:

- ``Content-Length`` beside ``Transfer-Encoding``, the same ``Content-Length`` twice,
  lines that end in a bare LF, and obsolete folding are read as h11 reads them, and
  not refused;
- ``100 Continue`` is said before the app has asked for the body;
- a body in chunks is bounded by the app alone;
- connections are counted altogether, and not by address;
- a body that is still to come is waited for while the relay stops;
- a refused connection is closed at once, so that a client that is still sending may
  lose the answer; one beyond the limit gets none;
- while a next request waits already, the client's end is looked for once a second.
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
from argybargy.http.stream import NEVER, make_hangup_question
from argybargy.http.tls import close_stream

_READ_BYTES = 64 * 1024
_WRITE_BYTES = 16 * 1024
_ASK_SECONDS = 1.0
_TELL_SECONDS = 1.0
_VERSIONS = frozenset({b"1.0", b"1.1"})


class HypercornServer:
    """Serves an ASGI app with Hypercorn's connection, for `serve_app`.

    Takes the place of an `HttpServer`. Of the limits it does not know those of a body
    in chunks, of one address, of refusals and of lingering.
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
        """Say what it has done so far."""
        return ConnectionStatistics(
            connections=self._connections,
            connections_total=self._connections_total,
            requests=self._requests,
            refused=dict(self._refused),
            failures=dict(self._failures),
        )

    async def __call__(self, stream: trio.abc.Stream) -> None:
        """Serve one connection to its end, and close it; contains its exceptions."""
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
        """End the idle connections now, and each other one after its request."""
        self._terminated.raise_nowait()

    def note_request(self) -> None:
        """Count a request."""
        self._requests += 1

    def note_refusal(self, problem: Problem) -> None:
        """Count an answer that the app had no part in."""
        self._refused[problem.value.code] += 1

    def report(self, event: str, error: Exception, **facts: object) -> None:
        """Log a mishap, and count it."""
        self._failures[event] += 1
        self._log.error(event, exc_info=error, **facts)

    async def _admit(self, stream: trio.abc.Stream, endpoints: Endpoints) -> None:
        """Serve a connection if there is room, else close it without a word."""
        if self._connections <= self.limits.connections:
            await _GuardedConnection(self, stream, endpoints).run()
            return
        self.note_refusal(Problem.BUSY)
        if isinstance(stream, trio.SSLStream):
            await trio.aclose_forcefully(stream.transport_stream)


class _Flag(EventWrapper):
    """Hypercorn's event, which a function that does not wait can set too."""

    def raise_nowait(self) -> None:
        """Set it."""
        self._event.set()


class _Pause(EventWrapper):
    """Hypercorn's wait for the end of a request while the next one is here."""

    def __init__(self, connection: "_GuardedConnection") -> None:
        super().__init__()
        self._connection = connection
        self._is_hung_up = make_hangup_question(connection.stream)

    async def wait(self) -> None:
        """Wait; a client that leaves meanwhile ends the connection."""
        while not self.is_set():
            with trio.move_on_after(_ASK_SECONDS):
                await super().wait()
            if self._is_hung_up():
                self._connection.end()


class _GuardedConnection(TCPServer):
    """One connection, in a scope that ends all of it."""

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
        """End it now, with all that runs for it."""
        self._scope.cancel()

    async def run(self) -> None:
        """Serve until either side has enough."""
        with self._scope:
            async with TaskGroup() as task_group:
                self._task_group = task_group
                self._http1 = _OnlyHttp1(self._server, self, self._endpoints)
                self.protocol = cast("ProtocolWrapper", self._http1)
                await self.idle_task.restart(task_group, self._idle_timeout)
                if await self._shake_hands():
                    await self._read_data()
                self._scope.cancel()

    async def _shake_hands(self) -> bool:
        """Finish the TLS handshake, if there is one; False if it was not to be."""
        stream: trio.abc.Stream = self.stream  # Hypercorn thinks that it is always TLS
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
                # Its reader may wait for an app that reads no more.
                self._scope.cancel()
            return
        async with self.send_lock:
            if not await self._write(event.data):
                self._scope.cancel()

    async def _write(self, data: bytes) -> bool:
        """Send; False if the client is gone, or takes nothing any more."""
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
        # The client is gone, or we closed: whatever still runs is for nobody.
        await self.protocol.handle(Closed())

    async def _read_some(self) -> bool:
        """Read on; False at the end of the connection, or when a head is late."""
        with trio.move_on_at(self._head_by) as scope:
            try:
                data = await self.stream.receive_some(_READ_BYTES)
            except (trio.BrokenResourceError, trio.ClosedResourceError):
                return False
        if scope.cancelled_caught:
            await self._http1.refuse(RelayError(Problem.REQUEST_TIMEOUT))
            return False
        await self.protocol.handle(RawData(bytes(data)))
        if not self._http1.has_half_a_head:
            self._head_by = NEVER
        elif self._head_by == NEVER:
            self._head_by = trio.current_time() + self._server.limits.head_seconds
        return bool(data)


class _OnlyHttp1(H11Protocol):
    """Hypercorn's HTTP/1.1, which refuses whatever would lead away from it."""

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
            connection._task_group,  # noqa: SLF001 - one thing, in two classes
            ConnectionState({}),
            endpoints.scheme == "https",
            endpoints.client,
            endpoints.server,
            connection.protocol_send,
        )
        self._server = server
        self.can_read = _Pause(connection)

    @property
    def has_half_a_head(self) -> bool:
        """Whether a request has begun to arrive, and no more."""
        return self.stream is None and bool(self.connection.trailing_data[0])

    async def handle(self, event: Event) -> None:
        try:
            await super().handle(event)
        except RelayError as error:
            await self.refuse(error)
            await self.send(Closed())

    async def _close_stream(self) -> None:
        # The app is told, unless it has left so much unread that it cannot be.
        with trio.move_on_after(_TELL_SECONDS):
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
        """Say why the connection ends."""
        self._server.note_refusal(error.problem)
        body, described = self._server.render(error)
        fields = [
            *described,
            (b"content-length", b"%d" % len(body)),
            (b"connection", b"close"),
            *self.config.response_headers("h11"),
        ]
        status = error.problem.value.status
        # A connection that is in no state to say it closes without a word.
        with suppress(h11.LocalProtocolError):
            start = h11.Response(status_code=status, headers=fields)
            await self._send_h11_event(start)
            await self._send_h11_event(h11.Data(data=body))
            await self._send_h11_event(h11.EndOfMessage())


def _check_target(event: h11.Request) -> None:
    """Refuse a target that is more than a path: another host may hide in it.

    Hypercorn passes on all of it as the path, so that the Host field would be
    checked and a host in the target would not.

    Raises:
        RelayError: ``malformed``; for a tunnel, ``not_implemented``.
    """
    target, method = event.target, event.method
    if method == b"CONNECT":
        raise RelayError(Problem.NOT_IMPLEMENTED)
    is_local = target.startswith(b"/") or (target == b"*" and method == b"OPTIONS")
    if not is_local or b"#" in target:
        raise RelayError(Problem.MALFORMED)
