"""What a relay that has started says to whoever started it."""

from functools import partial
from typing import Final

import attrs
import structlog

from argybargy.cli.terminal.output import Output
from argybargy.serve.run_plan import RunningRelay, RunPlan
from argybargy.serve.services import public_url
from argybargy.serve.tunnel.command import TunnelCommand
from argybargy.serve.tunnel.tunnel import TunnelState, TunnelStatus
from argybargy.settings.settings import Settings
from argybargy.system.network import is_loopback

log = structlog.get_logger(__name__)

_NO_TUNNEL: Final = "on this machine only: there is no cloudflared to open a tunnel"


@attrs.frozen
class Announcer:
    """Tells of a relay as ``up`` does.

    Attributes:
        out: Where.
        settings: What holds.
        tunnel: What is to open a way in from outside, if anything.
        is_private: Whether none is wanted.
    """

    out: Output
    settings: Settings
    tunnel: TunnelCommand | None
    is_private: bool

    def plan(self) -> RunPlan:
        """Return what comes with the relay."""
        plan = RunPlan("up", self.tell_first_steps, self.tunnel, self.tell_tunnel)
        is_talking = not (self.out.is_json or self.out.is_quiet)
        if self.out.is_live and is_talking:
            return attrs.evolve(plan, tell_tunnel=_ignore, companion=self.show_panel)
        return plan

    def tell_first_steps(self, started: RunningRelay) -> None:
        """Say where the relay is and what to type next.

        The one secret that is shown is a link that signs in once, and soon not any
        more.
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

Sign in with this link. It works once, for ten minutes; 'argybargy open' makes another.
  {started.sign_in()}

In another terminal, make a room and get a text to paste into an agent's prompt:
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
        """Say where the tunnel leads from; the log says why it is down."""
        if self.out.is_json:
            facts = {"tunnel": status.state.value, "url": status.url}
            why = {"reason": status.reason} if status.reason else {}
            self.out.write_json(facts | why)
            self.out.data.flush()
        elif status.state is TunnelState.UP:
            self.out.say(f"The tunnel is up. From outside: {status.url}")

    async def show_panel(self, started: RunningRelay) -> None:
        """Show how the relay is for as long as it runs."""
        # Not at the top: only those who look at a terminal need it.
        from argybargy.cli.commands.serve_panel import show_panel  # noqa: PLC0415
        from argybargy.cli.terminal.live_lines import LiveLines  # noqa: PLC0415

        await show_panel(LiveLines.on(self.out.talk), started.read_status)


def _kept(settings: Settings) -> str:
    if settings.ephemeral:
        return "nothing is kept: rooms and codes end with the relay"
    return f"data in {settings.data}"


def exposures(settings: Settings) -> tuple[str, ...]:
    """Return a warning if others may come in over the network, untold how."""
    if is_loopback(settings.host) or settings.public_url is not None:
        return ()
    plain = "" if settings.tls_cert else ", and what is said goes unencrypted"
    return (
        f"It listens on {settings.host}, for the network{plain}; invitations will "
        f"lead to {public_url(settings)}, which is this machine only. "
        "Say how agents reach it: ARGYBARGY_PUBLIC_URL=https://relay.example.com",
    )


def _ignore(_status: TunnelStatus) -> None:
    """Leave it to the panel."""


def plan_briefly(out: Output, settings: Settings) -> RunPlan:
    """Return what comes with a relay that is a service."""
    return RunPlan("serve", partial(_announce_briefly, out, settings))


def _announce_briefly(out: Output, settings: Settings, started: RunningRelay) -> None:
    """Log where the relay is; what a service says is kept, so it is no secret."""
    if out.is_json:
        write_started(out, settings, started)
    elif not out.is_quiet:
        kept = {} if settings.ephemeral else {"data": str(settings.data)}
        log.info("listening", urls=list(started.urls), **kept)


def write_started(
    out: Output, settings: Settings, started: RunningRelay, **more: str
) -> None:
    """Write for programs where the relay is."""
    out.write_json({"urls": list(started.urls), "data": str(settings.data), **more})
    out.data.flush()
