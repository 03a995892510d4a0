"""End the children of a cluster when the cluster itself was killed.

The guard is a process of its own, which a cluster tells of its children over a pipe:
``+PID SIGNAL`` when one starts, ``-PID`` when it has ended. The pipe ends with the
cluster, however that ends. The guard then ends the children that are left: the newest
first, each with its signal, and at last by SIGKILL with their own children.

It is run by ``python -m`` and uses the standard library alone.
"""

import os
import signal
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Final

PATIENCE_SECONDS: Final = 10.0
"""Time for all children to end in order."""
_LOOK_SECONDS: Final = 0.05


def read_children(lines: Iterable[bytes]) -> dict[int, int]:
    """Return the children that are left at the end of the pipe, with their signals."""
    left: dict[int, int] = {}
    for line in lines:
        if not line.endswith(b"\n"):
            break  # the cluster was killed within a write
        if line.startswith(b"+"):
            pid, number = line[1:].split()
            left[int(pid)] = int(number)
        else:
            left.pop(int(line[1:]), None)
    return left


def end_children(
    left: Mapping[int, int],
    now: Callable[[], float] = time.monotonic,  # noqa: TID251 - a program of its own
    sleep: Callable[[float], object] = time.sleep,
) -> None:
    """End processes, each the first one of its session, and what they have started.

    Args:
        left: Process ids, oldest first, with the signal that ends each in order.
        now: Monotonic clock, in seconds.
        sleep: Sleeps for a number of seconds.
    """
    running = {pid for pid in reversed(left) if _send(os.kill, pid, left[pid])}
    deadline = now() + PATIENCE_SECONDS
    while running and now() < deadline:
        sleep(_LOOK_SECONDS)
        running = {pid for pid in running if _send(os.kill, pid, 0)}
    if sys.platform != "win32":  # there are no clusters on Windows
        for pid in left:
            _send(os.killpg, pid, signal.SIGKILL)


def _send(kill: Callable[[int, int], None], pid: int, number: int) -> bool:
    """Send a signal; return ``False`` if there is no such process."""
    try:
        kill(pid, number)
    except ProcessLookupError:
        return False
    except PermissionError:
        return False  # the number belongs to a process of somebody else by now
    return True


def main() -> None:
    """Read from standard input to its end, then end the children that are left."""
    if sys.platform != "win32":
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)  # the cluster ends them itself
    end_children(read_children(sys.stdin.buffer))


if __name__ == "__main__":
    main()
