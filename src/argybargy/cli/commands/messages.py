"""The commands that say something in a room, and that look back at what was said."""

import shlex
from collections.abc import Sequence
from typing import Annotated, Any, Final

import attrs
from cyclopts import Parameter

from argybargy.cli.client.answers import read_row
from argybargy.cli.client.protocol import Json
from argybargy.cli.commands.codes import check_room
from argybargy.cli.commands.message_line import Said, age, message_spans
from argybargy.cli.environment import Environment
from argybargy.cli.errors import CliError, Exit
from argybargy.cli.options import INTEGER
from argybargy.cli.terminal.columns import columns_of
from argybargy.cli.terminal.formatting import excerpt
from argybargy.cli.terminal.output import Output
from argybargy.domain.names import ANYONE, EVERYONE, OPERATOR

_OURS: Final = frozenset({OPERATOR, ANYONE})
"""Whose questions are for the one who reads the list."""
_FROM_INPUT: Final = "-"
_MOST_CHARS: Final = 1_000_000
"""More than any relay takes; it has the last word on how long a message may be."""
_UNKNOWN: Final = "unknown"
_EXCERPT_CHARS: Final = 80
"""How much of a question is shown where nothing says how wide a line may be."""
_LEAST_EXCERPT_CHARS: Final = 20
_WAITING_HEADS: Final = ("WAITS", "ROOM", "SEQ", "FROM", "ASKS", "CLAIMED BY", "TEXT")


def post(
    env: Environment,
    room: str,
    text: Annotated[str, Parameter(allow_leading_hyphen=True)],
    *,
    to: Annotated[list[str] | None, Parameter(negative=())] = None,
    sender: Annotated[str, Parameter(name=("--sender", "--as"))] = OPERATOR,
    expects: Annotated[
        str | None, Parameter(name=("--expects-reply", "--expects"))
    ] = None,
    reply_to: Annotated[int | None, INTEGER] = None,
) -> int:
    """Say something in a room as the human, also in a closed one.

    With '-' for the text, standard input is said, so that no shell eats a part
    of it.

    Example: argybargy post review "Start with the failover check." --to alice

    Args:
        room: The room.
        text: What to say, or '-' for standard input.
        to: Whom to say it to; several with commas, or again. Everyone, if not said.
        sender: The name to say it under.
        expects: Who should answer: none, anyone, or a name.
        reply_to: The number of the message that this answers.
    """
    out = env.output
    check_room(room)
    body = {
        "room": room,
        "text": _text(env, text),
        "to": _addressees(to),
        "sender": sender,
        "expects_reply": expects,
        "reply_to": reply_to,
    }
    answer = env.live().call("POST", "/admin/say", body)
    _show_posted(out, room, answer)
    return Exit.OK


def history(
    env: Environment,
    room: str,
    *,
    limit: Annotated[int, INTEGER] = 50,
    before: Annotated[int | None, INTEGER] = None,
) -> int:
    """Show what was said in a room, oldest first.

    It ends with exit code 3 if there is nothing to show.

    Example: argybargy history review --limit 20

    Args:
        room: The room.
        limit: Most messages to show; the latest of them are.
        before: Only messages with a lower number than this.
    """
    out = env.output
    check_room(room)
    if limit < 1:
        raise CliError("--limit must be 1 or more.", code=Exit.USAGE)
    query = f"?limit={limit}" + (f"&before={before}" if before is not None else "")
    path = f"/admin/rooms/{room}/history{query}"
    answer = env.live().call("GET", path)
    return _show_history(env, out, answer)


def waiting(env: Environment) -> int:
    """Show the questions that nobody has answered, the longest wait first.

    It ends with exit code 3 if nobody waits.

    Example: argybargy waiting
    """
    out = env.output
    answer = env.live().call("GET", "/admin/state")
    rows = sorted(
        read_row(_Waiting, answer).waiting,
        key=lambda row: -read_row(_Wait, row).waiting_seconds,
    )
    _show_waiting(out, rows, env.machine.columns())
    return Exit.OK if rows else Exit.NOTHING


def _text(env: Environment, text: str) -> str:
    if text != _FROM_INPUT:
        if not env.has_literals:
            _check_no_option(text)
        return text
    read = _read_input(env)
    if len(read) > _MOST_CHARS:
        problem = f"Standard input holds more than {_MOST_CHARS:,} characters."
        raise CliError(problem, "Say less at once.", Exit.USAGE)
    if not read.strip():
        hint = "For example: echo hello | argybargy post ROOM -"
        raise CliError("There is nothing on standard input.", hint, Exit.USAGE)
    return read.removesuffix("\n")


