"""The ways to a relay: at an address, on this machine, or through its data."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from argybargy.cli.client.http import (
    NOTHING_LISTENS,
    HttpOperator,
    is_listening,
    read_token,
    read_token_file,
    unreachable,
)
from argybargy.cli.client.protocol import Work
from argybargy.cli.errors import CliError, Exit
from argybargy.cli.options import RelayOptions
from argybargy.serve.local_relay import (
    as_served,
    describe_local_relay,
    leads_to_server,
    local_url,
)
from argybargy.settings.settings import Settings
from argybargy.store.data_directory import (
    DATABASE_NAME,
    ServerAddress,
    find_server_address,
    is_held,
)
from argybargy.system.network import local_host

if TYPE_CHECKING:
    from argybargy.serve.run_plan import RunPlan


def reach(
    settings: Settings, options: RelayOptions, work: Work, *, makes_data: bool = False
) -> int:
    """Do work with a relay, or with the data directory if none runs here.

    Args:
        settings: What holds.
        options: Where the relay is, if not here, and which token to use.
        work: What to do.
        makes_data: Whether there need not be any data yet.

    Raises:
        CliError: The work failed, or nothing can be reached.
    """
    if options.url is not None or _is_listening(settings):
        return work(connect(settings, options))
    _refuse_elsewhere(settings, find_server_address(settings.data))
    if settings.ephemeral:
        raise CliError(
            "No relay is running here, and nothing is kept without one: "
            "its rooms and codes are in memory.",
            "Start one with 'argybargy up --ephemeral'.",
            Exit.UNREACHABLE,
        )
    if not (makes_data or _has_data(settings.data)):
        text = f"No relay has kept anything in {settings.data}."
        hint = "Name the relay's data directory with --data."
        raise CliError(text, hint, Exit.NOT_FOUND)
    from argybargy.cli.client.offline import run_offline  # noqa: PLC0415 - it is slow
    from argybargy.serve.services import open_services  # noqa: PLC0415

    return run_offline(lambda: open_services(settings), work)


def connect(
    settings: Settings, options: RelayOptions, *, with_token: bool = True
) -> HttpOperator:
    """Return a client of the relay that runs; nothing is asked of it yet.

    Args:
        settings: What holds.
        options: Where it is, if not here, and which token to use.
        with_token: Whether the calls need the token.

    Raises:
        CliError: Nothing runs here, or something else does, or there is no token.
    """
    if options.url is not None:
        return HttpOperator(options.url, _token(settings, options, with_token))
    place = find_server_address(settings.data)
    is_there = _is_listening(settings)
    if with_token or not is_there:
        _refuse_elsewhere(settings, place)
    if not is_there:
        raise unreachable(local_url(settings), NOTHING_LISTENS)
    token = _token(settings, options, with_token)
    if place is not None:
        settings = as_served(settings, place)
    elif with_token:
        raise _stranger(settings)
    return HttpOperator(local_url(settings), token, settings.tls_cert)


def _is_listening(settings: Settings) -> bool:
    return is_listening(local_host(settings.host), settings.port)


def _has_data(data: Path) -> bool:
    try:
        (data / DATABASE_NAME).stat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True  # opening it says what is wrong
    return True


def _refuse_elsewhere(settings: Settings, place: ServerAddress | None) -> None:
    """Raise if the relay of the data listens where the settings do not lead."""
    if place is None or leads_to_server(place, settings.host, settings.port):
        return
    hint = f"Add --port {place.port}."
    if not leads_to_server(place, settings.host, place.port):
        host = shlex.quote(place.host)
        hint = f"Set ARGYBARGY_HOST={host}, as for the relay. {hint}"
    raise CliError(describe_local_relay(place), hint, Exit.UNREACHABLE)


def _stranger(settings: Settings) -> CliError:
    """Say that it is not the relay of the data that listens.

    Whoever else does is not told the token.
    """
    data = settings.data
    text, hint = (
        f"no relay uses {data}.",
        "Say which port or data the relay has: --port, --data. "
        "For one in a container: --url and --token-file.",
    )
    if is_held(data):
        text = f"the relay of {data} does not listen: it starts, or it stops."
        hint = f"Try again in a moment. {hint}"
    base = local_url(settings)
    return CliError(f"Something listens on {base}, but {text}", hint, Exit.UNREACHABLE)


def _token(settings: Settings, options: RelayOptions, with_token: bool) -> str:
    if not with_token:
        return ""
    if options.token_file is not None:
        return read_token_file(Path(options.token_file))
    return read_token(settings.data)


def find_token(settings: Settings) -> str:
    """Return the admin token; where none was made yet, make the data directory.

    Raises:
        CliError: It cannot be read, or a relay runs that keeps it elsewhere.
    """
    try:
        return read_token(settings.data)
    except CliError:
        if _is_listening(settings):
            raise
    # Opening the data directory makes the token.
    reach(settings, RelayOptions(), lambda _operator: Exit.OK, makes_data=True)
    return read_token(settings.data)


def serve(settings: Settings, plan: "RunPlan") -> int:
    """Run a relay until it is stopped."""
    from argybargy.serve.main import run  # noqa: PLC0415 - it is slow

    return run(settings, plan)
