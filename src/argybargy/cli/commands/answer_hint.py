"""The commands that answer a question, for hints and errors."""

import shlex
from collections.abc import Sequence

from argybargy.cli.commands.message_line import Said
from argybargy.cli.errors import CliError, Exit


def how_to_answer(question: Said) -> str:
    """Return the commands that answer a question: one a line if it offers choices."""
    commands = _commands(question)
    if len(commands) == 1:
        return f"To answer: {commands[0]}"
    listed = "".join(f"\n  {each}" for each in commands)
    return f"To answer question {question.seq} of {question.room}, one of:{listed}"


def _commands(question: Said) -> Sequence[str]:
    start = shlex.join(["argybargy", "answer", question.room, str(question.seq)])
    if not question.choices:
        return [f"{start} TEXT"]
    chosen = [f"{start} --choice {shlex.quote(each)}" for each in question.choices]
    return [*chosen, f"{start} --own-words TEXT"]


def not_offered(question: Said) -> CliError:
    """Return the error of an answer that is none of the choices of its question."""
    offered = " | ".join(question.choices)
    text = f"Question {question.seq} of {question.room} offers: {offered}"
    return CliError(text, how_to_answer(question), Exit.USAGE)
