"""Other programs that the relay starts, and how they are made to end.

What depends on the platform about them is here and nowhere else.
"""

import os
import shutil
import signal
import subprocess
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Final

import trio

STOP_SECONDS: Final = 2.0
"""How long a program may take to end by itself before it is killed."""
LAST_WORDS_SECONDS: Final = 0.5
"""How long the output of a program that has ended is still read."""
_CHUNK_BYTES: Final = 4_096
_BREATH_SECONDS: Final = 0.01
"""The pause after a full chunk: whoever floods the output waits for itself."""


_GUARD: Final = (
    'exec 3<&0; (read _ <&3; kill -9 0) >/dev/null 2>&1 & exec "$@" </dev/null 3<&-'
)
"""Runs a program, and kills its group when the relay is no more.

The relay never writes to the pipe that is read here. It is closed when the relay
ends, and by the kernel if that comes without a word, as by ``kill -9``.
"""


class ProgramError(Exception):
    """A program cannot be started; the text says why."""


@asynccontextmanager
async def open_program(arguments: Sequence[str]) -> AsyncIterator[trio.Process]:
    """Run a program in a process group of its own, until the end of the block.

    A group of its own keeps Ctrl+C on the terminal from it: it is of use until the
    relay has said goodbye. At the end it is told to stop, and killed after
    :data:`STOP_SECONDS`, with everything that it has started and left behind. On
    POSIX it does not outlive the relay either when that is killed.

    Args:
        arguments: The program, and what it is given.

    Yields:
        The program; :func:`read_some` reads what it writes, errors included.

    Raises:
        ProgramError: It cannot be started.
    """
    if shutil.which(arguments[0]) is None:
        raise ProgramError("there is no such program")
    start = partial(
        trio.run_process,
        _guarded(arguments),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
        deliver_cancel=_stop,
        start_new_session=os.name == "posix",
    )
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
            nursery.cancel_scope.cancel()
    finally:
        if program is not None:
            _signal_group(program, "SIGKILL")
    if failure is not None:
        raise ProgramError(failure.strerror or str(failure)) from failure


def _guarded(arguments: Sequence[str]) -> list[str]:
    if os.name != "posix":
        return list(arguments)
    return ["/bin/sh", "-c", _GUARD, "sh", *arguments]


async def read_some(program: trio.Process) -> bytes:
    """Return more of a program's output; nothing at all is its end."""
    assert program.stdout is not None
    try:
        data = await program.stdout.receive_some(_CHUNK_BYTES)
    except trio.ClosedResourceError:
        return b""
    if len(data) == _CHUNK_BYTES:
        await trio.sleep(_BREATH_SECONDS)
    return bytes(data)


async def _end_output(program: trio.Process) -> None:
    """Close the output of a program that has ended, whoever else still holds it."""
    await program.wait()
    await trio.sleep(LAST_WORDS_SECONDS)
    if program.stdout is not None:
        await program.stdout.aclose()


async def _stop(program: trio.Process) -> None:
    """Ask a program and its children to end, and kill it if it does not."""
    _signal_group(program, "SIGTERM")
    await trio.sleep(STOP_SECONDS)
    program.kill()


def _signal_group(program: trio.Process, name: str) -> None:
    """Send a signal to a program, and on POSIX to those it has started."""
    if os.name != "posix":
        program.terminate()
        return
    try:
        os.killpg(program.pid, signal.Signals[name])
    except (ProcessLookupError, PermissionError):
        return  # nobody is left
