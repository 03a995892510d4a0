"""Render results as a Markdown table and as JSON."""

import json
import platform
from collections.abc import Sequence

import attrs

from bench.result import Figure, Result
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


def ratio(first: Result, other: Result) -> float | None:
    """Return the cost of ``other`` divided by the cost of ``first``.

    The cost is the CPU time per operation, or the deciding figure of the row. ``None``
    if either is unknown or ``first`` is 0.
    """
    if not first.deciding or other.deciding is None:
        return None
    return other.deciding / first.deciding


def to_markdown(measured: Sequence[Measured]) -> str:
    """Return the table; for two servers with the ratio of their costs."""
    is_compared = len(measured) > 1
    lines = [_cells(COLUMNS + ("ratio",) * is_compared)]
    lines.append(_cells(["---"] * (len(COLUMNS) + is_compared)))
    for results in zip(*(each.results for each in measured), strict=True):
        first = results[0]
        for each, result in zip(measured, results, strict=True):
            times = None if result is first else ratio(first, result)
            shown = [_number(times, "x")] if is_compared else []
            lines.append(_cells([*_row(each.subject.label, result), *shown]))
    return "\n".join(lines) + "\n"


def to_json(measured: Sequence[Measured], sizes: Sizes) -> str:
    """Return all results, with sizes, machine and Python version."""
    document = {
        "python": platform.python_version(),
        "machine": platform.platform(),
        "sizes": attrs.asdict(sizes),
        "servers": [
            {
                "label": each.subject.label,
                "command": each.subject.command,
                "results": [_result_document(result) for result in each.results],
            }
            for each in measured
        ],
        "ratios": _ratios(measured),
    }
    return json.dumps(document, indent=2) + "\n"


def _ratios(measured: Sequence[Measured]) -> dict[str, float | None]:
    if len(measured) < 2:
        return {}
    first, other = measured[:2]
    pairs = zip(first.results, other.results, strict=True)
    return {result.row: ratio(result, second) for result, second in pairs}


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
    also = [_figure(figure) for figure in result.figures]
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


def _figure(figure: Figure) -> str:
    return f"{figure.name} {_number(figure.value)} {figure.unit}".rstrip()


def _number(value: float | None, unit: str = "") -> str:
    """Format with three significant digits; from 100 on without decimals."""
    if value is None:
        return "-"
    digits = f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
    return f"{digits}{unit}"


def _cells(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cell.replace(chr(10), ' ') for cell in cells)} |"
