"""Entry point of the program: ``argybargy``, and ``python -m argybargy``."""

import gc

GARBAGE_OBJECTS = 10_000
"""New objects after which Python collects cycles; its default is 700.

A start makes hundreds of thousands of objects that stay: a tenth of its time was spent
on collections. Objects that a relay drops later are rarely in a cycle, and reference
counting frees them at once.
"""


def main() -> None:
    """Run the command that the process was started with, and end the process."""
    gc.set_threshold(GARBAGE_OBJECTS)
    # Only now, since the import is half of the work.
    from argybargy.cli.main import main as run_command  # noqa: PLC0415

    run_command()


if __name__ == "__main__":
    main()
