"""Sockets, lifespan and shutdown: Hypercorn's, around a connection handler of ours.

Hypercorn's configuration makes the sockets and the TLS context, and its lifespan
driver starts and stops the app. What happens on a connection is the handler's.
"""

import socket
import ssl
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from functools import partial
from typing import Protocol, cast

import attrs
import structlog
import trio
from hypercorn.config import Config
from hypercorn.trio.lifespan import Lifespan
from hypercorn.typing import AppWrapper
from hypercorn.utils import repr_socket_addr

from argybargy.http.asgi import App, Receive, Scope, Send
from argybargy.http.server import ConnectionStatistics
from argybargy.serve.refused_accepts import counted_accepts

log = structlog.get_logger(__name__)

_USER_TIMEOUT_MILLISECONDS = 30_000
"""How long the kernel waits for a client that acknowledges nothing any more."""

Listener = trio.SocketListener | trio.SSLListener[trio.SocketStream]


class LifespanError(Exception):
    """The app failed to start, or ended while it was being served."""


class ConnectionHandler(Protocol):
    """Serves connections, one call each, and contains whatever they do."""

    async def __call__(self, stream: trio.abc.Stream) -> None:
        """Serve one connection to its end."""
        ...

    def statistics(self) -> ConnectionStatistics:
        """Say what it has done so far."""
        ...

    def drain(self) -> None:
        """End the idle connections now, and each other one after its request."""
        ...


async def serve_app(
    app: App,
    config: Config,
    *,
    handler: ConnectionHandler,
    shutdown_trigger: Callable[[], Awaitable[object]],
    task_status: trio.TaskStatus[list[str]] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Serve until `shutdown_trigger` returns, then shut down in order.

    First no more connections are accepted and the idle ones end; requests that
    run have `config.graceful_timeout` seconds to finish and are cancelled then;
    last comes the app's own shutdown. Running out of file descriptors delays new
    connections and is logged once a minute, no more.

    Args:
        app: Its lifespan is driven here; its requests are the handler's business.
        config: Binds, backlog, TLS files and timeouts.
        handler: Given every connection.
        shutdown_trigger: Waits until it is time to stop.
        task_status: Told the bound addresses as URLs, once connections are taken.

    Raises:
        ExceptionGroup: With one of these in it.
        LifespanError: The app failed to start, has no lifespan, or its lifespan
            ended while it was being served.
        OSError: An address cannot be bound.
    """
    watched = _WatchedApp(app)
    lifespan = Lifespan(cast("AppWrapper", watched), config, {})
    async with trio.open_nursery() as lifespan_nursery:
        await lifespan_nursery.start(lifespan.handle_lifespan)
        await lifespan.wait_for_startup()
        if not lifespan.supported:
            raise LifespanError("the app failed to start") from watched.failure
        async with trio.open_nursery() as guard:
            guard.start_soon(_fail_when_ended, lifespan, watched)
            await _serve(config, handler, shutdown_trigger, task_status)
            guard.cancel_scope.cancel()
        await lifespan.wait_for_shutdown()
        lifespan_nursery.cancel_scope.cancel()


@attrs.define
class _WatchedApp:
    """An app whose failure is kept, since Hypercorn only logs it."""

    _app: App
    failure: BaseException | None = None

    async def __call__(
        self, scope: Scope, receive: Receive, send: Send, *_threads: object
    ) -> None:
        try:
            await self._app(scope, receive, send)
        except (Exception, BaseExceptionGroup) as error:
            self.failure = error
            raise


async def _fail_when_ended(lifespan: Lifespan, watched: _WatchedApp) -> None:
    """Raise when the lifespan ends; an app without it has lost its own tasks."""
    await lifespan.shutdown.wait()
    raise LifespanError("the app ended while it was being served") from watched.failure


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
                stack.enter_context(counted_accepts(log))
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
            handler.drain()
            connections.cancel_scope.deadline = (
                trio.current_time() + config.graceful_timeout
            )


async def _open_listeners(
    config: Config, stack: AsyncExitStack
) -> tuple[list[Listener], list[str]]:
    """Open the sockets of the configuration; `stack` closes them."""
    sockets = config.create_sockets()
    context = config.create_ssl_context()
    listeners: list[Listener] = []
    urls: list[str] = []
    for sock in sockets.secure_sockets + sockets.insecure_sockets:
        listener = await stack.enter_async_context(_listen(sock, config.backlog))
        address = repr_socket_addr(sock.family, sock.getsockname())
        if context is not None and sock in sockets.secure_sockets:
            listeners.append(_secure(listener, context))
            urls.append(f"https://{address}")
        else:
            listeners.append(listener)
            urls.append(f"http://{address}")
    return listeners, urls


def _listen(sock: socket.socket, backlog: int) -> trio.SocketListener:
    if hasattr(socket, "TCP_USER_TIMEOUT") and sock.family != socket.AF_UNIX:
        sock.setsockopt(
            socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _USER_TIMEOUT_MILLISECONDS
        )
    sock.listen(backlog)
    return trio.SocketListener(trio.socket.from_stdlib_socket(sock))


def _secure(
    listener: trio.SocketListener, context: ssl.SSLContext
) -> trio.SSLListener[trio.SocketStream]:
    context.set_alpn_protocols(["http/1.1"])
    # In the manner of the specification: an end is told, both ways. A client that
    # leaves without a word counts as one whose connection broke.
    return trio.SSLListener(listener, context, https_compatible=False)
