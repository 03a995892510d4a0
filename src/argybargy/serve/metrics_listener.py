"""Metrics of the HTTP server, and a separate listener for ``/metrics``.

The listener is for a Prometheus that should not hold the operator's token. It serves
one page, on the same HTTP server as the relay but with its own small bound of
connections, so that scrapers cannot take connections from agents.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, Final, Protocol

import trio

from argybargy.domain.errors import Problem, RelayError
from argybargy.http.asgi import Receive, Scope, Send
from argybargy.http.limits import ConnectionLimits
from argybargy.http.response import Render
from argybargy.http.server import ConnectionStatistics, open_http_server
from argybargy.settings.parsers import split_bind
from argybargy.system.logs import get_logger
from argybargy.system.values import frozen
from argybargy.web.access.hosts import HostRule
from argybargy.web.errors import error_response
from argybargy.web.fast_path import send_response
from argybargy.web.metrics import Measure, MeasureTable, Metrics
from argybargy.web.request import NO_SCRIPTS, Response, page_response

log = get_logger(__name__)

PATH: Final = "/metrics"
METRICS_CONNECTIONS: Final = 32
"""Maximum connections at once on the metrics listener."""

SERVER_MEASURES: Final[tuple[Measure[ConnectionStatistics], ...]] = (
    Measure(
        "gauge",
        "connections_open",
        "Connections that are open.",
        lambda it: it.connections,
    ),
    Measure(
        "counter",
        "connections_total",
        "Connections opened so far, refused ones included.",
        lambda it: it.connections_total,
    ),
    Measure(
        "counter",
        "requests_total",
        "Requests handed to the app.",
        lambda it: it.requests,
    ),
    Measure(
        "counter",
        "connection_refusals_total",
        "Connections and requests refused by the server, by error code.",
        lambda it: it.refused,
        label="error",
    ),
    Measure(
        "counter",
        "failures_total",
        "Exceptions contained, by the event under which they were logged.",
        lambda it: it.failures,
        label="event",
    ),
)
"""Metrics of the server, in the order of the documentation."""


class MetricsAddressError(Exception):
    """The metrics address cannot be bound; the message says why."""


class CountingServer(Protocol):
    """Server with counters."""

    def statistics(self) -> ConnectionStatistics:
        """Return the counters."""
        ...


def measure_server(metrics: Metrics, server: CountingServer) -> None:
    """Add a server's counters to the metrics of its relay."""
    metrics.add(MeasureTable(SERVER_MEASURES, server.statistics))


@frozen
class MetricsApp:
    """ASGI app of the metrics listener.

    Attributes:
        page: Renders the metrics for an Accept field, and returns their media type.
        hosts: Accepted ``Host`` fields. On loopback this keeps web pages of other
            sites out (DNS rebinding).
    """

    page: Callable[[str], tuple[bytes, bytes]]
    hosts: HostRule

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - a GET has no body
        """Answer one request."""
        try:
            answer = self._answer(scope)
        except RelayError as refusal:
            answer = error_response(refusal)
        sending: Any = send
        await send_response(sending, answer)

    def _answer(self, scope: Scope) -> Response:
        headers = dict(scope["headers"])
        if not self.hosts.allows(headers.get(b"host", b"").decode("latin-1")):
            raise RelayError(Problem.MISDIRECTED)
        if scope["path"] != PATH:
            raise RelayError(Problem.NO_SUCH_ROUTE)
        if scope["method"] != "GET":
            refusal = RelayError(Problem.METHOD_NOT_ALLOWED)
            return error_response(refusal).with_headers((b"allow", b"GET"))
        accept = headers.get(b"accept", b"").decode("latin-1")
        page, media_type = self.page(accept)
        return page_response(page, media_type, NO_SCRIPTS)


@asynccontextmanager
async def open_metrics_listener(
    bind: str | None,
    metrics: Metrics,
    *,
    render: Render,
    wall_clock: Callable[[], float],
) -> AsyncIterator[None]:
    """Serve ``/metrics`` at a separate address while the block runs.

    Args:
        bind: Address and port; with ``None`` there is no listener.
        metrics: Metrics to render.
        render: Renders the body of an error that the server answers itself.
        wall_clock: Seconds since the epoch, for the ``Date`` field.

    Raises:
        MetricsAddressError: The address cannot be bound.
    """
    if bind is None:
        yield
        return
    # Imported only for this listener, before a scraper could wait for it.
    from argybargy.web.exposition import render_metrics  # noqa: PLC0415

    listeners = await _listen(bind)
    hosts = HostRule.make(split_bind(bind)[0], None, ())
    app = MetricsApp(partial(render_metrics, metrics), hosts)
    server = open_http_server(
        app,
        render=render,
        log=log,
        limits=ConnectionLimits(connections=METRICS_CONNECTIONS),
        wall_clock=wall_clock,
    )
    async with server as handler, trio.open_nursery() as nursery:
        serve = partial(trio.serve_listeners, handler, listeners)
        nursery.start_soon(serve)
        address = listeners[0].socket.getsockname()
        log.info("metrics", url=f"http://{address[0]}:{address[1]}{PATH}")
        yield
        # No drain: a scraper can repeat a scrape that was cut short.
        nursery.cancel_scope.cancel()


async def _listen(bind: str) -> list[trio.SocketListener]:
    host, port = split_bind(bind)
    try:
        return await trio.open_tcp_listeners(port, host=host)
    except OSError as error:
        why = error.strerror or str(error)
        raise MetricsAddressError(
            f"Cannot serve metrics on {bind}: {why}. Choose another address with "
            "ARGYBARGY_METRICS_BIND, or leave it unset."
        ) from error
