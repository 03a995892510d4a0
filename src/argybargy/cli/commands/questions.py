"""Commands about one question: ask and wait, answer it, show it with its replies."""

import shlex
from collections.abc import Sequence
from typing import Annotated, Any, Final

import attrs
from cyclopts import Parameter

from argybargy.cli.client.answers import State, read_row, unfit_answer
from argybargy.cli.client.protocol import Json, LiveOperator
from argybargy.cli.commands.codes import check_room
from argybargy.cli.commands.message_line import Said, message_spans
from argybargy.cli.commands.messages import (
    message_text,
    show_posted,
    waiting_rows,
)
from argybargy.cli.environment import Environment
from argybargy.cli.errors import CliError, Exit
from argybargy.cli.terminal.output import Output
from argybargy.domain.names import ANYONE, EVERYONE, NOBODY, OPERATOR, fold

_WAIT_SECONDS: Final = 15
"""Wait of one request: shorter than the timeout of the client."""
_ENDED: Final = frozenset({"answered", "withdrawn"})


def ask(
    env: Environment,
    room: str,
    text: Annotated[str, Parameter(allow_leading_hyphen=True)],
    *,
    to: Annotated[list[str] | None, Parameter(negative=())] = None,
    choices: Annotated[list[str] | None, Parameter(negative=())] = None,
    timeout: float = 300,
    sender: Annotated[str, Parameter(name=("--sender", "--as"))] = OPERATOR,
) -> int:
    """Ask a question as the human operator, and wait for the answer.

    Exit code 3 if there is no answer in time, 6 if the question was withdrawn or the
    room is closed. The question stays open at the timeout: see 'argybargy show'.

    Example: argybargy ask review "Ship it today?" --to alice --choices yes,no

    Args:
        room: The room.
        text: The question, or '-' for standard input.
        to: Who should answer: names, comma-separated or repeated, or anyone.
        choices: 2 to 6 short answers to choose from, comma-separated or repeated.
        timeout: Seconds to wait for the answer.
        sender: Name of the sender.
    """
    check_room(room)
    if not 0 <= timeout < float("inf"):
        raise CliError("--timeout must be 0 or more.", code=Exit.USAGE)
    body = {
        "room": room,
        "text": message_text(env, text),
        "sender": sender,
        "reply_to": None,
        "choices": _listed(choices),
        "new": False,
        **_asked(to),
    }
    client = env.live()
    State.read(client.call("GET", "/admin/state")).room(room)
    posted = read_row(_Posted, client.call("POST", "/admin/say", body))
    said = Said.read(posted.message, room)
    env.output.say(f"#{said.room} seq {said.seq} asks {said.expects}")
    for name, reach in posted.delivery.items():
        if reach == "unknown":
            env.output.warn(f"There is no agent '{name}' in {said.room}.")
    return _await_answer(env, client, said, timeout)


def answer(
    env: Environment,
    room: str,
    seq: str | None = None,
    text: Annotated[str | None, Parameter(allow_leading_hyphen=True)] = None,
    *,
    choice: str | None = None,
    sender: Annotated[str, Parameter(name=("--sender", "--as"))] = OPERATOR,
) -> int:
    """Answer a question as the human operator; the answer goes to its asker.

    Without ROOM, the question is looked for among the open questions of all rooms.
    With --choice, no text is needed. Exit code 6 if the question has already ended.

    Example: argybargy answer review 21 "Yes, after the backup."

    Args:
        room: The room; may be left out.
        seq: Number of the question.
        text: The answer, or '-' for standard input.
        choice: One of the question's choices.
        sender: Name of the sender.
    """
    place, number, words = _read_answer(room, seq, text, has_choice=choice is not None)
    body: Json = {
        "sender": sender,
        "reply_to": number,
        "choice": choice,
        "new": False,
    }
    if words is not None:
        body["text"] = message_text(env, words)
    client = env.live()
    place = place or _find_room(client, number, "answer", "TEXT")
    question = _read_thread(client, place, number).question
    body |= {"room": question.room, "to": _asker(question), "expects_reply": None}
    posted = client.call("POST", "/admin/say", body)
    show_posted(env.output, question.room, posted, env.machine.times)
    return Exit.OK


