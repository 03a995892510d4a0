"""What the commands find around them, and what they have in common."""

import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Final
from urllib.parse import urlsplit

import attrs
from cyclopts import Parameter

from argybargy.cli.exits import CliError, Exit
from argybargy.cli.http_operator import HttpOperator, is_listening, read_token
from argybargy.cli.operator import Work
from argybargy.cli.output import Output
from argybargy.serve.parsers import parse_base_url
from argybargy.serve.settings import Settings, SettingsError, read_settings
from argybargy.store.platform import is_locked
from argybargy.store.sqlite.directory import LOCK_NAME
from argybargy.web.hosts import is_loopback

_WILDCARDS: Final = {"0.0.0.0": "127.0.0.1", "::": "::1", "localhost": "127.0.0.1"}  # noqa: S104

Overrides = Mapping[str, object]


@Parameter(name="*")
@attrs.frozen
class Common:
    """What every command takes."""

    as_json: Annotated[
        bool, Parameter(name="--json", help="Write JSON, one value a line.")
    ] = False
    quiet: Annotated[bool, Parameter(help="Say only what must be known.")] = False
    port: Annotated[
        int | None, Parameter(help="The port of the relay on this machine.")
    ] = None
    data: Annotated[
        Path | None, Parameter(help="The data directory, which holds the admin token.")
    ] = None

    @property
    def overrides(self) -> Overrides:
        """The settings among these."""
        return {"port": self.port, "data": self.data}


Announce = Callable[[Sequence[str]], None]
"""Is told the addresses of a relay as soon as it listens."""

Reach = Callable[[Settings, str | None, Work], int]
"""Does work with the operator API: of a URL, of this machine, or of the data."""


@attrs.frozen
class World:
    """What the commands work with; a test puts others in their places.

    Attributes:
        output: Where they write.
        settings: Reads the settings, given overrides.
        reach: Does work with the operator API.
        find_token: Returns the admin token, made if there is none yet.
        serve: Runs a relay until it is stopped; returns the exit code.
        confirm: Asks a question; ``True`` is yes. ``None`` without a terminal.
    """

    output: Output
    settings: Callable[[Overrides], Settings]
    reach: Reach
    find_token: Callable[[Settings], str]
    serve: Callable[[Settings, Announce], int]
    confirm: Callable[[str], bool] | None

    @classmethod
    def real(cls) -> "World":
        """Return the one that a process finds."""
        is_terminal = sys.stdin is not None and sys.stdin.isatty()
        return cls(
            output=Output.standard(),
            settings=read_settings,
            reach=reach,
            find_token=find_token,
            serve=serve,
            confirm=ask if is_terminal else None,
        )

    def output_for(self, common: Common) -> Output:
        """Return the output as the command line wants it."""
        return attrs.evolve(self.output, is_json=common.as_json, is_quiet=common.quiet)

    def read_settings(self, overrides: Overrides) -> Settings:
        """Return what holds for a command.

        Raises:
            CliError: Something is wrong with the settings; all of it is told.
        """
        try:
            return self.settings(overrides)
        except SettingsError as error:
            mistakes = "\n  ".join(map(str, error.mistakes))
            text = f"The settings cannot be used:\n  {mistakes}"
            hint = "Correct what is named, and try again."
            raise CliError(text, hint, Exit.USAGE) from None

    def work(self, common: Common, url: str | None, work: Work) -> int:
        """Do work with the operator API that the command line names.

        Raises:
            CliError: It failed.
        """
        base = None if url is None else read_url(url)
        if base is not None and not _is_private(base):
            self.output.warn(f"The admin token travels unencrypted to {base}.")
        return self.reach(self.read_settings(common.overrides), base, work)


def read_url(url: str) -> str:
    """Return the address of a relay, checked.

    Raises:
        CliError: It is not one.
    """
    try:
        return parse_base_url(url)
    except ValueError as error:
        raise CliError(f"--url must be {error}.", code=Exit.USAGE) from None


def _is_private(url: str) -> bool:
    parts = urlsplit(url)
    return parts.scheme == "https" or is_loopback(parts.hostname or "")


def local_host(host: str) -> str:
    """Return where a relay that listens on `host` is reached from this machine."""
    return _WILDCARDS.get(host, host)


def reach(settings: Settings, url: str | None, work: Work) -> int:
    """Do work with a relay, or with the data directory if none runs here.

    Raises:
        CliError: The work failed, or nothing can be reached.
    """
    if url is not None:
        return work(HttpOperator(url, read_token(settings.data)))
    host = local_host(settings.host)
    if not is_listening(host, settings.port):
        from argybargy.cli.offline import run_offline  # noqa: PLC0415 - it is slow
        from argybargy.serve.main import open_services  # noqa: PLC0415

        return run_offline(lambda: open_services(settings), work)
    address = f"[{host}]" if ":" in host else host
    base = f"http://{address}:{settings.port}"
    if not is_locked(settings.data / LOCK_NAME):
        # Whoever listens there is not told the token.
        raise CliError(
            f"Something listens on {base}, but no relay uses {settings.data}.",
            "Say which port or data the relay has: --port, --data.",
            Exit.UNREACHABLE,
        )
    return work(HttpOperator(base, read_token(settings.data)))


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
    reach(settings, None, lambda _operator: Exit.OK)
    return read_token(settings.data)


def serve(settings: Settings, announce: Announce) -> int:
    """Run a relay until it is stopped."""
    from argybargy.serve.main import run  # noqa: PLC0415 - it is slow

    return run(settings, announce=announce)


def ask(question: str) -> bool:
    """Ask on the terminal; only a plain yes is one."""
    sys.stderr.write(f"{question} [y/N] ")
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in {"y", "yes"}
