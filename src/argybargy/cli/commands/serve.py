"""The commands that run a relay."""

from typing import Annotated

import attrs

from argybargy.cli.engine import go_on_here
from argybargy.cli.environment import Environment
from argybargy.cli.errors import Exit
from argybargy.cli.options import Option

# ruff: noqa: PLC0415 - the help of these commands needs no server


def up(
    env: Environment,
    *,
    host: str | None = None,
    tunnel: Annotated[
        bool | None,
        Option(negative="--no-tunnel", help="Open a public address, or do not."),
    ] = None,
    tunnel_command: Annotated[
        str | None,
        Option(
            help="Command that opens the tunnel in place of cloudflared. {url} and "
            "{port} stand for the relay's address; the first https address that "
            "the command prints is the tunnel's."
        ),
    ] = None,
    ephemeral: bool = False,
    anyway: bool = False,
) -> int:
    """Start a relay, and print the next commands.

    If cloudflared is installed, it can open a public address for as long as the relay
    runs: agents anywhere can then reach the relay, but need an access code. On a
    terminal you are asked once, and the answer is kept in the data directory;
    --tunnel or --no-tunnel changes it. Without a terminal, only --tunnel opens one.

    It runs until Ctrl+C, which lets agents finish; a second Ctrl+C stops at once.

    Example: argybargy up --port 8765

    Args:
        host: Address to listen on.
        tunnel: Whether to open a tunnel.
        tunnel_command: Command that opens the tunnel.
        ephemeral: Keep rooms and codes in memory only; they are lost at the end.
        anyway: Start on data that has moved elsewhere.
    """
    from argybargy.cli.commands.serve_output import Announcer, exposures
    from argybargy.cli.commands.tunnel_choice import choose_tunnel

    settings = env.read_settings(host=host, ephemeral=ephemeral or None)
    if anyway:
        go_on_here(settings)
    choice = choose_tunnel(env, settings, tunnel_command, tunnel)
    out = env.output
    for warning in exposures(settings) if choice.command is None else ():
        out.warn(warning)
    announcer = Announcer(env, settings, choice)
    code = env.serve(settings, announcer.plan())
    if code == Exit.OK:
        announcer.tell_stopped()
    return code


def serve(
    env: Environment,
    *,
    host: str | None = None,
    ephemeral: bool = False,
    store: str | None = None,
    anyway: bool = False,
) -> int:
    """Run a relay as a service, with a minimum of output.

    Example: argybargy serve --host 0.0.0.0 --data /var/lib/argybargy

    Args:
        host: Address to listen on.
        ephemeral: Keep rooms and codes in memory only; they are lost at the end.
        store: URL of a PostgreSQL database that several relays share.
        anyway: Start on data that has moved elsewhere.
    """
    from argybargy.cli.commands.serve_output import (
        exposures,
        next_commands,
        plan_briefly,
    )

    settings = env.read_settings(host=host, ephemeral=ephemeral or None, store=store)
    if anyway:
        go_on_here(settings)
    # A service logs its warnings: nobody reads its standard error.
    warnings = (*settings.warnings, *exposures(settings))
    elsewhere = next_commands(env, settings, settings.port).in_any_directory
    plan = attrs.evolve(
        plan_briefly(env.output, settings), typed_elsewhere=elsewhere.typed
    )
    return env.serve(attrs.evolve(settings, warnings=warnings), plan)
