"""The whole relay, put together: store, relay, app, listener, signals.

Nurseries nest like lifetimes: the store outlives the relay, the relay outlives the
server. Ours stand around the server, never inside the app: a task that dies in an
app's own nursery leaves a server behind that still answers 200.
"""

import gc
import os
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import (
    AbstractAsyncContextManager,
    ExitStack,
    contextmanager,
    nullcontext,
)
from functools import partial
from pathlib import Path
from typing import Final, cast

import attrs
import structlog
import trio
from hypercorn.config import Config
from hypercorn.typing import ASGIFramework

from argybargy.domain.errors import RelayError
from argybargy.http.asgi import App
from argybargy.http.limits import ConnectionLimits
from argybargy.http.response import ErrorBody
from argybargy.http.server import open_http_server
from argybargy.relay.relay import Relay
from argybargy.serve.data_directory_wait import wait_for_command
from argybargy.serve.listener import ConnectionHandler, serve_app
from argybargy.serve.local_relay import local_url
from argybargy.serve.logging import configure_logging
from argybargy.serve.metrics_listener import measure_server, open_metrics_listener
from argybargy.serve.proxies import ForwardedApp, TrustedProxies
from argybargy.serve.run_plan import RunningRelay, RunPlan
from argybargy.serve.services import open_services
from argybargy.serve.startup_errors import (
    EXPECTED,
    CertificateError,
    explain_startup_error,
)
from argybargy.serve.status import RelayStatus, read_relay_status
from argybargy.serve.systemd import READY, STOPPING, ServiceManager
from argybargy.serve.tunnel.tunnel import Tunnel, TunnelStatus
from argybargy.settings.settings import Settings
from argybargy.store.data_directory import ServerAddress, publish_server_address
from argybargy.web.access.services import Services
from argybargy.web.access_log import AccessLog
from argybargy.web.app import create_app
from argybargy.web.endpoints.sign_in import offer_sign_in
from argybargy.web.errors import error_response
from argybargy.web.request import DATA_HEADERS

log = structlog.get_logger(__name__)

DRAIN_SECONDS: Final = 2.0
"""How long parked polls may take to be answered before the listener closes."""
GRACE_SECONDS: Final = 5.0
"""How long requests may take to finish after that."""

EXIT_OK: Final = 0
EXIT_INTERRUPTED: Final = 130


def run(settings: Settings, plan: RunPlan) -> int:
    """Serve until a signal says stop, and return the exit code of the process.

    Args:
        settings: What holds.
        plan: What comes with it.
    """
    environment = os.environ  # noqa: TID251 - no setting of ours
    manager = ServiceManager.find(environment)
    configure_logging(settings.log_level, settings.log_format, environment)
    for warning in settings.warnings:
        log.warning(warning)
    try:
        trio.run(partial(serve, settings, plan, manager))
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except EXPECTED as error:
        ending = explain_startup_error(error, settings, plan.verb)
        sys.stderr.write(f"{ending}\n")
        return ending.code
    return EXIT_OK


async def serve(
    settings: Settings, plan: RunPlan, manager: ServiceManager | None = None
) -> None:
    """Serve until SIGTERM, SIGINT or SIGHUP; a second one forces.

    What comes with the relay stays until the relay has said goodbye: a tunnel too,
    since that is where some of the polls that are sent home come from.

    Raises:
        CertificateError: The TLS files cannot be used.
        StoreError: The data directory cannot be used.
        OSError: The address cannot be bound.
    """
    settings, manager = _with_port(settings), manager or ServiceManager()
    config = _make_config(settings)
    await wait_for_command(settings.data, _say)
    async with open_services(settings) as services, trio.open_nursery() as nursery:
        signals = await nursery.start(_catch_signals, nursery.cancel_scope)
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
                    _listen_until_drained, settings, signals, services.relay, manager
                ),
            )
            async with trio.open_nursery() as server:
                urls = await server.start(start)
                # All that there is now stays. The garbage collector need not look
                # through it again: that was a twentieth of what a request costs.
                gc.freeze()
                started = RunningRelay(
                    urls,
                    partial(_sign_in_link, services),
                    partial(_glance, services, tunnel),
                )
                plan.announce(started)
                manager.tell(READY)
                nursery.start_soon(manager.keep_alive)
                nursery.start_soon(plan.beside, started)
                if tunnel is not None:
                    nursery.start_soon(tunnel.keep_up)
        nursery.cancel_scope.cancel()


