"""Start a relay as a child process; drive it over sockets as agents and operator."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from http import HTTPStatus
from pathlib import Path
from typing import Any, BinaryIO, Final, Protocol

import attrs
import msgspec
import trio

from argybargy.system.values import define, frozen
from argybargy.torture.client.connection import Address, KeepAliveConnection, is_healthy
from argybargy.torture.client.messages import BadResponse, encode_request

START_SECONDS: Final = 20.0
STOP_SECONDS: Final = 20.0
CALL_SECONDS: Final = 40.0
_BUSY_SECONDS: Final = 0.2
COMMAND: Final = (sys.executable, "-m", "argybargy", "serve")
NO_RATE_LIMITS: Final = {
    "ARGYBARGY_RATE_MAX": "1000000",
    "ARGYBARGY_READS_MAX": "1000000",
    "ARGYBARGY_CLAIMS_MAX": "1000000",
}
"""Settings that keep rate limits out of proofs which are not about them."""

NO_ANSWER: Final = (OSError, BadResponse, trio.TooSlowError, trio.BrokenResourceError)
"""Exceptions of a call that gets no response."""


class ChildProcess(Protocol):
    """The part of :class:`trio.Process` that a relay's starter needs."""

    @property
    def pid(self) -> int:
        """Process id."""

    def poll(self) -> int | None:
        """Return the exit code, or ``None`` while the process runs."""

    def send_signal(self, sig: signal.Signals) -> None:
        """Send a signal."""

    def kill(self) -> None:
        """Send SIGKILL."""

    async def wait(self) -> int:
        """Wait for the end of the process and return its exit code."""


Spawn = Callable[[Sequence[str], Mapping[str, str], BinaryIO], Awaitable[ChildProcess]]
"""Starts a command with these variables; its output goes to the open file."""


async def spawn_process(
    command: Sequence[str], variables: Mapping[str, str], output: BinaryIO
) -> ChildProcess:
    """Start a command as a child process."""
    return await trio.lowlevel.open_process(
        list(command),
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output,
        env=variables,
    )


@frozen
class JsonResponse:
    """Status and decoded body of a response."""

    status: int
    json: Any


@define
class AgentClient:
    """Client of one agent, with a keep-alive connection of its own.

    Attributes:
        name: Name of the agent.
        code: Its access code.
        address: Address of the relay.
        others: Addresses of further relays on the same store.
    """

    name: str
    code: str = attrs.field(repr=False)
    address: Address
    others: tuple[Address, ...] = ()
    _connection: KeepAliveConnection = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self._connection = KeepAliveConnection(self.address)

    def move(self) -> None:
        """Go to the next relay; does nothing if there is only one."""
        if self.others:
            self.close()
            *others, last = self.others
            self.address, self.others = last, (self.address, *others)
            self._connection = KeepAliveConnection(self.address)

    def encode(self, method: str, target: str, body: object = None) -> bytes:
        """Encode an authenticated request, to be sent on another connection."""
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
        """Send one request and return its response.

        Raises:
            OSError: No response; also the other errors of :data:`NO_ANSWER`.
        """
        fields = {"authorization": f"Bearer {self.code}", **(headers or {})}
        request = encode_request(method, target, fields, body)
        answer = await self._connection.exchange(request, deadline_seconds)
        return JsonResponse(answer.status, _decode(answer.body))

    async def post(
        self, text: str, key: str | None = None, **fields: object
    ) -> JsonResponse:
        """Post a message, with an idempotency key if given."""
        headers = {"idempotency-key": key} if key else None
        return await self.call("POST", "/messages", {"text": text, **fields}, headers)

    async def insist(self, text: str, key: str, **fields: object) -> dict[str, Any]:
        """Post, and return the message; of several relays, one may be busy first.

        Raises:
            BadResponse: The post was refused. By the only relay it must not even be
                answered 503.
        """
        with trio.fail_after(CALL_SECONDS):
            reply = await self.post(text, key, **fields)
            while self.others and reply.status == HTTPStatus.SERVICE_UNAVAILABLE:
                await trio.sleep(_BUSY_SECONDS)
                reply = await self.post(text, key, **fields)
        if reply.status != HTTPStatus.OK:
            raise BadResponse(f"a post of {self.name} was refused: {reply}")
        message: dict[str, Any] = reply.json["message"]
        return message

    async def poll(
        self, since: int | str, wait: float = 0, options: str = ""
    ) -> JsonResponse:
        """Poll once for messages after a cursor, for up to ``wait`` seconds.

        Args:
            since: The cursor, or ``next`` or ``resume``.
            wait: Seconds to wait for messages.
            options: Further fields of the query, each after an ``&``.
        """
        return await self.call("GET", f"/messages?since={since}&wait={wait}{options}")

    async def claim(self, seq: int) -> JsonResponse:
        """Claim a question."""
        return await self.call("POST", f"/messages/{seq}/claim")

    async def read_all(self, since: int = 0) -> list[dict[str, Any]]:
        """Return all messages for this agent after a cursor, page by page."""
        found: list[dict[str, Any]] = []
        more = True
        while more:
            body = (await self.poll(since)).json
            found += body["messages"]
            since, more = body["cursor"], body["more"]
        return found

    def close(self) -> None:
        """Close the connection; the next call opens another."""
        self._connection.close_nowait()


def _decode(body: bytes) -> object:
    """Decode a JSON body.

    Raises:
        BadResponse: The body is not JSON.
    """
    try:
        return msgspec.json.decode(body)
    except msgspec.DecodeError:
        raise BadResponse(f"not JSON: {body[:60]!r}") from None


