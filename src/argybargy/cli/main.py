"""Entry point of ``argybargy``: parse the command line, run a command, exit."""

import errno
import sys
from collections.abc import Sequence
from typing import Final

import attrs

from argybargy.cli.environment import Environment
from argybargy.cli.errors import CliError, Exit
from argybargy.cli.registry import OPTIONS, STARTING
from argybargy.cli.terminal.output import Output, drop_output, mend_streams
from argybargy.store.errors import StoreError

_DIAGNOSE: Final = "Find the cause: argybargy doctor"
_OUTPUT_ERRORS: Final = frozenset(
    {
        *(errno.EPIPE, errno.EBADF, errno.EIO, errno.ENXIO, errno.EINVAL),
        *(errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EAGAIN),
    }
)
"""Errors of a write to standard output; an OSError without a file name and with another
number comes from elsewhere, such as a socket."""


def main() -> None:
    """Run the command of this process, and exit with its code."""
    mend_streams()
    sys.exit(run(sys.argv[1:], Environment.real()))


def run(arguments: Sequence[str], environment: Environment) -> int:
    """Run a command, and print its error, if it raises one.

    Args:
        arguments: Words of the command line after ``argybargy``.
        environment: Passed to the command.

    Returns:
        The exit code.
    """
    try:
        code = _run(arguments, environment)
        environment.output.data.flush()
    except CliError as error:
        _tell(environment.output, error)
        return error.code
    except KeyboardInterrupt:
        return Exit.INTERRUPTED
    except StoreError as error:
        text = f"The data directory cannot be used: {error}"
        _tell(environment.output, _typed(environment, CliError(text, _DIAGNOSE)))
        return Exit.FAILED
    except OSError as error:
        if error.filename is not None:
            raise  # a bug: commands translate errors of files
        if error.errno not in _OUTPUT_ERRORS:
            text = f"The command failed: {error.strerror or error}."
            _tell(environment.output, _typed(environment, CliError(text, _DIAGNOSE)))
            return Exit.FAILED
        drop_output()
        # A broken pipe is the reader's choice, as in `argybargy history ROOM | head`.
        if not isinstance(error, BrokenPipeError):
            text = f"The output cannot be written: {error.strerror or error}."
            _tell(environment.output, CliError(text, "Redirect it to another file."))
        return Exit.FAILED
    return code


def _run(arguments: Sequence[str], environment: Environment) -> int:
    environment = attrs.evolve(environment, arguments=arguments)
    if len(arguments) == 1 and (verb := STARTING.get(arguments[0])) is not None:
        return verb.run(environment)
    # Imported late: see STARTING.
    from argybargy.cli.parser import run_parsed  # noqa: PLC0415

    code = run_parsed(environment, arguments)
    return Exit.OK if code is None else code


def _typed(environment: Environment, error: CliError) -> CliError:
    """Return an error outside of a command with its commands as they are typed."""
    return error.typed(environment.next_commands({}, OPTIONS).typed)


def _tell(out: Output, error: CliError) -> None:
    out.warn(f"argybargy: {error.text}")
    if error.hint:
        out.warn(error.hint)
