"""Entry point of the server process: opens and runs store, relay, app and listener.

Context managers and nurseries nest like lifetimes: the store outlives the relay, the
relay outlives the listener. In `serve`, from the outside in:

1. `open_services` holds the store and the relay.
2. `nursery` has the tasks that run until the end: signals, watchdog, companion, tunnel.
   A second signal cancels its scope and with it everything below.
3. `metrics` and the connection handler, with their own watcher tasks.
4. `server` runs the listener until it has shut down, and within it the app's lifespan,
   which loads Quart and the operator's endpoints.

The tasks of 2 and 3 are outside the app. A background task that fails in Quart's own
nursery would end only that nursery, and leave a server that still answers 200.
"""

import gc
import os
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import (
    AbstractAsyncContextManager,
    ExitStack,
    contextmanager,
    nullcontext,
)
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

import attrs
import trio
from hypercorn.config import Config

from argybargy.domain.errors import RelayError
from argybargy.http.asgi import App
from argybargy.http.limits import ConnectionLimits
from argybargy.http.response import ErrorBody
from argybargy.http.server import open_http_server
from argybargy.relay.relay import Relay
from argybargy.serve.listener import ConnectionHandler, serve_app
from argybargy.serve.local_relay import local_url
from argybargy.serve.logging import configure_logging
from argybargy.serve.metrics_listener import measure_server, open_metrics_listener
from argybargy.serve.proxies import ForwardedApp, TrustedProxies
from argybargy.serve.run_plan import RunningRelay, RunPlan
from argybargy.serve.running_relays import noted_relay
from argybargy.serve.services import open_services, wait_for_command
from argybargy.serve.startup_errors import (
    EXPECTED,
    CertificateError,
    explain_startup_error,
)
from argybargy.serve.status import RelayStatus, read_relay_status
from argybargy.serve.systemd import READY, STOPPING, ServiceManager
from argybargy.settings.settings import DEFAULT_SOURCE, Settings
from argybargy.store.data_directory import ServerAddress, publish_server_address
from argybargy.system.logs import get_logger
from argybargy.web.access.services import Services
from argybargy.web.access.session import SignInCode
from argybargy.web.access.sessions import Sessions
from argybargy.web.errors import error_response
from argybargy.web.late_app import create_late_app
from argybargy.web.request import DATA_HEADERS

if TYPE_CHECKING:
    from hypercorn.typing import ASGIFramework

    from argybargy.serve.tunnel.tunnel import Tunnel, TunnelStatus

log = get_logger(__name__)

DRAIN_SECONDS: Final = 2.0
"""Longest time to answer parked polls before the listener closes."""
GRACE_SECONDS: Final = 5.0
"""Longest time for requests to finish after that."""

GARBAGE_OBJECTS: Final = 10_000
"""New objects after which Python collects cycles while the relay runs.

Objects that a relay drops are rarely in a cycle, and reference counting frees them at
once.
"""

EXIT_OK: Final = 0
EXIT_INTERRUPTED: Final = 130


def run(settings: Settings, plan: RunPlan) -> int:
    """Serve until a signal arrives, and return the exit code of the process.

    Args:
        settings: Settings of the run.
        plan: Callbacks and tasks of the command.
    """
    environment = os.environ  # noqa: TID251 - no setting of ours
    manager = ServiceManager.find(environment)
    is_usual = settings.source("log_level") == DEFAULT_SOURCE
    level = "warning" if plan.talks and is_usual else settings.log_level
    configure_logging(level, settings.log_format, environment)
    for warning in settings.warnings:
        log.warning(warning)
    try:
        trio.run(partial(serve, settings, plan, manager))
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except EXPECTED as error:
        ending = explain_startup_error(error, settings, plan.verb)
        sys.stderr.write(plan.typed(f"{ending}\n"))
        return ending.code
    return EXIT_OK


