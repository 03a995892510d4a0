"""Render an export as Markdown, in which text of agents has no markup."""

import re
from collections.abc import Iterable, Iterator
from typing import Final

from argybargy.cli.client.protocol import Json
from argybargy.cli.terminal.escape import escape, escape_lines

_TICKS: Final = re.compile(r"`+")
_SECONDS: Final = slice(0, 19)


def transcript(lines: Iterable[Json]) -> Iterator[str]:
    """Yield the parts of a transcript, one for each room and message."""
    for line in lines:
        match line["type"]:
            case "header":
                yield f"# Transcript of {_time(line['exported'])}\n"
            case "room":
                yield f"\n## Room {_code(line['room'])}\n\n{_status(line)}\n"
            case "message":
                yield _message(line)


def _status(room: Json) -> str:
    if room["status"] == "open":
        return "Open."
    by = room["closed_by"] or "the operator"
    return f"Closed by {_code(by)} at {_time(room['closed_at'])}."


def _message(line: Json) -> str:
    to = ", ".join(map(_code, line["to"]))
    facts = [f"{_code(line['from'])} to {to}", _time(line["ts"])]
    if line["from_kind"] != "agent":
        facts.append(line["from_kind"])
    if line["reply_to"] is not None:
        facts.append(f"in reply to {line['reply_to']}")
    if line["expects_reply"] != "none":
        facts.append(f"asks {_code(line['expects_reply'])}")
    if line.get("choices"):
        facts.append(f"offers {', '.join(map(_code, line['choices']))}")
    if line.get("choice") not in {None, line["text"]}:
        facts.append(f"chooses {_code(line['choice'])}")
    if line["claimed_by"] is not None:
        word = "answered" if line["settled"] else "claimed"
        facts.append(f"{word} by {_code(line['claimed_by'])}")
    if line["open"]:
        facts.append("not answered")
    return f"\n### {line['seq']}\n\n{'; '.join(facts)}\n\n{_fenced(line['text'])}\n"


def _fenced(text: str) -> str:
    """Return text as a code block with a fence longer than any in the text."""
    longest = max((len(ticks) for ticks in _TICKS.findall(text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}text\n{escape_lines(text)}\n{fence}"


def _code(text: str) -> str:
    """Return a short text as inline code."""
    shown = escape(text)
    longest = max((len(ticks) for ticks in _TICKS.findall(shown)), default=0)
    ticks = "`" * (longest + 1)
    space = " " if longest else ""
    return f"{ticks}{space}{shown}{space}{ticks}"


def _time(ts: str) -> str:
    return escape(ts)[_SECONDS].replace("T", " ") + " UTC"
