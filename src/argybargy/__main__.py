"""The entry of the program: ``argybargy``, and ``python -m argybargy``."""

import gc

GARBAGE_OBJECTS = 10_000
"""How many objects more there may be before cycles are looked for, 700 by default.

A start makes hundreds of thousands, most of which stay: a tenth of it was spent on
looking. What a relay drops later is hardly ever in a cycle, and freed at once.
"""


def main() -> None:
    """Run the command that the process was started with, and end the process."""
    gc.set_threshold(GARBAGE_OBJECTS)
    # Only now, since the import is half of the work.
    from argybargy.cli.main import main as run_command  # noqa: PLC0415

    run_command()


if __name__ == "__main__":
    main()
