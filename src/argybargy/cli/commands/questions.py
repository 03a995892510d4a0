"""Commands about one question: ask and wait, answer it, show it with its replies."""

import shlex
from collections.abc import Sequence
from typing import Annotated, Any

from cyclopts import Parameter

from argybargy.cli.client.answers import State, read_row
from argybargy.cli.client.protocol import Json
from argybargy.cli.commands.answer_hint import not_offered
from argybargy.cli.commands.codes import check_room
from argybargy.cli.commands.message_block import MessagePrinter
from argybargy.cli.commands.message_line import ENDED, Said
from argybargy.cli.commands.messages import (
    message_text,
    show_posted,
)
from argybargy.cli.commands.thread import (
    await_end,
    check_wait,
    find_room,
    is_number,
    read_number,
    read_thread,
    report_end,
)
from argybargy.cli.environment import Environment
from argybargy.cli.errors import CliError, Exit
from argybargy.cli.parameters import ONELINE
from argybargy.domain.choices import find_choice
from argybargy.domain.names import ANYONE, EVERYONE, OPERATOR, fold
from argybargy.system.values import frozen


def ask(
    env: Environment,
    room: str,
    text: Annotated[str, Parameter(allow_leading_hyphen=True)],
    *,
    to: Annotated[list[str] | None, Parameter(name=("--to", "-t"), negative=())] = None,
    choices: Annotated[
        list[str] | None, Parameter(name=("--choices", "--choice"), negative=())
    ] = None,
    wait: Annotated[float, Parameter(name=("--wait", "--timeout"))] = 300,
    oneline: Annotated[bool | None, ONELINE] = None,
    sender: Annotated[str, Parameter(name=("--sender", "--as"))] = OPERATOR,
) -> int:
    """Ask a question as the human operator, and wait for the answer.

    Exit code 3 if there is no answer in time: the question stays open, and 'argybargy
    show --wait' waits on. Exit code 6 if it was withdrawn or the room is closed.

    Example: argybargy ask review "Ship it today?" --to alice --choices yes,no

    Args:
        room: The room.
        text: The question, or '-' for standard input.
        to: Who should answer: names, comma-separated or repeated, or anyone. Default:
            anyone.
        choices: 2 to 6 short answers to choose from, comma-separated or repeated.
        wait: Seconds to wait for the answer.
        oneline: Whether the answer is one line.
        sender: Name of the sender.
    """
    check_room(room)
    check_wait(wait)
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
    thread = await_end(env, client, said, wait)
    if env.output.is_json:
        env.output.write_json(thread.row)
    else:
        printer = MessagePrinter.of(env, oneline)
        for each in (thread.answer, thread.asked_back):
            if each is not None:
                printer.write(each)
    return report_end(env, thread, wait)


def answer(
    env: Environment,
    room: str,
    seq: str | None = None,
    text: Annotated[str | None, Parameter(allow_leading_hyphen=True)] = None,
    *,
    choice: str | None = None,
    own_words: bool = False,
    sender: Annotated[str, Parameter(name=("--sender", "--as"))] = OPERATOR,
) -> int:
    """Answer a question as the human operator; the answer goes to its asker.

    Without ROOM, only one room may have an open question with that number.
    A question that offers choices takes one of them, as --choice or as the text; any
    other text needs --own-words. Exit code 6 if the question has already ended.

    Example: argybargy answer review 21 "Yes, after the backup."

    Args:
        room: The room; may be left out.
        seq: Number of the question.
        text: The answer, or '-' for standard input.
        choice: One of the question's choices; a text may come with it.
        own_words: Answer with a text that is none of the question's choices.
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
    shown = ["TEXT"] if choice is None else ["--choice", choice]
    place = place or find_room(client, number, "answer", *shown)
    question = read_thread(client, place, number).question
    body |= {"room": question.room, "to": _asker(question), "expects_reply": None}
    if question.choices and not own_words:
        body |= _chosen(question, choice, body.get("text"))
    posted = client.call("POST", "/admin/say", body)
    show_posted(env.output, question.room, posted, env.machine.times)
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
        return room, read_number(seq), text
    if seq is None:
        if not has_choice:
            raise CliError(
                "TEXT is missing.",
                "Type the answer, or choose one with --choice.",
                Exit.USAGE,
            )
        return None, read_number(room), None
    if is_number(seq) and (has_choice or not is_number(room)):
        if not has_choice:
            raise CliError(
                "TEXT is missing.",
                "Type the answer, or choose one with --choice.",
                Exit.USAGE,
            )
        check_room(room)
        return room, read_number(seq), None
    return None, read_number(room), seq


def _chosen(question: Said, choice: str | None, text: str | None) -> Json:
    """Return the choice that an answer takes; its text may be the choice itself.

    Raises:
        CliError: The question offers no such choice.
    """
    if choice is None:
        found = find_choice(question.choices, (text or "").strip())
        body: Json = {"choice": found, "text": found}
    else:
        found = find_choice(question.choices, choice)
        body = {"choice": found}
    if found is None:
        raise not_offered(question)
    return body


# -- the question -------------------------------------------------------------------


@frozen
class _Posted:
    message: dict[str, Any]
    delivery: dict[str, Any]


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
    if state.get("state") in ENDED:
        by = f" by {state['by']}" if state.get("by") else ""
        text = f"Question {question.seq} was already {state['state']}{by}."
        raise CliError(text, f"To add to it: {post}", Exit.LOST)
    return question.sender
