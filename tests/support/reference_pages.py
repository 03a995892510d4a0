"""Reference pages of the docs, generated from the tables in the code.

`test_docs.py` compares them with ``docs/reference``, and writes them there with
``--update-snapshots``.
"""

import io
import re
import textwrap
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import attrs
from cyclopts import App
from rich.console import Console

from argybargy.agent.command_table import COMMANDS, SEATS, help_of
from argybargy.agent.errors import MEANINGS as AGENT_MEANINGS
from argybargy.agent.errors import Exit as AgentExit
from argybargy.cli.environment import Environment
from argybargy.cli.errors import MEANINGS, Exit
from argybargy.cli.parser import build_app
from argybargy.cli.registry import HEADINGS, VERBS
from argybargy.domain.errors import Problem
from argybargy.domain.limits import Limits
from argybargy.http.limits import ConnectionLimits
from argybargy.serve.metrics_listener import SERVER_MEASURES
from argybargy.settings.definitions import SETTINGS, Setting
from argybargy.web.metrics import RELAY_MEASURES, Measure
from support.http_reference import http_page
from support.limits_table import CONSTANTS, HELD, Constant

ENTRY = re.compile(r"^ {8}(\w+): (.*?)(?=^ {8}\w+: |\Z)", re.MULTILINE | re.DOTALL)
REFERENCE = Path(__file__).parents[2] / "docs" / "reference"


def errors_page() -> str:
    """Return the table of all errors."""
    rows = [
        f"| `{problem.value.code}` | {problem.value.status} | {problem.value.text} |"
        for problem in Problem
    ]
    return "\n".join(
        [
            "# Errors",
            "",
            "Every error, from every route, has one shape:",
            "",
            "```json",
            '{"detail": {"error": "<code>", "detail": "<what to do>", '
            '"request_id": "..."}}',
            "```",
            "",
            "Some add facts of their own beside `detail`, such as `retry_after` in "
            "seconds, which is",
            "also the header `Retry-After`. A claim that was not won answers `won`, "
            "`claimed_by`, `seq`",
            "and `expires_at` beside it as well. Codes never change; branch on them.",
            "",
            "| code | status | text |",
            "|---|---|---|",
            *rows,
            "",
        ]
    )


def settings_page() -> str:
    """Return the table of all settings."""
    return "\n".join(
        [
            "# Settings",
            "",
            "A flag of the command line goes before a variable of the environment, "
            "that before a key in",
            "`config.toml` (in the platform's configuration directory, or where "
            "`ARGYBARGY_CONFIG` says),",
            "and that before the default. An unknown name or a bad value stops the "
            "start, with every",
            "mistake named at once.",
            "",
            "| key | variable | default | what it is |",
            "|---|---|---|---|",
            *map(_setting_row, SETTINGS),
            "",
        ]
    )


def _setting_row(setting: Setting) -> str:
    default = "depends on the platform" if setting.make_default else setting.default
    if setting.limit is not None and setting.default is None:
        default = getattr(Limits(), setting.limit)
    shown = "none" if default in {None, ()} else f"{default}"
    unit = f" ({setting.unit})" if setting.unit else ""
    names = f"`{setting.name}` | `{setting.variable}`"
    return f"| {names} | {shown} | {setting.help}{unit} |"


def limits_page() -> str:
    """Return the table of all limits."""
    return "\n".join(
        [
            "# Limits",
            "",
            "Everything that could grow has a bound. What can be set is in "
            "[Settings](settings.md).",
            "",
            "## Of the relay",
            "",
            *_limit_rows(Limits()),
            "",
            "## Of a connection",
            "",
            "Deadlines are looked at once a second, so that each may run over by one.",
            "",
            *_limit_rows(ConnectionLimits()),
            "",
            "## Of single parts",
            "",
            "| limit | value | what it bounds |",
            "|---|---|---|",
            *map(_constant_row, CONSTANTS),
            "",
            "## What is held in memory",
            "",
            "Every collection of a relay that may grow, and what it cannot outgrow.",
            "",
            "| collection | bounded by |",
            "|---|---|",
            *(f"| `{name}` | {bound} |" for name, bound in sorted(HELD.items())),
            "",
        ]
    )


def _constant_row(constant: Constant) -> str:
    value = getattr(constant.module, constant.name)
    return f"| `{constant.name.lstrip('_')}` | {value:,} | {constant.what} |"


