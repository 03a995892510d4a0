"""One child process of a cluster: its log, its end, and its restarts."""

import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any, Final, cast

import attrs
import trio

from argybargy.serve.cluster.programs import Account
from argybargy.serve.cluster.restarts import PATIENCE_SECONDS, Restarts
from argybargy.system.files import make_private_file
from argybargy.system.values import define, frozen

_GUARD_SECONDS: Final = 5.0
"""Longest wait for the end of the guard, which has nothing left to do."""
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
        patience_seconds: Time for which starts must have failed until it is given up.
    """

    name: str
    arguments: Sequence[str]
    log: Path
    environment: Mapping[str, str] | None = attrs.field(default=None, repr=False)
    account: Account | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    stop_seconds: float = 20.0
    patience_seconds: float = PATIENCE_SECONDS

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


@frozen
class Guard:
    """The process that ends all children if this one is killed; see `guard`.

    Attributes:
        pipe: Descriptor of its standard input, which ends with this process.
    """

    pipe: int

    def tell(self, line: str) -> None:
        """Tell it of a child. It reads at once, so the write does not block."""
        # Somebody may have killed the guard: the cluster works without it, and ends its
        # children as long as it is not killed itself.
        with suppress(BrokenPipeError):
            os.write(self.pipe, f"{line}\n".encode())


@asynccontextmanager
async def open_guard() -> AsyncIterator[Guard]:
    """Run the guard while the block runs."""
    theirs, ours = os.pipe()
    # A signal to the group of this process is not for it. (Windows lacks the option,
    # and clusters.)
    options: dict[str, Any] = {"start_new_session": True}
    try:
        process = await trio.lowlevel.open_process(
            [sys.executable, "-m", "argybargy.serve.cluster.guard"],
            stdin=theirs,
            **options,
        )
    except BaseException:
        os.close(ours)
        raise
    finally:
        os.close(theirs)
    try:
        yield Guard(ours)
    finally:
        os.close(ours)
        with trio.CancelScope(shield=True), trio.move_on_after(_GUARD_SECONDS):
            await process.wait()


@define
class _Watched:
    """A child that the guard knows while it runs."""

    guard: Guard
    stop_signal: int
    _pid: int = 0

    def started(self, process: trio.Process) -> None:
        """Take the process, as a ``task_status`` of Trio."""
        self._pid = process.pid
        self.guard.tell(f"+{self._pid} {int(self.stop_signal)}")

    def ended(self) -> None:
        """Let the guard forget the process."""
        if self._pid:
            self.guard.tell(f"-{self._pid}")


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
    command: Command, tell: Callable[[str], object], guard: Guard
) -> AsyncIterator[None]:
    """Run a program while the block runs, and restart it when it ends by itself.

    When the block ends, the program gets its signal, and is killed if that takes too
    long.

    Args:
        command: The program.
        tell: Called with a sentence for each restart.
        guard: Ends the program if this process is killed.

    Raises:
        ClusterError: In an `ExceptionGroup`: it ended again and again.
    """
    make_private_file(command.log)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_keep_up, command, tell, guard)
        yield
        nursery.cancel_scope.cancel()


async def _keep_up(
    command: Command, tell: Callable[[str], object], guard: Guard
) -> None:
    """Run a program again and again.

    Raises:
        ClusterError: It could not be started for too long.
    """
    restarts = Restarts(command.patience_seconds)
    while True:
        began, watched = trio.current_time(), _Watched(guard, command.stop_signal)
        with command.log.open("ab") as sink:
            run = partial(
                trio.run_process,
                list(command.arguments),
                deliver_cancel=partial(_end, command),
                task_status=cast("trio.TaskStatus[trio.Process]", watched),
                **command.options(sink.fileno()),
            )
            try:
                done = await run()
            except OSError as error:
                raise ClusterError(f"{command.name} cannot be run: {error}") from error
            finally:
                watched.ended()
        how = f"{command.name} has ended with code {done.returncode}"
        pause = restarts.pause_after(done.returncode, began, trio.current_time())
        if pause is None:
            raise ClusterError(f"{how} again and again:\n{command.last_lines()}")
        tell(f"{how}, and is started again.")
        await trio.sleep(pause)


async def _end(command: Command, process: trio.Process) -> None:
    """Send the signal that ends a program, and kill it after its time.

    Trio runs this shielded, and stops it as soon as the program has ended.
    """
    process.send_signal(command.stop_signal)
    await trio.sleep(command.stop_seconds)
    process.kill()
