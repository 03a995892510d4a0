"""The command that diagnoses the setup."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Annotated

from cyclopts import Parameter

from argybargy import __version__
from argybargy.cli.doctor.finding import Finding, Level
from argybargy.cli.environment import Environment
from argybargy.cli.errors import Exit
from argybargy.cli.terminal.output import Output


def doctor(
    env: Environment,
    *,
    thorough: Annotated[
        bool, Parameter(help="Check the whole database, including its indexes.")
    ] = False,
) -> int:
    """Diagnose problems, and print what to do about them.

    Nothing is changed, and a running relay is not disturbed. The exit code is 0
    without a problem; warnings do not count. With --quiet, only problems and
    warnings are printed.

    Example: argybargy doctor --thorough

    Args:
        thorough: Whether to check the whole database.
    """
    from argybargy.cli.doctor.checkup import run  # noqa: PLC0415 - it is slow

    read = partial(env.settings, env.options.overrides)
    findings = run(read, is_thorough=thorough)
    return report(env.output, findings)


def report(out: Output, findings: Sequence[Finding]) -> int:
    """Print the findings, and return the exit code."""
    is_well = all(finding.level is not Level.PROBLEM for finding in findings)
    if out.is_json:
        rows = [_to_json(finding, out.typed) for finding in findings]
        out.write_json({"ok": is_well, "version": __version__, "findings": rows})
    else:
        shown = [each for each in findings if not (out.is_quiet and each.is_fine)]
        _write_lines(out, shown)
    return Exit.OK if is_well else Exit.FAILED


def _to_json(finding: Finding, typed: Callable[[str], str]) -> dict[str, str | None]:
    return {
        "check": finding.check,
        "level": finding.level.value,
        "text": finding.text,
        "fix": typed(finding.fix) or None,
    }


def _write_lines(out: Output, findings: Sequence[Finding]) -> None:
    widths = (
        max(len(level.value) for level in Level),
        max((len(finding.check) for finding in findings), default=0),
    )
    for finding in findings:
        mark = finding.level.value.ljust(widths[0])
        out.write(f"{mark}  {finding.check.ljust(widths[1])}  {finding.text}")
    fixes = [finding for finding in findings if finding.fix]
    if fixes:
        out.write("\nWhat to do:")
    for finding in fixes:
        out.write(f"  {finding.check}: {out.typed(finding.fix)}")
