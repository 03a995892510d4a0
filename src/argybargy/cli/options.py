"""Options that many commands share."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import attrs
from cyclopts import Group, Parameter

if TYPE_CHECKING:
    from cyclopts import Token


def _read_whole(_wanted: object, tokens: "Sequence[Token]") -> int:
    """Read the digits of a number.

    Raises:
        ValueError: It is not a whole number.
    """
    text = tokens[0].value
    if not (text.isascii() and text.removeprefix("-").isdigit()):
        raise ValueError(f'"{text}" is not a whole number.')
    return int(text)


WHOLE: Final = Parameter(converter=_read_whole)
"""How every option that takes an ``int`` reads it."""


Overrides = Mapping[str, object]

_URL_HELP = "The relay's address, if it is not on this machine."


_EVERYWHERE = Group("Of every command", sort_key=1)


@Parameter(name="*", group=_EVERYWHERE)
@attrs.frozen(kw_only=True)
class Local:
    """What every command takes."""

    as_json: Annotated[
        bool,
        Parameter(name="--json", help="Write JSON, one value a line."),
    ] = False
    quiet: Annotated[bool, Parameter(help="Say only what must be known.")] = False
    port: Annotated[
        int | None, WHOLE, Parameter(help="The port of the relay on this machine.")
    ] = None
    data: Annotated[
        Path | None, Parameter(help="The data directory, which holds the admin token.")
    ] = None

    @property
    def overrides(self) -> Overrides:
        """The settings among these."""
        return {"port": self.port, "data": self.data}

    def given(self) -> Iterator[str]:
        """Yield those that were given, as they are typed."""
        for name, value in self.overrides.items():
            if value is not None:
                yield from (f"--{name}", str(value))


@Parameter(name="*", group=_EVERYWHERE)
@attrs.frozen(kw_only=True)
class Common(Local):
    """What every command takes that asks a relay something."""

    url: Annotated[str | None, Parameter(name=("--url", "--relay"), help=_URL_HELP)] = (
        None
    )
    token_file: Annotated[
        Path | None, Parameter(help="A file with the admin token, if not in --data.")
    ] = None


@Parameter(name="*", group=_EVERYWHERE)
@attrs.frozen(kw_only=True)
class CommonButUrl(Common):
    """The same, where ``--url`` is how agents reach the relay."""

    url: Annotated[str | None, Parameter(name="--relay", help=_URL_HELP)] = None
