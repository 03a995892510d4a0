"""Two relays on one PostgreSQL, which a proof drives as if they were one.

Agents are spread over both. What a proof does to its relay happens to both, in turn:
of three kills the first hits one relay, the second the other, the third the server.
"""

import shutil
import signal
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from http import HTTPStatus
from pathlib import Path
from typing import Final

import attrs
import trio
from typing_extensions import override

from argybargy.system.values import define
from argybargy.torture.relay_process import (
    COMMAND,
    AgentClient,
    RelayProcess,
    Spawn,
    open_relay_process,
    spawn_process,
)
from argybargy.torture.shared_server import SharedServer

_SURVIVE_SECONDS: Final = 0.5
"""Time that whoever was not killed goes on."""
_KNOWN_SECONDS: Final = 10.0
_STOPPED_SECONDS: Final = 0.4
_BETWEEN_SECONDS: Final = 0.1
_PRIVATE_FOLDER: Final = 0o700


@define(kw_only=True)
class RelayPair(RelayProcess):
    """Two running relays; the fields of the first are those of the pair.

    Attributes:
        other: The second relay.
        server: Their server.
        url: Their database.
    """

    other: RelayProcess
    server: SharedServer
    url: str = attrs.field(repr=False)

    @property
    @override
    def all(self) -> tuple[RelayProcess, ...]:
        return (self, self.other)

    @property
    @override
    def store_url(self) -> str:
        return self.url

    @override
    def returning(self, name: str, code: str) -> AgentClient:
        guest = super().returning(name, code)
        guest.others = (self.other.address,)
        if len(self._guests) % 2 == 0:
            guest.move()
        return guest

    @override
    async def guest(self, name: str, room: str = "build") -> AgentClient:
        guest = await super().guest(name, room)
        # The other relay hears of a code a moment after it was made.
        there = AgentClient(name, guest.code, self.other.address)
        with trio.fail_after(_KNOWN_SECONDS):
            while (await there.call("GET", "/whoami")).status != HTTPStatus.OK:  # noqa: ASYNC110  another process
                await trio.sleep(0.02)
        there.close()
        return guest

    @override
    async def parked(self) -> int:
        here = await super().parked()
        return here + await self.other.parked()

    @override
    async def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Stop one after the other; return the exit code of the first to fail."""
        codes = [await super().stop(number)]
        codes.append(await self.other.stop(number))
        return next(filter(None, codes), 0)

    @override
    async def kill(self) -> int:
        """Kill a relay or the server; later all relays, to be started anew."""
        server, turn = self.server, self.server.kills % 3
        server.kills += 1
        is_servers = turn == len(self.all) and server.power is not None
        if is_servers:
            await server.kill()
        else:
            self.all[turn % len(self.all)].process.kill()
        await trio.sleep(_SURVIVE_SECONDS)
        await super().kill()
        code = await self.other.kill()
        if is_servers:
            await server.start()
        return code

    @override
    async def disturb(self) -> None:
        if sys.platform != "win32":  # it has no such signals
            while True:
                for relay in self.all:
                    await trio.sleep(_BETWEEN_SECONDS)
                    relay.process.send_signal(signal.SIGSTOP)
                    try:
                        await trio.sleep(_STOPPED_SECONDS)
                    finally:
                        relay.process.send_signal(signal.SIGCONT)


@asynccontextmanager
async def open_relay_pair(
    data: Path,
    server: SharedServer,
    *,
    core: str = "argybargy",
    command: Sequence[str] = COMMAND,
    spawn: Spawn = spawn_process,
    **environment: str,
) -> AsyncIterator[RelayPair]:
    """Start two relays on one database, which is made on first use.

    Args:
        data: The data directory of the first; that of the second is beside it.
        server: The server.
        core: HTTP/1.1 implementation, as in ``ARGYBARGY_HTTP_CORE``.
        command: Command that starts a relay.
        spawn: Starts the command.
        environment: Additional settings, as variables of the environment.

    Raises:
        RuntimeError: A process ended instead of starting; the text is its log.
        trio.TooSlowError: One did not become healthy in time.
    """
    url = await server.database(data)
    variables: Mapping[str, str] = {
        "ARGYBARGY_STORE": url,
        "ARGYBARGY_PUBLIC_URL": "http://relays.example",
        "ARGYBARGY_ALLOWED_HOSTS": "127.0.0.1",
        **environment,
    }
    beside = data.with_name(f"{data.name}-2")
    async with open_relay_process(
        data, core=core, command=command, spawn=spawn, **variables
    ) as first:
        if not beside.exists():
            # All relays have the admin token of the first.
            beside.mkdir(mode=_PRIVATE_FOLDER)
            shutil.copy(first.data / "admin.token", beside)
        async with open_relay_process(
            beside, core=core, command=command, spawn=spawn, **variables
        ) as second:
            pair = RelayPair(
                process=first.process,
                address=first.address,
                data=first.data,
                log=first.log,
                other=second,
                server=server,
                url=url,
            )
            try:
                yield pair
            finally:
                pair.close_guests()
