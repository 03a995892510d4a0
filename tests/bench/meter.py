"""What a server process costs: processor time and memory, read from outside.

Linux only. A process is measured with all its descendants, so that a command that
wraps the server (``uv run``, ``sh -c``) measures the server too.
"""

import time
from pathlib import Path

import attrs

_PROC = Path("/proc")


@attrs.frozen
class Meter:
    """Reads the counters of a process and its descendants.

    Attributes:
        pid: The process that was started.
    """

    pid: int

    def cpu_seconds(self) -> float:
        """Return user and system time used so far, by living processes.

        This is utime + stime of ``/proc/<pid>/stat``, taken from the process clock
        because the file counts in hundredths of a second, which is ten operations
        of some rows. A process that has ended counts nothing.
        """
        return sum(_clock_seconds(pid) for pid in _family(self.pid))

    def memory_bytes(self) -> int:
        """Return the resident size (VmRSS)."""
        return sum(_resident_bytes(pid) for pid in _family(self.pid))


def _family(pid: int) -> tuple[int, ...]:
    found = [pid]
    for each in found:
        found.extend(_children(each))
    return tuple(found)


def _children(pid: int) -> tuple[int, ...]:
    try:
        lists = [task.read_text() for task in _PROC.glob(f"{pid}/task/*/children")]
    except (FileNotFoundError, ProcessLookupError):
        return ()
    return tuple(int(child) for found in lists for child in found.split())


def _clock_seconds(pid: int) -> float:
    # What clock_getcpuclockid(3) computes for the clock of a whole process.
    clock = (~pid << 3) | 2
    try:
        return time.clock_gettime(clock)
    except OSError:
        return 0.0


def _resident_bytes(pid: int) -> int:
    try:
        status = (_PROC / str(pid) / "status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    for line in status.splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    return 0
