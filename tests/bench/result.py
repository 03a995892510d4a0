"""Results of the rows, and what several rounds of a row amount to."""

import math
import statistics
from collections.abc import Iterable, Sequence

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
        adds_up: Whether it is a count, whose rounds are added.
    """

    name: str
    value: float
    unit: str = ""
    decides: bool = False
    adds_up: bool = False

    @property
    def title(self) -> str:
        """Name with the unit."""
        return f"{self.name}, {self.unit}" if self.unit else self.name


@attrs.frozen
class Spread:
    """Median and range of a number over the rounds.

    Attributes:
        median: The median.
        least: The least.
        most: The most.
    """

    median: float
    least: float
    most: float

    @classmethod
    def of(cls, values: Iterable[float | None]) -> "Spread | None":
        """Return the spread of the known values; ``None`` if there are none."""
        known = [value for value in values if value is not None]
        if not known:
            return None
        return cls(statistics.median(known), min(known), max(known))


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
        others: Share of the cores that other processes used meanwhile.
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
    others: float = 0.0

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
    def is_measured(self) -> bool:
        """Whether there are any numbers."""
        return bool(self.operations or self.figures)

    @property
    def deciding(self) -> float | None:
        """Cost by which servers are compared; smaller is better."""
        figure = self.deciding_figure
        return self.cpu_us_per_operation if figure is None else figure.value

    @property
    def deciding_figure(self) -> Figure | None:
        """Figure by which servers are compared; ``None`` for CPU time."""
        return next((figure for figure in self.figures if figure.decides), None)

    def figure(self, name: str) -> float | None:
        """Return the value of a figure; ``None`` if the row has none of this name."""
        return next((each.value for each in self.figures if each.name == name), None)


def percentile_ms(samples_seconds: Sequence[float], percent: float) -> float | None:
    """Return the nearest-rank percentile in milliseconds; ``None`` without samples."""
    if not samples_seconds:
        return None
    rank = max(1, math.ceil(len(samples_seconds) * percent / 100))
    return sorted(samples_seconds)[rank - 1] * 1e3


def combine(rounds: Sequence[Result]) -> Result:
    """Return one result for all rounds of a row.

    Costs, latencies and rates are medians. Lost, doubled and failed messages and other
    counts are added, so that no round hides one. The load of others is the highest.
    """
    measured = [each for each in rounds if each.is_measured]
    if len(rounds) == 1 or not measured:
        return rounds[0]
    operations = round(statistics.median(each.operations for each in measured))
    cpu_us = _median(each.cpu_us_per_operation for each in measured)
    rate = _median(each.operations_per_second for each in measured)
    return Result(
        rounds[0].row,
        operations,
        failed=sum(each.failed for each in rounds),
        elapsed_seconds=operations / rate if rate else 0.0,
        cpu_seconds=None if cpu_us is None else cpu_us * operations / 1e6,
        p50_ms=_median(each.p50_ms for each in measured),
        p99_ms=_median(each.p99_ms for each in measured),
        tally=sum((each.tally for each in rounds), Tally()),
        figures=_combine_figures(measured),
        note=_combine_notes(rounds),
        others=max(each.others for each in rounds),
    )


def _median(values: Iterable[float | None]) -> float | None:
    spread = Spread.of(values)
    return None if spread is None else spread.median


def _combine_figures(rounds: Sequence[Result]) -> tuple[Figure, ...]:
    first = {figure.name: figure for each in rounds for figure in each.figures}
    combined = []
    for name, figure in first.items():
        found = [each.figure(name) for each in rounds]
        values = [value for value in found if value is not None]
        value = sum(values) if figure.adds_up else statistics.median(values)
        combined.append(attrs.evolve(figure, value=value))
    return tuple(combined)


def _combine_notes(rounds: Sequence[Result]) -> str:
    notes = [each.note for each in rounds if each.note]
    return "; ".join(
        f"{note} ({notes.count(note)} of {len(rounds)} rounds)"
        for note in dict.fromkeys(notes)
    )
