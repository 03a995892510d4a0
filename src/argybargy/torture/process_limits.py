"""Resource usage and limits of a relay process: descriptors, memory, file size.

Full support on Linux; other systems report 0 and limit nothing.
"""

import contextlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from argybargy.torture.relay_process import RelayProcess

_KIB = 1024


def count_descriptors(relay: RelayProcess) -> int:
    """Return the number of open descriptors of a relay; 0 if not on Linux."""
    try:
        return len(list(Path(f"/proc/{relay.process.pid}/fd").iterdir()))
    except OSError:
        return 0


def memory_bytes(relay: RelayProcess) -> int:
    """Return the resident memory of a relay; 0 if not on Linux."""
    try:
        text = Path(f"/proc/{relay.process.pid}/status").read_text()
    except OSError:
        return 0
    line = next(each for each in text.splitlines() if each.startswith("VmRSS:"))
    return int(line.split()[1]) * _KIB


if sys.platform == "win32":

    def allow_descriptors(count: int) -> int:
        """Return ``count``: Windows has no such limit."""
        return count

else:
    import resource

    def allow_descriptors(count: int) -> int:
        """Raise the descriptor limit of this process and of those it starts.

        Returns:
            The new limit: ``count``, or the hard limit if that is lower.
        """
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        most = count if hard == resource.RLIM_INFINITY else min(count, hard)
        if most > soft:
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
        return max(most, soft)


CAN_FILL_DISK = sys.platform == "linux"
"""Whether :func:`full_disk` has an effect."""


@contextmanager
def full_disk(relay: RelayProcess) -> Iterator[None]:
    """Simulate a full disk: set the file size limit of a relay to 0 (RLIMIT_FSIZE)."""
    with contextlib.ExitStack() as stack:
        if sys.platform == "linux":
            limit, pid = resource.RLIMIT_FSIZE, relay.process.pid
            before = resource.prlimit(pid, limit)
            resource.prlimit(pid, limit, (0, before[1]))
            stack.callback(resource.prlimit, pid, limit, before)
        yield
