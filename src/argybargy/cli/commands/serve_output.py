"""Output of a relay that has started."""

from functools import partial
from typing import Final

import attrs

from argybargy.cli.terminal.output import Output
from argybargy.serve.run_plan import RunningRelay, RunPlan
from argybargy.serve.services import public_url
from argybargy.serve.tunnel.command import TunnelCommand
from argybargy.serve.tunnel.tunnel import TunnelState, TunnelStatus
from argybargy.settings.settings import Settings
from argybargy.system.logs import get_logger
from argybargy.system.network import is_loopback

log = get_logger(__name__)

_NO_TUNNEL: Final = (
    "on this machine only: cloudflared is not installed, so there is no tunnel"
)


@attrs.frozen
class Announcer:
    """Output of ``up``: addresses, next commands, tunnel and panel.

    Attributes:
        out: The output.
        settings: Settings of the relay.
        tunnel: Command that opens the tunnel; ``None`` opens none.
        is_private: Whether ``--no-tunnel`` was given.
    """

    out: Output
    settings: Settings
    tunnel: TunnelCommand | None
    is_private: bool

    def plan(self) -> RunPlan:
        """Return the plan of ``up``: announcements, tunnel, and panel on a terminal."""
        plan = RunPlan("up", self.tell_first_steps, self.tunnel, self.tell_tunnel)
        is_talking = not (self.out.is_json or self.out.is_quiet)
        if self.out.is_live and is_talking:
            return attrs.evolve(plan, tell_tunnel=_ignore, companion=self.show_panel)
        return plan

    def tell_first_steps(self, started: RunningRelay) -> None:
        """Print the addresses of the relay and the next commands.

        The sign-in link is the only secret shown: it works once and expires after ten
        minutes.
        """
        out, settings = self.out, self.settings
        if out.is_json:
            write_started(out, settings, started, sign_in=started.sign_in())
            return
        if out.is_quiet:
            return
        addresses = "\n  ".join((*started.urls, *self._outside()))
        out.say(f"""\
The relay is up.

  {addresses}
  {_kept(settings)}

Sign in with this link, once, within ten minutes ('argybargy open' prints another):
  {started.sign_in()}

In another terminal, connect the programs of a project, in its directory:
  argybargy connect claude --room build --write
  argybargy connect codex --room build --write
or make a room and get a text to paste into an agent's prompt:
  argybargy room <name>
or a code for one agent:
  argybargy invite --name <peer>

Ctrl+C stops the relay.""")

    def _outside(self) -> tuple[str, ...]:
        if self.settings.public_url is not None:
            return (f"from outside: {self.settings.public_url}",)
        if self.tunnel is not None:
            return (f"from outside: {self.tunnel.name} is opening a tunnel",)
        return () if self.is_private else (_NO_TUNNEL,)

    def tell_tunnel(self, status: TunnelStatus) -> None:
        """Print the address of the tunnel; the log says why it is down."""
        if self.out.is_json:
            facts = {"tunnel": status.state.value, "url": status.url}
            why = {"reason": status.reason} if status.reason else {}
            self.out.write_json(facts | why)
            self.out.data.flush()
        elif status.state is TunnelState.UP:
            self.out.say(f"The tunnel is up. From outside: {status.url}")

    async def show_panel(self, started: RunningRelay) -> None:
        """Show the status panel while the relay runs."""
        # Imported late, because only a terminal has a panel.
        from argybargy.cli.commands.serve_panel import show_panel  # noqa: PLC0415
        from argybargy.cli.terminal.live_lines import LiveLines  # noqa: PLC0415

        await show_panel(LiveLines.on(self.out.talk), started.read_status)


def _kept(settings: Settings) -> str:
    if settings.ephemeral:
        return "in memory only: rooms and codes are lost when the relay stops"
    return f"data in {settings.data}"


def exposures(settings: Settings) -> tuple[str, ...]:
    """Return a warning for a relay on the network without a public URL."""
    if is_loopback(settings.host) or settings.public_url is not None:
        return ()
    plain = "" if settings.tls_cert else ", and messages travel unencrypted"
    return (
        f"The relay listens on {settings.host}, open to the network{plain}; "
        f"invitations lead to {public_url(settings)}, which is this machine only. "
        "Set the address for agents: ARGYBARGY_PUBLIC_URL=https://relay.example.com",
    )


def _ignore(_status: TunnelStatus) -> None:
    """Do nothing: the panel shows the tunnel."""


def plan_briefly(out: Output, settings: Settings) -> RunPlan:
    """Return the plan of ``serve``: one announcement."""
    return RunPlan("serve", partial(_announce_briefly, out, settings))


def _announce_briefly(out: Output, settings: Settings, started: RunningRelay) -> None:
    """Log the addresses of the relay, without a secret, because logs are kept."""
    if out.is_json:
        write_started(out, settings, started)
    elif not out.is_quiet:
        kept = {} if settings.ephemeral else {"data": str(settings.data)}
        log.info("listening", urls=list(started.urls), **kept)


def write_started(
    out: Output, settings: Settings, started: RunningRelay, **more: str
) -> None:
    """Write the addresses of the relay as JSON, at once."""
    out.write_json({"urls": list(started.urls), "data": str(settings.data), **more})
    out.data.flush()
