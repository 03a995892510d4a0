"""Results of the rows."""

import math
from collections.abc import Sequence

import attrs

from bench.ledger import Tally


@attrs.frozen
class Figure:
    """An additional number of one row.

    Attributes:
        name: Name in the table.
        value: The number.
        unit: Unit; empty for a ratio or a count.
        decides: Whether servers are compared by it instead of CPU time.
    """

    name: str
    value: float
    unit: str = ""
    decides: bool = False


@attrs.frozen
class Result:
    """One row, measured on one server.

    Attributes:
        row: Name of the row.
        operations: Number of successful operations.
        failed: Number of refused, truncated and late operations.
        elapsed_seconds: Time from the first to the last operation.
        cpu_seconds: CPU time of the server during that time; ``None`` if unknown.
        p50_ms: Median latency in milliseconds.
        p99_ms: 99th percentile of the latency in milliseconds.
        tally: Lost and doubled messages.
        figures: Additional numbers of the row.
        note: Remark, or the reason why there is no result.
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
        """CPU time of the server per operation, in microseconds."""
        if self.cpu_seconds is None or self.operations == 0:
            return None
        return self.cpu_seconds / self.operations * 1e6

    @property
    def operations_per_second(self) -> float | None:
        """Throughput seen by the client; noisy on a busy machine."""
        if self.elapsed_seconds <= 0 or self.operations == 0:
            return None
        return self.operations / self.elapsed_seconds

    @property
    def deciding(self) -> float | None:
        """Cost by which servers are compared; smaller is better."""
        for figure in self.figures:
            if figure.decides:
                return figure.value
        return self.cpu_us_per_operation


def percentile_ms(samples_seconds: Sequence[float], percent: float) -> float | None:
    """Return the nearest-rank percentile in milliseconds; ``None`` without samples."""
    if not samples_seconds:
        return None
    rank = max(1, math.ceil(len(samples_seconds) * percent / 100))
    return sorted(samples_seconds)[rank - 1] * 1e3
