"""Options that many commands share: output, port, data directory, relay, token."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar, Final

from cyclopts import Group, Parameter

from argybargy.system.values import frozen

if TYPE_CHECKING:
    from cyclopts import Token


def _read_integer(_wanted: object, tokens: "Sequence[Token]") -> int:
    """Parse decimal digits with an optional minus sign.

    Raises:
        ValueError: The text is anything else, such as ``1.5``.
    """
    text = tokens[0].value
    if not (text.isascii() and text.removeprefix("-").isdigit()):
        raise ValueError(f'"{text}" is not a whole number.')
    return int(text)


INTEGER: Final = Parameter(converter=_read_integer)
"""An integer option that rejects 1.5; cyclopts' own converter rounds it."""


ONELINE: Final = Parameter(
    negative="--no-oneline",
    help="Print each message on one line, or as text in several. Default: several on a "
    "terminal, and one into a pipe or a file.",
)
"""The option of commands that print messages."""


Overrides = Mapping[str, object]
"""Settings given on the command line, by name; ``None`` is not given."""

_URL_HELP = "Address of the relay, if it runs on another machine."


_COMMON = Group("Common options", sort_key=1)


@Parameter(name="*", group=_COMMON)
@frozen(kw_only=True)
class LocalOptions:
    """Options of every command: output format, port and data directory."""

    as_json: Annotated[
        bool,
        Parameter(name="--json", help="Write JSON instead of text."),
    ] = False
    quiet: Annotated[
        bool,
        Parameter(name=("--quiet", "-q"), help="Print only essential output."),
    ] = False
    port: Annotated[
        int | None,
        INTEGER,
        Parameter(name=("--port", "-p"), help="Port of the relay on this machine."),
    ] = None
    data: Annotated[
        Path | None, Parameter(help="Data directory; it holds the admin token.")
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


@Parameter(name="*", group=_COMMON)
@frozen(kw_only=True)
class RelayOptions(LocalOptions):
    """Options of commands that call a relay: its address and the admin token."""

    url: Annotated[str | None, Parameter(name=("--url", "--relay"), help=_URL_HELP)] = (
        None
    )
    token_file: Annotated[
        Path | None,
        Parameter(help="File with the admin token, if it is not in --data."),
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


@Parameter(name="*", group=_COMMON)
@frozen(kw_only=True)
class InviteOptions(RelayOptions):
    """Relay options of commands whose ``--url`` is the address for agents."""

    flags: ClassVar[Mapping[str, str]] = {**RelayOptions.flags, "url": "--relay"}

    url: Annotated[str | None, Parameter(name="--relay", help=_URL_HELP)] = None
