"""The lock that keeps a seat to one ear, or one ``wait``, at a time.

The kernel releases it when its holder ends, however it ends. The file says who holds
it; a newer ear of the same session replaces the older one.
"""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, NamedTuple

from argybargy.agent.errors import AgentError
from argybargy.agent.process import Process
from argybargy.agent.program_watch import birth_of
from argybargy.agent.seat import Seat
from argybargy.system.files import lock_nowait

REPLACE_SECONDS: Final = 5.0
"""Time for an ear that is replaced to end."""
_PAUSE_SECONDS: Final = 0.05
_MOST_HOLDER_BYTES: Final = 256
_FIELDS: Final = 4


class EarHolder(NamedTuple):
    """The holder of the lock, as its file says.

    Attributes:
        waker: How it hands messages over.
        session: Session of its program; empty if unknown.
        pid: Its process.
        birth: Start time of the process; empty if unknown.
    """

    waker: str
    session: str = ""
    pid: int = 0
    birth: str = ""


@contextmanager
def hold_ear_lock(process: Process, seat: Seat, holder: EarHolder) -> Iterator[None]:
    """Hold the lock of a seat's ear until the end of the block.

    Raises:
        AgentError: Another ear holds it, which is not of the same session.
    """
    try:
        descriptor = os.open(seat.ear_lock_path, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        text = f"The seat {seat} cannot be used: {error.strerror}."
        raise AgentError(text, "Join the room again: argy join LINK") from None
    try:
        if not lock_nowait(descriptor):
            _replace(process, seat, descriptor, holder)
        own = os.getpid(), holder.waker, holder.session, birth_of(os.getpid()) or ""
        content = f"{' '.join(map(str, own))}\n".encode()
        os.truncate(descriptor, 0)
        os.lseek(descriptor, 0, os.SEEK_SET)
        os.write(descriptor, content)
        yield
    finally:
        os.close(descriptor)


def read_holder(path: Path) -> EarHolder:
    """Read who holds the lock; a file without it is of an unknown holder."""
    try:
        with path.open("rb") as file:
            line = file.read(_MOST_HOLDER_BYTES).decode(errors="replace")
    except OSError:
        return EarHolder("")
    fields = line.removesuffix("\n").split(" ")
    if len(fields) != _FIELDS or not fields[0].isdecimal():
        return EarHolder("")
    return EarHolder(fields[1], fields[2], int(fields[0]), fields[3])


def _replace(process: Process, seat: Seat, descriptor: int, holder: EarHolder) -> None:
    """End an older ear of the same session, and take its lock.

    Ending it loses nothing: it acknowledges only messages that were handed over.

    Raises:
        AgentError: It is of another session, or does not end.
    """
    older = read_holder(seat.ear_lock_path)
    is_same = holder.session and older.session == holder.session and older.pid
    if is_same and older.birth == (birth_of(older.pid) or ""):
        with suppress(OSError):
            os.kill(older.pid, signal.SIGTERM)
        deadline = process.now() + REPLACE_SECONDS
        while process.now() < deadline:
            if lock_nowait(descriptor):
                return
            process.sleep(_PAUSE_SECONDS)
    by = f" (process {older.pid}, {older.waker})" if older.pid else ""
    hint = "Messages come by it. 'argy read' reads now; a second agent needs a seat "
    hint += "of its own: argy join LINK --as NAME"
    raise AgentError(f"Another ear listens for the seat {seat}{by}.", hint)
