"""The ways to a relay: at an address, on this machine, or through its data."""

from pathlib import Path
from typing import TYPE_CHECKING

from argybargy.cli.exits import CliError, Exit
from argybargy.cli.http_operator import (
    HttpOperator,
    is_listening,
    read_token,
    read_token_file,
)
from argybargy.cli.operator import Work
from argybargy.cli.world import Common
from argybargy.serve.local import host_and_port, is_place, local_host, local_url
from argybargy.serve.settings import Settings
from argybargy.store.sqlite.directory import find_place, is_held

if TYPE_CHECKING:
    from argybargy.serve.started import Plan


def reach(settings: Settings, common: Common, work: Work) -> int:
    """Do work with a relay, or with the data directory if none runs here.

    Raises:
        CliError: The work failed, or nothing can be reached.
    """
    is_here = common.url is None
    if is_here and not is_listening(local_host(settings.host), settings.port):
        if settings.ephemeral:
            raise CliError(
                "No relay is running here, and nothing is kept without one: "
                "its rooms and codes are in memory.",
                "Start one with 'argybargy up --ephemeral'.",
                Exit.UNREACHABLE,
            )
        from argybargy.cli.offline import run_offline  # noqa: PLC0415 - it is slow
        from argybargy.serve.services import open_services  # noqa: PLC0415

        return run_offline(lambda: open_services(settings), work)
    return work(connect(settings, common))


def connect(
    settings: Settings, common: Common, *, with_token: bool = True
) -> HttpOperator:
    """Return a client of the relay that runs; nothing is asked of it yet.

    Args:
        settings: What holds.
        common: Where it is, if not here, and which token to use.
        with_token: Whether the calls need the token.

    Raises:
        CliError: Nothing runs here, or something else does, or there is no token.
    """
    if common.url is not None:
        return HttpOperator(common.url, _token(settings, common, with_token))
    base = local_url(settings)
    if not is_listening(local_host(settings.host), settings.port):
        raise CliError(
            f"No relay can be reached at {base}: nothing listens there.",
            "Start one with 'argybargy up', or say where it is with --url or --port.",
            Exit.UNREACHABLE,
        )
    if with_token:
        _check_listener(settings, base)
    token = _token(settings, common, with_token)
    return HttpOperator(base, token, settings.tls_cert)


def _check_listener(settings: Settings, base: str) -> None:
    """Raise unless it is the relay of the data that listens there.

    Whoever else does is not told the token.
    """
    place, data = find_place(settings.data), settings.data
    if place is not None and is_place(place, settings.host, settings.port):
        return
    hint = (
        "Say which port or data the relay has: --port, --data. "
        "For one in a container: --url and --token-file."
    )
    if place is not None:
        text = (
            f"the relay of {data} listens on {host_and_port(place.host, place.port)}."
        )
    elif is_held(data):
        text = f"the relay of {data} does not listen: it starts, or it stops."
        hint = "Try again in a moment. " + hint
    else:
        text = f"no relay uses {data}."
    raise CliError(f"Something listens on {base}, but {text}", hint, Exit.UNREACHABLE)


def _token(settings: Settings, common: Common, with_token: bool) -> str:
    if not with_token:
        return ""
    if common.token_file is not None:
        return read_token_file(Path(common.token_file))
    return read_token(settings.data)


def find_token(settings: Settings) -> str:
    """Return the admin token; where none was made yet, make the data directory.

    Raises:
        CliError: It cannot be read, or a relay runs that keeps it elsewhere.
    """
    try:
        return read_token(settings.data)
    except CliError:
        if is_listening(local_host(settings.host), settings.port):
            raise
    # Opening the data directory makes the token.
    reach(settings, Common(), lambda _operator: Exit.OK)
    return read_token(settings.data)


def serve(settings: Settings, plan: "Plan") -> int:
    """Run a relay until it is stopped."""
    from argybargy.serve.main import run  # noqa: PLC0415 - it is slow

    return run(settings, plan)
