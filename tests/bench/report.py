"""Render results as Markdown tables and as JSON.

The first table is the summary: for each row the figure that decides, the ratio with its
spread over the rounds, and the goal. The second has every number of each server.
"""

import json
import platform
from collections.abc import Iterator, Sequence

import attrs

from bench.goals import FigureGoal, Goal, RatioGoal, Verdict, ratios
from bench.machine import is_busy
from bench.result import Figure, Result, Spread
from bench.runner import Measured
from bench.sizes import Sizes

COLUMNS = (
    "row",
    "server",
    "ops",
    "CPU us/op",
    "p50 ms",
    "p99 ms",
    "ops/s",
    "lost",
    "doubled",
    "failed",
    "also",
)
CPU = "CPU, us"


@attrs.frozen
class Line:
    """A line of the summary.

    Attributes:
        row: Name of the row.
        figure: Title of the figure.
        values: Its median on each server.
        spread: Spread of the ratio; if nothing is compared, of the figure.
        goal: The goal; empty if there is none.
        verdict: Whether it is met; ``None`` without a goal.
        lost: Number of lost messages on each server; empty for a further figure.
    """

    row: str
    figure: str
    values: tuple[float | None, ...]
    spread: Spread | None
    goal: str = ""
    verdict: Verdict | None = None
    lost: tuple[int, ...] = ()


def to_markdown(measured: Sequence[Measured], goals: Sequence[Goal] = ()) -> str:
    """Return the summary and the table of all numbers."""
    parts = [_warning(measured), _summary_table(measured, goals), _details(measured)]
    return "\n".join(part for part in parts if part)


def summarize(measured: Sequence[Measured], goals: Sequence[Goal]) -> Iterator[Line]:
    """Yield a line for each row, and one for each further goal."""
    for index, first in enumerate(measured[0].results):
        mine = [goal for goal in goals if goal.row == first.row]
        of_ratio = next((goal for goal in mine if isinstance(goal, RatioGoal)), None)
        of_figures = [goal for goal in mine if isinstance(goal, FigureGoal)]
        if len(measured) > 1:
            yield _compared_line(measured, index, of_ratio)
        else:
            own = {goal.figure: goal for goal in of_figures}
            goal = own.pop(_name(first.deciding_figure), None)
            yield _single_line(measured[0], index, goal)
            of_figures = list(own.values())
        for goal in of_figures:
            values, spread = _figure(measured, index, goal.figure)
            title = _title(measured, index, goal.figure)
            verdict = goal.verdict(spread)
            yield Line(first.row, title, values, spread, goal.text, verdict)


def _compared_line(
    measured: Sequence[Measured], index: int, goal: RatioGoal | None
) -> Line:
    results = [each.results[index] for each in measured]
    deciding = results[0].deciding_figure or results[-1].deciding_figure
    first, other = measured[:2]
    spread = ratios(first.rounds[index], other.rounds[index])
    return Line(
        results[0].row,
        CPU if deciding is None else deciding.title,
        tuple(result.deciding for result in results),
        spread,
        "" if goal is None else goal.text,
        None if goal is None else goal.verdict(spread),
        tuple(result.tally.lost for result in results),
    )


def _single_line(measured: Measured, index: int, goal: FigureGoal | None) -> Line:
    result = measured.results[index]
    deciding = result.deciding_figure
    spread = Spread.of(each.deciding for each in measured.rounds[index])
    return Line(
        result.row,
        CPU if deciding is None else deciding.title,
        (result.deciding,),
        spread,
        "" if goal is None else goal.text,
        None if goal is None else goal.verdict(spread),
        (result.tally.lost,),
    )


def _name(figure: Figure | None) -> str:
    return "" if figure is None else figure.name


def _figure(
    measured: Sequence[Measured], index: int, name: str
) -> tuple[tuple[float | None, ...], Spread | None]:
    """Return the medians of a figure, and its spread on the first server."""
    spreads = [
        Spread.of(result.figure(name) for result in each.rounds[index])
        for each in measured
    ]
    medians = [None if spread is None else spread.median for spread in spreads]
    return tuple(medians), spreads[0]


