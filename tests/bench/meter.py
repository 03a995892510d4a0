"""CPU time and memory of a server process, read from ``/proc``. Linux only.

Includes all descendants, so that a wrapper command (``uv run``, ``sh -c``) is measured
with the server that it starts.
"""

import time
from pathlib import Path

import attrs

_PROC = Path("/proc")


@attrs.frozen
class Meter:
    """CPU and memory meter of a process and its descendants.

    Attributes:
        pid: Process id of the root process.
    """

    pid: int

    def cpu_seconds(self) -> float:
        """Return the user and system time of all living processes.

        Read from the CPU clock of each process, since ``/proc/<pid>/stat`` counts in
        hundredths of a second, the time of ten operations in some rows. A process that
        has ended counts 0.
        """
        return sum(_clock_seconds(pid) for pid in _family(self.pid))

    def memory_bytes(self) -> int:
        """Return the resident memory (VmRSS)."""
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
    # The id of a process clock, as clock_getcpuclockid(3) computes it.
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
