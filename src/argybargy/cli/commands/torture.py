"""The command that tests the relay's promises on this machine."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from argybargy.cli.environment import Environment
from argybargy.cli.parameters import INTEGER


def torture(
    env: Environment,
    *,
    minutes: float = 5.0,
    only: Annotated[
        str | None, Parameter(help="Promises to test, such as G1,G5. Default: all.")
    ] = None,
    seed: Annotated[int, INTEGER] = 1,
    keep: Path | None = None,
    store: str | None = None,
) -> int:
    """Test the relay's promises on relays of its own.

    It kills them, floods them, cuts their connections and fills their disks, each in a
    temporary directory. Relays that run on this machine are not touched.

    With --store, each promise is tested on two relays that share a PostgreSQL server.
    It makes databases of its own there, and drops them at the end. The server itself
    is not killed.

    Example: argybargy torture --minutes 0.1 --only G10

    Args:
        minutes: Approximate duration; every proof runs at least one round.
        only: Keys of the promises to test.
        seed: Random seed; the same seed repeats the same trials.
        keep: Empty or new directory in which to keep data and logs.
        store: URL of a PostgreSQL database, such as postgresql://USER@HOST/postgres.
            Its user needs the right to create databases.
    """
    from argybargy.cli.commands.torture_report import try_promises  # noqa: PLC0415 - it is slow

    out = env.output
    return try_promises(out, minutes, only, seed, keep, store=store)