def _limit_rows(limits: Limits | ConnectionLimits) -> list[str]:
    notes = _attribute_notes(type(limits).__doc__ or "")
    rows = [
        f"| `{field.name}` | {getattr(limits, field.name):,} | {notes[field.name]} |"
        for field in attrs.fields(type(limits))
    ]
    return ["| limit | default | what it bounds |", "|---|---|---|", *rows]


def _attribute_notes(text: str) -> dict[str, str]:
    """Return the note on each attribute in the docstring of a class."""
    section = text.partition("Attributes:\n")[2]
    entries = ENTRY.findall(section)
    return {name: " ".join(note.split()) for name, note in entries}


def cli_page() -> str:
    """Return the help of every command."""
    app = build_app(Environment.real())
    parts = [
        "# Command line",
        "",
        "`argybargy` runs a relay, and controls a running one. Results go to standard "
        "output; notes,",
        "warnings and errors go to standard error. `--json` writes results as JSON; "
        "`--quiet` drops notes.",
        "Colours are for terminals, and not with `NO_COLOR`. Control characters in "
        "messages of agents are",
        "escaped.",
        "",
        "A command calls the relay on this machine with the same settings. `--url` "
        "names another relay, and",
        "`--token-file` a file with its admin token; no command takes a token as an "
        "argument. In `room`,",
        "`invite` and `connect` that option is `--relay`, because their `--url` is the "
        "address for agents.",
        "",
        "Without a running relay, `room`, `invite`, `connect`, `codes`, `revoke`, "
        "`token`, `backup`, `export`",
        "and `import` work on the data directory; `restore` always does. `codes`, "
        "`revoke`, `backup` and",
        "`export` do not create one.",
        "",
        "## Exit codes",
        "",
        "| code | what it means |",
        "|---|---|",
        *(f"| {code.value} | {MEANINGS[code]} |" for code in Exit),
    ]
    for heading in HEADINGS:
        verbs = [verb.name for verb in VERBS if verb.heading == heading]
        parts += ["", f"## {heading}"] if verbs else []
        for name in verbs:
            parts += ["", f"### argybargy {name}", "", *_help(app, name)]
    return "\n".join([*parts, *_agents_part(), ""])


def _agents_part() -> list[str]:
    """Return the help of the commands for agents."""
    parts = [
        "",
        "## For agents",
        "",
        "`argy` is short for `argybargy agent`. [Give an agent "
        "commands](../how-to/agent-commands.md)",
        "shows how to use these.",
        "",
        *textwrap.wrap(SEATS, 100),
        "",
        "| exit code | what it means |",
        "|---|---|",
        *(f"| {code.value} | {AGENT_MEANINGS[code]} |" for code in AgentExit),
    ]
    for command in COMMANDS:
        parts += [
            "",
            f"### argy {command.name}",
            "",
            "```text",
            help_of(command),
            "```",
        ]
    return parts


def metrics_page() -> str:
    """Return the table of all metrics."""
    return "\n".join(
        [
            "# Metrics",
            "",
            "`GET /metrics` serves these to the operator, and without a token at the "
            "address in",
            "`ARGYBARGY_METRICS_BIND`; [Monitor the relay](../how-to/monitor.md) shows "
            "how to scrape them. No",
            "metric has a label for a room or an agent. A histogram is shown as "
            "`_bucket`, `_sum` and `_count`.",
            "",
            "## Of the relay",
            "",
            *_measure_rows(RELAY_MEASURES),
            "",
            "## Of the server",
            "",
            *_measure_rows(SERVER_MEASURES),
            "",
            "## Of the process",
            "",
            "The client library of Prometheus adds the metrics of every Python "
            "program: "
            "`process_*` (CPU",
            "seconds, memory, open files; on Linux), `python_gc_*` and `python_info`.",
            "",
        ]
    )


def _measure_rows(measures: Iterable[Measure[Any]]) -> list[str]:
    rows = [
        f"| `{each.full_name}` | {each.kind} | "
        f"{f'`{each.label}`' if each.label else ''} | {each.text} |"
        for each in measures
    ]
    return ["| name | kind | label | what it is |", "|---|---|---|---|", *rows]


def _help(app: App, verb: str) -> list[str]:
    """Return the help of a command, wrapped to the width of the page."""
    written = io.StringIO()
    app.help_print(verb.split(), console=Console(file=written, width=88))
    return ["```text", written.getvalue().strip(), "```"]


PAGES = {
    "cli.md": cli_page,
    "errors.md": errors_page,
    "http.md": http_page,
    "limits.md": limits_page,
    "metrics.md": metrics_page,
    "settings.md": settings_page,
}
