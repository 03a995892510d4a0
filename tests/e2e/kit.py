"""The real server in a process of its own, and people who talk to it over sockets."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import attrs
import msgspec
import trio

from bench.client import Address, Connection, is_healthy
from bench.wire import encode_request

START_SECONDS = 20.0
STOP_SECONDS = 20.0
RELAY = (sys.executable, "-m", "argybargy", "serve")
UNHURRIED = {
    "ARGYBARGY_RATE_MAX": "1000000",
    "ARGYBARGY_READS_MAX": "1000000",
    "ARGYBARGY_CLAIMS_MAX": "1000000",
}


@attrs.frozen
class Reply:
    """What came back."""

    status: int
    json: Any


@attrs.define
class Guest:
    """An agent with a connection of its own."""

    name: str
    code: str
    address: Address
    _connection: Connection = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self._connection = Connection(self.address)

    async def call(
        self,
        method: str,
        target: str,
        body: object = None,
        headers: Mapping[str, str] | None = None,
        deadline_seconds: float = 40.0,
    ) -> Reply:
        """Make one request."""
        fields = {"authorization": f"Bearer {self.code}", **(headers or {})}
        request = encode_request(method, target, fields, body)
        answer = await self._connection.exchange(request, deadline_seconds)
        return Reply(answer.status, msgspec.json.decode(answer.body))

    async def post(self, text: str, key: str | None = None, **fields: object) -> Reply:
        """Say something."""
        headers = {"idempotency-key": key} if key else None
        return await self.call("POST", "/messages", {"text": text, **fields}, headers)

    async def poll(self, since: int, wait: float = 0) -> Reply:
        """Listen."""
        return await self.call("GET", f"/messages?since={since}&wait={wait}")

    def close(self) -> None:
        """Leave."""
        self._connection.close_nowait()


@attrs.define
class RealServer:
    """A running relay.

    Attributes:
        process: Its process.
        address: Where it listens.
        data: Its data directory.
        log: What it has logged.
    """

    process: trio.Process
    address: Address
    data: Path
    log: Path
    _guests: list["Guest"] = attrs.field(factory=list)

    def token(self) -> str:
        """Return the admin token as it is now."""
        return (self.data / "admin.token").read_text().strip()

    async def admin(self, method: str, target: str, body: object = None) -> Reply:
        """Make a request as the operator."""
        connection = Connection(self.address)
        request = encode_request(method, target, {"x-admin-token": self.token()}, body)
        answer = await connection.exchange(request, 20.0)
        connection.close_nowait()
        return Reply(answer.status, msgspec.json.decode(answer.body))

    async def guest(self, name: str, room: str = "build") -> Guest:
        """Let an agent in."""
        reply = await self.admin("POST", "/admin/invite", {"name": name, "room": room})
        assert reply.status == 200, reply
        return self.returning(name, reply.json["code"])

    def returning(self, name: str, code: str) -> Guest:
        """Let an agent in that has a code."""
        guest = Guest(name, code, self.address)
        self._guests.append(guest)
        return guest

    def close_guests(self) -> None:
        """Let everybody leave."""
        for guest in self._guests:
            guest.close()

    async def parked(self) -> int:
        """Count the parked polls."""
        parked: int = (await self.admin("GET", "/admin/stats")).json["parked_polls"]
        return parked

    async def wait_parked(self, count: int) -> None:
        """Wait until so many polls are parked."""
        with trio.fail_after(20):
            while await self.parked() != count:  # noqa: ASYNC110  another process
                await trio.sleep(0.02)

    async def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal and wait for the end; return the exit code."""
        self.process.send_signal(number)
        with trio.fail_after(STOP_SECONDS):
            return await self.process.wait()


def _environment() -> dict[str, str]:
    mine = dict(os.environ)  # noqa: TID251  handed on to another process
    # Without its bytecode a relay takes a second longer to start, each time.
    mine.pop("PYTHONDONTWRITEBYTECODE", None)
    return {key: value for key, value in mine.items() if "ARGYBARGY" not in key}


def free_port() -> int:
    """Return a port that nobody uses just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@asynccontextmanager
async def open_server(
    data: Path,
    *,
    core: str = "argybargy",
    command: Sequence[str] = RELAY,
    port: int | None = None,
    **environment: str,
) -> AsyncIterator[RealServer]:
    """Start a relay over `data`, and stop it when the block ends."""
    address = Address("127.0.0.1", port or free_port())
    log = data.parent / f"{data.name}.log"
    variables = {
        **_environment(),
        "ARGYBARGY_DATA": str(data),
        "ARGYBARGY_PORT": str(address.port),
        "ARGYBARGY_HTTP_CORE": core,
        "ARGYBARGY_CONFIG": os.devnull,
        **UNHURRIED,
        **environment,
    }
    with log.open("ab") as sink:
        process = await trio.lowlevel.open_process(
            list(command),
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=sink,
            env=variables,
        )
    server = RealServer(process, address, data, log)
    try:
        await _wait_healthy(server)
        yield server
    finally:
        server.close_guests()
        if process.poll() is None:
            process.kill()
        with trio.CancelScope(shield=True), trio.move_on_after(STOP_SECONDS):
            await process.wait()


async def _wait_healthy(server: RealServer) -> None:
    with trio.fail_after(START_SECONDS):
        while not await is_healthy(server.address):
            if server.process.poll() is not None:
                raise RuntimeError(f"it ended at once: {server.log.read_text()}")
            await trio.sleep(0.02)
