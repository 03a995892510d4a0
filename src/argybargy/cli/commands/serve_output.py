"""Output of a relay that has started."""

from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

import attrs

from argybargy.cli.commands.tunnel_choice import Reason, TunnelChoice
from argybargy.cli.environment import Environment
from argybargy.cli.next_commands import NextCommands
from argybargy.cli.terminal.output import Output
from argybargy.serve.local_relay import leads_to_server
from argybargy.serve.run_plan import RunningRelay, RunPlan
from argybargy.serve.services import public_url
from argybargy.serve.tunnel.tunnel import TunnelState, TunnelStatus
from argybargy.settings.settings import Settings
from argybargy.store.data_directory import ServerAddress
from argybargy.system.logs import get_logger
from argybargy.system.network import is_loopback
from argybargy.system.values import frozen

if TYPE_CHECKING:
    from argybargy.cli.terminal.live_lines import LiveLines

log = get_logger(__name__)

_NO_TUNNEL: Final = (
    "on this machine only; a tunnel to it needs cloudflared, which is not installed"
)
_OF_THIS_PROCESS: Final = ("--", "ARGYBARGY_")
"""Beginnings of the sources of settings that another terminal does not share."""
_STOPPING: Final = "Stopping: agents finish. Ctrl+C once more stops at once."
_USUAL_HOST: Final = "127.0.0.1"
_UNASKED: Final = (
    "on this machine only ('argybargy up --tunnel' opens a public address)"
)


@frozen
class Announcer:
    """Output of ``up``: addresses, next commands, tunnel and panel.

    Attributes:
        env: Environment of the command.
        settings: Settings of the relay.
        choice: Whether to open a tunnel.
    """

    env: Environment
    settings: Settings
    choice: TunnelChoice

    @property
    def out(self) -> Output:
        """Output of the command, with commands that lead to this relay.

        They can be typed in any directory: the next terminal may be in another one.
        """
        commands = next_commands(self.env, self.settings, self.settings.port)
        return attrs.evolve(self.env.output, typed=commands.in_any_directory.typed)

    def plan(self) -> RunPlan:
        """Return the plan of ``up``: announcements, tunnel, and panel on a terminal."""
        # A hint at the start is for this terminal, with what was typed here.
        tunnel, typed = self.choice.command, self.env.output.typed
        plan = RunPlan(
            "up",
            self.tell_first_steps,
            tunnel,
            self.tell_tunnel,
            typed=typed,
            typed_elsewhere=self.out.typed,
            talks=not self.out.is_json,
        )
        if self.out.is_json or self.out.is_quiet:
            return plan
        if not self.out.is_live:
            return attrs.evolve(plan, tell_stopping=self.tell_stopping)
        # Imported late, because only a terminal has a panel.
        from argybargy.cli.terminal.live_lines import LiveLines  # noqa: PLC0415

        live = LiveLines.on(self.out.talk)
        return attrs.evolve(
            plan,
            tell_tunnel=partial(_tell_tunnel_above, live),
            tell_stopping=partial(_write_above, live, _STOPPING),
            companion=partial(self.show_panel, live),
        )

    def tell_first_steps(self, started: RunningRelay) -> None:
        """Print the addresses of the relay and the next commands.

        The sign-in link is the only secret shown: it works once and expires after ten
        minutes.
        """
        out, settings = self.out, self.settings
        self._remember_answer()
        if out.is_json:
            write_started(out, settings, started, sign_in=started.sign_in())
            return
        if out.is_quiet:
            return
        commands = next_commands(self.env, settings, _port_of(started, settings))
        anywhere = attrs.evolve(out, typed=commands.in_any_directory.typed)
        addresses = "\n  ".join((*started.urls, *self._outside()))
        anywhere.say(f"""\
The relay is up.

  {addresses}
  {_kept(settings)}

1. Open the dashboard. This link signs you in once, within ten minutes:
     {started.sign_in()}
   For another link: argybargy open

2. Connect a program. In another terminal, in the directory of a project:
     argybargy connect claude --room build --write
     argybargy connect codex --room build --write

3. Or make a room, which prints a text to paste into the prompt of any other agent:
     argybargy room build

Ctrl+C stops the relay.""")

    def _remember_answer(self) -> None:
        """Keep the answer about the tunnel; now there is a data directory."""
        try:
            self.choice.remember(self.settings.data)
        except OSError as error:
            why = error.strerror or error
            self.out.warn(f"The answer about the tunnel cannot be kept: {why}.")

    def _outside(self) -> tuple[str, ...]:
        """Return a line about who else can reach the relay; none is known for some."""
        command, reason = self.choice.command, self.choice.reason
        is_kept = reason is Reason.ANSWER
        change = "--tunnel" if command is None else "--no-tunnel"
        more = f" ('argybargy up {change}' changes that)" if is_kept else ""
        if command is not None:
            return (f"from outside: {command.name} is opening a tunnel{more}",)
        if self.settings.public_url is not None:
            return (f"from outside: {self.settings.public_url}",)
        if not is_loopback(self.settings.host):
            return ()
        told = {
            Reason.NOT_INSTALLED: _NO_TUNNEL,
            Reason.UNASKED: _UNASKED,
            Reason.ANSWER: f"on this machine only{more}",
        }
        return (told[reason],) if reason in told else ()

    def tell_tunnel(self, status: TunnelStatus) -> None:
        """Print the address of the tunnel; the log says why it is down."""
        if self.out.is_json:
            facts = {"tunnel": status.state.value, "url": status.url}
            why = {"reason": status.reason} if status.reason else {}
            self.out.write_json(facts | why)
            self.out.data.flush()
        elif status.state is TunnelState.UP:
            self.out.say(_tunnel_is_up(status))

    def tell_stopping(self) -> None:
        """Say that the relay stops, unless the terminal is gone."""
        with suppress(OSError):
            self.out.say(_STOPPING)

    def tell_stopped(self) -> None:
        """Say that the relay has stopped, unless the terminal is gone."""
        if not self.out.is_json:
            with suppress(OSError):
                self.out.say("The relay has stopped.")

    async def show_panel(self, live: "LiveLines", started: RunningRelay) -> None:
        """Show the status panel while the relay runs."""
        from argybargy.cli.commands.serve_panel import show_panel  # noqa: PLC0415

        await show_panel(live, started.read_status, self.out.typed)


