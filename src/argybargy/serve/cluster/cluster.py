"""Start and end a cluster on this machine: PostgreSQL, then the nodes, then a balancer.

Each is the block of an ``async with``, so they end in reverse: the balancer, the nodes
together, and PostgreSQL last. A child that dies is restarted by its own task. If the
cluster itself is killed, its guard ends the children.
"""

import os
import shutil
import signal
import socket
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from functools import partial
from pathlib import Path
from typing import Final
from urllib.parse import quote

import trio

from argybargy.serve.admin_token import FILE_NAME, FileAdminToken
from argybargy.serve.cluster.child import (
    ClusterError,
    Command,
    Guard,
    open_child,
    open_guard,
    run_once,
)
from argybargy.serve.cluster.configs import CONFIGS, balancer_arguments
from argybargy.serve.cluster.programs import Account, Programs
from argybargy.store.data_directory import (
    ServerAddress,
    hold_lock,
    publish_server_address,
)
from argybargy.system.files import make_private_directory, write_private_file
from argybargy.system.values import frozen

START_SECONDS: Final = 60.0
"""Longest time for each part to start."""
_POLL_SECONDS: Final = 0.05
_USER: Final = "relay"
_BALANCER_SECONDS: Final = 3.0
_OWN: Final = frozenset(
    f"ARGYBARGY_{name}"
    for name in (
        *("HOST", "PORT", "DATA", "STORE", "PUBLIC_URL", "TRUSTED_PROXIES"),
        *("TLS_CERT", "TLS_KEY", "EPHEMERAL", "METRICS_BIND", "ALLOWED_HOSTS"),
    )
)
"""Settings of a node that the cluster chooses."""


@frozen
class ClusterPlan:
    """Parameters of a cluster.

    Attributes:
        folder: Folder of everything that it keeps.
        port: Port of the balancer.
        programs: The programs to run.
        nodes: Number of nodes.
        tell: Called with sentences about its course.
    """

    folder: Path
    port: int
    programs: Programs
    nodes: int
    tell: Callable[[str], object]

    @property
    def url(self) -> str:
        """Address of the balancer."""
        return f"http://127.0.0.1:{self.port}"

    def node_folder(self, number: int) -> Path:
        """Return the data directory of a node, counted from 1."""
        return self.folder / f"node-{number}"

    @property
    def token_file(self) -> Path:
        """File with the admin token of all nodes."""
        return self.folder / FILE_NAME


async def run_cluster(
    plan: ClusterPlan, announce: Callable[[Sequence[int]], object]
) -> None:
    """Run a cluster until SIGTERM, SIGINT or SIGHUP.

    For commands, its folder is the data directory of a relay that listens where the
    balancer does.

    Args:
        plan: What to run.
        announce: Called with the ports of the nodes, once the balancer answers.

    Raises:
        ClusterError: A part cannot be started or cannot go on; also in an
            `ExceptionGroup`.
        StoreError: Another cluster uses the folder.
    """
    _check_port(plan.port)
    with hold_lock(plan.folder):
        async with trio.open_nursery() as nursery:
            stop = await nursery.start(_catch_signals, nursery.cancel_scope)
            async with AsyncExitStack() as stack:
                guard = await stack.enter_async_context(open_guard())
                url = await stack.enter_async_context(_open_engine(plan, guard))
                ports = await stack.enter_async_context(_open_nodes(plan, url, guard))
                await stack.enter_async_context(_open_balancer(plan, ports, guard))
                place = ServerAddress("127.0.0.1", plan.port, os.getpid())
                stack.enter_context(publish_server_address(plan.folder, place))
                announce(ports)
                await stop.wait()  # no deadline: this is how long it runs
                plan.tell("Stopping: the balancer, then the nodes, then PostgreSQL.")
            nursery.cancel_scope.cancel()


