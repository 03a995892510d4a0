"""The commands that run a relay."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Annotated

import attrs
from cyclopts import Parameter

from argybargy.cli.output import Output
from argybargy.cli.world import Local, World

if TYPE_CHECKING:
    from argybargy.serve.settings import Settings

Announcement = Callable[[Output, "Settings", Sequence[str]], None]


def announce_first_steps(
    out: Output, settings: "Settings", urls: Sequence[str]
) -> None:
    """Say where the relay is and what to type next; no secret is shown."""
    addresses = "\n  ".join(urls)
    out.say(f"""\
The relay is up.

  {addresses}
  data in {settings.data}

In another terminal, make a room and get a text to paste into an agent's prompt:
  argybargy room <name>
or a code for one agent:
  argybargy invite --name <peer>

Ctrl+C stops the relay.""")


def announce_briefly(out: Output, settings: "Settings", urls: Sequence[str]) -> None:
    """Say where the relay is."""
    out.say(f"Listening on {', '.join(urls)}, data in {settings.data}")


@attrs.frozen
class ServingCommands:
    """The verbs, over what they find around them."""

    world: World

    def up(
        self,
        *,
        host: str | None = None,
        no_tunnel: Annotated[
            bool,
            Parameter(show_default=False, help="Stay on this machine."),
        ] = False,
        common: Local | None = None,
    ) -> int:
        """Start a relay, and say what to type next.

        It runs until Ctrl+C; a second one does not wait for anybody.

        Example: argybargy up --port 8765

        Args:
            host: The address to listen on.
            no_tunnel: Whether to do without a way in from outside.
            common: What every command takes.
        """
        del no_tunnel  # there is no tunnel yet that could be left out
        return self._run(host, common or Local(), announce_first_steps)

    def serve(self, *, host: str | None = None, common: Local | None = None) -> int:
        """Run a relay as a service does: no more words than needed.

        Example: argybargy serve --host 0.0.0.0 --data /var/lib/argybargy

        Args:
            host: The address to listen on.
            common: What every command takes.
        """
        return self._run(host, common or Local(), announce_briefly)

    def _run(self, host: str | None, common: Local, announce: Announcement) -> int:
        out = self.world.output_for(common)
        settings = self.world.read_settings({**common.overrides, "host": host})

        def told(urls: Sequence[str]) -> None:
            if out.is_json:
                out.write_json({"urls": list(urls), "data": str(settings.data)})
                out.data.flush()
            else:
                announce(out, settings, urls)

        return self.world.serve(settings, told)
