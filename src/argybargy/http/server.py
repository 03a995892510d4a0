"""All connections of a server, and what is done for them on time.

A connection never looks at the clock by itself. Two tasks do that for all of
them: one looks over the requests that turned out to be slow and has their clients
watched, the other ends connections that are late. That costs next to nothing per
request, where a cancel scope with a deadline, or a watching task, for each would
be a fifth of it.
"""

from collections import Counter
from collections.abc import AsyncIterator, Callable, Container
from contextlib import asynccontextmanager
from email.utils import formatdate

import attrs
import trio

from argybargy.domain.errors import Problem, RelayError
from argybargy.http.asgi import App
from argybargy.http.connection import Connection
from argybargy.http.endpoints import Endpoints, name_endpoints
from argybargy.http.exchange import Exchange
from argybargy.http.isolation import Log, isolate_errors
from argybargy.http.limits import ConnectionLimits
from argybargy.http.response import Render, render_refusal
from argybargy.http.stream import BufferedStream
from argybargy.http.tls import close_stream
from argybargy.system.network import is_loopback, network_of

_LATE_SECONDS = 1.0
"""How often connections are looked over for late ones."""


@attrs.frozen
class ConnectionStatistics:
    """What the server has done so far.

    Attributes:
        connections: Open now.
        connections_total: Ever opened, refused ones included.
        requests: Handed to the app.
        refused: Answers given without the app, by the code of their problem.
        failures: Exceptions that were contained, by the event that was logged.
    """

    connections: int
    connections_total: int
    requests: int
    refused: dict[str, int]
    failures: dict[str, int]


