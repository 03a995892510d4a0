"""The command ``show``; it and ``ask`` read threads and wait for their answers."""

import shlex
from typing import Annotated, Any, Final

import attrs

from argybargy.cli.client.answers import read_row, unfit_answer
from argybargy.cli.client.protocol import Json, LiveOperator
from argybargy.cli.commands.answer_hint import how_to_answer
from argybargy.cli.commands.codes import check_room
from argybargy.cli.commands.message_block import MessagePrinter
from argybargy.cli.commands.message_line import ENDED, Said, question_words
from argybargy.cli.commands.waiting import waiting_rows
from argybargy.cli.environment import Environment
from argybargy.cli.errors import CliError, Exit
from argybargy.cli.parameters import ONELINE
from argybargy.domain.names import ANYONE, OPERATOR, fold
from argybargy.system.values import frozen

_WAIT_SECONDS: Final = 15
"""Wait of one request: shorter than the timeout of the client."""


# -- which message ------------------------------------------------------------------


def is_number(word: str) -> bool:
    """Tell whether a word of the command line is the number of a message."""
    return word.isascii() and word.isdigit()


def read_number(word: str) -> int:
    """Parse the number of a message.

    Raises:
        CliError: It is no such number.
    """
    if not is_number(word):
        hint = "It is in the column SEQ of 'argybargy waiting'."
        raise CliError(f'"{word}" is not the number of a message.', hint, Exit.USAGE)
    return int(word)


def find_room(client: LiveOperator, seq: int, verb: str, *words: str) -> str:
    """Return the room that a number without a room belongs to.

    It is the only room with that open question, or the only room whose numbers reach
    that far.

    Raises:
        CliError: There is none, or several.
    """
    answer = client.call("GET", "/admin/state")
    rows = [Said.read(row, "") for row in waiting_rows(answer)]
    rooms = sorted({row.room for row in rows if row.seq == seq})
    if not rooms:
        rooms = _rooms_with(answer, seq)
    if len(rooms) == 1:
        return rooms[0]
    if not rooms:
        text = f"There is no message {seq} in any room."
        raise CliError(text, "List the rooms: argybargy rooms", Exit.NOT_FOUND)
    example = shlex.join(["argybargy", verb, rooms[0], str(seq), *words])
    shown = f"{', '.join(rooms[:-1])} and {rooms[-1]}"
    raise CliError(
        f"Which message {seq}? There are the rooms {shown}.",
        f"Name the room: {example}",
        Exit.USAGE,
    )


def _rooms_with(answer: Json, seq: int) -> list[str]:
    """Return the rooms of ``/admin/state`` whose last message has that number or more.

    Raises:
        CliError: The answer has another shape.
    """
    rows = [read_row(_RoomHead, row) for row in read_row(_RoomHeads, answer).rooms]
    return sorted(row.room for row in rows if row.last_seq >= seq)


# -- the thread --------------------------------------------------------------------


@frozen
class _RoomHeads:
    rooms: list[object]


@frozen
class _RoomHead:
    room: str
    last_seq: int


@frozen
class _ThreadRow:
    message: dict[str, Any]
    replies: list[object]


@frozen
class Thread:
    """A message with its replies.

    Attributes:
        question: The message.
        state: State of its question; empty for one that asks nobody.
        answer: The answering message, if there is one.
        asked_back: A question of an agent about the question, if there is one and
            the relay was asked to wait.
        replies: Its replies.
        row: The decoded JSON, for ``--json``.
    """

    question: Said
    state: Json
    answer: Said | None
    asked_back: Said | None
    replies: tuple[Said, ...]
    row: Json = attrs.field(repr=False)

    @property
    def status(self) -> str:
        """Open, claimed, answered or withdrawn; empty for one that asks nobody."""
        return str(self.state.get("state", ""))

    @property
    def is_over(self) -> bool:
        """Whether the question has ended, or its room is closed."""
        return self.status in ENDED or bool(self.row.get("room_closed"))