def _read_input(env: Environment) -> str:
    try:
        return env.machine.read_input(_MOST_CHARS + 1)
    except UnicodeDecodeError:
        hint = "Convert it first: iconv -t utf-8"
        raise CliError("Standard input is not UTF-8.", hint, Exit.USAGE) from None


def _show_history(env: Environment, out: Output, answer: Json) -> int:
    found = read_row(_History, answer)
    if out.is_json:
        out.write_json(answer)
        return Exit.OK if found.messages else Exit.NOTHING
    said = [Said.read(row, found.room) for row in found.messages]
    if said and found.more:
        out.say(f"There is more before: --before {said[0].seq}")
    for each in said:
        out.write_spans(*message_spans(each, env.machine.times))
    if not said:
        out.say(f"Nothing was said in {found.room}, or nothing is left of it.")
    return Exit.OK if said else Exit.NOTHING


def _check_no_option(text: str) -> None:
    """Refuse a mistyped option, which would be said otherwise.

    Raises:
        CliError: It looks like one.
    """
    if text.startswith("-") and len(text.split()) == 1:
        hint = (
            f"If it is what you want to say: argybargy post ROOM -- {shlex.quote(text)}"
        )
        raise CliError(f"Unknown option: {text}.", hint, Exit.USAGE)


@attrs.frozen
class _Posted:
    message: dict[str, Any]
    delivery: dict[str, Any]


@attrs.frozen
class _History:
    room: str
    messages: list[object]
    more: bool


@attrs.frozen
class _Waiting:
    waiting: list[dict[str, Any]]


@attrs.frozen
class _Wait:
    waiting_seconds: float


def _addressees(to: Sequence[str] | None) -> str | list[str]:
    names = [name.strip() for each in to or () for name in each.split(",")]
    if not names:
        return EVERYONE
    return names[0] if len(names) == 1 else names


def _show_posted(out: Output, room: str, answer: Json) -> None:
    posted = read_row(_Posted, answer)
    if out.is_json:
        out.write_json(answer)
        return
    said = Said.read(posted.message, room)
    to = ", ".join(said.to)
    out.write(f"#{said.room} seq {said.seq} sent as {said.sender} -> {to}")
    if said.seq == 1:
        out.say(f"#{said.room} is new: nobody has spoken in it before.")
    reached = _reached(posted.delivery)
    heard = [f"{name} {reach}" for name, reach in reached if reach != _UNKNOWN]
    unknown = [name for name, reach in reached if reach == _UNKNOWN]
    for name in unknown:
        out.warn(f"No agent '{name}' is known in {said.room}.")
    if heard or not unknown:
        out.say(f"Heard by: {', '.join(heard) or 'nobody yet'}")


def _reached(delivery: Json) -> list[tuple[str, str]]:
    """Return who hears of a message, and how: by name, or by their number."""
    pairs = []
    for name, told in delivery.items():
        if isinstance(told, dict):
            pairs += [(str(count), reach) for reach, count in told.items() if count]
        else:
            pairs.append((name, told))
    return pairs


def _show_waiting(out: Output, rows: Sequence[Json], columns: int | None) -> None:
    if out.is_json:
        out.write_json(rows)
        return
    if not rows:
        out.say("Nobody waits for an answer.")
        return
    said = [Said.read(row, "") for row in rows]
    facts = [
        _waiting_cells(each, row["waiting_seconds"])
        for each, row in zip(said, rows, strict=True)
    ]
    most = _text_room(facts, columns)
    texts = [excerpt(each.text, most) for each in said]
    table = [(*cells, text) for cells, text in zip(facts, texts, strict=True)]
    out.write_table(_WAITING_HEADS, table)
    for each in said:
        if each.expects in _OURS:
            out.say(
                "\nAnswer, for example: argybargy post "
                f"{shlex.quote(each.room)} TEXT --to {shlex.quote(each.sender)} "
                f"--reply-to {each.seq}"
            )
            return


def _waiting_cells(said: Said, seconds: float) -> tuple[str, ...]:
    claimed = said.claimed_by or "-"
    return age(seconds), said.room, str(said.seq), said.sender, said.expects, claimed


def _text_room(rows: Sequence[Sequence[str]], columns: int | None) -> int:
    """Return how many columns of a text fit on a line beside the other cells."""
    if columns is None:
        return _EXCERPT_CHARS
    heads = _WAITING_HEADS[:-1]
    widths = [max(map(columns_of, column)) for column in zip(heads, *rows, strict=True)]
    return max(_LEAST_EXCERPT_CHARS, columns - sum(widths) - 2 * len(widths))
