"""One child process of a cluster: its log, its end, and its restarts."""

import signal
import subprocess
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any, Final

import attrs
import trio

from argybargy.serve.cluster.programs import Account
from argybargy.system.files import make_private_file
from argybargy.system.values import frozen

STEADY_SECONDS: Final = 10.0
"""A process that ran for so long may be restarted again."""
FAILURES_IN_A_ROW: Final = 5
"""Quick ends in a row after which the cluster ends."""
_PAUSE_SECONDS: Final = 0.5
_SHOWN_LINES: Final = 5


class ClusterError(Exception):
    """The cluster cannot be started, or cannot go on; the message says why."""


@frozen
class Command:
    """A program to run.

    Attributes:
        name: Name of the child, for messages and its log.
        arguments: Program and its arguments; no shell reads them.
        log: File that receives its output.
        environment: Its variables; ``None`` passes on those of this process.
        account: User to run it as; ``None`` is the user of this process.
        stop_signal: Signal that ends it in order.
        stop_seconds: Time after which it is killed.
    """

    name: str
    arguments: Sequence[str]
    log: Path
    environment: Mapping[str, str] | None = attrs.field(default=None, repr=False)
    account: Account | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    stop_seconds: float = 20.0

    def options(self, sink: int) -> dict[str, Any]:
        """Return the arguments of ``trio.run_process``."""
        # In a session of its own, so that Ctrl+C reaches this process alone, which
        # then ends the others in order.
        options: dict[str, Any] = {
            "stdin": subprocess.DEVNULL,
            "stdout": sink,
            "stderr": subprocess.STDOUT,
            "check": False,
            "start_new_session": True,
            "env": self.environment,
            "cwd": self.log.parent,
        }
        if self.account is not None:
            options["user"], options["group"] = self.account.user, self.account.group
            options["extra_groups"] = []
        return options

    def last_lines(self) -> str:
        """Return the end of its output."""
        lines = self.log.read_text(errors="replace").splitlines()
        return "\n".join(f"  {line}" for line in lines[-_SHOWN_LINES:])


async def run_once(command: Command) -> None:
    """Run a program to its end.

    Raises:
        ClusterError: It cannot be run, or failed.
    """
    make_private_file(command.log)
    with command.log.open("ab") as sink:
        try:
            done = await trio.run_process(
                list(command.arguments), **command.options(sink.fileno())
            )
        except OSError as error:
            raise ClusterError(f"{command.name} cannot be run: {error}") from error
    if done.returncode:
        raise ClusterError(f"{command.name} failed:\n{command.last_lines()}")


@asynccontextmanager
async def open_child(
    command: Command, tell: Callable[[str], object]
) -> AsyncIterator[None]:
    """Run a program while the block runs, and restart it when it ends by itself.

    When the block ends, the program gets its signal, and is killed if that takes too
    long.

    Args:
        command: The program.
        tell: Called with a sentence for each restart.

    Raises:
        ClusterError: In an `ExceptionGroup`: it ended again and again.
    """
    make_private_file(command.log)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_keep_up, command, tell)
        yield
        nursery.cancel_scope.cancel()


async def _keep_up(command: Command, tell: Callable[[str], object]) -> None:
    """Run a program again and again.

    Raises:
        ClusterError: It ended `FAILURES_IN_A_ROW` times in a row right after its start.
    """
    failures = 0
    while True:
        began = trio.current_time()
        with command.log.open("ab") as sink:
            run = partial(
                trio.run_process,
                list(command.arguments),
                deliver_cancel=partial(_end, command),
                **command.options(sink.fileno()),
            )
            try:
                done = await run()
            except OSError as error:
                raise ClusterError(f"{command.name} cannot be run: {error}") from error
        is_steady = trio.current_time() - began >= STEADY_SECONDS
        failures = 0 if is_steady else failures + 1
        how = f"{command.name} has ended with code {done.returncode}"
        if failures >= FAILURES_IN_A_ROW:
            raise ClusterError(f"{how} again and again:\n{command.last_lines()}")
        tell(f"{how}, and is started again.")
        await trio.sleep(_PAUSE_SECONDS)


async def _end(command: Command, process: trio.Process) -> None:
    """Send the signal that ends a program, and kill it after its time.

    Trio runs this shielded, and stops it as soon as the program has ended.
    """
    process.send_signal(command.stop_signal)
    await trio.sleep(command.stop_seconds)
    process.kill()