def read_thread(client: LiveOperator, room: str, seq: int, wait: float = 0) -> Thread:
    """Request a message with its replies.

    Args:
        client: Client of the relay.
        room: Room of the message.
        seq: Number of the message.
        wait: Seconds in which the relay waits for the end of its question.

    Raises:
        CliError: There is no such message, or the relay cannot be reached.
    """
    query = f"?wait={wait:g}" if wait else ""
    row = client.call("GET", f"/admin/rooms/{room}/messages/{seq}{query}")
    thread = read_row(_ThreadRow, row)
    state = thread.message.get("question", {})
    if not isinstance(state, dict):
        raise unfit_answer("question")
    answer, asked_back = row.get("answer"), row.get("asked_back")
    return Thread(
        question=Said.read(thread.message, room),
        state=state,
        answer=None if answer is None else Said.read(answer, room),
        asked_back=None if asked_back is None else Said.read(asked_back, room),
        replies=tuple(Said.read(each, room) for each in thread.replies),
        row=row,
    )


def await_end(
    env: Environment, client: LiveOperator, asked: Said, seconds: float
) -> Thread:
    """Wait until a question ends or its room is closed, at most so many seconds."""
    ends_at = env.machine.now() + seconds
    while True:
        left = max(0.0, ends_at - env.machine.now())
        wait = min(left, _WAIT_SECONDS)
        thread = read_thread(client, asked.room, asked.seq, round(wait, 3))
        is_done = thread.is_over or thread.asked_back is not None
        if is_done or env.machine.now() >= ends_at:
            return thread
        pause = thread.row.get("retry_after", 0)
        if isinstance(pause, int) and pause > 0:
            env.machine.sleep(min(pause, left))


def report_end(env: Environment, thread: Thread, seconds: float) -> int:
    """Say why there is no answer, if there is none; return the exit code."""
    asked = thread.question
    if thread.status == "answered":
        return Exit.OK
    if thread.is_over:
        env.output.warn(_why_over(thread))
        return Exit.LOST
    again = [asked.room, str(asked.seq), "--wait", f"{seconds or _WAIT_SECONDS:g}"]
    why = f"There is no answer after {seconds:g} s. To wait on"
    if thread.asked_back is not None:
        back = shlex.join([asked.room, str(thread.asked_back.seq)])
        why = (
            f"{thread.asked_back.sender} asks back. "
            f"To answer: argybargy answer {back} TEXT. Then wait on"
        )
    env.output.say(f"{why}: {shlex.join(['argybargy', 'show', *again])}")
    return Exit.NOTHING


def _why_over(thread: Thread) -> str:
    question = thread.question
    if thread.status == "withdrawn":
        ending = question_words(question)[-1]
        return f"The question #{question.seq} was {ending}."
    return f"Room {question.room} is closed: nobody answers {question.seq}."


def check_wait(seconds: float) -> None:
    """Reject an invalid ``--wait``.

    Raises:
        CliError: It is negative or infinite.
    """
    if not 0 <= seconds < float("inf"):
        raise CliError("--wait must be 0 or more.", code=Exit.USAGE)


# -- the command -------------------------------------------------------------------


def show(
    env: Environment,
    room: str,
    seq: str | None = None,
    *,
    wait: float | None = None,
    oneline: Annotated[bool | None, ONELINE] = None,
) -> int:
    """Show a message, the state of its question, and its replies.

    Without ROOM, only one room may have an open question with that number, or only one
    room so many messages. With --wait, exit code 3 if the
    question is not answered in time, and 6 if it was withdrawn or the room is closed.

    Example: argybargy show review 21

    Args:
        room: The room; may be left out.
        seq: Number of the message.
        wait: Seconds to wait for the answer. Default: do not wait.
        oneline: Whether each message is one line.
    """
    if wait is not None:
        check_wait(wait)
    place, number = (None, room) if seq is None else (room, seq)
    found = read_number(number)
    client = env.live()
    place = place or find_room(client, found, "show")
    check_room(place)
    thread = read_thread(client, place, found)
    if wait is not None and thread.status:
        thread = await_end(env, client, thread.question, wait)
    _show_thread(env, thread, MessagePrinter.of(env, oneline))
    is_awaited = wait is not None and thread.status
    return report_end(env, thread, wait or 0) if is_awaited else Exit.OK


def _show_thread(env: Environment, thread: Thread, printer: MessagePrinter) -> None:
    out, question = env.output, thread.question
    if out.is_json:
        out.write_json(thread.row)
        return
    printer.write(question)
    ends = [each for each in (thread.answer, thread.asked_back) if each is not None]
    others = [each for each in thread.replies if each not in ends]
    for each in sorted((*others, *ends), key=lambda said: said.seq):
        printer.write(each)
    if fold(question.expects) in {OPERATOR, ANYONE} and thread.status == "open":
        out.say(how_to_answer(question))
