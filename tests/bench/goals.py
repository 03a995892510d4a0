"""Goals of the rows, and whether results meet them."""

import enum
from collections.abc import Iterable, Sequence

import attrs

from bench.result import Result, Spread


class Verdict(enum.Enum):
    """Whether a goal is met."""

    MET = "met"
    UNMET = "**unmet**"
    UNKNOWN = "not measured"


@attrs.frozen
class RatioGoal:
    """The other server's cost is at least so many times ours.

    Attributes:
        row: Name of the row.
        least: The ratio.
    """

    row: str
    least: float

    @property
    def text(self) -> str:
        """Text for the table."""
        return f"{self.least:.3g}x"

    def verdict(self, ratio: Spread | None) -> Verdict:
        """Judge the median of the ratios."""
        if ratio is None:
            return Verdict.UNKNOWN
        return Verdict.MET if ratio.median >= self.least else Verdict.UNMET


@attrs.frozen
class FigureGoal:
    """A figure of our server is at most so much.

    Attributes:
        row: Name of the row.
        figure: Name of the figure.
        most: The limit, in the unit of the figure.
    """

    row: str
    figure: str
    most: float

    @property
    def text(self) -> str:
        """Text for the table."""
        return f"at most {self.most:,.4g}"

    def verdict(self, value: Spread | None) -> Verdict:
        """Judge the median over the rounds."""
        if value is None:
            return Verdict.UNKNOWN
        return Verdict.MET if value.median <= self.most else Verdict.UNMET


Goal = RatioGoal | FigureGoal

DELIVERY = "a delivery / an empty poll"
ABOVE_PYTHON = "above a bare Python"
FULL_BY_EMPTY = "full / empty"
OF_20_000 = "process with 20,000"

SMALL = "/ small"
"""End of the name of a figure of a big store in figures of a small one."""
NOT_GROWING = 1.25

FIGURE_GOALS: tuple[FigureGoal, ...] = (
    FigureGoal("full-room", FULL_BY_EMPTY, 1.2),
    FigureGoal("broadcast", DELIVERY, 1.5),
    FigureGoal("burst", DELIVERY, 1.5),
    FigureGoal("parked", "memory", 12),
    FigureGoal("parked-20000", OF_20_000, 350),
    FigureGoal("version", ABOVE_PYTHON, 100),
    *(
        FigureGoal(row, f"{name} {SMALL}", NOT_GROWING)
        for row in ("many-rooms", "long-room")
        for name in ("start", "memory", "poll", "history", "search")
    ),
    # With many rooms it is the answer that grows.
    FigureGoal("long-room", f"state {SMALL}", NOT_GROWING),
)
"""Goals that concern our server alone."""

ORIGINAL_GOALS = (
    RatioGoal("poll", 5.3),
    RatioGoal("post", 3),
    RatioGoal("one-room", 5),
    RatioGoal("full-room", 10),
    RatioGoal("history", 7.6),
    RatioGoal("claims", 4),
    RatioGoal("ping-pong", 3),
    RatioGoal("broadcast", 8),
    RatioGoal("burst", 5),
    RatioGoal("direct", 11),
    RatioGoal("start", 1.5),
)
"""Goals in comparison with the original Argybargy."""

WITHIN = 1.05
"""What a row may cost, in costs at another commit."""


def goals_against_commit(rows: Iterable[str]) -> tuple[RatioGoal, ...]:
    """Return a goal for each row: it costs at most `WITHIN` of the other commit."""
    return tuple(RatioGoal(row, 1 / WITHIN) for row in rows)


def ratio(first: Result, other: Result) -> float | None:
    """Return the cost of ``other`` divided by the cost of ``first``.

    The cost is the CPU time per operation, or the deciding figure of the row. ``None``
    if either is unknown or ``first`` is 0.
    """
    if not first.deciding or other.deciding is None:
        return None
    return other.deciding / first.deciding


def ratios(first: Sequence[Result], other: Sequence[Result]) -> Spread | None:
    """Return the spread of the ratios, each of two turns of the same round."""
    return Spread.of(ratio(*pair) for pair in zip(first, other, strict=True))
