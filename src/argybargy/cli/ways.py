"""The ways to a relay: at an address, on this machine, or through its data."""

from pathlib import Path
from typing import Final

from argybargy.cli.exits import CliError, Exit
from argybargy.cli.http_operator import (
    HttpOperator,
    is_listening,
    read_token,
    read_token_file,
)
from argybargy.cli.operator import Work
from argybargy.cli.world import Announce, Common
from argybargy.serve.settings import Settings
from argybargy.store.sqlite.directory import Place, find_place, is_held

_WILDCARDS: Final = {"0.0.0.0": "127.0.0.1", "::": "::1", "localhost": "127.0.0.1"}  # noqa: S104


def local_host(host: str) -> str:
    """Return where a relay that listens on `host` is reached from this machine."""
    return _WILDCARDS.get(host, host)


def local_url(settings: Settings) -> str:
    """Return the address of a relay on this machine."""
    scheme = "http" if settings.tls_cert is None else "https"
    return f"{scheme}://{_address(local_host(settings.host), settings.port)}"


def _address(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def is_place(place: Place, host: str, port: int) -> bool:
    """Tell whether what listens at `place` is what `host` and `port` lead to."""
    is_same_host = local_host(place.host) == local_host(host)
    is_everywhere = place.host in ("0.0.0.0", "::")  # noqa: S104 - nothing is bound
    is_there = is_everywhere and (":" in place.host) == (":" in host)
    return place.port == port and (is_same_host or is_there)


def reach(settings: Settings, common: Common, work: Work) -> int:
    """Do work with a relay, or with the data directory if none runs here.

    Raises:
        CliError: The work failed, or nothing can be reached.
    """
    is_here = common.url is None
    if is_here and not is_listening(local_host(settings.host), settings.port):
        from argybargy.cli.offline import run_offline  # noqa: PLC0415 - it is slow
        from argybargy.serve.main import open_services  # noqa: PLC0415

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
        text = f"the relay of {data} listens on {_address(place.host, place.port)}."
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


def serve(settings: Settings, announce: Announce) -> int:
    """Run a relay until it is stopped."""
    from argybargy.serve.main import run  # noqa: PLC0415 - it is slow

    return run(settings, announce=announce)
