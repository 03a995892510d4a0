"""The command that searches messages."""

import shlex
from collections.abc import Iterator, Sequence
from typing import Annotated, Any, Final
from urllib.parse import urlencode

import attrs
from cyclopts import Parameter

from argybargy.cli.client.answers import read_row
from argybargy.cli.client.protocol import Json, LiveOperator
from argybargy.cli.commands.codes import check_room
from argybargy.cli.commands.message_line import Said
from argybargy.cli.environment import Environment
from argybargy.cli.errors import CliError, Exit
from argybargy.cli.parameters import INTEGER
from argybargy.cli.terminal.escape import escape
from argybargy.cli.terminal.formatting import LocalTimes
from argybargy.cli.terminal.output import Output, Span, Style
from argybargy.system.values import frozen

_PAGE: Final = 50
"""Results per request; a relay with a lower limit is asked for more pages."""


def search(
    env: Environment,
    *query: Annotated[str, Parameter(allow_leading_hyphen=True)],
    room: str | None = None,
    limit: Annotated[int, INTEGER, Parameter(name=("--limit", "-n"))] = 20,
) -> int:
    """Search the messages of one room or of all rooms, newest first.

    All words must occur; the last one may be a prefix. "Quoted words" must occur
    together, and -word must not occur. Filters: from:NAME, to:NAME, room:ROOM,
    is:open, before:2026-01-31. Exit code 3 if nothing is found.

    Example: argybargy search "ship it" --room review

    Args:
        query: The search terms.
        room: Room to search. Default: all rooms.
        limit: Maximum number of messages to show.
    """
    out = env.output
    if room is not None:
        check_room(room)
    if limit < 1:
        raise CliError("--limit must be 1 or more.", code=Exit.USAGE)
    if not env.has_literals:
        _check_no_option(query)
    wanted = {"q": " ".join(query)} | ({"room": room} if room else {})
    found = find(env.live(), wanted, limit)
    if out.is_json:
        out.write_json(attrs.asdict(found))
    else:
        _show(out, found, env.machine.times)
    return Exit.OK if found.results else Exit.NOTHING


def _check_no_option(query: Sequence[str]) -> None:
    """Reject a mistyped option, which would be searched for.

    Raises:
        CliError: A word looks like an option.
    """
    for word in query:
        if word.startswith("--"):
            quoted = shlex.quote(f'"{word}"')
            hint = f"To search for it: argybargy search {quoted}"
            raise CliError(f"Unknown option: {word}.", hint, Exit.USAGE)


@frozen
class Results:
    """Page of search results, or all pages together.

    Attributes:
        results: Results, newest first.
        more: Whether there are older results.
        next_before: Where the next page begins; ``None`` without a next page.
    """

    results: list[dict[str, Any]]
    more: bool
    next_before: int | None


@frozen
class _Result:
    room: str
    message: dict[str, Any]
    snippet: str
    marks: list[list[int]]


def find(relay: LiveOperator, wanted: Json, limit: int) -> Results:
    """Search page by page, up to `limit` results.

    Raises:
        CliError: The relay refused, or could not be reached.
    """
    results: list[dict[str, Any]] = []
    page = Results([], more=True, next_before=None)
    while page.more and len(results) < limit:
        asked = wanted | {"limit": min(_PAGE, limit - len(results))}
        if page.next_before is not None:
            asked["before"] = page.next_before
        answer = relay.call("GET", f"/admin/search?{urlencode(asked)}")
        page = read_row(Results, answer)
        results += page.results
    return attrs.evolve(page, results=results)


def _show(out: Output, found: Results, times: LocalTimes) -> None:
    for row in found.results:
        out.write_spans(*_spans(read_row(_Result, row), times))
    if not found.results:
        out.say("No messages found.")
    elif found.more:
        out.say("There are more results: raise --limit.")


def _spans(result: _Result, times: LocalTimes) -> tuple[Span, ...]:
    """Return a result as one line, with control characters escaped."""
    said = Said.read(result.message, result.room)
    head = f"#{said.room} {said.seq} {times.show(said.ts)} "
    return (
        Span(escape(head), Style.DIM),
        Span(escape(said.sender), Style.BOLD),
        Span(escape(f" → {', '.join(said.to)}  ")),
        *_marked(result.snippet, result.marks),
    )


def _marked(snippet: str, marks: Sequence[Sequence[int]]) -> Iterator[Span]:
    end = 0
    for begin, after in marks:
        yield Span(escape(snippet[end:begin]))
        yield Span(escape(snippet[begin:after]), Style.YELLOW)
        end = after
    yield Span(escape(snippet[end:]))
