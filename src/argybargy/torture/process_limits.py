"""What only some systems can say of a process, or do to it."""

import contextlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from argybargy.torture.relay_process import RelayProcess

_KIB = 1024


def count_descriptors(relay: RelayProcess) -> int:
    """Count what a relay has open; 0 where the system does not say (not Linux)."""
    try:
        return len(list(Path(f"/proc/{relay.process.pid}/fd").iterdir()))
    except OSError:
        return 0


def memory_bytes(relay: RelayProcess) -> int:
    """Return the resident memory of a relay; 0 where the system does not say."""
    try:
        text = Path(f"/proc/{relay.process.pid}/status").read_text()
    except OSError:
        return 0
    line = next(each for each in text.splitlines() if each.startswith("VmRSS:"))
    return int(line.split()[1]) * _KIB


if sys.platform == "win32":

    def allow_descriptors(count: int) -> int:
        """Return how many sockets this process may have; nothing limits them here."""
        return count

else:
    import resource

    def allow_descriptors(count: int) -> int:
        """Let this process, and those it starts, have more open.

        Returns:
            How many it may have now: `count`, or what the system allows at most.
        """
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        most = count if hard == resource.RLIM_INFINITY else min(count, hard)
        if most > soft:
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
        return max(most, soft)


CAN_FILL_DISK = sys.platform == "linux"
"""Whether :func:`full_disk` does anything."""


@contextmanager
def full_disk(relay: RelayProcess) -> Iterator[None]:
    """Let no file of a relay grow any more, as if its disk were full."""
    with contextlib.ExitStack() as stack:
        if sys.platform == "linux":
            limit, pid = resource.RLIMIT_FSIZE, relay.process.pid
            before = resource.prlimit(pid, limit)
            resource.prlimit(pid, limit, (0, before[1]))
            stack.callback(resource.prlimit, pid, limit, before)
        yield
