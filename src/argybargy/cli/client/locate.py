"""Locate a relay: by URL, on this machine, or offline through its data directory."""

import shlex
from collections.abc import Sequence
from pathlib import Path

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
from argybargy.serve.running_relays import LocalRelay, find_running_relays
from argybargy.settings.settings import DEFAULT_SOURCE, Settings
from argybargy.store.data_directory import (
    DATABASE_NAME,
    ServerAddress,
    find_server_address,
    is_held,
)
from argybargy.system.network import host_and_port, local_host


def reach(
    settings: Settings, options: RelayOptions, work: Work, *, makes_data: bool = False
) -> int:
    """Run work on a relay, or on the data directory if no relay runs here.

    Args:
        settings: Settings of the relay.
        options: Address of the relay and its token, if given.
        work: The work.
        makes_data: Whether to create a missing data directory.

    Raises:
        CliError: The work failed, or neither relay nor data directory was found.
    """
    if options.url is not None or _is_listening(settings):
        return work(connect(settings, options))
    _refuse_elsewhere(settings, find_server_address(settings.data))
    _refuse_unnamed(settings)
    if settings.ephemeral:
        raise CliError(
            "No relay is running here, and with --ephemeral rooms and codes are "
            "only in the memory of a relay.",
            "Start one with 'argybargy up --ephemeral'.",
            Exit.UNREACHABLE,
        )
    if not (makes_data or _has_data(settings.data)):
        text = f"There is no database in {settings.data}."
        hint = "Name the relay's data directory with --data."
        raise CliError(text, hint, Exit.NOT_FOUND)
    from argybargy.cli.client.offline import run_offline  # noqa: PLC0415 - it is slow
    from argybargy.serve.services import open_services  # noqa: PLC0415

    return run_offline(lambda: open_services(settings, is_offline=True), work)


def connect(
    settings: Settings, options: RelayOptions, *, with_token: bool = True
) -> HttpOperator:
    """Return a client of the running relay; no request is sent yet.

    Args:
        settings: Settings of the relay.
        options: Address of the relay and its token, if given.
        with_token: Whether the requests need the admin token.

    Raises:
        CliError: No relay runs here, another program uses its port, or there is no
            token.
    """
    if options.url is not None:
        return HttpOperator(options.url, _token(settings, options, with_token))
    place = find_server_address(settings.data)
    is_there = _is_listening(settings)
    if with_token or not is_there:
        _refuse_elsewhere(settings, place)
    if not is_there:
        hint = _where_else(settings, find_running_relays())
        raise unreachable(local_url(settings), NOTHING_LISTENS, hint)
    if place is not None:
        settings = as_served(settings, place)
    elif with_token:
        raise _stranger(settings)
    token = _token(settings, options, with_token)
    return HttpOperator(local_url(settings), token, settings.tls_cert)


def _is_listening(settings: Settings) -> bool:
    return is_listening(local_host(settings.host), settings.port)


def _has_data(data: Path) -> bool:
    try:
        (data / DATABASE_NAME).stat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True  # opening the database gives a better error
    return True


def _refuse_elsewhere(settings: Settings, place: ServerAddress | None) -> None:
    """Raise if the relay of the data directory listens on another address."""
    if place is None or leads_to_server(place, settings.host, settings.port):
        return
    hint = f"Add --port {place.port}."
    if not leads_to_server(place, settings.host, place.port):
        hint = f"Set {_host_variable(place)}, as for the relay. {hint}"
    raise CliError(describe_local_relay(place), hint, Exit.UNREACHABLE)


def _host_variable(place: ServerAddress) -> str:
    return f"ARGYBARGY_HOST={shlex.quote(place.host)}"


def _refuse_unnamed(settings: Settings) -> None:
    """Raise if the command names no relay, and one runs elsewhere.

    Without it, the command would change or show a database that no relay uses, while
    the user means the relay that runs.
    """
    if any(settings.source(each) != DEFAULT_SOURCE for each in ("port", "data")):
        return
    relays = find_running_relays()
    if relays:
        text = f"No relay runs on {settings.data}, but one runs elsewhere."
        if len(relays) > 1:
            text = f"No relay runs on {settings.data}, but {len(relays)} run elsewhere."
        default = shlex.quote(str(settings.data))
        hint = (
            f"{_listed(settings, relays)}\n"
            f"To use {settings.data} without a relay: add --data {default}"
        )
        raise CliError(text, hint, Exit.UNREACHABLE)


def _listed(settings: Settings, relays: Sequence[LocalRelay]) -> str:
    """Return a line for each relay: its address, and the options that lead to it."""
    return "\n".join(
        f"A relay runs on {host_and_port(local_host(each.address.host), port)}: "
        f"add {_options(settings, each)}"
        for each in relays
        for port in [each.address.port]
    )


def _options(settings: Settings, relay: LocalRelay) -> str:
    place = relay.address
    words = shlex.join(["--port", str(place.port), "--data", str(relay.data)])
    if leads_to_server(place, settings.host, place.port):
        return words
    return f"{words}, and set {_host_variable(place)}"


def _where_else(settings: Settings, relays: Sequence[LocalRelay]) -> str:
    """Say where a relay runs, or how one is named or started."""
    if relays:
        return (
            f"{_listed(settings, relays)}\n"
            "Or set ARGYBARGY_PORT and ARGYBARGY_DATA once for this terminal."
        )
    return (
        f"No relay of yours runs on this machine; this one was looked for on port "
        f"{settings.port}, with data in {settings.data}.\n"
        "Start it with 'argybargy up', or name another: --port and --data, or --url."
    )


def _stranger(settings: Settings) -> CliError:
    """Return the error of a port on which another program listens.

    The admin token is not sent there.
    """
    data = settings.data
    text, hint = f"no relay uses {data}.", _other_data(settings)
    if is_held(data):
        text = f"the relay of {data} is starting or stopping."
        hint = f"Try again in a moment. {hint}"
    base = local_url(settings)
    text = f"A program listens on {base}, but {text}"
    return CliError(text, hint, Exit.UNREACHABLE)


def _other_data(settings: Settings) -> str:
    """Say whose data a relay on this port has, or where else a relay runs."""
    relays = find_running_relays()
    for each in relays:
        if leads_to_server(each.address, settings.host, settings.port):
            data = shlex.quote(str(each.data))
            return f"The relay there has its data in {each.data}. Add --data {data}"
    if relays:
        return _listed(settings, relays)
    return (
        "Name the port or data directory of the relay: --port, --data. "
        "For one in a container: --url and --token-file."
    )


def _token(settings: Settings, options: RelayOptions, with_token: bool) -> str:
    if not with_token:
        return ""
    if options.token_file is not None:
        return read_token_file(Path(options.token_file))
    return read_token(settings.data)


def find_token(settings: Settings) -> str:
    """Return the admin token; create the data directory and the token if missing.

    Raises:
        CliError: It cannot be read, or a running relay keeps it elsewhere.
    """
    if find_server_address(settings.data) is None:
        _refuse_unnamed(settings)
    try:
        return read_token(settings.data)
    except CliError:
        if _is_listening(settings):
            raise
    # Opening the data directory creates the token.
    reach(settings, RelayOptions(), lambda _operator: Exit.OK, makes_data=True)
    return read_token(settings.data)
