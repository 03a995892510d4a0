"""Commands that post messages, and show history and open questions."""

import shlex
from collections.abc import Sequence
from typing import Annotated, Any, Final
from urllib.parse import quote

import attrs
from cyclopts import Parameter

from argybargy.cli.client.answers import State, read_row
from argybargy.cli.client.protocol import Json
from argybargy.cli.commands.codes import check_room
from argybargy.cli.commands.message_line import Said, age, message_spans
from argybargy.cli.environment import Environment
from argybargy.cli.errors import CliError, Exit
from argybargy.cli.options import INTEGER
from argybargy.cli.terminal.columns import columns_of
from argybargy.cli.terminal.formatting import LocalTimes, excerpt
from argybargy.cli.terminal.output import Output
from argybargy.domain.names import ANYONE, EVERYONE, OPERATOR, fold, room_key

_OURS: Final = frozenset({OPERATOR, ANYONE})
"""Addressees whose questions the operator may answer."""
_FROM_INPUT: Final = "-"
_MOST_CHARS: Final = 1_000_000
"""Bound on standard input; the relay's own limit on a message is far lower."""
_UNKNOWN: Final = "unknown"
_ABSENT: Final = "not listening"
_EXCERPT_CHARS: Final = 80
"""Width of the text of a question without a terminal."""
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
    new: bool = False,
) -> int:
    """Post a message to a room as the human operator, even to a closed room.

    A room that does not exist is an error (exit code 5), unless --new is given: a
    mistyped name would make a room that nobody reads.

    With '-' as the text, the message is read from standard input, which avoids
    quoting for the shell.

    Example: argybargy post review "Start with the failover check." --to alice

    Args:
        room: The room.
        text: The message, or '-' for standard input.
        to: Recipients, comma-separated or repeated. Default: everyone.
        sender: Name of the sender.
        expects: Who should answer: none, anyone, or a name.
        reply_to: Number of the message that this one answers.
        new: Make the room if it does not exist.
    """
    out = env.output
    check_room(room)
    body = {
        "room": room,
        "text": message_text(env, text),
        "to": _addressees(to),
        "sender": sender,
        "expects_reply": expects,
        "reply_to": reply_to,
        "new": new,
    }
    try:
        answer = env.live().call("POST", "/admin/say", body)
    except CliError as error:
        if error.code is Exit.NOT_FOUND:
            shown = "TEXT" if text != _FROM_INPUT else _FROM_INPUT
            hint = _make_room(room, shown)
            raise CliError(error.text, hint, Exit.NOT_FOUND) from None
        raise
    show_posted(out, room, answer, env.machine.times)
    return Exit.OK


def history(
    env: Environment,
    room: str,
    *,
    limit: Annotated[int, INTEGER] = 50,
    before: Annotated[int | None, INTEGER] = None,
) -> int:
    """Show the messages of a room, oldest first.

    Exit code 3 if there are none.

    Example: argybargy history review --limit 20

    Args:
        room: The room.
        limit: Maximum number of messages to show (the newest).
        before: Only messages with a lower number.
    """
    out = env.output
    check_room(room)
    if limit < 1:
        raise CliError("--limit must be 1 or more.", code=Exit.USAGE)
    query = f"?limit={limit}" + (f"&before={before}" if before is not None else "")
    path = f"/admin/rooms/{room}/history{query}"
    answer = env.live().call("GET", path)
    return _show_history(env, out, answer)


def waiting(env: Environment, room: str | None = None, *, mine: bool = False) -> int:
    """List the open questions, longest wait first.

    Exit code 3 if there are none, 5 if there is no such room.

    Example: argybargy waiting --mine

    Args:
        room: Only those of this room.
        mine: Only those that are put to the operator.
    """
    out = env.output
    if room is not None:
        check_room(room)
    answer = env.live().call("GET", "/admin/state")
    if room is not None:
        State.read(answer).room(room)
    rows = [
        row
        for row in waiting_rows(answer)
        if _is_wanted(Said.read(row, ""), room, mine=mine)
    ]
    rows.sort(key=lambda row: -read_row(_Wait, row).waiting_seconds)
    _show_waiting(out, rows, env.machine.columns())
    return Exit.OK if rows else Exit.NOTHING


def _make_room(room: str, text: str) -> str:
    make = shlex.join(["argybargy", "post", room, text, "--new"])
    return f"List the rooms: argybargy rooms. To make it: {make}"


def waiting_rows(answer: Json) -> list[Json]:
    """Return the open questions in an answer of ``/admin/state``.

    Raises:
        CliError: The answer has another shape.
    """
    return read_row(_Waiting, answer).waiting


def _is_wanted(said: Said, room: str | None, *, mine: bool) -> bool:
    """Tell whether a question is listed.

    Put to the operator is what asks the operator by name, or asks anyone of those to
    whom it is addressed, and the operator is among them.
    """
    if room is not None and room_key(said.room) != room_key(room):
        return False
    is_addressed = OPERATOR in map(fold, said.to) and said.expects == ANYONE
    return not mine or fold(said.expects) == OPERATOR or is_addressed