async def serve(
    settings: Settings, plan: RunPlan, manager: ServiceManager | None = None
) -> None:
    """Serve until SIGTERM, SIGINT or SIGHUP; a second signal cancels everything.

    Shutdown: parked polls are answered, the listener closes, requests finish, and only
    then tunnel and companion task are cancelled, since some of those polls and
    requests came through the tunnel.

    Raises:
        CertificateError: The TLS files cannot be used.
        StoreError: The data directory cannot be used.
        MetricsAddressError: The metrics address cannot be bound.
        OSError: The address cannot be bound.
        ExceptionGroup: One of these, from within a nursery.
    """
    settings, manager = _with_port(settings), manager or ServiceManager()
    config = _make_config(settings)
    await wait_for_command(settings.data, _say)
    async with (
        open_services(settings, typed=plan.typed_elsewhere) as services,
        trio.open_nursery() as nursery,
    ):
        # Signals come first: from here on they end even a hanging start cleanly.
        stop = await nursery.start(
            _catch_signals, nursery.cancel_scope, plan.tell_stopping
        )
        app = _make_app(settings, services)
        tunnel = _plan_tunnel(plan, services, local_url(settings))
        metrics = open_metrics_listener(
            settings.metrics_bind,
            services.metrics,
            render=_render,
            wall_clock=partial(_wall_clock, services.relay),
        )
        async with (
            metrics,
            _open_handler(settings, services, app, config) as handler,
        ):
            measure_server(services.metrics, handler)
            start = partial(
                serve_app,
                app,
                config,
                handler=handler,
                shutdown_trigger=partial(
                    _listen_until_drained, settings, stop, services.relay, manager
                ),
            )
            async with trio.open_nursery() as server:
                urls = await server.start(start)
                # All objects of the start live until the end. Without this, the
                # garbage collector's full runs cost a twentieth of each request. Some
                # are garbage already: 4 MB that a run of 40 ms would free.
                gc.freeze()
                gc.set_threshold(GARBAGE_OBJECTS)
                started = RunningRelay(
                    urls,
                    partial(_sign_in_link, services, nursery),
                    partial(_read_status, services, tunnel),
                )
                plan.announce(started)
                manager.tell(READY)
                nursery.start_soon(manager.keep_alive)
                nursery.start_soon(plan.companion, started)
                if tunnel is not None:
                    nursery.start_soon(tunnel.keep_up)
        # The server has ended: these tasks have nothing left to serve.
        nursery.cancel_scope.cancel()


def _plan_tunnel(plan: RunPlan, services: Services, url: str) -> "Tunnel | None":
    """Make the tunnel, whose URL becomes the relay's address while it is up."""

    def report(status: "TunnelStatus") -> None:
        if status.url is None:
            services.address.withdraw()
        else:
            services.address.publish(status.url)
        services.relay.watchers.wake()
        plan.tell_tunnel(status)

    if plan.tunnel is None:
        return None
    # Imported late, because most relays have none.
    from argybargy.serve.tunnel.tunnel import Tunnel  # noqa: PLC0415

    return Tunnel(plan.tunnel.leading_to(url), report)


def _read_status(services: Services, tunnel: "Tunnel | None") -> RelayStatus:
    status = None if tunnel is None else tunnel.status
    return read_relay_status(services.relay, services.public_url, status)


def _sign_in_link(services: Services, nursery: trio.Nursery) -> str:
    # Imported late: most relays print no link, and the dashboard loads later.
    from argybargy.web.endpoints.sign_in import offer_sign_in  # noqa: PLC0415

    sessions = services.sessions
    made = sessions.make_code(sessions.token_identity())
    nursery.start_soon(_share_code, sessions, made.record)
    return offer_sign_in(services, made).url


async def _share_code(sessions: Sessions, code: SignInCode) -> None:
    """Let the other nodes of a shared store accept a sign-in code as well."""
    try:
        await sessions.publish_code(code)
    except RelayError as error:
        log.warning("the sign-in link works at this node only", reason=str(error))


def _with_port(settings: Settings) -> Settings:
    """Replace port 0 by a free port: invitations need the number before the bind."""
    if settings.port:
        return settings
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.bind((settings.host, 0))
        return attrs.evolve(settings, port=probe.getsockname()[1])


# -- the listener -----------------------------------------------------------------


def _make_app(settings: Settings, services: Services) -> App:
    # What loads late lives until the end too: see the other `gc.freeze`.
    app = cast("App", create_late_app(services, gc.freeze))
    if settings.log_level == "debug":
        from argybargy.web.access_log import AccessLog  # noqa: PLC0415

        app = cast("App", AccessLog(cast("ASGIFramework", app), services))
    proxies = TrustedProxies.make(settings.trusted_proxies)
    # Without trusted proxies, requests skip the lookup.
    return ForwardedApp(app, proxies) if proxies.networks else app


