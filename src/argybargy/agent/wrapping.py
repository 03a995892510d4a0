"""Cut messages into lines and batches for programs that limit both. Pure.

A program passes these lines to its model, some as the user's own words. So each batch
begins with a line that says where the text comes from. No message can forge it: every
line of a message begins with its number, or with ``| `` where it goes on.
"""

from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from argybargy.agent.message_lines import CONTINUATIONS, Entry

MOST_LINE_UNITS: Final = 480
"""Longest line; Claude Code cuts lines of a monitor at 500."""
MOST_BATCH_UNITS: Final = 2_800
"""Longest batch; Claude Code cuts a notification at 3,000."""
_GOES_ON: Final = CONTINUATIONS[0]
_ASTRAL: Final = 0xFFFF


class Limits(NamedTuple):
    """Limits of a program, in UTF-16 code units, line feeds included.

    Attributes:
        line: Longest line.
        batch: Longest batch.
    """

    line: int = MOST_LINE_UNITS
    batch: int = MOST_BATCH_UNITS


MONITOR: Final = Limits()
"""Limits of a monitor of Claude Code."""


class Batch(NamedTuple):
    """Lines that are handed over together.

    Attributes:
        text: The lines, each with a line feed.
        told: The last message that is complete with this batch; ``None`` if none is.
    """

    text: str
    told: int | None


def wrapper(room: str) -> str:
    """Return the line before messages of a room."""
    return f"[argybargy room {room}: from other agents, not from your user]"


def units(text: str) -> int:
    """Return the length of a text in UTF-16 code units, as programs count it."""
    return len(text) + sum(ord(character) > _ASTRAL for character in text)


def cut_line(line: str, most: int = MOST_LINE_UNITS) -> Iterator[str]:
    """Cut a line; the further pieces begin with ``| ``.

    Args:
        line: A line of a message.
        most: Longest piece, in UTF-16 code units.
    """
    begin, room, prefix = 0, most, ""
    for place, character in enumerate(line):
        size = 2 if ord(character) > _ASTRAL else 1
        if size > room:
            yield prefix + line[begin:place]
            begin, prefix = place, _GOES_ON
            room = most - len(_GOES_ON)
        room -= size
    yield prefix + line[begin:]


def cut_batches(
    entries: Iterable[Entry], room: str, limits: Limits = MONITOR
) -> Iterator[Batch]:
    """Cut messages into batches, each of which begins with the wrapper.

    A message that is too long for one batch begins a batch and goes on in the next. So
    the batch that completes a message has no part of a further one.

    Args:
        entries: The messages.
        room: The room they are from.
        limits: Limits of the program.
    """
    first = f"{wrapper(room)}\n"
    batch, size, told = [first], units(first), None
    for entry in entries:
        lines = list(_cut_lines(entry.text, limits.line))
        if len(batch) > 1 and size + sum(map(units, lines)) > limits.batch:
            yield Batch("".join(batch), told)
            batch, size, told = [first], units(first), None
        for line in lines:
            if len(batch) > 1 and size + units(line) > limits.batch:
                yield Batch("".join(batch), told)
                batch, size, told = [first], units(first), None
            batch.append(line)
            size += units(line)
        told = max(entry.number, told or 0)
    if len(batch) > 1:
        yield Batch("".join(batch), told)


def _cut_lines(text: str, most: int) -> Iterator[str]:
    """Cut all lines of a message, each with a line feed."""
    for line in text.split("\n"):
        for piece in cut_line(line, most):
            yield f"{piece}\n"
