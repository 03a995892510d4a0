"""HTTP/1.1 server: admission, deadlines and drain for all connections.

A connection sets deadlines but never compares them with the clock. Two tasks of the
server do that for all connections: one starts watchers for the clients of slow
requests, the other ends connections whose deadline has passed. A cancel scope with a
deadline, or a watcher task, for every request would cost a fifth of the request. A
third task hears of all watched clients that leave (see `argybargy.http.hangups`).
"""

from collections import Counter
from collections.abc import AsyncIterator, Callable, Container
from contextlib import ExitStack, asynccontextmanager, suppress
from email.utils import formatdate

import trio

from argybargy.domain.errors import Problem, RelayError
from argybargy.http.asgi import App
from argybargy.http.connection import Connection
from argybargy.http.endpoints import Endpoints, name_endpoints
from argybargy.http.exchange import Exchange
from argybargy.http.hangups import HangupWatch, open_hangup_watch
from argybargy.http.isolation import Log, contain_group
from argybargy.http.limits import ConnectionLimits
from argybargy.http.response import Render, render_refusal
from argybargy.http.stream import BufferedStream, ClientGoneError
from argybargy.http.tls import close_stream
from argybargy.system.network import is_loopback, network_of
from argybargy.system.values import frozen

_SWEEP_SECONDS = 1.0
"""Interval between two sweeps for expired deadlines, which may be late by as much."""


@frozen
class ConnectionStatistics:
    """Counters of a server.

    Attributes:
        connections: Connections open now.
        connections_total: Connections opened so far, refused ones included.
        requests: Requests handed to the app.
        refused: Responses sent without the app, by error code.
        failures: Exceptions contained, by the event under which they were logged.
    """

    connections: int
    connections_total: int
    requests: int
    refused: dict[str, int]
    failures: dict[str, int]


