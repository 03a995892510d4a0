"""Starting a server to measure, on a core of its own, and stopping it again."""

import shlex
import socket
import subprocess
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import attrs
import trio

from argybargy.torture.client.connection import Address, is_healthy
from bench.meter import Meter

HOST = "127.0.0.1"
START_SECONDS = 20.0
STOP_SECONDS = 1.0
# A server must not be measured against its own rate limits, and it starts as one that
# is installed does: with bytecode, whatever the environment of the bench says.
LIFTED = {
    "PYTHONDONTWRITEBYTECODE": "",
    "ARGYBARGY_RATE_MAX": "1000000",
    "ARGYBARGY_READS_MAX": "1000000",
    "ARGYBARGY_CLAIMS_MAX": "1000000",
    "ARGYBARGY_LOG_LEVEL": "warning",
}


class ServerDied(Exception):
    """The command ended, or was not healthy in time; the text ends its output."""


@attrs.frozen
class Server:
    """A server that answers.

    Attributes:
        address: Where.
        admin_token: For ``X-Admin-Token``.
        meter: Its process, if it is known.
        start_seconds: From the start of the command to the first good answer of
            ``/health``; ``None`` if it was running already.
    """

    address: Address
    admin_token: str = attrs.field(repr=False)
    meter: Meter | None = None
    start_seconds: float | None = None


@attrs.frozen
class Launcher:
    """Knows how to start one kind of server.

    Attributes:
        command: What starts it in the foreground, as typed into a shell. It takes
            its port from ``ARGYBARGY_PORT`` and its directory from
            ``ARGYBARGY_DATA``, and writes ``admin.token`` there.
        core: The processor it is pinned to.
    """

    command: str
    core: int

    @asynccontextmanager
    async def start(self) -> AsyncIterator[Server]:
        """Run a fresh server with an empty directory until the block ends.

        Raises:
            ServerDied: If it does not become healthy.
        """
        with tempfile.TemporaryDirectory(prefix="bench-") as name:
            scratch = Path(name)
            address = Address(HOST, _free_port())
            began = trio.current_time()
            with (scratch / "output").open("wb") as output:
                process = await self._spawn(scratch, address, output.fileno())
            try:
                await _wait_healthy(process, address, scratch)
                took = trio.current_time() - began
                token = (scratch / "data" / "admin.token").read_text().strip()
                yield Server(address, token, Meter(process.pid), took)
            finally:
                await _stop(process)  # it shields itself

    async def _spawn(
        self, scratch: Path, address: Address, output: int
    ) -> trio.Process:
        (scratch / "data").mkdir(mode=0o700)
        environment = LIFTED | {
            "ARGYBARGY_DATA": str(scratch / "data"),
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
    """Return ``command`` on one core, with ``environment`` added to ours.

    Each of the programs before it replaces itself, so the process that is started
    is the server in the end.
    """
    settings = [f"{name}={value}" for name, value in environment.items()]
    return ["taskset", "-c", str(core), "env", *settings, *shlex.split(command)]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


async def _wait_healthy(process: trio.Process, address: Address, scratch: Path) -> None:
    with trio.move_on_after(START_SECONDS):
        while process.poll() is None:
            if await is_healthy(address):
                return
            await trio.sleep(0.005)
    output = (scratch / "output").read_text(errors="replace")[-400:]
    raise ServerDied(f"not healthy after {START_SECONDS:.0f} s at most: {output}")


async def _stop(process: trio.Process) -> None:
    """Ask the server to end, then make it; shielded, and bounded by the deadline."""
    with trio.CancelScope(shield=True):
        process.terminate()
        with trio.move_on_after(STOP_SECONDS):
            await process.wait()
        if process.returncode is None:
            process.kill()
            await process.wait()
