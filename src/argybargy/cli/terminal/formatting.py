"""Format text for people: local times, excerpts and wrapped paragraphs."""

import textwrap
from collections.abc import Callable
from datetime import date, datetime, tzinfo

from argybargy.cli.terminal.columns import cut
from argybargy.cli.terminal.escape import escape
from argybargy.system.values import frozen


@frozen
class LocalTimes:
    """Formats timestamps in local time.

    Attributes:
        zone: Time zone; ``None`` is the machine's.
        today: Returns today's date in that zone.
    """

    zone: tzinfo | None
    today: Callable[[], date]

    def show(self, timestamp: str | None) -> str:
        """Return the time of day of a timestamp, with the date unless it is today.

        An invalid timestamp is returned unchanged; ``None`` gives ``never``.
        """
        if timestamp is None:
            return "never"
        try:
            then = datetime.fromisoformat(timestamp).astimezone(self.zone)
        except (ValueError, OverflowError):  # OverflowError: beyond year 1 or 9999
            return timestamp
        day = "" if then.date() == self.today() else f"{then:%Y-%m-%d} "
        return f"{day}{then:%H:%M:%S}"


def excerpt(text: str, most: int) -> str:
    """Return a text on one line of at most `most` columns, with controls escaped.

    A cut text ends in an ellipsis.
    """
    return cut(escape(" ".join(text.split())), most)


def wrapped(text: str, columns: int, indent: str = "", hanging: str = "") -> str:
    """Wrap a paragraph; words stay whole.

    Args:
        text: The paragraph; its own line breaks are ignored.
        columns: Width, in characters.
        indent: Prefix of the first line.
        hanging: Prefix of the other lines.
    """
    return textwrap.fill(
        " ".join(text.split()),
        columns,
        initial_indent=indent,
        subsequent_indent=hanging,
        break_long_words=False,
        break_on_hyphens=False,
    )
