"""Listening sockets, ASGI lifespan and graceful shutdown.

Hypercorn's configuration creates the sockets and the TLS context. Each connection is
passed to a handler.

Nurseries, from the outside in, and the order in which they end:

1. `open_lifespan` runs the app's lifespan; it ends last, after ``shutdown``. If it ends
   early, it cancels the others.
2. `connections` runs one task per connection; at shutdown it gets a deadline.
3. `accepting` accepts connections; at shutdown it is cancelled first.
"""

import errno
import logging
import os
import socket
import ssl
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, contextmanager
from functools import partial
from typing import Final, Protocol

import trio
from hypercorn.config import Config

from argybargy.http.asgi import App
from argybargy.http.isolation import Log
from argybargy.http.server import ConnectionStatistics
from argybargy.serve.lifespan import open_lifespan
from argybargy.system.logs import get_logger
from argybargy.system.network import host_and_port
from argybargy.system.values import define

log = get_logger(__name__)

_USER_TIMEOUT_MILLISECONDS = 30_000
"""Time for which the kernel keeps a connection whose client acknowledges no data: a
client that vanished without closing, as after a loss of power."""

ACCEPT_LOG_SECONDS: Final = 60.0
"""Shortest time between two log lines about failed accepts."""
_ACCEPT_LOGGER: Final = "trio.serve_listeners"

Listener = trio.SocketListener | trio.SSLListener[trio.SocketStream]


class ConnectionHandler(Protocol):
    """Serves connections, one call each, and contains their exceptions."""

    async def __call__(self, stream: trio.abc.Stream) -> None:
        """Serve one connection to its end."""
        ...

    def statistics(self) -> ConnectionStatistics:
        """Return the counters."""
        ...

    def drain(self) -> None:
        """End idle connections now, and every other one after its request."""
        ...


async def serve_app(
    app: App,
    config: Config,
    *,
    handler: ConnectionHandler,
    shutdown_trigger: Callable[[], Awaitable[object]],
    task_status: trio.TaskStatus[list[str]] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Serve until `shutdown_trigger` returns, then shut down gracefully.

    The sockets close first, and idle connections end. Requests in progress have
    `config.graceful_timeout` seconds to finish and are cancelled then. The app's
    lifespan shuts down last. Running out of file descriptors only delays new
    connections, and is logged once a minute.

    Args:
        app: ASGI app whose lifespan is run here; the handler runs its requests.
        config: Addresses, backlog, TLS files and graceful timeout.
        handler: Called with every accepted connection.
        shutdown_trigger: Returns when it is time to stop.
        task_status: Gets the bound addresses as URLs once connections are accepted.

    Raises:
        ExceptionGroup: Contains one of the following.
        LifespanError: The app failed to start, has no lifespan, or its lifespan
            ended early.
        OSError: An address cannot be bound.
    """
    async with open_lifespan(app):
        await _serve(config, handler, shutdown_trigger, task_status)


async def _serve(
    config: Config,
    handler: ConnectionHandler,
    shutdown_trigger: Callable[[], Awaitable[object]],
    task_status: trio.TaskStatus[list[str]],
) -> None:
    async with AsyncExitStack() as stack:
        listeners, urls = await _open_listeners(config, stack)
        async with trio.open_nursery() as connections:
            async with trio.open_nursery() as accepting:
                stack.enter_context(summarize_accept_errors(log))
                # Connections live in the outer nursery, so that they outlast the
                # end of accepting.
                accepting.start_soon(
                    partial(
                        trio.serve_listeners,
                        handler,
                        listeners,
                        handler_nursery=connections,
                    )
                )
                task_status.started(urls)
                await shutdown_trigger()
                accepting.cancel_scope.cancel()
            # After the last accept: no connection can miss the drain.
            handler.drain()
            # The nursery ends as soon as all requests have, at the latest then.
            connections.cancel_scope.deadline = (
                trio.current_time() + config.graceful_timeout
            )


async def _open_listeners(
    config: Config, stack: AsyncExitStack
) -> tuple[list[Listener], list[str]]:
    """Open the configured sockets, which `stack` closes, and return their URLs."""
    sockets = config.create_sockets()
    context = config.create_ssl_context()
    listeners: list[Listener] = []
    urls: list[str] = []
    for sock in sockets.secure_sockets + sockets.insecure_sockets:
        listener = await stack.enter_async_context(_listen(sock, config.backlog))
        address = host_and_port(*sock.getsockname()[:2])
        if context is not None and sock in sockets.secure_sockets:
            listeners.append(_secure(listener, context))
            urls.append(f"https://{address}")
        else:
            listeners.append(listener)
            urls.append(f"http://{address}")
    return listeners, urls


def _listen(sock: socket.socket, backlog: int) -> trio.SocketListener:
    is_tcp = sock.family in {socket.AF_INET, socket.AF_INET6}
    if hasattr(socket, "TCP_USER_TIMEOUT") and is_tcp:
        sock.setsockopt(
            socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _USER_TIMEOUT_MILLISECONDS
        )
    sock.listen(backlog)
    return trio.SocketListener(trio.socket.from_stdlib_socket(sock))


def _secure(
    listener: trio.SocketListener, context: ssl.SSLContext
) -> trio.SSLListener[trio.SocketStream]:
    context.set_alpn_protocols(["http/1.1"])
    # Strict TLS: both sides send `close_notify`. A client that closes without it is
    # treated as a broken connection.
    return trio.SSLListener(listener, context, https_compatible=False)


@define(eq=False)
class AcceptErrorFilter:
    """Log filter that replaces Trio's records of failed accepts by a summary.

    Without file descriptors Trio retries ten times a second, and logs a traceback
    each time: a client that opens enough connections would fill the disk with logs.

    The mutable state is the number of failures since the last line, and its time.
    """

    log: Log
    _failures: int = 0
    _logged_at: float = float("-inf")

    def filter(self, record: logging.LogRecord) -> bool:
        """Count a record of Trio's and drop it; log a summary once a minute.

        Trio logs in the task that accepts, so that Trio's clock can be read here.
        """
        self._failures += 1
        now = trio.current_time()
        if now - self._logged_at >= ACCEPT_LOG_SECONDS:
            self.log.error(
                "accepting_failed", reason=_reason(record), times=self._failures
            )
            self._failures, self._logged_at = 0, now
        return False


def _reason(record: logging.LogRecord) -> str:
    error = record.exc_info[1] if record.exc_info else None
    if isinstance(error, OSError) and error.errno is not None:
        name = errno.errorcode.get(error.errno, str(error.errno))
        return f"{name}: {os.strerror(error.errno)}"
    return record.getMessage()


@contextmanager
def summarize_accept_errors(log: Log) -> Iterator[None]:
    """Install an `AcceptErrorFilter` while the block runs."""
    logger, accepts = logging.getLogger(_ACCEPT_LOGGER), AcceptErrorFilter(log)
    logger.addFilter(accepts.filter)
    try:
        yield
    finally:
        logger.removeFilter(accepts.filter)