async def _catch_signals(
    scope: trio.CancelScope, task_status: trio.TaskStatus[trio.Event]
) -> None:
    """Set an event at the first signal, and cancel `scope` at the second."""
    stop = trio.Event()
    numbers = [signal.SIGTERM, signal.SIGINT]
    if sys.platform != "win32":
        numbers.append(signal.SIGHUP)
    with trio.open_signal_receiver(*numbers) as received:
        task_status.started(stop)
        async for _ in received:
            if stop.is_set():
                scope.cancel()
            stop.set()


# -- PostgreSQL --------------------------------------------------------------------


@asynccontextmanager
async def _open_engine(plan: ClusterPlan, guard: Guard) -> AsyncIterator[str]:
    """Run a private PostgreSQL; its socket is in a folder of its own, without TCP.

    Yields:
        The URL of its database.
    """
    account, programs = plan.programs.account, plan.programs.postgres
    folder = plan.folder / "postgres"
    _make_folder(folder, account)
    with _socket_folder(account) as sockets:
        log = folder / "postgres.log"
        if not (folder / "data" / "PG_VERSION").exists():
            plan.tell("Making a PostgreSQL database.")
            arguments = [
                *(str(programs / "initdb"), "-D", str(folder / "data")),
                *("-U", _USER, "-A", "trust", "-E", "UTF8", "--locale=C"),
            ]
            await run_once(Command("initdb", arguments, log, account=account))
        arguments = [
            *(str(programs / "postgres"), "-D", str(folder / "data")),
            *("-c", "listen_addresses=", "-c", f"unix_socket_directories={sockets}"),
            *("-c", "max_connections=100", "-c", "logging_collector=off"),
        ]
        # SIGINT is PostgreSQL's fast shutdown: it does not wait for its clients.
        command = Command(
            "PostgreSQL", arguments, log, account=account, stop_signal=signal.SIGINT
        )
        async with open_child(command, plan.tell, guard):
            place = quote(str(sockets), safe="")
            await _wait_until(
                command,
                partial(trio.to_thread.run_sync, _make_database, place),
            )
            yield _database_url(place, _USER)


def _database_url(place: str, database: str) -> str:
    return f"postgresql://{_USER}@/{database}?host={place}"


def _make_database(place: str) -> bool:
    """Create the database of the relay if it is missing; False if none answers."""
    import psycopg  # noqa: PLC0415 - an extra

    try:
        with psycopg.connect(
            _database_url(place, "postgres"), autocommit=True, connect_timeout=5
        ) as connection:
            sql = "SELECT 1 FROM pg_database WHERE datname = %s"
            if connection.execute(sql, (_USER,)).fetchone() is None:
                connection.execute(
                    f"CREATE DATABASE {_USER} ENCODING 'UTF8' TEMPLATE template0"
                )
    except psycopg.OperationalError:
        return False
    return True


def _make_folder(folder: Path, account: Account | None) -> None:
    """Make the folder of PostgreSQL, which its user must be able to enter.

    Raises:
        ClusterError: It is not.
    """
    make_private_directory(folder)
    if account is None:
        return
    _give(folder, account)
    ours = folder.parent
    ours.chmod(0o711)  # to be entered, not read
    for parent in ours.absolute().parents:
        if not parent.stat().st_mode & 0o001:
            raise ClusterError(
                f"PostgreSQL does not run as root, and the user {account.name} cannot "
                f"enter {parent}. Name a folder that it can enter: "
                "argybargy cluster --try --data /var/lib/argybargy-try"
            )


def _give(folder: Path, account: Account) -> None:
    if sys.platform != "win32":
        os.chown(folder, account.user, account.group)


@contextmanager
def _socket_folder(account: Account | None) -> Iterator[Path]:
    """Make a private folder with a short path: that of a socket has 107 bytes."""
    folder = Path(tempfile.mkdtemp(prefix="argybargy-"))
    try:
        if account is not None:
            _give(folder, account)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


# -- nodes and balancer ------------------------------------------------------------


