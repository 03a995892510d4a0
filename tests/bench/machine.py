"""Load of other processes on the measured cores, and the rule for a busy machine.

The busy time of a core is everything but idle time and waiting for a disk: also
interrupts, and the time that a hypervisor gave to another machine. Less the CPU time of
the benchmark and its servers, it is the load of the others.
"""

import os
import resource
from collections.abc import Callable, Collection
from pathlib import Path

import attrs
import trio

from bench.meter import Meter

BUSY_SHARE = 0.1
"""Share of the cores from which on their use by others makes a machine busy.

The writes of a server to a disk take a few hundredths: the kernel does them in threads
of its own.
"""
SAMPLE_SECONDS = 1.0
QUIET_WITHIN_SECONDS = 20.0
_STAT = Path("/proc/stat")
# Of the columns of a core in proc(5): idle and iowait. The last two, guest times, are
# contained in the first two.
_NOT_BUSY = {3, 4}
_COLUMNS = 8


class BusyMachine(Exception):
    """Others use the cores too much for figures to be published; the text says it."""


@attrs.frozen
class Reading:
    """Clocks of the cores and of the benchmark at one moment.

    Attributes:
        at_seconds: The moment.
        busy_seconds: Busy time of the cores together.
        own_seconds: CPU time of the benchmark, its servers and everything it ran.
    """

    at_seconds: float
    busy_seconds: float
    own_seconds: float


def share_of_others(before: Reading, after: Reading, cores: int) -> float:
    """Return the share of the cores that other processes used, from 0 to 1."""
    elapsed = (after.at_seconds - before.at_seconds) * cores
    if elapsed <= 0:
        return 0.0
    busy = after.busy_seconds - before.busy_seconds
    own = after.own_seconds - before.own_seconds
    return min(1.0, max(0.0, (busy - own) / elapsed))


def is_busy(share: float) -> bool:
    """Return whether others use so much that figures are not to be published."""
    return share > BUSY_SHARE


@attrs.frozen
class Machine:
    """The cores of a measurement.

    Attributes:
        cores: Their numbers.
        read: Reads the clocks.
    """

    cores: frozenset[int]
    read: Callable[[], Reading]

    @classmethod
    def of_this_process(
        cls, cores: Collection[int], attached: Meter | None = None
    ) -> "Machine":
        """Return this machine; `attached` is a measured server not started here."""
        distinct = frozenset(cores)
        return cls(distinct, lambda: _read(distinct, attached))

    def share_since(self, before: Reading) -> float:
        """Return the share of the cores that others have used since a reading."""
        return share_of_others(before, self.read(), len(self.cores))

    async def wait_quiet(self) -> None:
        """Wait until others leave the cores alone for `SAMPLE_SECONDS`.

        Raises:
            BusyMachine: They did not within `QUIET_WITHIN_SECONDS`.
        """
        share = 0.0
        with trio.move_on_after(QUIET_WITHIN_SECONDS):
            while True:
                before = self.read()
                await trio.sleep(SAMPLE_SECONDS)
                if not is_busy(share := self.share_since(before)):
                    return
        raise BusyMachine(
            f"{self.described(share)}, more than the {BUSY_SHARE:.0%} that figures "
            "allow. Stop what runs beside the benchmark, or pass --anyway: the table "
            "then says that the machine was busy."
        )

    def described(self, share: float) -> str:
        """Return a sentence without its end on the load of others."""
        numbers = " and ".join(map(str, sorted(self.cores)))
        cores = "core" if len(self.cores) == 1 else "cores"
        return f"Other processes use {share:.0%} of {cores} {numbers}"


def _read(cores: frozenset[int], attached: Meter | None) -> Reading:
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    own = Meter(os.getpid()).cpu_seconds() + ended.ru_utime + ended.ru_stime
    if attached is not None:
        own += attached.cpu_seconds()
    busy = busy_seconds(_STAT.read_text(), cores, os.sysconf("SC_CLK_TCK"))
    return Reading(trio.current_time(), busy, own)


def busy_seconds(stat: str, cores: Collection[int], ticks_per_second: int) -> float:
    """Return the busy time of some cores from the text of ``/proc/stat``."""
    names, ticks = {f"cpu{core}" for core in cores}, 0
    for line in stat.splitlines():
        name, *columns = line.split() or [""]
        if name in names:
            spent = enumerate(columns[:_COLUMNS])
            ticks += sum(int(n) for column, n in spent if column not in _NOT_BUSY)
    return ticks / ticks_per_second