def next_commands(env: Environment, settings: Settings, port: int) -> NextCommands:
    """Return commands that lead to a relay from another terminal.

    Options and variables of this process do not hold there; config.toml does.
    """
    given = {"port": port, "data": settings.data.absolute()}
    here = {
        name: value
        for name, value in given.items()
        if settings.source(name).startswith(_OF_THIS_PROCESS)
    }
    commands = env.next_commands(here, env.verbs)
    served = ServerAddress(settings.host, port, 0)
    is_of_this_process = settings.source("host").startswith(_OF_THIS_PROCESS)
    if not is_of_this_process or leads_to_server(served, _USUAL_HOST, port):
        return commands
    return commands.with_variable("ARGYBARGY_HOST", settings.host)


def _port_of(started: RunningRelay, settings: Settings) -> int:
    """Return the port of a relay; the setting may be 0, which takes a free one."""
    return settings.port or urlsplit(started.urls[0]).port or 0


def _kept(settings: Settings) -> str:
    if settings.ephemeral:
        return "in memory only: rooms and codes are lost when the relay stops"
    return f"data in {settings.data}"


def exposures(settings: Settings) -> tuple[str, ...]:
    """Return a warning for a relay on the network without a public URL."""
    if is_loopback(settings.host) or settings.public_url is not None:
        return ()
    plain = "" if settings.tls_cert else ", and messages travel unencrypted"
    # The port is not known before the start if any free one is taken.
    where = f" ({public_url(settings)})" if settings.port else ""
    return (
        f"The relay listens on {settings.host}, open to the network{plain}. "
        f"Invitations have an address for this machine only{where}. "
        "Set the address for agents: ARGYBARGY_PUBLIC_URL=https://relay.example.com",
    )


def _tell_tunnel_above(live: "LiveLines", status: TunnelStatus) -> None:
    """Print the address above the panel, which shows the rest of the status."""
    if status.state is TunnelState.UP:
        _write_above(live, _tunnel_is_up(status))


def _write_above(live: "LiveLines", text: str) -> None:
    with suppress(OSError):  # the terminal is gone: the relay goes on
        live.write(f"{text}\n")


def _tunnel_is_up(status: TunnelStatus) -> str:
    return f"The tunnel is up. From outside: {status.url}"


def plan_briefly(out: Output, settings: Settings) -> RunPlan:
    """Return the plan of ``serve``: one announcement."""
    announce = partial(_announce_briefly, out, settings)
    return RunPlan("serve", announce, typed=out.typed)


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