@asynccontextmanager
async def _open_nodes(
    plan: ClusterPlan, url: str, guard: Guard
) -> AsyncIterator[tuple[int, ...]]:
    """Run the nodes, which share an admin token.

    Yields:
        Their ports.
    """
    token = await FileAdminToken.open(plan.folder)
    ports = tuple(_free_port() for _ in range(plan.nodes))
    async with trio.open_nursery() as nursery:
        # All of them in one scope, so that they end together.
        for number, port in enumerate(ports, 1):
            folder = plan.node_folder(number)
            make_private_directory(folder)
            write_private_file(folder / FILE_NAME, token.value.encode())
            command = Command(
                f"node-{number}",
                [sys.executable, "-m", "argybargy", "serve"],
                folder / "node.log",
                _node_environment(plan, url, folder, port),
            )
            await nursery.start(_run_child, command, plan.tell, guard)
            await _wait_until(command, partial(_is_listening, port))
        yield ports
        nursery.cancel_scope.cancel()


async def _run_child(
    command: Command,
    tell: Callable[[str], object],
    guard: Guard,
    task_status: trio.TaskStatus[None],
) -> None:
    async with open_child(command, tell, guard):
        task_status.started()
        await trio.sleep_forever()  # until it is cancelled


def _node_environment(
    plan: ClusterPlan, url: str, folder: Path, port: int
) -> dict[str, str]:
    inherited = dict(os.environ)  # noqa: TID251 - passed on to a child process
    kept = {name: value for name, value in inherited.items() if name not in _OWN}
    return {
        **kept,
        "ARGYBARGY_STORE": url,
        "ARGYBARGY_DATA": str(folder),
        "ARGYBARGY_HOST": "127.0.0.1",
        "ARGYBARGY_PORT": str(port),
        "ARGYBARGY_PUBLIC_URL": plan.url,
        "ARGYBARGY_ALLOWED_HOSTS": "127.0.0.1,localhost",
        "ARGYBARGY_TRUSTED_PROXIES": "127.0.0.1",
    }


@asynccontextmanager
async def _open_balancer(
    plan: ClusterPlan, ports: Sequence[int], guard: Guard
) -> AsyncIterator[None]:
    """Run the balancer in front of the nodes."""
    folder, name = plan.folder / "balancer", plan.programs.balancer_name
    make_private_directory(folder)
    file = folder / f"{name}.conf"
    text = CONFIGS[name](plan.port, ports, folder)
    write_private_file(file, text.encode())
    inherited = dict(os.environ)  # noqa: TID251 - passed on to a child process
    command = Command(
        name,
        balancer_arguments(plan.programs.balancer, folder, file),
        folder / f"{name}.log",
        # Caddy keeps its files there.
        {**inherited, "HOME": str(folder), "XDG_DATA_HOME": str(folder)},
        stop_seconds=_BALANCER_SECONDS,
    )
    async with open_child(command, plan.tell, guard):
        await _wait_until(command, partial(_is_listening, plan.port))
        yield


async def _wait_until(command: Command, check: Callable[[], Awaitable[bool]]) -> None:
    """Wait until a check of a child succeeds.

    Raises:
        ClusterError: That takes longer than `START_SECONDS`.
    """
    with trio.move_on_after(START_SECONDS):
        while not await check():  # noqa: ASYNC110 - of another process
            await trio.sleep(_POLL_SECONDS)
        return
    raise ClusterError(f"{command.name} does not answer:\n{command.last_lines()}")


async def _is_listening(port: int) -> bool:
    try:
        stream = await trio.open_tcp_stream("127.0.0.1", port)
    except OSError:
        return False
    await stream.aclose()
    return True


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _check_port(port: int) -> None:
    """Refuse a port that is in use.

    Raises:
        ClusterError: It is.
    """
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise ClusterError(
                f"Port {port} cannot be used: {error.strerror}. Take another one: "
                f"argybargy cluster --try --port {port + 1}"
            ) from error