def message_text(env: Environment, text: str) -> str:
    """Return the text of a message; '-' reads it from standard input.

    Raises:
        CliError: The text is a mistyped option, or standard input holds no text.
    """
    if text != _FROM_INPUT:
        if not env.has_literals:
            _check_no_option(text)
        return text
    read = _read_input(env)
    if len(read) > _MOST_CHARS:
        problem = f"Standard input holds more than {_MOST_CHARS:,} characters."
        raise CliError(problem, "Send a shorter message.", Exit.USAGE)
    if not read.strip():
        hint = "For example: echo hello | argybargy post ROOM -"
        raise CliError("Standard input is empty.", hint, Exit.USAGE)
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
        out.say(f"Older messages: --before {said[0].seq}")
    for each in said:
        out.write_spans(*message_spans(each, env.machine.times))
    if not said:
        out.say(f"There are no messages in {found.room}.")
    return Exit.OK if said else Exit.NOTHING


def withdraw(
    env: Environment,
    room: str,
    seq: Annotated[int, INTEGER],
    *,
    reason: str = "",
) -> int:
    """Withdraw the question of any sender: it needs no answer any more.

    The agents that can see the question are told, and so is its sender. Withdrawing it
    again changes nothing.

    Example: argybargy withdraw review 8 --reason "I found it."

    Args:
        room: The room.
        seq: Number of the question.
        reason: Why, for the agents: at most 200 characters.
    """
    out = env.output
    check_room(room)
    path = f"/admin/rooms/{quote(room, safe='')}/messages/{seq}/question"
    answer = env.live().call("DELETE", path, {"reason": reason})
    if out.is_json:
        out.write_json(answer)
    else:
        out.write(f"#{room} seq {seq} is withdrawn.")
    return Exit.OK


def _check_no_option(text: str) -> None:
    """Reject a mistyped option, which would be posted as the message.

    Raises:
        CliError: The text looks like an option.
    """
    if text.startswith("-") and len(text.split()) == 1:
        hint = f"To post it as a message: argybargy post ROOM -- {shlex.quote(text)}"
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


def show_posted(out: Output, room: str, answer: Json, times: LocalTimes) -> None:
    """Print the confirmation of a post, and who has heard it.

    Raises:
        CliError: The answer is not the confirmation of a post.
    """
    posted = read_row(_Posted, answer)
    if out.is_json:
        out.write_json(answer)
        return
    said = Said.read(posted.message, room)
    to = ", ".join(said.to)
    out.write(f"#{said.room} seq {said.seq} sent as {said.sender} -> {to}")
    if said.seq == 1:
        out.say(f"#{said.room} is a new room: this is its first message.")
    reached = _reached(posted.delivery, answer.get("receipts"), times)
    unknown = [name for name, reach in reached if reach == _UNKNOWN]
    absent = [each for each in reached if each[1].startswith(_ABSENT)]
    heard = [
        f"{name} {reach}"
        for name, reach in reached
        if name not in unknown and (name, reach) not in absent
    ]
    for name in unknown:
        out.warn(f"There is no agent '{name}' in {said.room}.")
    for name, reach in absent:
        out.say(f"{name} is {reach}.")
    if heard or not (unknown or absent):
        out.say(f"Heard by: {', '.join(heard) or 'nobody yet'}")


def _reached(
    delivery: Json, receipts: object, times: LocalTimes
) -> list[tuple[str, str]]:
    """Return pairs of recipient, or number of recipients, and its receipt.

    Args:
        delivery: The reachability of each recipient, or their numbers.
        receipts: The receipts by name; older relays give none.
        times: Formats the times of receipts.
    """
    told = delivery | (receipts if isinstance(receipts, dict) else {})
    pairs = []
    for name, reach in told.items():
        if isinstance(reach, dict):
            pairs += [(str(count), each) for each, count in reach.items() if count]
        else:
            words, _, at = str(reach).rpartition(" ")
            is_time = words.endswith(("since", "until"))
            pairs.append((name, f"{words} {times.show(at)}" if is_time else str(reach)))
    return pairs


def _show_waiting(out: Output, rows: Sequence[Json], columns: int | None) -> None:
    if out.is_json:
        out.write_json(rows)
        return
    if not rows:
        out.say("There are no open questions.")
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
                "\nTo answer, for example: argybargy answer "
                f"{shlex.quote(each.room)} {each.seq} TEXT"
            )
            return


def _waiting_cells(said: Said, seconds: float) -> tuple[str, ...]:
    claimed = said.claimed_by or "-"
    return age(seconds), said.room, str(said.seq), said.sender, said.expects, claimed


def _text_room(rows: Sequence[Sequence[str]], columns: int | None) -> int:
    """Return the width left for the text beside the other cells, in columns."""
    if columns is None:
        return _EXCERPT_CHARS
    heads = _WAITING_HEADS[:-1]
    widths = [max(map(columns_of, column)) for column in zip(heads, *rows, strict=True)]
    return max(_LEAST_EXCERPT_CHARS, columns - sum(widths) - 2 * len(widths))
