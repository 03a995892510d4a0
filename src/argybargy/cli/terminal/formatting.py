"""What people read, made to fit: times where they live, texts as wide as they see."""

import textwrap
from collections.abc import Callable
from datetime import date, datetime, tzinfo

import attrs

from argybargy.cli.terminal.columns import cut
from argybargy.cli.terminal.escape import escape


@attrs.frozen
class LocalTimes:
    """Shows times as the clock on the wall does.

    Attributes:
        zone: The zone they are shown in; ``None`` is the machine's.
        today: Says which day it is there.
    """

    zone: tzinfo | None
    today: Callable[[], date]

    def show(self, timestamp: str | None) -> str:
        """Return the time of day of a timestamp, with its date if that is not today.

        One that is none stays as it is, and nothing is ``never``.
        """
        if timestamp is None:
            return "never"
        try:
            then = datetime.fromisoformat(timestamp).astimezone(self.zone)
        except (ValueError, OverflowError):  # no time, or at the end of all years
            return timestamp
        day = "" if then.date() == self.today() else f"{then:%Y-%m-%d} "
        return f"{day}{then:%H:%M:%S}"


def excerpt(text: str, most: int) -> str:
    """Return a text, made safe, on one line of at most so many columns.

    Where it was cut, it says so.
    """
    return cut(escape(" ".join(text.split())), most)


def wrapped(text: str, columns: int, indent: str = "", hanging: str = "") -> str:
    """Return a paragraph in lines of so many characters; no word is broken.

    Args:
        text: The paragraph; its own line breaks do not count.
        columns: How long a line may be.
        indent: What the first line begins with.
        hanging: What the others begin with.
    """
    return textwrap.fill(
        " ".join(text.split()),
        columns,
        initial_indent=indent,
        subsequent_indent=hanging,
        break_long_words=False,
        break_on_hyphens=False,
    )
