"""Start the ear of a program whose own files cannot: detached, and tied to it."""

import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Final

from argybargy.agent.ear_lock import EarHolder
from argybargy.agent.process import Process
from argybargy.agent.seat import Seat

_SHELLS: Final = frozenset({"sh", "bash", "dash", "zsh", "fish", "busybox"})
_MOST_STEPS: Final = 8
_PROC: Final = Path("/proc")
_PARENT: Final = 1
_TERMINAL: Final = 4
_STARTED: Final = 19
"""Places of the fields in ``/proc/PID/stat`` after the name of the process."""
_SERVER: Final = "app-server"
"""Word in the command line of the server of Codex, which outlives its programs."""
_LOG: Final = "ear.log"
_BY_HOOKS: Final = frozenset({"codex", "gemini", "cursor", "goose"})
"""Programs whose ear a hook starts. The others start it by their own means."""
_BY_HOOKS_WHEN_PARKED: Final = _BY_HOOKS | {"copilot"}
"""The same without a person. With one, the agent of Copilot runs ``argy wait``."""


def start_ear(
    process: Process, program: str, seat: Seat, session: str, *, parks: bool
) -> None:
    """Start an ear for a session, if the program needs that.

    It ends with the program. If another session has the seat, it ends at once.

    Raises:
        OSError: It cannot be started.
    """
    if program not in (_BY_HOOKS_WHEN_PARKED if parks else _BY_HOOKS):
        return
    words = ["ear", "--wake", "spool", "--seat", str(seat)]
    if program == "codex" and session and not parks:
        words[2] = f"queue:{session}"
        lock = _thread_lock(process, session)
        if lock.exists():
            words += ["--while-locked", str(lock)]
    if session:
        words += ["--session", session]
    owner = owner_pid(process.directory)
    if owner is None and "--while-locked" not in words:
        # An ear that nothing ends would hold the seat for good.
        owner = os.getppid()
    if owner is not None:
        words += ["--while-pid", str(owner)]
    command = [sys.executable, "-m", "argybargy", "agent", *words]
    log = os.open(seat.folder / _LOG, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        subprocess.Popen(  # noqa: S603 - our own command; it outlives this process
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=log,
            cwd=process.directory,
            env=dict(process.environment),
            start_new_session=True,
        )
    finally:
        os.close(log)


def end_ear_of(holder: EarHolder, owner: int | None) -> None:
    """End the ear of an earlier session of the same program.

    A program that begins a new session, or goes back to another one, goes on as the
    same process. Ending the ear loses nothing: it acknowledges only what was handed
    over.

    Args:
        holder: The holder of the lock.
        owner: The process of the program.
    """
    words = _read(holder.pid, "cmdline").split("\0")
    if owner is None or "ear" not in words or "--while-pid" not in words:
        return
    if words[words.index("--while-pid") + 1] == str(owner):
        with suppress(OSError):
            os.kill(holder.pid, signal.SIGTERM)


def _thread_lock(process: Process, session: str) -> Path:
    """Return the file that Codex holds locked while a thread is loaded."""
    home = process.environment.get("CODEX_HOME")
    root = Path(home) if home else Path(process.environment.get("HOME", "/"), ".codex")
    return root / "thread-writer-locks" / f"{session}.lock"


def owner_pid(directory: Path) -> int | None:
    """Return the process whose end is to end the ear; ``None`` if it cannot be found.

    It is the one that runs this hook, leaving out shells between the two. A server that
    goes on after the program is none: for that, it is the program in a terminal that
    works in the same directory, the latest one. Otherwise messages would start turns
    that nobody sees.

    Args:
        directory: Working directory of the session.
    """
    pid = _runner_pid()
    if pid is None or _SERVER not in _read(pid, "cmdline"):
        return pid
    name = _executable(pid)
    found = [
        each
        for each in (int(path.name) for path in _PROC.glob("[0-9]*"))
        if _has_terminal(each)
        and _executable(each) == name
        and _link(each, "cwd") == str(directory.resolve())
    ]
    return max(found, key=_start_time, default=None)


def _runner_pid() -> int | None:
    pid = os.getppid()
    for _ in range(_MOST_STEPS):
        stat = _read(pid, "stat")
        if pid <= 1 or not stat:
            return None
        if stat[stat.index("(") + 1 : stat.rindex(")")] not in _SHELLS:
            return pid
        pid = int(_fields(pid)[_PARENT])
    return None


def _read(pid: int, name: str) -> str:
    try:
        return (_PROC / str(pid) / name).read_text(errors="replace")
    except OSError:
        return ""


def _link(pid: int, name: str) -> str:
    try:
        return str((_PROC / str(pid) / name).readlink())
    except OSError:
        return ""


def _executable(pid: int) -> str:
    return Path(_link(pid, "exe")).name


def _fields(pid: int) -> list[str]:
    """Return the fields of a process after its name, which may contain spaces."""
    return _read(pid, "stat").rpartition(")")[2].split()


def _has_terminal(pid: int) -> bool:
    fields = _fields(pid)
    return bool(fields) and fields[_TERMINAL] != "0"


def _start_time(pid: int) -> int:
    fields = _fields(pid)
    return int(fields[_STARTED]) if fields else 0
