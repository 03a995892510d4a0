"""Explain errors of the command line, with the correct command."""

import inspect
import shlex
from collections.abc import Sequence

from cyclopts import (
    CoercionError,
    CycloptsError,
    MissingArgumentError,
    UnknownCommandError,
    UnusedCliTokensError,
)

from argybargy.cli.errors import CliError, Exit
from argybargy.cli.registry import VERBS, chosen


def explain(error: CycloptsError, arguments: Sequence[str]) -> CliError:
    """Return the error of a command line, with a hint.

    Args:
        error: Error of the parser.
        arguments: Words of the command line.
    """
    if isinstance(error, UnknownCommandError) and arguments[0].startswith("-"):
        return _misplaced(arguments)
    return CliError(_what(error), _hint(error, arguments), Exit.USAGE)


def _misplaced(arguments: Sequence[str]) -> CliError:
    """Return the error of an option before the command."""
    option, words = arguments[0], {verb.first_word for verb in VERBS}
    for place, word in enumerate(arguments):
        if word in words:
            right = shlex.join([*arguments[place:], *arguments[:place]])
            text = f"Options such as {option} come after the command."
            return CliError(text, f"Type: argybargy {right}", Exit.USAGE)
    return CliError(f"Unknown option: {option}.", _see(arguments), Exit.USAGE)


def _what(error: CycloptsError) -> str:
    match error:
        case MissingArgumentError():
            return _missing(error)
        case UnusedCliTokensError():
            words = " ".join(error.unused_tokens or ())
            return f"Too many arguments: {words}"
        case CoercionError(token=token, target_type=wanted) if token is not None:
            if wanted is float:
                given = f'"{token.value}" is not a number'
                return f"Invalid value for {token.keyword}: {given}."
            if wanted is bool:
                return f"{token.keyword} takes no value."
    return str(error)


def _missing(error: MissingArgumentError) -> str:
    assert error.argument is not None
    name = error.argument.name
    if error.keyword is not None:
        return f"{error.keyword} needs a value."
    if error.argument.field_info.is_positional:
        name = name.removeprefix("--").upper()
    return f"{name} is missing."


def _hint(error: CycloptsError, arguments: Sequence[str]) -> str:
    is_too_much, verb = isinstance(error, UnusedCliTokensError), error.target
    names = inspect.signature(verb).parameters if is_too_much and verb else {}
    if "text" in names:
        place = "ROOM SEQ" if "seq" in names else "ROOM"
        return f'Put the text in quotes: argybargy {arguments[0]} {place} "TEXT"'
    return _see(arguments)


def _see(arguments: Sequence[str]) -> str:
    """Return the hint that names the right help."""
    verbs, name = chosen(arguments), ""
    if len(verbs) == 1:
        words = verbs[0].name.split()
        name = verbs[0].name if list(arguments[: len(words)]) == words else words[0]
    return " ".join(filter(None, ["See: argybargy", name, "--help"]))