def _make_config(settings: Settings) -> Config:
    config = Config()
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    config.bind = [f"{host}:{settings.port}"]
    config.backlog = 1024
    config.graceful_timeout = GRACE_SECONDS
    config.accesslog = None
    config.errorlog = None
    config.include_server_header = False
    config.keep_alive_max_requests = 1_000_000
    if settings.tls_cert is not None and settings.tls_key is not None:
        _use_tls(config, settings.tls_cert, settings.tls_key)
    return config


def _use_tls(config: Config, certificate: Path, key: Path) -> None:
    config.certfile, config.keyfile = str(certificate), str(key)
    # Without a password, OpenSSL would prompt on the terminal and block the start.
    config.keyfile_password = ""
    try:
        config.create_ssl_context()
    except (OSError, ValueError) as error:
        raise CertificateError(
            f"The certificate {certificate} and the key {key} cannot be used "
            f"together: {error}"
        ) from error


def _open_handler(
    settings: Settings, services: Services, app: App, config: Config
) -> AbstractAsyncContextManager[ConnectionHandler]:
    """Open the HTTP core that the settings choose."""
    limits = ConnectionLimits(body_bytes=services.limits.body_bytes)
    if settings.http_core == "hypercorn":
        # Imported late: it loads HTTP/2 and websockets, which the default core does not
        # use.
        from argybargy.http.hypercorn.guard import HypercornServer  # noqa: PLC0415

        guarded = HypercornServer(app, config, render=_render, log=log, limits=limits)
        return nullcontext(guarded)
    return open_http_server(
        app,
        render=_render,
        log=log,
        limits=limits,
        wall_clock=partial(_wall_clock, services.relay),
        trusted_addresses=TrustedProxies.make(settings.trusted_proxies),
    )


def _render(error: RelayError) -> ErrorBody:
    return ErrorBody(error_response(error).body, DATA_HEADERS)


def _wall_clock(relay: Relay) -> float:
    return relay.clock.now().wall_ms / 1000


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")


# -- signals ----------------------------------------------------------------------


async def _catch_signals(
    scope: trio.CancelScope,
    tell: Callable[[], None],
    task_status: trio.TaskStatus[trio.Event],
) -> None:
    """Set an event at the first signal; cancel `scope` at the second and return.

    `tell` is called at the first one.

    The event is reported through `task_status`, once the handlers are installed.
    """
    stop = trio.Event()
    with trio.open_signal_receiver(*_stop_signals()) as received:
        task_status.started(stop)
        async for number in received:
            log.info("stopping", signal=signal.Signals(number).name)
            if stop.is_set():
                scope.cancel()
                return
            stop.set()
            tell()


def _stop_signals() -> tuple[signal.Signals, ...]:
    """Return the signals that stop the relay.

    A terminal that closes sends SIGHUP. Under nohup it is ignored; keep it that way.
    """
    if sys.platform == "win32" or signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
        return signal.SIGTERM, signal.SIGINT
    return signal.SIGTERM, signal.SIGINT, signal.SIGHUP


async def _listen_until_drained(
    settings: Settings,
    stop: trio.Event,
    relay: Relay,
    manager: ServiceManager,
) -> None:
    """Publish the relay's address until it has drained, then let the listener close."""
    with _published_address(settings):
        await _wait_drained(stop, relay, manager)


@contextmanager
def _published_address(settings: Settings) -> Iterator[None]:
    """Publish the relay's address to commands on this machine.

    A failure is logged: the relay works without, and commands take ``--url``.
    """
    certificate = None if settings.tls_cert is None else str(settings.tls_cert)
    place = ServerAddress(settings.host, settings.port, os.getpid(), certificate)
    with ExitStack() as stack:
        try:
            stack.enter_context(publish_server_address(settings.data, place))
        except OSError as error:
            log.warning("publishing the local address failed", reason=str(error))
        try:
            stack.enter_context(noted_relay(settings.data))
        except OSError as error:
            # Usual for a service without a home: commands there name its directory.
            log.debug("keeping a note of this relay failed", reason=str(error))
        yield


async def _wait_drained(
    stop: trio.Event, relay: Relay, manager: ServiceManager
) -> None:
    """Wait for the signal, then for parked polls to be answered.

    The listener accepts until then: an agent that gets its answer and polls again at
    once is told that the relay is draining, instead of being refused a connection.
    """
    await stop.wait()  # no deadline: this is how long the relay runs
    manager.tell(STOPPING)
    relay.drain()
    # A timeout is no error: the listener's grace period covers the remaining polls.
    with trio.move_on_after(DRAIN_SECONDS):
        await relay.wait_unparked()
