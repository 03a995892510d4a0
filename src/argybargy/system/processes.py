"""Child programs: start them in a process group, read their output, end them.

All platform differences of child programs are in this module.
"""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Final

import trio

STOP_SECONDS: Final = 2.0
"""Time between SIGTERM and SIGKILL."""
DRAIN_OUTPUT_SECONDS: Final = 0.5
"""Time for which the output of an ended program is still read: its end may lag."""
_CHUNK_BYTES: Final = 4_096
_THROTTLE_SECONDS: Final = 0.01
"""Pause after a full chunk: a program that floods its output is slowed down by the
full pipe, and does not starve the event loop."""


_GUARD: Final = (
    'exec 3<&0; (read _ <&3; kill -9 0) >/dev/null 2>&1 & exec "$@" </dev/null 3<&-'
)
"""Shell script that runs a program, and kills its process group when the relay dies.

The script reads from a pipe to which the relay never writes. The read returns when the
relay's end closes, which the kernel sees to even after ``kill -9`` of the relay.
"""

if sys.platform == "win32":
    _run_process: Final = trio.run_process
else:
    _run_process: Final = partial(trio.run_process, start_new_session=True)


class ProgramError(Exception):
    """A program could not be started; the message says why."""


@asynccontextmanager
async def open_program(arguments: Sequence[str]) -> AsyncIterator[trio.Process]:
    """Run a program in a process group of its own, until the end of the block.

    At the end the group gets SIGTERM, and SIGKILL after :data:`STOP_SECONDS`; so do
    the program's own children. On POSIX the group also dies with a relay that is
    killed. Ctrl+C on the terminal does not reach the group: a tunnel must carry the
    last responses while the relay drains.

    Args:
        arguments: Program and its arguments; no shell reads them.

    Yields:
        The process; :func:`read_some` reads its output and standard error.

    Raises:
        ProgramError: The program could not be started.
    """
    if shutil.which(arguments[0]) is None:
        raise ProgramError("there is no such program")
    start = partial(
        _run_process,
        _guarded(arguments),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
        deliver_cancel=_stop,
    )
    # An error of the start is raised after the nursery, which would wrap it in a group.
    program, failure = None, None
    try:
        async with trio.open_nursery() as nursery:
            try:
                program = await nursery.start(start)
            except OSError as error:
                failure = error
            else:
                nursery.start_soon(_end_output, program)
                yield program
            # `run_process` reacts by calling `_stop`, shielded, and then waits for
            # the end of the program.
            nursery.cancel_scope.cancel()
    finally:
        # The program has ended; its children may be left, and may ignore SIGTERM.
        if program is not None:
            _signal_group(program, "SIGKILL")
    if failure is not None:
        raise ProgramError(failure.strerror or str(failure)) from failure


def _guarded(arguments: Sequence[str]) -> list[str]:
    if sys.platform == "win32":
        return list(arguments)
    return ["/bin/sh", "-c", _GUARD, "sh", *arguments]


async def read_some(program: trio.Process) -> bytes:
    """Wait for output of a program; empty at its end."""
    assert program.stdout is not None
    try:
        data = await program.stdout.receive_some(_CHUNK_BYTES)
    except trio.ClosedResourceError:
        return b""
    if len(data) == _CHUNK_BYTES:
        await trio.sleep(_THROTTLE_SECONDS)
    return bytes(data)


async def _end_output(program: trio.Process) -> None:
    """Close the output of a program once it has ended.

    A child that the program left behind may hold the pipe open, and its end would
    then never be seen.
    """
    await program.wait()
    await trio.sleep(DRAIN_OUTPUT_SECONDS)
    if program.stdout is not None:
        await program.stdout.aclose()


async def _stop(program: trio.Process) -> None:
    """Send SIGTERM to the group, and kill the program after a grace period.

    Trio runs this shielded, and stops it as soon as the program has ended.
    """
    _signal_group(program, "SIGTERM")
    await trio.sleep(STOP_SECONDS)
    program.kill()


def _signal_group(program: trio.Process, name: str) -> None:
    """Send a signal to a program, on POSIX to its whole process group."""
    if sys.platform == "win32":
        program.terminate()
        return
    try:
        os.killpg(program.pid, signal.Signals[name])
    except (ProcessLookupError, PermissionError):
        return  # no process of the group is left
