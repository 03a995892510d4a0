"""The command that lists open questions."""

from collections.abc import Sequence
from typing import Annotated, Any, Final

from cyclopts import Parameter

from argybargy.cli.client.answers import State, read_row
from argybargy.cli.client.protocol import Json
from argybargy.cli.commands.answer_hint import how_to_answer
from argybargy.cli.commands.codes import check_room
from argybargy.cli.commands.message_line import Said, age, you
from argybargy.cli.environment import Environment
from argybargy.cli.errors import Exit
from argybargy.cli.terminal.columns import without_empty
from argybargy.cli.terminal.formatting import excerpt
from argybargy.cli.terminal.output import Output
from argybargy.domain.names import OPERATOR, fold, room_key
from argybargy.system.values import frozen

_EXCERPT_CHARS: Final = 80
"""Width of the text of a question without a terminal."""
_HEADS: Final = (
    *("WAITS", "ROOM", "SEQ", "FROM", "ASKS", "CLAIMED BY", "CHOICES", "TEXT"),
)
_SELDOM: Final = frozenset({"CHOICES"})
"""Columns that are shown only if a question has something in them."""


def waiting(
    env: Environment,
    room: str | None = None,
    *,
    mine: Annotated[bool, Parameter(name=("--mine", "-m"))] = False,
) -> int:
    """List the open questions: first those that ask you, then those between agents.

    A question asks you if it is to the operator, or to anyone and nobody has claimed it
    in two minutes. Those with a word of ARGYBARGY_URGENT come first, then the longest
    wait. The commands that answer the first one are printed below. Exit code 3 if there
    are none, 5 if there is no such room.

    Example: argybargy waiting --mine

    Args:
        room: Only those of this room.
        mine: Only those that ask you.
    """
    out = env.output
    if room is not None:
        check_room(room)
    answer = env.live().call("GET", "/admin/state")
    if room is not None:
        State.read(answer).room(room)
    found = [Open.read(row) for row in waiting_rows(answer)]
    found = [
        each
        for each in found
        if (each.asks_you or not mine)
        and (room is None or room_key(each.said.room) == room_key(room))
    ]
    found.sort(key=lambda each: (not each.asks_you, not each.is_urgent, -each.seconds))
    _show(out, found, is_mine=mine)
    return Exit.OK if found else Exit.NOTHING


def waiting_rows(answer: Json) -> list[Json]:
    """Return the open questions in an answer of ``/admin/state``.

    Raises:
        CliError: The answer has another shape.
    """
    return read_row(_Waiting, answer).waiting


@frozen
class Open:
    """Open question.

    Attributes:
        said: The question.
        seconds: Time since it was asked.
        asks_you: Whether it asks the operator.
        is_urgent: Whether its text has one of the operator's urgent words.
    """

    said: Said
    seconds: float
    asks_you: bool
    is_urgent: bool

    @classmethod
    def read(cls, row: Json) -> "Open":
        """Read a row of ``waiting``.

        Raises:
            CliError: The row has another shape.
        """
        said, seconds = Said.read(row, ""), read_row(_Wait, row).waiting_seconds
        # Older relays do not say so: then only a question by name asks the operator.
        asks_you = bool(row.get("asks_you", fold(said.expects) == OPERATOR))
        return cls(said, seconds, asks_you, row.get("urgent") is True)


@frozen
class _Waiting:
    waiting: list[dict[str, Any]]


@frozen
class _Wait:
    waiting_seconds: float


def _show(out: Output, found: Sequence[Open], *, is_mine: bool) -> None:
    if out.is_json:
        out.write_json([each.said.row for each in found])
        return
    if not found:
        who = "No open question asks you" if is_mine else "There are no open questions"
        out.say(f"{who}.")
        return
    most = _EXCERPT_CHARS if out.columns is None else out.columns
    cells = [_cells(each, most) for each in found]
    out.write_table(*without_empty(_HEADS, cells, _SELDOM))
    if found[0].asks_you:
        out.say(f"\n{how_to_answer(found[0].said)}")


def _cells(each: Open, most: int) -> tuple[str, ...]:
    said = each.said
    return (
        f"{age(each.seconds)}{', urgent' if each.is_urgent else ''}",
        said.room,
        str(said.seq),
        said.sender,
        you(fold(said.expects)) if fold(said.expects) == OPERATOR else said.expects,
        said.claimed_by or "-",
        excerpt(" | ".join(said.choices), most),
        excerpt(said.text, most),
    )