class HttpServer:
    """HTTP/1.1 server for an ASGI app; made by `open_http_server`.

    Call it with a stream to serve one connection. The mutable state is the set of
    open connections and of TLS handshakes in progress, their number in all and per
    network, the young requests, whose clients are not watched yet, and counters.
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
        self._refusals_in_progress = 0
        self._young: dict[Connection, Exchange] = {}
        self._wake_watcher: trio.Event | None = None
        self._connections_total = 0
        self._requests = 0
        self._refused: Counter[str] = Counter()
        self._failures: Counter[str] = Counter()
        self._date = b""
        self._date_until = 0.0

    def __repr__(self) -> str:
        return f"<HttpServer: {self._open} connections>"

    def statistics(self) -> ConnectionStatistics:
        """Return the counters."""
        return ConnectionStatistics(
            connections=self._open,
            connections_total=self._connections_total,
            requests=self._requests,
            refused=dict(self._refused),
            failures=dict(self._failures),
        )

    async def __call__(self, stream: trio.abc.Stream) -> None:
        """Serve one connection to its end, and close it.

        Raises nothing but cancellation: exceptions are logged and counted.
        """
        self._connections_total += 1
        try:
            endpoints = name_endpoints(stream)
            if endpoints is not None:
                await self._admit(stream, endpoints)
        # As `isolate_errors`, whose generator would be half a KiB of each connection.
        except Exception as error:  # noqa: BLE001 - the place where all of them end
            self._report_failed(error)
        except BaseExceptionGroup as group:
            contain_group(group, self._report_failed)
        finally:
            # Shielded, so that TLS clients get their `close_notify` even when the
            # grace period is over and this task is cancelled. The deadline bounds
            # that: a client that does not read cannot delay the shutdown further.
            with trio.move_on_after(self.limits.linger_seconds, shield=True):
                await close_stream(stream)

    def _report_failed(self, error: Exception) -> None:
        self.report("connection_failed", error)

    def drain(self) -> None:
        """Stop accepting requests. Never blocks; new connections end at once.

        Idle connections and handshakes end now. A client that has sent part of a
        request gets ``draining``. Requests that run finish, and their connections
        close after the response.
        """
        self.is_draining = True
        for handshake in self._handshakes:
            handshake.cancel()
        draining = RelayError(
            Problem.DRAINING, retry_after=self.limits.retry_after_seconds
        )
        for connection in self._connections:
            if connection.is_idle:
                connection.end()
            elif connection.is_receiving:
                connection.end(draining)

    # Called by connections.

    def note_request(self, connection: Connection, exchange: Exchange) -> None:
        """Count a request, and watch its client once the request proves slow."""
        self._requests += 1
        # Replaces the connection's previous exchange, which has ended. So there is
        # at most one entry per connection.
        self._young[connection] = exchange
        if self._wake_watcher is not None:
            self._wake_watcher.set()
            self._wake_watcher = None

    def note_refusal(self, problem: Problem) -> None:
        """Count a response that the server sent without the app."""
        self._refused[problem.value.code] += 1

    def report(self, event: str, error: Exception, **facts: object) -> None:
        """Log and count a contained exception."""
        self._failures[event] += 1
        self._log.error(event, exc_info=error, **facts)

    def get_date(self) -> bytes:
        """Return the value of the ``Date`` field, rendered once a second."""
        if self._wall_clock is not None:
            now = trio.current_time()
            if now >= self._date_until:
                self._date = formatdate(self._wall_clock(), usegmt=True).encode()
                self._date_until = now + 1
        return self._date

    # Admission.

    async def _admit(self, stream: trio.abc.Stream, endpoints: Endpoints) -> None:
        """Serve a connection within the bounds, else refuse it.

        It counts before its TLS handshake: handshakes are the expensive part, and
        clients that never finish them must not escape the bounds.
        """
        address = endpoints.client[0] if endpoints.client else ""
        if not self._has_capacity(address):
            await self._refuse(stream)
            return
        network = network_of(address)
        self._open += 1
        self._by_network[network] += 1
        try:
            if await self._do_handshake(stream):
                await self._serve(stream, endpoints)
        finally:
            self._open -= 1
            self._by_network[network] -= 1
            if not self._by_network[network]:
                del self._by_network[network]

    def _has_capacity(self, address: str) -> bool:
        limits = self.limits
        if self._open >= limits.connections:
            return False
        if not address or is_loopback(address) or address in self._trusted_addresses:
            return True
        return self._by_network[network_of(address)] < limits.connections_per_address

    async def _do_handshake(self, stream: trio.abc.Stream) -> bool:
        """Finish the TLS handshake of an HTTPS connection; False if it failed.

        A handshake has a scope of its own, since there is no `Connection` to end
        yet: its deadline bounds slow clients, and `drain` cancels it.
        """
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
        # Close the socket alone: `close_notify` needs a TLS session, and there is none
        # yet.
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

    async def _refuse(self, stream: trio.abc.Stream) -> None:
        """Send ``busy`` to a connection beyond the bounds.

        Beyond `limits.refusals` of these at once, and over TLS, the connection is
        closed without a response: each response takes a task and time, and over TLS
        a handshake, which the bounds exist to prevent.
        """
        error = RelayError(Problem.BUSY, retry_after=self.limits.retry_after_seconds)
        self.note_refusal(error.problem)
        if isinstance(stream, trio.SSLStream):
            await trio.aclose_forcefully(stream.transport_stream)
            return
        if self._refusals_in_progress >= self.limits.refusals:
            return
        self._refusals_in_progress += 1
        try:
            # One deadline for the response and the rest: no sweep covers these.
            with trio.move_on_after(self.limits.linger_seconds):
                await self._send_refusal(stream, error)
        finally:
            self._refusals_in_progress -= 1

    async def _send_refusal(self, stream: trio.abc.Stream, error: RelayError) -> None:
        buffered = BufferedStream(stream, self.limits.write_seconds)
        data = render_refusal(error, self.render(error), self.get_date())
        # Most clients have sent a request by now. Closing with its bytes unread
        # would reset the connection, and the refusal might not be read.
        with suppress(ClientGoneError):
            await buffered.write(data)
            await buffered.linger(self.limits.linger_seconds, self.limits.linger_bytes)

    # Periodic tasks.

    async def _watch_slow_requests(
        self, nursery: trio.Nursery, hangups: HangupWatch | None
    ) -> None:
        """Watch the client of each request that outlives one or two intervals.

        Two generations, as in a garbage collector: a request that ends between two
        rounds costs an entry in a dictionary, and no system call or task.
        """
        older: dict[Connection, Exchange] = {}
        while True:
            if not older and not self._young:
                # Wait for a request instead of waking ten times a second for
                # nothing. No deadline: an idle server may wait for days.
                self._wake_watcher = trio.Event()
                await self._wake_watcher.wait()
            await trio.sleep(self.limits.watch_seconds)
            older, self._young = self._young, {}
            for connection, exchange in older.items():
                if not exchange.is_running:
                    continue
                if exchange.is_body_complete:
                    exchange.watch(nursery, hangups)
                else:
                    # The app still reads the body, and would notice the client's
                    # end itself. Look again in the next round.
                    self._young[connection] = exchange

    async def _end_late_connections(self) -> None:
        """End every connection whose read or write deadline has passed."""
        while True:
            await trio.sleep(_SWEEP_SECONDS)
            now = trio.current_time()
            late = [
                connection
                for connection in self._connections
                if now > connection.stream.read_by or now > connection.stream.write_by
            ]
            for connection in late:
                connection.expire(now)


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
    """Open an HTTP/1.1 server for `app`.

    Args:
        app: ASGI 3 app; it gets HTTP requests only, no lifespan and no websockets.
        render: Renders the body of an error that the server answers itself.
        log: Receives every contained exception.
        limits: Bounds and deadlines of connections.
        wall_clock: Seconds since the epoch, for the ``Date`` field; None leaves the
            field out.
        trusted_addresses: Addresses of proxies, which `connections_per_address`
            does not bound.

    Yields:
        The server; call it with a stream to serve one connection. The caller's
        tasks run the connections, and must end before the block does: its end stops
        the watchers and deadlines.
    """
    server = HttpServer(
        app,
        render=render,
        log=log,
        limits=limits or ConnectionLimits(),
        wall_clock=wall_clock,
        trusted_addresses=trusted_addresses,
    )
    with ExitStack() as stack:
        hangups = open_hangup_watch(stack)
        async with trio.open_nursery() as nursery:
            if hangups is not None:
                nursery.start_soon(hangups.run)
            nursery.start_soon(server._watch_slow_requests, nursery, hangups)  # noqa: SLF001
            nursery.start_soon(server._end_late_connections)  # noqa: SLF001
            yield server
            nursery.cancel_scope.cancel()
