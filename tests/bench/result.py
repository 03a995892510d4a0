"""What a row of the benchmark found."""

import math
from collections.abc import Sequence

import attrs

from bench.ledger import Tally


@attrs.frozen
class Figure:
    """A number that only one row has, with its unit.

    Attributes:
        name: What it is.
        value: How much.
        unit: Of what; empty for a ratio or a count.
        decides: Whether two servers are compared by it instead of CPU time.
    """

    name: str
    value: float
    unit: str = ""
    decides: bool = False


@attrs.frozen
class Result:
    """One row, measured on one server.

    Attributes:
        row: The name of the row.
        operations: How many succeeded.
        failed: How many were refused, cut off or not answered in time.
        elapsed_seconds: From the first to the last of them.
        cpu_seconds: Used by the server meanwhile; ``None`` if that is not known.
        p50_ms: Half of the latencies were below this.
        p99_ms: 99 % of the latencies were below this.
        tally: Messages lost and doubled.
        figures: What else the row measures.
        note: Why there are no figures, or what to know about them.
    """

    row: str
    operations: int = 0
    failed: int = 0
    elapsed_seconds: float = 0.0
    cpu_seconds: float | None = None
    p50_ms: float | None = None
    p99_ms: float | None = None
    tally: Tally = attrs.field(factory=Tally)
    figures: tuple[Figure, ...] = ()
    note: str = ""

    @property
    def cpu_us_per_operation(self) -> float | None:
        """Processor time of the server for one operation, in microseconds."""
        if self.cpu_seconds is None or self.operations == 0:
            return None
        return self.cpu_seconds / self.operations * 1e6

    @property
    def operations_per_second(self) -> float | None:
        """The rate seen by the client; noisy on a busy machine."""
        if self.elapsed_seconds <= 0 or self.operations == 0:
            return None
        return self.operations / self.elapsed_seconds

    @property
    def deciding(self) -> float | None:
        """What two servers are compared by; the smaller is the better one."""
        for figure in self.figures:
            if figure.decides:
                return figure.value
        return self.cpu_us_per_operation


def percentile_ms(samples_seconds: Sequence[float], percent: float) -> float | None:
    """Return the nearest-rank percentile in milliseconds, ``None`` of nothing."""
    if not samples_seconds:
        return None
    rank = max(1, math.ceil(len(samples_seconds) * percent / 100))
    return sorted(samples_seconds)[rank - 1] * 1e3
