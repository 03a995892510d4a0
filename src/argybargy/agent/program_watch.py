"""Watch the program that an ear listens for, so that the ear ends with it.

An ear without its program would hold the seat and hand messages to nobody.
"""

import os
import select
import stat
import sys
from pathlib import Path
from typing import Final, Protocol, TextIO

from argybargy.agent.errors import AgentError, Exit
from argybargy.agent.process import Process
from argybargy.system.files import is_locked

_INIT: Final = 1
_PROC: Final = Path("/proc")


class ProgramEnded(Exception):
    """The program of an ear is gone."""


class ProgramWatch:
    """The signs by which an ear knows that its program is there.

    The output of the program counts too: a shell between program and ear may outlive
    the program, but nobody reads the pipe then.
    """

    def __init__(
        self,
        process: Process,
        pid: int | None = None,
        locked: Path | None = None,
        *,
        header: Path | None = None,
        watches_input: bool = False,
    ) -> None:
        """Note what is there now.

        Raises:
            AgentError: Standard input is to be watched, and has no other end.
        """
        self._header = header
        self._parent = None if pid else os.getppid()
        if self._parent == _INIT:
            self._parent = None  # detached on purpose: there is no parent to watch
        self._pid = pid
        self._born = birth_of(pid) if pid else None
        self._locked = locked
        self._was_locked = locked is not None and is_locked(locked)
        if watches_input:
            check_input(process.input)
        watched = [process.output, *([process.input] if watches_input else [])]
        self._pollers = list(filter(None, map(_poller, watched)))

    def check(self) -> None:
        """Check all signs.

        Raises:
            ProgramEnded: One of them is gone.
        """
        if self._header is not None and not self._header.exists():
            raise ProgramEnded  # the agent has left its seat
        if self._parent is not None and os.getppid() != self._parent:
            raise ProgramEnded
        if self._pid is not None and not self._is_alive(self._pid):
            raise ProgramEnded
        if self._locked is not None and not self._is_held(self._locked):
            raise ProgramEnded
        if any(poller.poll(0) for poller in self._pollers):
            raise ProgramEnded

    def _is_alive(self, pid: int) -> bool:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return False
        except PermissionError:
            pass
        # A number may belong to another process by now.
        return self._born is None or birth_of(pid) == self._born

    def _is_held(self, path: Path) -> bool:
        """Tell whether the lock file is there, and still locked if it ever was."""
        if is_locked(path):
            self._was_locked = True
            return True
        return path.exists() and not self._was_locked


def birth_of(pid: int) -> str | None:
    """Return the start time of a process, or ``None`` if it cannot be read.

    A number alone may belong to another process by now.
    """
    try:
        fields = (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    # Field 22; the first of these is field 3. A zombie has ended.
    return None if fields[0] == "Z" else fields[19]


def check_input(stream: TextIO) -> None:
    """Check that standard input has an other end, whose closing can be seen.

    Raises:
        AgentError: It is a file, such as /dev/null, and would never be closed; or this
            is Windows, where that cannot be seen.
    """
    hint = "It would never end. Use --while-pid PID or --while-locked FILE instead."
    if sys.platform == "win32":
        text = "--while-stdin: Windows does not tell when standard input closes."
        raise AgentError(text, hint, Exit.USAGE)
    try:
        mode = os.fstat(stream.fileno()).st_mode
    except (OSError, ValueError):
        mode = 0
    if stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode) or (mode and stream.isatty()):
        return
    text = "--while-stdin: standard input is no pipe, socket or terminal."
    raise AgentError(text, hint, Exit.USAGE)


class _Poller(Protocol):
    """A poller, as :class:`select.poll`, which Windows lacks."""

    def poll(self, timeout: float, /) -> list[tuple[int, int]]:
        """Return what happened, after some milliseconds at most."""


def _poller(stream: TextIO) -> _Poller | None:
    """Return a poller for the other end of a stream; ``None`` for one that is no file.

    It reports nothing but the end of a pipe or a terminal. Windows has none.
    """
    if sys.platform == "win32":
        return None
    try:
        number = stream.fileno()
    except (OSError, ValueError):
        return None
    poller = select.poll()
    poller.register(number, 0)
    return poller
