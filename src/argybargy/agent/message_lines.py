"""Split an answer in the text form into messages and notes. Pure.

:mod:`argybargy.domain.text_form` defines the lines. Here only the number of a message
is of interest: what was handed over is known by it.
"""

import re
from collections.abc import Collection, Iterable
from typing import Final, NamedTuple

from argybargy.domain.names import NAME_PATTERN

CONTINUATIONS: Final = ("| ", "? ", "= ")
"""Beginnings of the further lines of a message."""
_HEADER: Final = re.compile(
    rf"(?:\#{NAME_PATTERN} )?([0-9]{{1,16}}) "
    rf"(?:operator/|person/|system/)?{NAME_PATTERN}[ >:]"
)
_LEAVE: Final = "leave: "
_SILENT: Final = "leave: silent for "
"""A silent room. Commands that cost nothing while they wait need not leave it."""
_CONTROLS: Final = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029]")


class Entry(NamedTuple):
    """A message, or a note of the relay.

    Attributes:
        number: Its number in the room. A note has the number of the message that it
            belongs to, and 0 if it belongs to none.
        text: Its lines, without a line feed at the end.
    """

    number: int
    text: str


class Page(NamedTuple):
    """An answer of the relay to a poll.

    Attributes:
        entries: Messages and notes, in order.
        cursor: Number of the last message that the answer covers.
        leave: The line that tells the agent to leave, such as that of a closed room;
            empty without one.
        has_more: Whether more messages follow at once.
        is_reset: Whether the relay knows fewer messages than the cursor asked for.
    """

    entries: tuple[Entry, ...]
    cursor: int
    leave: str = ""
    has_more: bool = False
    is_reset: bool = False

    def after(self, number: int) -> "Page":
        """Return the page without the messages up to a number."""
        kept = tuple(entry for entry in self.entries if entry.number > number)
        return self._replace(entries=kept)

    def without(self, numbers: Collection[int]) -> "Page":
        """Return the page without some messages.

        After a reset the relay uses their numbers for others.
        """
        if self.is_reset:
            return self
        kept = tuple(entry for entry in self.entries if entry.number not in numbers)
        return self._replace(entries=kept)

    @property
    def text(self) -> str:
        """All lines that an agent is to read; empty if there are none."""
        lines = [*(entry.text for entry in self.entries), *filter(None, [self.leave])]
        return "\n".join(lines)


def split_page(body: str, cursor: int) -> Page:
    """Split an answer to a poll.

    Args:
        body: The answer in the text form.
        cursor: The cursor that came with it.
    """
    leave, has_more, is_reset = "", False, False
    blocks: list[list[str]] = []
    for line in _clean(body).rstrip("\n").split("\n"):
        if line.startswith(CONTINUATIONS) and blocks:
            blocks[-1].append(line)
        elif line.startswith(_LEAVE):
            leave = "" if line.startswith(_SILENT) else line
        elif line.startswith("more: "):
            has_more = True
        elif line == "reset":
            is_reset = True
        elif line:
            blocks.append([line])
    return Page(tuple(_numbered(blocks, cursor)), cursor, leave, has_more, is_reset)


def split_entries(body: str) -> tuple[Entry, ...]:
    """Split messages of an answer that is no poll, such as a page of the history."""
    return tuple(each for each in split_page(body, 0).entries if each.number)


def _numbered(blocks: list[list[str]], cursor: int) -> Iterable[Entry]:
    """Yield entries; a note has the number of the message after it.

    So a note is handed over together with the message that it belongs to.
    """
    entries, number = [], cursor
    for block in reversed(blocks):
        header = _HEADER.match(block[0])
        number = int(header[1]) if header else number
        entries.append(Entry(number, "\n".join(block)))
    return reversed(entries)


def _clean(body: str) -> str:
    """Replace characters that end a line or steer a terminal.

    The relay writes none of them; another server under its address might.
    """
    return _CONTROLS.sub("\ufffd", body)
