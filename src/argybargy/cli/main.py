"""The entry of the ``argybargy`` command: parse, run, and end with the right code."""

import errno
import sys
from collections.abc import Sequence
from typing import Final

import attrs
from cyclopts import CycloptsError

from argybargy.cli.environment import Environment
from argybargy.cli.errors import CliError, Exit
from argybargy.cli.registry import build_app
from argybargy.cli.terminal.output import Output, drop_output, mend_streams
from argybargy.store.errors import StoreError

_LOOK: Final = "Look for what is wrong: argybargy doctor"
_OF_WRITING: Final = frozenset(
    {
        *(errno.EPIPE, errno.EBADF, errno.EIO, errno.ENXIO, errno.EINVAL),
        *(errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EAGAIN),
    }
)
"""How writing to an output fails; what else has no file name is about no output."""


def main() -> None:
    """Run the command that the process was started with, and end the process."""
    mend_streams()
    sys.exit(run(sys.argv[1:], Environment.real()))


def run(arguments: Sequence[str], environment: Environment) -> int:
    """Run a command.

    Args:
        arguments: What was typed, without the program's own name.
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
        _tell(environment.output, CliError(f"The data cannot be used: {error}", _LOOK))
        return Exit.FAILED
    except OSError as error:
        if error.filename is not None:
            raise  # of a file, which is a bug here
        if error.errno not in _OF_WRITING:
            text = f"It could not be done: {error.strerror or error}."
            _tell(environment.output, CliError(text, _LOOK))
            return Exit.FAILED
        drop_output()
        if not isinstance(error, BrokenPipeError):  # then whoever read has enough
            text = f"The output cannot be written: {error.strerror or error}."
            _tell(environment.output, CliError(text, "Send it elsewhere."))
        return Exit.FAILED
    return code


def _run(arguments: Sequence[str], environment: Environment) -> int:
    try:
        environment = attrs.evolve(environment, arguments=arguments)
        result = build_app(environment, arguments)(
            list(arguments),
            exit_on_error=False,
            print_error=False,
            result_action="return_value",
        )
    except CycloptsError as error:
        from argybargy.cli.usage_errors import explain  # noqa: PLC0415 - rarely needed

        raise explain(error, arguments) from None
    return int(result) if isinstance(result, int) else Exit.OK


def _tell(out: Output, error: CliError) -> None:
    out.warn(f"argybargy: {error.text}")
    if error.hint:
        out.warn(error.hint)
