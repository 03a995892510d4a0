"""The page that says which program was tried in which version, and what was seen."""

import json
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import attrs

from harness import conversation
from harness.checks import Outcome
from harness.clients import Client

PAGE: Final = Path(__file__).parents[2] / "docs" / "reference" / "programs.md"
_DATA: Final = re.compile(r"<!-- results\n(.*?)\n-->", re.DOTALL)
_HEAD: Final = """\
# Programs that were tried

Real agent programs, each with a fake model, a real relay and files written by
`argybargy connect PROGRAM --write`, in a home directory of its own. `uvx nox -s harness
-- --write` runs the checks and writes this page. A model that obeys is not part of it:
the fake model answers with a fixed text, so this shows what reaches a model and when,
not what it makes of it.

"""
_TAIL: Final = """\
What is not promised: Gemini CLI cannot be woken at its prompt, so a message waits for
its next turn. GitHub Copilot CLI is woken only while its model runs `argy wait`;
here the fake model does what the start of its session tells it. Codex was run as it is
installed, in its sandbox, and spoke through the MCP server.

Not tried: Cursor (needs a login) and Goose (not in the npm registry). Their files
follow their documentation. More than 30 minutes of silence are a check of their own:
`--long`.

"""
_SHOWN: Final = {True: "yes", False: "**no**", None: "not tried"}


@attrs.frozen
class Report:
    """The outcomes of a program.

    Attributes:
        key: Its key.
        title: Its display name.
        version: The version that was tried.
        date: The day.
        outcomes: The outcomes.
    """

    key: str
    title: str
    version: str
    date: str
    outcomes: tuple[Outcome, ...]

    @classmethod
    def of(cls, client: Client, outcomes: Sequence[Outcome]) -> "Report":
        """Return the report of today."""
        today = datetime.now(UTC).date().isoformat()  # noqa: TID251 - a report
        return cls(client.key, client.title, client.version, today, tuple(outcomes))

    @classmethod
    def of_conversation(cls, outcomes: Sequence[Outcome]) -> "Report":
        """Return the report of today on two programs in one room."""
        today = datetime.now(UTC).date().isoformat()  # noqa: TID251 - a report
        key, title = conversation.KEY, conversation.TITLE
        return cls(key, title, conversation.VERSION, today, tuple(outcomes))


def read_reports() -> dict[str, Report]:
    """Return the reports on the page, by the keys of their programs."""
    try:
        found = _DATA.search(PAGE.read_text())
    except FileNotFoundError:
        return {}
    read = json.loads(found[1]) if found else []
    return {
        each["key"]: Report(
            **{**each, "outcomes": tuple(Outcome(**one) for one in each["outcomes"])}
        )
        for each in read
    }


def with_report(reports: Mapping[str, Report], report: Report) -> dict[str, Report]:
    """Return reports with one more, which replaces an older one of its program."""
    return {**reports, report.key: report}


def render(reports: Mapping[str, Report]) -> str:
    """Return the page."""
    parts = [_HEAD]
    for report in reports.values():
        parts.append(f"## {report.title} {report.version}\n\n{report.date}\n\n")
        parts.append("| check | holds | seen |\n|---|---|---|\n")
        parts += [
            f"| {each.name} | {_SHOWN[each.passed]} | {each.seen} |\n"
            for each in report.outcomes
        ]
        parts.append("\n")
    data = json.dumps([attrs.asdict(each) for each in reports.values()], indent=1)
    return "".join(parts) + _TAIL + f"<!-- results\n{data}\n-->\n"
