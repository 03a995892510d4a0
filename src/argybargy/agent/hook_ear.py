"""Start the ear of a program whose own files cannot: detached, and tied to it."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Final

from argybargy.agent.process import Process
from argybargy.agent.seat import Seat

_SHELLS: Final = frozenset({"sh", "bash", "dash", "zsh", "fish", "busybox"})
_MOST_STEPS: Final = 8
_PROC: Final = Path("/proc")
_LOG: Final = "ear.log"
_BY_HOOKS: Final = frozenset({"codex", "gemini", "cursor", "goose"})
"""Programs whose ear a hook starts. The others start it by their own means."""


def start_ear(
    process: Process, program: str, seat: Seat, session: str, *, parks: bool
) -> None:
    """Start an ear for a session, if the program needs that.

    It ends with the program. If another session has the seat, it ends at once.

    Raises:
        OSError: It cannot be started.
    """
    if program not in _BY_HOOKS:
        return
    words = ["ear", "--wake", "spool", "--seat", str(seat)]
    if program == "codex" and session and not parks:
        words[2] = f"queue:{session}"
        lock = _thread_lock(process, session)
        if lock.exists():
            words += ["--while-locked", str(lock)]
    if session:
        words += ["--session", session]
    owner = program_pid()
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


def _thread_lock(process: Process, session: str) -> Path:
    """Return the file that Codex holds locked while a thread is loaded."""
    home = process.environment.get("CODEX_HOME")
    root = Path(home) if home else Path(process.environment.get("HOME", "/"), ".codex")
    return root / "thread-writer-locks" / f"{session}.lock"


def program_pid() -> int | None:
    """Return the process that runs this hook, leaving out shells between the two.

    ``None`` if it cannot be found.
    """
    pid = os.getppid()
    for _ in range(_MOST_STEPS):
        try:
            stat = (_PROC / str(pid) / "stat").read_text()
        except OSError:
            return None
        name = stat[stat.index("(") + 1 : stat.rindex(")")]
        if name not in _SHELLS:
            return pid if pid > 1 else None
        pid = int(stat.rpartition(")")[2].split()[1])
    return None
