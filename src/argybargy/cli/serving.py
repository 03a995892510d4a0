"""The commands that run a relay."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import attrs
from cyclopts import Parameter

from argybargy.cli.output import Output
from argybargy.cli.world import Local, World

if TYPE_CHECKING:
    from argybargy.serve.settings import Settings
    from argybargy.serve.started import Started

Announcement = Callable[[Output, "Settings", "Started"], None]


def announce_first_steps(out: Output, settings: "Settings", started: "Started") -> None:
    """Say where the relay is and what to type next.

    The one secret that is shown is a link that signs in once, and soon not any more.
    """
    if out.is_json:
        _write_started(out, settings, started, sign_in=started.sign_in())
        return
    if out.is_quiet:
        return
    addresses = "\n  ".join(started.urls)
    out.say(f"""\
The relay is up.

  {addresses}
  data in {settings.data}

Sign in with this link. It works once, for ten minutes; 'argybargy open' makes another.
  {started.sign_in()}

In another terminal, make a room and get a text to paste into an agent's prompt:
  argybargy room <name>
or a code for one agent:
  argybargy invite --name <peer>

Ctrl+C stops the relay.""")


def announce_briefly(out: Output, settings: "Settings", started: "Started") -> None:
    """Say where the relay is; what a service says is kept, so it is no secret."""
    if out.is_json:
        _write_started(out, settings, started)
    else:
        out.say(f"Listening on {', '.join(started.urls)}, data in {settings.data}")


def _write_started(
    out: Output, settings: "Settings", started: "Started", **more: str
) -> None:
    out.write_json({"urls": list(started.urls), "data": str(settings.data), **more})
    out.data.flush()


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

        return self.world.serve(
            settings, lambda started: announce(out, settings, started)
        )