@define
class RelayProcess:
    """A running relay and its agents.

    Attributes:
        process: The child process.
        address: Address of its HTTP listener, on loopback.
        data: Its data directory.
        log: Its log file, which also has its standard output and error.
    """

    process: ChildProcess
    address: Address
    data: Path
    log: Path
    _guests: list[AgentClient] = attrs.field(factory=list)

    @property
    def all(self) -> tuple["RelayProcess", ...]:
        """This relay, and others on the same store."""
        return (self,)

    @property
    def store_url(self) -> str:
        """The database that relays share; empty on a store of its own."""
        return ""

    def token(self) -> str:
        """Read the current admin token from the data directory."""
        return (self.data / "admin.token").read_text().strip()

    async def admin(
        self, method: str, target: str, body: object = None
    ) -> JsonResponse:
        """Send one request as the operator, on a new connection."""
        connection = KeepAliveConnection(self.address)
        request = encode_request(method, target, {"x-admin-token": self.token()}, body)
        try:
            answer = await connection.exchange(request, 20.0)
        finally:
            connection.close_nowait()
        return JsonResponse(answer.status, _decode(answer.body))

    async def guest(self, name: str, room: str = "build") -> AgentClient:
        """Invite an agent and return its client.

        Raises:
            BadResponse: The relay refused the invitation.
        """
        reply = await self.admin("POST", "/admin/invite", {"name": name, "room": room})
        if reply.status != 200:
            raise BadResponse(f"no code for {name}: {reply}")
        return self.returning(name, reply.json["code"])

    async def guests(self, count: int, room: str = "build") -> list[AgentClient]:
        """Invite ``count`` agents, named agent0, agent1 and so on."""
        return [await self.guest(f"agent{number}", room) for number in range(count)]

    def returning(self, name: str, code: str) -> AgentClient:
        """Return a client for an agent that already has a code."""
        guest = AgentClient(name, code, self.address)
        self._guests.append(guest)
        return guest

    def close_guests(self) -> None:
        """Close the connections of all agents."""
        for guest in self._guests:
            guest.close()

    async def parked(self) -> int:
        """Return the number of parked polls."""
        parked: int = (await self.admin("GET", "/admin/stats")).json["parked_polls"]
        return parked

    async def wait_parked(self, count: int, within_seconds: float = 20.0) -> None:
        """Wait until exactly ``count`` polls are parked.

        Raises:
            trio.TooSlowError: Not reached within ``within_seconds``.
        """
        with trio.fail_after(within_seconds):
            while await self.parked() != count:  # noqa: ASYNC110  another process
                await trio.sleep(0.02)

    async def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal and wait for the process to exit; return the exit code."""
        self.process.send_signal(number)
        with trio.fail_after(STOP_SECONDS):
            return await self.process.wait()

    async def kill(self) -> int:
        """Kill the process and wait for its end; return the exit code."""
        self.process.kill()
        with trio.fail_after(STOP_SECONDS):
            return await self.process.wait()

    async def disturb(self) -> None:
        """Stop one relay after the other for a moment, until cancelled.

        Others go on meanwhile. The only relay is not stopped.
        """
        await trio.sleep_forever()


def plain_environment() -> dict[str, str]:
    """Return the environment of this process without the variables of Argybargy."""
    mine = dict(os.environ)  # noqa: TID251 - passed on to a child process
    # Without cached bytecode, each start of a relay takes a second longer.
    mine.pop("PYTHONDONTWRITEBYTECODE", None)
    return {key: value for key, value in mine.items() if "ARGYBARGY" not in key}


def free_port() -> int:
    """Return a loopback port that is free at the moment."""
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
    spawn: Spawn = spawn_process,
    **environment: str,
) -> AsyncIterator[RelayProcess]:
    """Start a relay on a data directory; kill it when the block ends, if still running.

    It logs to a file beside the data directory, which later relays on the same
    directory continue.

    Args:
        data: The data directory.
        core: HTTP/1.1 implementation, as in ``ARGYBARGY_HTTP_CORE``.
        command: Command that starts a relay.
        spawn: Starts the command.
        environment: Additional settings, as variables of the environment.

    Raises:
        RuntimeError: The process ended instead of starting; the text is its log.
        trio.TooSlowError: It did not become healthy within `START_SECONDS`.
    """
    address = Address("127.0.0.1", int(environment.get("ARGYBARGY_PORT", free_port())))
    log = data.parent / f"{data.name}.log"
    variables = {
        **plain_environment(),
        "ARGYBARGY_DATA": str(data),
        "ARGYBARGY_PORT": str(address.port),
        "ARGYBARGY_HTTP_CORE": core,
        "ARGYBARGY_CONFIG": os.devnull,
        # The user's commands are not led to this relay.
        "XDG_STATE_HOME": str(data.with_name(f"{data.name}.state")),
        **NO_RATE_LIMITS,
        **environment,
    }
    with log.open("ab") as sink:
        process = await spawn(command, variables, sink)
    relay = RelayProcess(process, address, data, log)
    try:
        await _wait_healthy(relay)
        yield relay
    finally:
        relay.close_guests()
        if process.poll() is None:
            process.kill()
        # Shielded, so that a cancelled proof leaves no zombie. Returns soon: after
        # SIGKILL the process ends.
        with trio.CancelScope(shield=True), trio.move_on_after(STOP_SECONDS):
            await process.wait()


async def _wait_healthy(relay: RelayProcess) -> None:
    with trio.fail_after(START_SECONDS):
        while not await is_healthy(relay.address):
            if relay.process.poll() is not None:
                raise RuntimeError(
                    f"the relay ended during its start: {relay.log.read_text()}"
                )
            await trio.sleep(0.02)
