"""The commands that run a relay."""

from typing import TYPE_CHECKING, Annotated

import attrs
from cyclopts import Parameter

from argybargy.cli.environment import Environment
from argybargy.cli.errors import CliError, Exit

if TYPE_CHECKING:
    from argybargy.serve.tunnel.command import TunnelCommand
    from argybargy.settings.settings import Settings

# ruff: noqa: PLC0415 - the help of these commands needs no server


def up(
    env: Environment,
    *,
    host: str | None = None,
    no_tunnel: Annotated[
        bool,
        Parameter(help="Open no tunnel."),
    ] = False,
    tunnel_command: Annotated[
        str | None,
        Parameter(
            help="Command that opens the tunnel in place of cloudflared. {url} and "
            "{port} stand for the relay's address; the first https address that "
            "the command prints is the tunnel's."
        ),
    ] = None,
    ephemeral: bool = False,
) -> int:
    """Start a relay, open a tunnel to it, and print the next commands.

    If cloudflared is installed, it opens a tunnel for as long as the relay runs:
    agents anywhere can reach the relay, but need an access code. With a public URL in
    the settings, no tunnel is opened.

    It runs until Ctrl+C, which lets agents finish; a second Ctrl+C stops at once.

    Example: argybargy up --port 8765

    Args:
        host: Address to listen on.
        no_tunnel: Whether to open no tunnel.
        tunnel_command: Command that opens the tunnel.
        ephemeral: Keep rooms and codes in memory only; they are lost at the end.
    """
    from argybargy.cli.commands.serve_output import Announcer, exposures

    settings = env.read_settings(host=host, ephemeral=ephemeral or None)
    tunnel = _find_tunnel(settings, tunnel_command, is_wanted=not no_tunnel)
    out = env.output
    for warning in exposures(settings) if tunnel is None else ():
        out.warn(warning)
    announcer = Announcer(out, settings, tunnel, is_private=no_tunnel)
    return env.serve(settings, announcer.plan())


def serve(
    env: Environment,
    *,
    host: str | None = None,
    ephemeral: bool = False,
) -> int:
    """Run a relay as a service, with a minimum of output.

    Example: argybargy serve --host 0.0.0.0 --data /var/lib/argybargy

    Args:
        host: Address to listen on.
        ephemeral: Keep rooms and codes in memory only; they are lost at the end.
    """
    from argybargy.cli.commands.serve_output import exposures, plan_briefly

    settings = env.read_settings(host=host, ephemeral=ephemeral or None)
    # A service logs its warnings: nobody reads its standard error.
    warnings = (*settings.warnings, *exposures(settings))
    plan = plan_briefly(env.output, settings)
    return env.serve(attrs.evolve(settings, warnings=warnings), plan)


def _find_tunnel(
    settings: "Settings", command: str | None, *, is_wanted: bool
) -> "TunnelCommand | None":
    """Return the command that opens the tunnel, or ``None`` for no tunnel.

    Raises:
        CliError: --tunnel-command cannot be used.
    """
    from argybargy.serve.tunnel.command import TunnelCommand

    is_reached = settings.public_url is not None
    if command is None:
        if not is_wanted or is_reached:
            return None
        return TunnelCommand.find_quick(is_tls=settings.tls_cert is not None)
    if not is_wanted:
        raise _refuse("--no-tunnel forbids it")
    try:
        return TunnelCommand.parse(command, needs_url=not is_reached)
    except ValueError as error:
        raise _refuse(str(error)) from None


def _refuse(why: str) -> CliError:
    text = f"--tunnel-command cannot be used: {why}."
    return CliError(text, "See: argybargy up --help", Exit.USAGE)
