"""The command that tries what the relay promises, on this very machine."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from argybargy.cli.environment import Environment
from argybargy.cli.options import INTEGER


def torture(
    env: Environment,
    *,
    minutes: float = 5.0,
    only: Annotated[str | None, Parameter(help="Keys, such as G1,G5.")] = None,
    seed: Annotated[int, INTEGER] = 1,
    keep: Path | None = None,
) -> int:
    """Try what the relay promises, on relays of its own.

    It kills them, floods them, hangs up on them and fills their disks, each in a
    directory of its own; no relay that is running here is touched.

    Example: argybargy torture --minutes 0.1 --only G10

    Args:
        minutes: How long to go on, about; every proof does one round at least.
        only: Which promises to try; all if not said.
        seed: Draws what is left to chance; the same again for the same trials.
        keep: An empty or new directory, where data and logs stay.
    """
    from argybargy.cli.commands.torture_report import try_promises  # noqa: PLC0415 - it is slow

    out = env.output
    return try_promises(out, minutes, only, seed, keep)
