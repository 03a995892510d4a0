"""The relay in a process of its own, and people who talk to it over sockets."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import attrs
import msgspec
import trio

from argybargy.torture.client.connection import Address, KeepAliveConnection, is_healthy
from argybargy.torture.client.messages import BadResponse, encode_request

START_SECONDS: Final = 20.0
STOP_SECONDS: Final = 20.0
CALL_SECONDS: Final = 40.0
COMMAND: Final = (sys.executable, "-m", "argybargy", "serve")
UNHURRIED: Final = {
    "ARGYBARGY_RATE_MAX": "1000000",
    "ARGYBARGY_READS_MAX": "1000000",
    "ARGYBARGY_CLAIMS_MAX": "1000000",
}
"""Trials are not to be slowed down by the relay's own rate limits."""

NO_ANSWER: Final = (OSError, BadResponse, trio.TooSlowError, trio.BrokenResourceError)
"""What a call raises when the relay does not answer it."""


@attrs.frozen
class JsonResponse:
    """What came back."""

    status: int
    json: Any


@attrs.define
class AgentClient:
    """An agent with a connection of its own.

    Attributes:
        name: What it is called.
        code: What it shows.
        address: Where the relay is.
    """

    name: str
    code: str = attrs.field(repr=False)
    address: Address
    _connection: KeepAliveConnection = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self._connection = KeepAliveConnection(self.address)

    def encode(self, method: str, target: str, body: object = None) -> bytes:
        """Return a request of this guest's as bytes."""
        fields = {"authorization": f"Bearer {self.code}"}
        return encode_request(method, target, fields, body)

    async def call(
        self,
        method: str,
        target: str,
        body: object = None,
        headers: Mapping[str, str] | None = None,
        deadline_seconds: float = CALL_SECONDS,
    ) -> JsonResponse:
        """Make one request.

        Raises:
            OSError: And the others of :data:`NO_ANSWER`: there was no answer.
        """
        fields = {"authorization": f"Bearer {self.code}", **(headers or {})}
        request = encode_request(method, target, fields, body)
        answer = await self._connection.exchange(request, deadline_seconds)
        return JsonResponse(answer.status, _decode(answer.body))

    async def post(
        self, text: str, key: str | None = None, **fields: object
    ) -> JsonResponse:
        """Say something."""
        headers = {"idempotency-key": key} if key else None
        return await self.call("POST", "/messages", {"text": text, **fields}, headers)

    async def poll(self, since: int, wait: float = 0) -> JsonResponse:
        """Listen."""
        return await self.call("GET", f"/messages?since={since}&wait={wait}")

    async def claim(self, seq: int) -> JsonResponse:
        """Claim a question."""
        return await self.call("POST", f"/messages/{seq}/claim")

    async def read_all(self, since: int = 0) -> list[dict[str, Any]]:
        """Return every message for this guest after a cursor."""
        found: list[dict[str, Any]] = []
        more = True
        while more:
            body = (await self.poll(since)).json
            found += body["messages"]
            since, more = body["cursor"], body["more"]
        return found

    def close(self) -> None:
        """Leave."""
        self._connection.close_nowait()


def _decode(body: bytes) -> object:
    """Return what a body says; whatever is no JSON is no answer of a relay.

    Raises:
        BadAnswer: It is none.
    """
    try:
        return msgspec.json.decode(body)
    except msgspec.DecodeError:
        raise BadResponse(f"no JSON: {body[:60]!r}") from None


@attrs.define
class RelayProcess:
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
    _guests: list[AgentClient] = attrs.field(factory=list)

    def token(self) -> str:
        """Return the admin token as it is now."""
        return (self.data / "admin.token").read_text().strip()

    async def admin(
        self, method: str, target: str, body: object = None
    ) -> JsonResponse:
        """Make a request as the operator."""
        connection = KeepAliveConnection(self.address)
        request = encode_request(method, target, {"x-admin-token": self.token()}, body)
        try:
            answer = await connection.exchange(request, 20.0)
        finally:
            connection.close_nowait()
        return JsonResponse(answer.status, _decode(answer.body))

    async def guest(self, name: str, room: str = "build") -> AgentClient:
        """Let an agent in.

        Raises:
            BadAnswer: The relay would not.
        """
        reply = await self.admin("POST", "/admin/invite", {"name": name, "room": room})
        if reply.status != 200:
            raise BadResponse(f"no code for {name}: {reply}")
        return self.returning(name, reply.json["code"])

    async def guests(self, count: int, room: str = "build") -> list[AgentClient]:
        """Let so many agents in, called agent0, agent1 and so on."""
        return [await self.guest(f"agent{number}", room) for number in range(count)]

    def returning(self, name: str, code: str) -> AgentClient:
        """Let an agent in that has a code."""
        guest = AgentClient(name, code, self.address)
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

    async def wait_parked(self, count: int, within_seconds: float = 20.0) -> None:
        """Wait until so many polls are parked.

        Raises:
            trio.TooSlowError: They are not, after `within_seconds`.
        """
        with trio.fail_after(within_seconds):
            while await self.parked() != count:  # noqa: ASYNC110  another process
                await trio.sleep(0.02)

    async def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal and wait for the end; return the exit code."""
        self.process.send_signal(number)
        with trio.fail_after(STOP_SECONDS):
            return await self.process.wait()


def plain_environment() -> dict[str, str]:
    """Return the variables of this process, but for those that a relay reads."""
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
async def open_relay_process(
    data: Path,
    *,
    core: str = "argybargy",
    command: Sequence[str] = COMMAND,
    **environment: str,
) -> AsyncIterator[RelayProcess]:
    """Start a relay over `data`, and stop it when the block ends.

    Its log goes into a file beside the data directory, and goes on where the last
    relay over the same data ended.

    Raises:
        RuntimeError: It ended instead of starting; the text is what it said.
        trio.TooSlowError: It did not become healthy.
    """
    address = Address("127.0.0.1", int(environment.get("ARGYBARGY_PORT", free_port())))
    log = data.parent / f"{data.name}.log"
    variables = {
        **plain_environment(),
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
    relay = RelayProcess(process, address, data, log)
    try:
        await _wait_healthy(relay)
        yield relay
    finally:
        relay.close_guests()
        if process.poll() is None:
            process.kill()
        with trio.CancelScope(shield=True), trio.move_on_after(STOP_SECONDS):
            await process.wait()


async def _wait_healthy(relay: RelayProcess) -> None:
    with trio.fail_after(START_SECONDS):
        while not await is_healthy(relay.address):
            if relay.process.poll() is not None:
                raise RuntimeError(f"it ended at once: {relay.log.read_text()}")
            await trio.sleep(0.02)