class HttpServer:
    """Serves an ASGI app on every stream it is given; see `open_http_server`.

    The state is the set of open connections and of handshakes under way, how many
    of both there are and from where, and the requests of the last moments, which
    nobody watches yet.
    """

    def __init__(
        self,
        app: App,
        *,
        render: Render,
        log: Log,
        limits: ConnectionLimits,
        wall_clock: Callable[[], float] | None,
        trusted_addresses: Container[str],
    ) -> None:
        self.app = app
        self.limits = limits
        self.render = render
        self.is_draining = False
        self._log = log
        self._wall_clock = wall_clock
        self._trusted_addresses = trusted_addresses
        self._connections: set[Connection] = set()
        self._handshakes: set[trio.CancelScope] = set()
        self._open = 0
        self._by_network: Counter[str] = Counter()
        self._refusals_under_way = 0
        self._young: dict[Connection, Exchange] = {}
        self._pause: trio.Event | None = None
        self._connections_total = 0
        self._requests = 0
        self._refused: Counter[str] = Counter()
        self._failures: Counter[str] = Counter()
        self._date = b""
        self._date_until = 0.0

    def __repr__(self) -> str:
        return f"<HttpServer: {self._open} connections>"

    def statistics(self) -> ConnectionStatistics:
        """Say what it has done so far."""
        return ConnectionStatistics(
            connections=self._open,
            connections_total=self._connections_total,
            requests=self._requests,
            refused=dict(self._refused),
            failures=dict(self._failures),
        )

    async def __call__(self, stream: trio.abc.Stream) -> None:
        """Serve one connection to its end, and close it.

        Nothing it does raises, except for cancellation from outside.
        """
        self._connections_total += 1
        try:
            with isolate_errors(lambda error: self.report("connection_failed", error)):
                endpoints = name_endpoints(stream)
                if endpoints is not None:
                    await self._admit(stream, endpoints)
        finally:
            with trio.move_on_after(self.limits.linger_seconds, shield=True):
                await close_stream(stream)

    def drain(self) -> None:
        """End every connection without a whole request, and all others after theirs.

        Who has sent half of one is told that the relay is shutting down.
        """
        self.is_draining = True
        for handshake in self._handshakes:
            handshake.cancel()
        why = RelayError(Problem.DRAINING, retry_after=self.limits.retry_after_seconds)
        for connection in self._connections:
            if connection.is_waiting:
                connection.end()
            elif connection.is_owing:
                connection.end(why)

    # For connections.

    def note_request(self, connection: Connection, exchange: Exchange) -> None:
        """Count a request, and have its client watched if it takes long."""
        self._requests += 1
        self._young[connection] = exchange  # the one before it is done
        if self._pause is not None:
            self._pause.set()
            self._pause = None

    def note_refusal(self, problem: Problem) -> None:
        """Count an answer that the app had no part in."""
        self._refused[problem.value.code] += 1

    def report(self, event: str, error: Exception, **facts: object) -> None:
        """Log a mishap, and count it."""
        self._failures[event] += 1
        self._log.error(event, exc_info=error, **facts)

    def get_date(self) -> bytes:
        """Return the value of the Date field, rendered once a second."""
        if self._wall_clock is not None:
            now = trio.current_time()
            if now >= self._date_until:
                self._date = formatdate(self._wall_clock(), usegmt=True).encode()
                self._date_until = now + 1
        return self._date

    # Coming and going.

    async def _admit(self, stream: trio.abc.Stream, endpoints: Endpoints) -> None:
        """Serve a connection if there is room; it counts from its first moment."""
        address = endpoints.client[0] if endpoints.client else ""
        if not self._has_room(address):
            await self._turn_away(stream)
            return
        network = network_of(address)
        self._open += 1
        self._by_network[network] += 1
        try:
            if await self._shake_hands(stream):
                await self._serve(stream, endpoints)
        finally:
            self._open -= 1
            self._by_network[network] -= 1
            if not self._by_network[network]:
                del self._by_network[network]

    def _has_room(self, address: str) -> bool:
        limits = self.limits
        if self._open >= limits.connections:
            return False
        if not address or is_loopback(address) or address in self._trusted_addresses:
            return True
        return self._by_network[network_of(address)] < limits.connections_per_address

    async def _shake_hands(self, stream: trio.abc.Stream) -> bool:
        """Finish the TLS handshake, if there is one; False if it was not to be."""
        if not isinstance(stream, trio.SSLStream):
            return True
        with trio.move_on_after(self.limits.head_seconds) as scope:
            self._handshakes.add(scope)
            try:
                await stream.do_handshake()
            except trio.BrokenResourceError:
                return False
            finally:
                self._handshakes.discard(scope)
        if not scope.cancelled_caught:
            return True
        await trio.aclose_forcefully(stream.transport_stream)
        return False

    async def _serve(self, stream: trio.abc.Stream, endpoints: Endpoints) -> None:
        connection = Connection(
            self,
            stream,
            scheme=endpoints.scheme,
            client=endpoints.client,
            server=endpoints.server,
        )
        self._connections.add(connection)
        try:
            await connection.run()
        finally:
            self._connections.discard(connection)

    async def _turn_away(self, stream: trio.abc.Stream) -> None:
        """Say that there is no room, unless too many are being told so already.

        Behind TLS that would take a handshake, which is what there is no room for.
        """
        error = RelayError(Problem.BUSY, retry_after=self.limits.retry_after_seconds)
        self.note_refusal(error.problem)
        if isinstance(stream, trio.SSLStream):
            await trio.aclose_forcefully(stream.transport_stream)
            return
        if self._refusals_under_way >= self.limits.refusals:
            return
        self._refusals_under_way += 1
        try:
            with trio.move_on_after(self.limits.linger_seconds):
                await self._say_no(stream, error)
        finally:
            self._refusals_under_way -= 1

    async def _say_no(self, stream: trio.abc.Stream, error: RelayError) -> None:
        answer = render_refusal(error, self.render(error), self.get_date())
        wire = BufferedStream(stream, self.limits.write_seconds)
        try:
            await stream.send_all(answer)
            await wire.linger(self.limits.linger_seconds, self.limits.linger_bytes)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            return  # it did not wait for the answer

    # What is done on time.

    async def _watch_slow_requests(self, nursery: trio.Nursery) -> None:
        older: dict[Connection, Exchange] = {}
        while True:
            if not older and not self._young:
                self._pause = trio.Event()
                await self._pause.wait()  # for as long as nobody asks anything
            await trio.sleep(self.limits.watch_seconds)
            older, self._young = self._young, {}
            for connection, exchange in older.items():
                if not exchange.is_running:
                    continue
                if exchange.is_watchable:
                    exchange.watch(nursery)
                else:
                    self._young[connection] = exchange  # its body is still to be read

    async def _end_late_connections(self) -> None:
        while True:
            await trio.sleep(_LATE_SECONDS)
            now = trio.current_time()
            late = [
                connection
                for connection in self._connections
                if now > connection.wire.read_by or now > connection.wire.write_by
            ]
            for connection in late:
                connection.end_late(now)


@asynccontextmanager
async def open_http_server(
    app: App,
    *,
    render: Render,
    log: Log,
    limits: ConnectionLimits | None = None,
    wall_clock: Callable[[], float] | None = None,
    trusted_addresses: Container[str] = frozenset(),
) -> AsyncIterator[HttpServer]:
    """Open a server that serves streams with `app`.

    Args:
        app: Any ASGI 3 app; it gets HTTP requests only.
        render: Renders the refusals that the app has no part in.
        log: Told of every exception that was contained.
        limits: What connections may cost.
        wall_clock: Seconds since the epoch, for the Date field; without it there
            is none.
        trusted_addresses: Of proxies, which may open any number of connections.

    Yields:
        The server: call it with a stream to serve. At the end of the block its
        watchers stop; the tasks that run connections belong to the caller.
    """
    server = HttpServer(
        app,
        render=render,
        log=log,
        limits=limits or ConnectionLimits(),
        wall_clock=wall_clock,
        trusted_addresses=trusted_addresses,
    )
    async with trio.open_nursery() as nursery:
        nursery.start_soon(server._watch_slow_requests, nursery)  # noqa: SLF001
        nursery.start_soon(server._end_late_connections)  # noqa: SLF001
        yield server
        nursery.cancel_scope.cancel()
