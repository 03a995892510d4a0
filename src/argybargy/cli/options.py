"""Options that many commands share: output, port, data directory, relay, token."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, ClassVar

from argybargy.system.values import frozen


@frozen(kw_only=True)
class Option:
    """An option as it is typed; :mod:`argybargy.cli.parameters` tells cyclopts.

    Commands that start a relay have these, and not the parameters of cyclopts: its
    import takes 26 ms, and without options there is nothing to parse.

    Attributes:
        help: Text in the help; empty takes the one of the docstring.
        names: Names of the option; empty takes the one of the parameter.
        negative: Name of the option for ``False``, if it has one.
    """

    help: str = ""
    names: tuple[str, ...] = ()
    negative: str | None = None


Overrides = Mapping[str, object]
"""Settings given on the command line, by name; ``None`` is not given."""

_URL_HELP = "Address of the relay, if it runs on another machine."


@frozen(kw_only=True)
class LocalOptions:
    """Options of every command: output format, port and data directory."""

    as_json: Annotated[
        bool,
        Option(names=("--json",), help="Write JSON instead of text."),
    ] = False
    quiet: Annotated[
        bool,
        Option(names=("--quiet", "-q"), help="Print only essential output."),
    ] = False
    port: Annotated[
        int | None,
        Option(names=("--port", "-p"), help="Port of the relay on this machine."),
    ] = None
    data: Annotated[
        Path | None, Option(help="Data directory; it holds the admin token.")
    ] = None

    flags: ClassVar[Mapping[str, str]] = {"port": "--port", "data": "--data"}

    @property
    def overrides(self) -> Overrides:
        """Settings among these options."""
        return {"port": self.port, "data": self.data}

    @property
    def to_relay(self) -> Mapping[str, object]:
        """Values among these options that lead to a relay, by name of the attribute."""
        return self.overrides

    @classmethod
    def words(cls, given: Mapping[str, object]) -> tuple[tuple[str, str], ...]:
        """Return values of :attr:`to_relay` as options of commands of this kind."""
        return tuple(
            (cls.flags[name], str(value))
            for name, value in given.items()
            if value is not None and name in cls.flags
        )


@frozen(kw_only=True)
class RelayOptions(LocalOptions):
    """Options of commands that call a relay: its address and the admin token."""

    url: Annotated[str | None, Option(names=("--url", "--relay"), help=_URL_HELP)] = (
        None
    )
    token_file: Annotated[
        Path | None,
        Option(help="File with the admin token, if it is not in --data."),
    ] = None

    flags: ClassVar[Mapping[str, str]] = {
        **LocalOptions.flags,
        "url": "--url",
        "token_file": "--token-file",
    }

    @property
    def to_relay(self) -> Mapping[str, object]:
        """Values among these options that lead to a relay, by name of the attribute."""
        return {**self.overrides, "url": self.url, "token_file": self.token_file}


@frozen(kw_only=True)
class InviteOptions(RelayOptions):
    """Relay options of commands whose ``--url`` is the address for agents."""

    flags: ClassVar[Mapping[str, str]] = {**RelayOptions.flags, "url": "--relay"}

    url: Annotated[str | None, Option(names=("--relay",), help=_URL_HELP)] = None