def _plan_tunnel(plan: RunPlan, services: Services, url: str) -> Tunnel | None:
    """Return the tunnel, which makes the relay reachable as it comes and goes."""

    def report(status: TunnelStatus) -> None:
        if status.url is None:
            services.address.withdraw()
        else:
            services.address.publish(status.url)
        services.relay.watchers.wake()
        plan.tell_tunnel(status)

    if plan.tunnel is None:
        return None
    return Tunnel(plan.tunnel.leading_to(url), report)


def _glance(services: Services, tunnel: Tunnel | None) -> RelayStatus:
    status = None if tunnel is None else tunnel.status
    return read_relay_status(services.relay, services.public_url, status)


def _sign_in_link(services: Services) -> str:
    return offer_sign_in(services, services.sessions.token_identity()).url


def _with_port(settings: Settings) -> Settings:
    """Settle on a port, so that invitations can name it."""
    if settings.port:
        return settings
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.bind((settings.host, 0))
        return attrs.evolve(settings, port=probe.getsockname()[1])


# -- the listener -----------------------------------------------------------------


def _make_app(settings: Settings, services: Services) -> App:
    app = cast("App", create_app(services))
    if settings.log_level == "debug":
        app = cast("App", AccessLog(cast("ASGIFramework", app), services))
    proxies = TrustedProxies.make(settings.trusted_proxies)
    # Without proxies nobody pays for looking through them.
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
    # Without one, OpenSSL would ask whoever sits at the terminal.
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
    """Choose who turns bytes into requests: our own connection, or Hypercorn's."""
    limits = ConnectionLimits(body_bytes=services.limits.body_bytes)
    if settings.http_core == "hypercorn":
        # Not at the top: it brings HTTP/2 and websockets along, for nobody else.
        from argybargy.http.hypercorn.guard import HypercornServer  # noqa: PLC0415

        theirs = HypercornServer(app, config, render=_render, log=log, limits=limits)
        return nullcontext(theirs)
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
    task_status: trio.TaskStatus[trio.Event],
) -> None:
    """Set an event at the first signal to stop; cancel everything at the second."""
    wanted = trio.Event()
    with trio.open_signal_receiver(*_stop_signals()) as received:
        task_status.started(wanted)
        async for number in received:
            log.info("stopping", signal=signal.Signals(number).name)
            if wanted.is_set():
                scope.cancel()
                return
            wanted.set()


def _stop_signals() -> tuple[signal.Signals, ...]:
    """Return the signals that ask the relay to stop.

    A terminal that closes sends SIGHUP. Under nohup that is ignored, and stays so.
    """
    if sys.platform == "win32" or signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
        return signal.SIGTERM, signal.SIGINT
    return signal.SIGTERM, signal.SIGINT, signal.SIGHUP


async def _listen_until_drained(
    settings: Settings,
    wanted: trio.Event,
    relay: Relay,
    manager: ServiceManager,
) -> None:
    """Say where the relay listens for as long as it does, and does not stop."""
    with _told(settings):
        await _wait_drained(wanted, relay, manager)


@contextmanager
def _told(settings: Settings) -> Iterator[None]:
    """Let the commands on this machine find the relay; without it they do not."""
    certificate = None if settings.tls_cert is None else str(settings.tls_cert)
    place = ServerAddress(settings.host, settings.port, os.getpid(), certificate)
    with ExitStack() as stack:
        try:
            stack.enter_context(publish_server_address(settings.data, place))
        except OSError as error:
            log.warning("no command will find this relay", reason=str(error))
        yield


async def _wait_drained(
    wanted: trio.Event, relay: Relay, manager: ServiceManager
) -> None:
    """Wait for the signal, then until no poll is parked any more.

    The order matters: polls get their answer while the listener is still there.
    """
    await wanted.wait()
    manager.tell(STOPPING)
    relay.drain()
    with trio.move_on_after(DRAIN_SECONDS):
        await relay.wait_unparked()
