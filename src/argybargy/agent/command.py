"""Commands for agents and their arguments, as values, and the types of arguments."""

import argparse
from typing import Any, Final, NamedTuple

_LAST_NUMBER: Final = 10**15


class Argument(NamedTuple):
    """An argument of a command.

    Attributes:
        names: Its name, or the spellings of an option.
        shown: How it is shown in the help.
        help: Its help.
        rules: Keyword arguments for argparse.
    """

    names: tuple[str, ...]
    shown: str
    help: str
    rules: dict[str, Any] = {}  # noqa: RUF012 - never changed

    @property
    def is_option(self) -> bool:
        """Whether it is named on the command line."""
        return self.names[0].startswith("-")


class Command(NamedTuple):
    """A command.

    Attributes:
        name: The word after ``argy``.
        where: Module of this package and function: ``reading:wait``.
        summary: One sentence on its effect.
        arguments: Its arguments, in the order of the help.
        details: Further sentences for its help.
    """

    name: str
    where: str
    summary: str
    arguments: tuple[Argument, ...] = ()
    details: str = ""

    @property
    def usage(self) -> str:
        """The command line in one line."""
        return " ".join(["argy", self.name, *(each.shown for each in self.arguments)])


def number(text: str) -> int:
    """Convert the number of a message.

    Raises:
        argparse.ArgumentTypeError: It is none.
    """
    if not (text.isascii() and text.isdecimal()) or int(text) > _LAST_NUMBER:
        raise argparse.ArgumentTypeError("a message has a number, such as 41")
    return int(text)


def seconds(text: str) -> float:
    """Convert a number of seconds.

    Raises:
        argparse.ArgumentTypeError: It is none.
    """
    try:
        given = float(text)
    except ValueError:
        given = -1
    if not 0 <= given < float("inf"):
        raise argparse.ArgumentTypeError("a number of seconds from 0 up")
    return given
