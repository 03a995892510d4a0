"""The real server as a process of its own, started like in the proofs."""

import atexit
from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager, ExitStack
from functools import cache
from pathlib import Path
from signal import Signals
from typing import BinaryIO

import attrs

from argybargy.torture.relay_process import (
    COMMAND,
    AgentClient,
    ChildProcess,
    JsonResponse,
    RelayProcess,
    free_port,
    open_relay_process,
    spawn_process,
)
from support.relay_forks import Fork, RelayForks

RealServer = RelayProcess

__all__ = [
    "AgentClient",
    "JsonResponse",
    "RealServer",
    "fork_or_spawn",
    "free_port",
    "open_server",
]


@attrs.frozen
class ForkedProcess:
    """A fork with the methods of :class:`trio.Process` that proofs use."""

    _fork: Fork

    @property
    def pid(self) -> int:
        """Process id."""
        return self._fork.pid

    def poll(self) -> int | None:
        """Return the exit code, or ``None`` while the process runs."""
        return self._fork.poll()

    def send_signal(self, sig: Signals) -> None:
        """Send a signal."""
        self._fork.send_signal(sig)

    def kill(self) -> None:
        """Send SIGKILL."""
        self._fork.kill()

    async def wait(self) -> int:
        """Wait for the end of the process and return its exit code."""
        return await self._fork.wait_async()


@cache
def _forks() -> RelayForks:
    """Return the server of forks of this test process, which ends with it."""
    stack = ExitStack()
    atexit.register(stack.close)
    return stack.enter_context(RelayForks.open())


async def fork_or_spawn(
    command: Sequence[str], variables: Mapping[str, str], output: BinaryIO
) -> ChildProcess:
    """Start a relay by a fork; any other command is a process of its own."""
    if tuple(command) != COMMAND:
        return await spawn_process(command, variables, output)
    return ForkedProcess(_forks().start(["serve"], variables, Path(output.name)))


def open_server(
    data: Path,
    *,
    core: str = "argybargy",
    command: Sequence[str] = COMMAND,
    **environment: str,
) -> AbstractAsyncContextManager[RelayProcess]:
    """Start a relay, as :func:`open_relay_process` does, but by a fork."""
    return open_relay_process(
        data, core=core, command=command, spawn=fork_or_spawn, **environment
    )