def show(env: Environment, room: str, seq: str | None = None) -> int:
    """Show a message, the state of its question, and its replies.

    Without ROOM, the message is looked for among the open questions of all rooms, and
    then in the only room with so many messages.

    Example: argybargy show review 21

    Args:
        room: The room; may be left out.
        seq: Number of the message.
    """
    place, number = (None, room) if seq is None else (room, seq)
    found = _number(number)
    client = env.live()
    place = place or _find_room(client, found, "show")
    check_room(place)
    _show_thread(env, _read_thread(client, place, found))
    return Exit.OK


# -- the command line ---------------------------------------------------------------


def _listed(values: Sequence[str] | None) -> list[str]:
    return [each.strip() for value in values or () for each in value.split(",")]


def _asked(to: Sequence[str] | None) -> Json:
    """Return the fields of a question that say who is asked."""
    names = _listed(to) or [ANYONE]
    if OPERATOR in map(fold, names):
        raise CliError("You are the operator: ask somebody else.", code=Exit.USAGE)
    if len(names) > 1:
        return {"to": names, "expects_reply": ANYONE}
    if fold(names[0]) in {ANYONE, EVERYONE}:
        return {"to": EVERYONE, "expects_reply": ANYONE}
    return {"to": names[0], "expects_reply": names[0]}


def _read_answer(
    room: str, seq: str | None, text: str | None, *, has_choice: bool
) -> tuple[str | None, int, str | None]:
    """Return room, number and text of the words ``[ROOM] SEQ [TEXT]``."""
    if text is not None and seq is not None:
        check_room(room)
        return room, _number(seq), text
    if seq is None:
        if not has_choice:
            raise CliError("TEXT is missing.", "Or take one: --choice", Exit.USAGE)
        return None, _number(room), None
    if _is_number(seq) and (has_choice or not _is_number(room)):
        if not has_choice:
            raise CliError("TEXT is missing.", "Or take one: --choice", Exit.USAGE)
        check_room(room)
        return room, _number(seq), None
    return None, _number(room), seq


def _is_number(word: str) -> bool:
    return word.isascii() and word.isdigit()


def _number(word: str) -> int:
    if not _is_number(word):
        hint = "It is in the column SEQ of 'argybargy waiting'."
        raise CliError(f'"{word}" is not the number of a message.', hint, Exit.USAGE)
    return int(word)


def _find_room(client: LiveOperator, seq: int, verb: str, *words: str) -> str:
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


# -- the question -------------------------------------------------------------------


@attrs.frozen
class _Posted:
    message: dict[str, Any]
    delivery: dict[str, Any]


@attrs.frozen
class _RoomHeads:
    rooms: list[object]


@attrs.frozen
class _RoomHead:
    room: str
    last_seq: int


@attrs.frozen
class _ThreadRow:
    message: dict[str, Any]
    replies: list[object]


@attrs.frozen
class _Thread:
    """A message with its replies.

    Attributes:
        question: The message.
        state: State of its question; empty for one that asks nobody.
        answer: The answering message, if there is one.
        replies: Its replies.
        row: The decoded JSON, for ``--json``.
    """

    question: Said
    state: Json
    answer: Said | None
    replies: tuple[Said, ...]
    row: Json = attrs.field(repr=False)

    @property
    def status(self) -> str:
        """Open, claimed, answered or withdrawn; empty for one that asks nobody."""
        return str(self.state.get("state", ""))

    @property
    def ending(self) -> str:
        """The state in words."""
        by, seq = self.state.get("by"), self.state.get("seq")
        reason = self.state.get("reason")
        return "".join(
            (
                self.status,
                f" by {by}" if by else "",
                f" in {seq}" if seq else "",
                f": {reason}" if reason else "",
            )
        )


