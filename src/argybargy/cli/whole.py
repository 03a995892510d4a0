"""Whole numbers on the command line: what is none is refused, and never rounded."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from cyclopts import Parameter

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
