"""Commands that post messages, and show history and open questions."""

import shlex
from collections.abc import Sequence
from typing import Annotated, Any, Final
from urllib.parse import quote

from cyclopts import Parameter

from argybargy.cli.client.answers import read_row
from argybargy.cli.client.protocol import Json
from argybargy.cli.commands.codes import check_room
from argybargy.cli.commands.message_line import Said
from argybargy.cli.environment import Environment
from argybargy.cli.errors import CliError, Exit
from argybargy.cli.parameters import INTEGER
from argybargy.cli.terminal.formatting import LocalTimes
from argybargy.cli.terminal.output import Output
from argybargy.domain.names import EVERYONE, OPERATOR
from argybargy.system.values import frozen

_FROM_INPUT: Final = "-"
_MOST_CHARS: Final = 1_000_000
"""Bound on standard input; the relay's own limit on a message is far lower."""
_UNKNOWN: Final = "unknown"
_HEARD: Final = ("parked", "wakes now", "read", "watching", "notified")
"""Beginnings of the receipts of those who hear of a message now."""
_LATER: Final = {
    "online": "{name} does not listen now: it reads this when it asks next.",
    "next turn": "{name} reads this at its next turn.",
    "held": "{name} reads this later: its poll holds back what does not ask it.",
    "away": "{name} is not listening.",
}
"""Sentences for the receipts of those who hear of it later."""


def post(
    env: Environment,
    room: str,
    text: Annotated[str, Parameter(allow_leading_hyphen=True)],
    *,
    to: Annotated[list[str] | None, Parameter(name=("--to", "-t"), negative=())] = None,
    sender: Annotated[str, Parameter(name=("--sender", "--as"))] = OPERATOR,
    expects: Annotated[
        str | None, Parameter(name=("--expects-reply", "--expects"))
    ] = None,
    reply_to: Annotated[
        int | None, INTEGER, Parameter(name=("--reply-to", "-r"))
    ] = None,
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


def _make_room(room: str, text: str) -> str:
    make = shlex.join(["argybargy", "post", room, text, "--new"])
    return f"List the rooms: argybargy rooms. To make it: {make}"


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


def withdraw(
    env: Environment,
    room: str,
    seq: Annotated[int, INTEGER],
    *,
    reason: str = "",
) -> int:
    """Withdraw a question that no longer needs an answer, whoever asked it.

    Its sender and the agents that can see it are told. Withdrawing it again changes
    nothing.

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


@frozen
class _Posted:
    message: dict[str, Any]
    delivery: dict[str, Any]


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
    _show_receipts(
        out, said.room, _reached(posted.delivery, answer.get("receipts"), times)
    )


def _show_receipts(out: Output, room: str, reached: Sequence[tuple[str, str]]) -> None:
    """Print who hears of a message now, who later, and who is not there."""
    for name, reach in reached:
        if reach == _UNKNOWN:
            out.warn(f"There is no agent '{name}' in {room}.")
    told = [each for each in reached if each[1] != _UNKNOWN]
    heard = [f"{name} {reach}" for name, reach in told if reach.startswith(_HEARD)]
    later = [each for each in told if not each[1].startswith(_HEARD)]
    for name, reach in later:
        if not name.isdigit():
            sentence = _LATER.get(reach, "{name} is {reach}.")
            out.say(sentence.format(name=name, reach=reach))
    counts = [f"{name} {reach}" for name, reach in later if name.isdigit()]
    if heard or counts or not reached:
        out.say(f"Heard by: {', '.join(heard) or 'nobody yet'}")
    if counts:
        out.say(f"Not listening now: {', '.join(counts)}")


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
