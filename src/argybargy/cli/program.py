"""The commands about this program itself."""

import attrs

from argybargy import __version__
from argybargy.cli.exits import Exit
from argybargy.cli.world import Common, World


@attrs.frozen
class ProgramCommands:
    """The verbs, over what they find around them."""

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
