"""Entry point of the program: ``argybargy``, and ``python -m argybargy``."""

import gc
import sys

from argybargy import __version__

GARBAGE_OBJECTS = 200_000
"""New objects after which Python collects cycles; its default is 700.

An import makes tens of thousands of objects that stay, and collections took 40 ms of a
start. Below this number, a start has none. A relay lowers it once it listens; the other
commands end soon.
"""


def main() -> None:
    """Run the command that the process was started with, and end the process.

    The commands for agents are told apart here, and so is ``--version``: they start
    without the packages that the operator's commands need.
    """
    words = sys.argv[1:]
    if words[:1] in (["agent"], ["join"]):
        from argybargy.agent.main import main as run_agent_command  # noqa: PLC0415

        run_agent_command(words[1:] if words[0] == "agent" else words)
        return
    if words == ["--version"] and _print_version():
        return
    gc.set_threshold(GARBAGE_OBJECTS)
    # Only now, since the import is half of the work.
    from argybargy.cli.main import main as run_command  # noqa: PLC0415

    run_command()


def _print_version() -> bool:
    """Print the version; return ``False`` if standard output does not take it.

    The command line then tries again, and reports the error.
    """
    if sys.stdout is None:
        return False
    try:
        sys.stdout.write(f"{__version__}\n")
        sys.stdout.flush()
    except OSError:
        return False
    return True


if __name__ == "__main__":
    main()