def _read_thread(client: LiveOperator, room: str, seq: int, wait: float = 0) -> _Thread:
    query = f"?wait={wait:g}" if wait else ""
    row = client.call("GET", f"/admin/rooms/{room}/messages/{seq}{query}")
    thread = read_row(_ThreadRow, row)
    state = thread.message.get("question", {})
    if not isinstance(state, dict):
        raise unfit_answer("question")
    answer = row.get("answer")
    return _Thread(
        question=Said.read(thread.message, room),
        state=state,
        answer=None if answer is None else Said.read(answer, room),
        replies=tuple(Said.read(each, room) for each in thread.replies),
        row=row,
    )


def _await_answer(
    env: Environment, client: LiveOperator, asked: Said, timeout: float
) -> int:
    """Wait for the end of a question; print the answer, and return the exit code."""
    out, ends_at = env.output, env.machine.now() + timeout
    while True:
        left = max(0.0, ends_at - env.machine.now())
        wait = min(left, _WAIT_SECONDS)
        thread = _read_thread(client, asked.room, asked.seq, round(wait, 3))
        is_closed = bool(thread.row.get("room_closed"))
        is_over = thread.status in _ENDED or is_closed
        if is_over or env.machine.now() >= ends_at:
            break
        pause = thread.row.get("retry_after", 0)
        if isinstance(pause, int) and pause > 0:
            env.machine.sleep(min(pause, left))
    if out.is_json:
        out.write_json(thread.row)
    elif thread.answer is not None:
        out.write_spans(*message_spans(thread.answer, env.machine.times))
    if thread.status == "answered":
        return Exit.OK
    if thread.status == "withdrawn" or is_closed:
        out.warn(_why_over(thread))
        return Exit.LOST
    look = shlex.join(["argybargy", "show", asked.room, str(asked.seq)])
    out.say(f"There is no answer after {timeout:g} s. Look again: {look}")
    return Exit.NOTHING


def _why_over(thread: _Thread) -> str:
    question = thread.question
    if thread.status == "withdrawn":
        return f"The question {question.seq} was {thread.ending}."
    return f"Room {question.room} is closed: nobody answers {question.seq}."


def _asker(question: Said) -> str:
    """Return whom an answer goes to.

    Raises:
        CliError: The message asks nobody, has its answer, or is the operator's own.
    """
    post = shlex.join(
        ["argybargy", "post", question.room, "TEXT", "--reply-to", str(question.seq)]
    )
    state = question.row.get("question")
    if not isinstance(state, dict):
        text = f"Message {question.seq} of {question.room} asks nobody."
        raise CliError(text, f"To reply to it: {post}", Exit.USAGE)
    if question.row.get("from_kind") == OPERATOR:
        text = f"Message {question.seq} of {question.room} is a question of yours."
        raise CliError(text, f"To add to it: {post}", Exit.USAGE)
    if state.get("state") in _ENDED:
        by = f" by {state['by']}" if state.get("by") else ""
        text = f"Question {question.seq} was already {state['state']}{by}."
        raise CliError(text, f"To add to it: {post}", Exit.LOST)
    return question.sender


def _show_thread(env: Environment, thread: _Thread) -> None:
    out, times = env.output, env.machine.times
    if out.is_json:
        out.write_json(thread.row)
        return
    question = thread.question
    if thread.status in _ENDED:
        # Who answered without a claim is stored as its holder, too; the end says it.
        question = attrs.evolve(question, claimed_by=None)
    _show_question(out, thread, message_spans(question, times))
    others = [each for each in thread.replies if each != thread.answer]
    answers = [] if thread.answer is None else [thread.answer]
    for each in sorted((*others, *answers), key=lambda said: said.seq):
        out.write_spans(*message_spans(each, times))


def _show_question(out: Output, thread: _Thread, spans: tuple[Any, ...]) -> None:
    out.write_spans(*spans)
    if thread.question.expects != NOBODY and thread.status:
        out.write(f"  {thread.ending}")
    if fold(thread.question.expects) in {OPERATOR, ANYONE} and thread.status == "open":
        room, seq = shlex.quote(thread.question.room), thread.question.seq
        out.say(f"To answer: argybargy answer {room} {seq} TEXT")
