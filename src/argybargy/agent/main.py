"""Entry point of ``argy``: parse the words, run a command, print its error."""

import importlib
import os
import sys
from collections.abc import Callable, Sequence
from typing import Final

from argybargy.agent.command_table import (
    find_command,
    help_of,
    help_of_all,
    parse_arguments,
)
from argybargy.agent.errors import AgentError, Exit
from argybargy.agent.process import Process

_HELP: Final = frozenset({"-h", "--help", "help"})


def main(words: Sequence[str] | None = None) -> None:
    """Run the command of this process, and exit with its code.

    Args:
        words: Words of the command line. Default: those of this process.
    """
    sys.exit(run(sys.argv[1:] if words is None else words, Process.real()))


def run(words: Sequence[str], process: Process) -> int:
    """Run a command, and print its error, if it raises one.

    Args:
        words: Words of the command line after ``argy``.
        process: Passed to the command.

    Returns:
        The exit code.
    """
    try:
        return _run(list(words), process)
    except AgentError as error:
        process.note(f"argy: {error.text}")
        if error.hint:
            process.note(process.typed(error.hint))
        return error.code
    except KeyboardInterrupt:
        return Exit.INTERRUPTED
    except BrokenPipeError:
        # Otherwise the interpreter fails to flush the buffer once more at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), process.output.fileno())
        return Exit.FAILED
    except OSError as error:
        named = f": {error.filename}" if error.filename else ""
        process.note(f"argy: {error.strerror or error}{named}.")
        process.note("Free the disk, or correct the file, and try again.")
        return Exit.FAILED


def _run(words: list[str], process: Process) -> Exit:
    if not words or words[0] in _HELP:
        process.write(help_of_all())
        return Exit.OK if words else Exit.USAGE
    command = find_command(words[0])
    options = words[1:]
    if "--" not in options and _HELP.intersection(options) - {"help"}:
        process.write(help_of(command))
        return Exit.OK
    arguments = parse_arguments(command, options)
    module, _, function = command.where.partition(":")
    loaded = importlib.import_module(f"argybargy.agent.{module}")
    run_command: Callable[..., Exit] = getattr(loaded, function)
    return run_command(process, arguments)