def _title(measured: Sequence[Measured], index: int, name: str) -> str:
    figures = (figure for each in measured for figure in each.results[index].figures)
    return next((figure.title for figure in figures if figure.name == name), name)


def _warning(measured: Sequence[Measured]) -> str:
    busy = {
        result.row: max(each.results[index].others for each in measured)
        for index, result in enumerate(measured[0].results)
    }
    busy = {row: share for row, share in busy.items() if is_busy(share)}
    if not busy:
        return ""
    return (
        "**Measured on a busy machine**: other processes used up to "
        f"{max(busy.values()):.0%} of the cores, in {', '.join(busy)}.\n"
    )


def _summary_table(measured: Sequence[Measured], goals: Sequence[Goal]) -> str:
    labels = [each.subject.label for each in measured]
    is_compared = len(measured) > 1
    header = ["row", "figure", *labels, *(["ratio"] if is_compared else []), "spread"]
    header += ["goal", "verdict", *(f"lost, {label}" for label in labels)]
    rows = [
        [
            line.row,
            line.figure,
            *map(_number, line.values),
            *([_ratio(line)] if is_compared else []),
            _spread(line.spread, "x" if is_compared and line.lost else ""),
            line.goal,
            "" if line.verdict is None else line.verdict.value,
            *(map(str, line.lost) if line.lost else [""] * len(labels)),
        ]
        for line in summarize(measured, goals)
    ]
    return _table(header, rows)


def _ratio(line: Line) -> str:
    if not line.lost:
        return ""
    return _number(None if line.spread is None else line.spread.median, "x")


def _spread(spread: Spread | None, unit: str) -> str:
    if spread is None:
        return "-"
    return f"{_number(spread.least)}-{_number(spread.most)}{unit}"


def _details(measured: Sequence[Measured]) -> str:
    rows = [
        _row(each.subject.label, result)
        for results in zip(*(each.results for each in measured), strict=True)
        for each, result in zip(measured, results, strict=True)
    ]
    return _table(COLUMNS, rows)


def to_json(
    measured: Sequence[Measured], sizes: Sizes, goals: Sequence[Goal] = ()
) -> str:
    """Return all results, with sizes, machine and Python version."""
    document = {
        "python": platform.python_version(),
        "machine": platform.platform(),
        "sizes": attrs.asdict(sizes),
        "servers": [
            {
                "label": each.subject.label,
                "command": each.subject.command,
                "results": [
                    {
                        **_result_document(result),
                        "rounds": [_result_document(one) for one in rounds],
                    }
                    for result, rounds in zip(each.results, each.rounds, strict=True)
                ],
            }
            for each in measured
        ],
        "summary": [_line_document(line) for line in summarize(measured, goals)],
    }
    return json.dumps(document, indent=2) + "\n"


def _line_document(line: Line) -> dict[str, object]:
    verdict = None if line.verdict is None else line.verdict.name.lower()
    return {**attrs.asdict(line), "verdict": verdict}


def _result_document(result: Result) -> dict[str, object]:
    plain = attrs.asdict(result)
    tally = plain.pop("tally")
    return {
        **plain,
        **tally,
        "cpu_us_per_operation": result.cpu_us_per_operation,
        "operations_per_second": result.operations_per_second,
    }


def _row(label: str, result: Result) -> list[str]:
    also = [_also(figure) for figure in result.figures]
    return [
        result.row,
        label,
        str(result.operations or "-"),
        _number(result.cpu_us_per_operation),
        _number(result.p50_ms),
        _number(result.p99_ms),
        _number(result.operations_per_second),
        str(result.tally.lost),
        str(result.tally.doubled),
        str(result.failed),
        ", ".join([*also, *([result.note] if result.note else [])]).replace("|", "/"),
    ]


def _also(figure: Figure) -> str:
    return f"{figure.name} {_number(figure.value)} {figure.unit}".rstrip()


def _number(value: float | None, unit: str = "") -> str:
    """Format with three significant digits; from 100 on without decimals."""
    if value is None:
        return "-"
    digits = f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
    return f"{digits}{unit}"


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "".join(f"{_cells(cells)}\n" for cells in lines)


def _cells(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cell.replace(chr(10), ' ') for cell in cells)} |"
