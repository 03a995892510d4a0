"""The command that tries what the relay promises, on this very machine."""

from pathlib import Path
from typing import Annotated

import attrs
from cyclopts import Parameter

from argybargy.cli.environment import World
from argybargy.cli.options import WHOLE, Local


@attrs.frozen
class TortureCommand:
    """The verb, over what it finds around it."""

    world: World

    def torture(
        self,
        *,
        minutes: float = 5.0,
        only: Annotated[str | None, Parameter(help="Keys, such as G1,G5.")] = None,
        seed: Annotated[int, WHOLE] = 1,
        keep: Path | None = None,
        common: Local | None = None,
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
            common: What every command takes.
        """
        from argybargy.cli.commands.torture_report import try_promises  # noqa: PLC0415 - it is slow

        out = self.world.output_for(common or Local())
        return try_promises(out, minutes, only, seed, keep)
