"""The commands that run a relay."""

from typing import TYPE_CHECKING, Annotated

import attrs
from cyclopts import Parameter

from argybargy.cli.environment import Environment
from argybargy.cli.errors import CliError, Exit

if TYPE_CHECKING:
    from argybargy.serve.tunnel.command import TunnelCommand
    from argybargy.settings.settings import Settings

# Imports inside functions are those that the help of these commands does without.
# ruff: noqa: PLC0415


def up(
    env: Environment,
    *,
    host: str | None = None,
    no_tunnel: Annotated[
        bool,
        Parameter(help="Stay on this machine."),
    ] = False,
    tunnel_command: Annotated[
        str | None,
        Parameter(
            help="What opens the tunnel, if not cloudflared: {url} and {port} in "
            "it are the relay's, and the first https address that it prints is "
            "the tunnel's."
        ),
    ] = None,
    ephemeral: bool = False,
) -> int:
    """Start a relay with a way in from outside, and say what to type next.

    Where cloudflared is installed it opens a tunnel, for as long as the relay
    runs: agents anywhere reach it, if they have a code. With a public URL in the
    settings there is a way in already, and none is opened.

    It runs until Ctrl+C; a second one does not wait for anybody.

    Example: argybargy up --port 8765

    Args:
        host: The address to listen on.
        no_tunnel: Whether to do without a way in from outside.
        tunnel_command: What opens one.
        ephemeral: Keep rooms and codes in memory: they end with the relay.
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
    """Run a relay as a service does: no more words than needed.

    Example: argybargy serve --host 0.0.0.0 --data /var/lib/argybargy

    Args:
        host: The address to listen on.
        ephemeral: Keep rooms and codes in memory: they end with the relay.
    """
    from argybargy.cli.commands.serve_output import exposures, plan_briefly

    settings = env.read_settings(host=host, ephemeral=ephemeral or None)
    # They are logged, as all that a service says.
    warnings = (*settings.warnings, *exposures(settings))
    plan = plan_briefly(env.output, settings)
    return env.serve(attrs.evolve(settings, warnings=warnings), plan)


def _find_tunnel(
    settings: "Settings", command: str | None, *, is_wanted: bool
) -> "TunnelCommand | None":
    """Return what opens a tunnel, if one is to be opened.

    Raises:
        CliError: A command was given that cannot be used.
    """
    from argybargy.serve.tunnel.command import TunnelCommand

    is_reached = settings.public_url is not None
    if command is None:
        if not is_wanted or is_reached:
            return None
        return TunnelCommand.find_quick(is_tls=settings.tls_cert is not None)
    if not is_wanted:
        raise _refuse("--no-tunnel says that there is to be none")
    try:
        return TunnelCommand.parse(command, needs_url=not is_reached)
    except ValueError as error:
        raise _refuse(str(error)) from None


def _refuse(why: str) -> CliError:
    text = f"--tunnel-command cannot be used: {why}."
    return CliError(text, "See: argybargy up --help", Exit.USAGE)
