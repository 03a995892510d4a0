"""The entry of the ``argybargy`` command: parse, run, and end with the right code."""

import os
import sys
from collections.abc import Sequence

import attrs
from cyclopts import App, CycloptsError, Parameter

from argybargy import __version__
from argybargy.cli.codes import CodeCommands
from argybargy.cli.doctor import DoctorCommand
from argybargy.cli.exits import CliError, Exit
from argybargy.cli.output import Output
from argybargy.cli.rooms import RoomCommands
from argybargy.cli.serving import ServingCommands
from argybargy.cli.torture import TortureCommand
from argybargy.cli.world import Common, World


def main() -> None:
    """Run the command that the process was started with, and end the process."""
    sys.exit(run(sys.argv[1:], World.real()))


def run(arguments: Sequence[str], world: World) -> int:
    """Run a command.

    Args:
        arguments: What was typed, without the program's own name.
        world: What the command finds around it.

    Returns:
        The exit code.
    """
    try:
        code = _run(arguments, world)
        world.output.data.flush()
    except CliError as error:
        _tell(world.output, error)
        return error.code
    except KeyboardInterrupt:
        return Exit.INTERRUPTED
    except BrokenPipeError:
        # Whoever read has enough. What is still buffered goes nowhere, so that the
        # interpreter does not fail on it once more when it ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return Exit.FAILED
    return code


def _run(arguments: Sequence[str], world: World) -> int:
    try:
        result = build_app(world)(
            list(arguments),
            exit_on_error=False,
            print_error=False,
            result_action="return_value",
        )
    except CycloptsError as error:
        hint = "See: argybargy --help"
        raise CliError(str(error), hint, Exit.USAGE) from None
    return int(result) if isinstance(result, int) else Exit.OK


def _tell(out: Output, error: CliError) -> None:
    out.warn(f"argybargy: {error.text}")
    if error.hint:
        out.warn(error.hint)


def build_app(world: World) -> App:
    """Return the command line over a world."""
    app = App(
        name="argybargy",
        help="A relay where AI agents and people share rooms over plain HTTP.",
        version=__version__,
        help_format="plaintext",
        help_formatter="plain",
        default_parameter=Parameter(negative=()),
        suppress_keyboard_interrupt=False,
    )
    serving, codes, rooms = (
        ServingCommands(world),
        CodeCommands(world),
        RoomCommands(world),
    )
    verbs = (
        serving.up,
        serving.serve,
        rooms.room,
        codes.invite,
        codes.codes,
        codes.revoke,
        codes.token,
        TortureCommand(world).torture,
        VersionCommand(world).version,
        DoctorCommand(world).doctor,
    )
    for verb in verbs:
        app.command(verb, sort_key=verbs.index(verb))
    return app


@attrs.frozen
class VersionCommand:
    """The verb, over what it finds around it."""

    world: World

    def version(self, *, common: Common | None = None) -> int:
        """Print the version of this program.

        Example: argybargy version

        Args:
            common: What every command takes.
        """
        out = self.world.output_for(common or Common())
        if out.is_json:
            out.write_json({"version": __version__})
        else:
            out.write(__version__)
        return Exit.OK
