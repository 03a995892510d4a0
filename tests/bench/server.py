"""Start and stop a measured server, pinned to one core."""

import shlex
import socket
import subprocess
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import attrs
import trio

from argybargy.torture.client.connection import Address, KeepAliveConnection
from argybargy.torture.client.messages import BadResponse, encode_request
from bench.meter import Meter

HOST = "127.0.0.1"
START_SECONDS = 60.0
STOP_SECONDS = 1.0
CLEAN_STOP_SECONDS = 20.0
"""Time to stop for a server that starts again on the same directory."""
OK = 200
HEALTH = encode_request("GET", "/health", {})
# Without rate limits, and without the damping of agents that answer each other often,
# which ends a ping-pong after twelve turns; with bytecode, like an installed server,
# even if the environment of the benchmark disables it.
LIFTED = {
    "PYTHONDONTWRITEBYTECODE": "",
    "ARGYBARGY_RATE_MAX": "1000000",
    "ARGYBARGY_READS_MAX": "1000000",
    "ARGYBARGY_CLAIMS_MAX": "1000000",
    "ARGYBARGY_LOOP_TURNS": "0",
    "ARGYBARGY_LOG_LEVEL": "warning",
}
NONE_SET: Mapping[str, str] = {}


class ServerDied(Exception):
    """The command ended or did not become healthy; the text has its last output."""


@attrs.frozen
class Server:
    """A running server.

    Attributes:
        address: Its address.
        admin_token: Its admin token.
        meter: Meter of its process; ``None`` if the process is unknown.
        start_seconds: Time from the start of the command to the first 200, of
            ``/health`` unless told otherwise; ``None`` if attached.
    """

    address: Address
    admin_token: str = attrs.field(repr=False)
    meter: Meter | None = None
    start_seconds: float | None = None


@attrs.frozen
class Launcher:
    """Starts servers with one command.

    Attributes:
        command: Shell command that runs the server in the foreground. It reads its
            port from ``ARGYBARGY_PORT`` and its directory from ``ARGYBARGY_DATA``, and
            writes ``admin.token`` there.
        core: CPU core for the server.
    """

    command: str
    core: int

    @asynccontextmanager
    async def start(
        self,
        folder: Path | None = None,
        first: bytes = HEALTH,
        settings: Mapping[str, str] = NONE_SET,
    ) -> AsyncIterator[Server]:
        """Run a server until the block ends.

        Args:
            folder: Its data directory, which stays; ``None`` for a temporary one.
            first: Request whose first answer 200 ends the start.
            settings: Variables of its environment besides the usual ones.

        Raises:
            ServerDied: There was no such answer.
        """
        address = Address(HOST, _free_port())
        with tempfile.TemporaryDirectory(prefix="bench-") as name:
            scratch = Path(name)
            data = scratch / "data" if folder is None else folder
            data.mkdir(mode=0o700, exist_ok=True)
            began = trio.current_time()
            with (scratch / "output").open("wb") as output:
                process = await self._spawn(data, address, settings, output.fileno())
            try:
                await _wait_answer(process, address, first, scratch / "output")
                took = trio.current_time() - began
                token = (data / "admin.token").read_text().strip()
                yield Server(address, token, Meter(process.pid), took)
            finally:
                seconds = STOP_SECONDS if folder is None else CLEAN_STOP_SECONDS
                await _stop(process, seconds)  # it shields itself

    async def _spawn(
        self, data: Path, address: Address, settings: Mapping[str, str], output: int
    ) -> trio.Process:
        environment = {**LIFTED, **settings} | {
            "ARGYBARGY_DATA": str(data),
            "ARGYBARGY_HOST": address.host,
            "ARGYBARGY_PORT": str(address.port),
        }
        return await trio.lowlevel.open_process(
            pinned(self.command, self.core, environment),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )


def pinned(command: str, core: int, environment: Mapping[str, str]) -> list[str]:
    """Return ``command`` pinned to one core, with additional variables.

    ``taskset`` and ``env`` replace themselves by exec, so the child process is the
    server itself.
    """
    settings = [f"{name}={value}" for name, value in environment.items()]
    return ["taskset", "-c", str(core), "env", *settings, *shlex.split(command)]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


async def _wait_answer(
    process: trio.Process, address: Address, request: bytes, output: Path
) -> None:
    with trio.move_on_after(START_SECONDS):
        while process.poll() is None:
            if await _is_answered(address, request):
                return
            await trio.sleep(0.005)
    raise ServerDied(
        f"not healthy after {START_SECONDS:.0f} s at most: {_last_output(output)}"
    )


def _last_output(path: Path) -> str:
    return path.read_text(errors="replace")[-400:]


async def _is_answered(address: Address, request: bytes) -> bool:
    """Send a request on a new connection; return whether it was answered with 200."""
    connection = KeepAliveConnection(address)
    try:
        return (await connection.exchange(request, START_SECONDS)).status == OK
    except (OSError, BadResponse, trio.TooSlowError, trio.BrokenResourceError):
        return False
    finally:
        connection.close_nowait()


async def _stop(process: trio.Process, seconds: float) -> None:
    """Send SIGTERM, and SIGKILL some seconds later; shielded from cancellation."""
    with trio.CancelScope(shield=True):
        process.terminate()
        with trio.move_on_after(seconds):
            await process.wait()
        if process.returncode is None:
            process.kill()
            await process.wait()
