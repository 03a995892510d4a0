"""The only place that prints: data on standard output, talk on standard error."""

import enum
import json
import os
import select
import stat
import sys
from collections.abc import Sequence
from typing import TextIO

import attrs

from argybargy.cli.terminal.columns import columns_of, padded
from argybargy.cli.terminal.escape import escape, escape_lines
from argybargy.system.terminal import wants_colour


class Style(enum.Enum):
    """How a piece of text looks on a terminal: the number of its escape sequence."""

    PLAIN = 0
    BOLD = 1
    DIM = 2
    YELLOW = 33
    CYAN = 36


@attrs.frozen
class Span:
    """A piece of a line, in one style."""

    text: str
    style: Style = Style.PLAIN

    def painted(self) -> str:
        """Return it with the sequences that a terminal obeys, and no others."""
        text = escape_lines(self.text)
        if self.style is Style.PLAIN:
            return text
        return f"\x1b[{self.style.value}m{text}\x1b[0m"


def mend_streams() -> None:
    """Give a process that was started without an output something to fail on.

    Data that cannot be written is an error; talk that nobody hears is none.
    """
    if sys.stdout is None:
        sys.stdout = open(os.open(os.devnull, os.O_RDONLY), "w")  # noqa: PTH123, SIM115
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w")  # noqa: PTH123, SIM115


def drop_output() -> None:
    """Let go of what standard output still holds.

    The interpreter would fail on it once more when it ends.
    """
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


@attrs.frozen
class Output:
    """Where a command writes.

    Attributes:
        data: Takes what was asked for.
        talk: Takes everything else.
        is_json: Whether data is written as JSON, one value a line.
        is_quiet: Whether talk that nobody needs is left out.
        has_colour: Whether data for people is coloured.
        is_live: Whether talk may change in place.
    """

    data: TextIO
    talk: TextIO
    is_json: bool = False
    is_quiet: bool = False
    has_colour: bool = False
    is_live: bool = False

    @classmethod
    def standard(cls) -> "Output":
        """Return the process's own output.

        A terminal that cannot show a character gets its escape, and no traceback.
        """
        for stream in (sys.stdout, sys.stderr):
            reconfigure = getattr(stream, "reconfigure", None)
            if reconfigure is not None:
                reconfigure(errors="backslashreplace")
        environment = os.environ  # noqa: TID251 - no setting
        return cls(
            sys.stdout,
            sys.stderr,
            has_colour=wants_colour(sys.stdout, environment),
            is_live=wants_colour(sys.stderr, environment),
        )

    def write(self, text: str) -> None:
        """Write data for people, made safe for a terminal."""
        self.data.write(escape_lines(text) + "\n")

    def write_spans(self, *spans: Span) -> None:
        """Write a line for people, in colours where they are welcome."""
        if self.has_colour:
            self.data.write("".join(span.painted() for span in spans) + "\n")
        else:
            self.write("".join(span.text for span in spans))

    def write_json(self, value: object) -> None:
        """Write data for programs, on one line of ASCII."""
        self.data.write(json.dumps(value) + "\n")

    def check_reader(self, seconds: float = 0) -> None:
        """Find out whether anybody still reads a pipe, without writing into it.

        Args:
            seconds: How long to give a reader that has read enough for leaving.

        Raises:
            BrokenPipeError: Nobody does.
        """
        try:
            number = self.data.fileno()
        except (OSError, ValueError):
            return
        if not stat.S_ISFIFO(os.fstat(number).st_mode):
            return
        if not hasattr(select, "poll"):
            return  # Windows, where the next write finds out
        watched = select.poll()
        watched.register(number, 0)
        if any(event & select.POLLERR for _, event in watched.poll(1_000 * seconds)):
            raise BrokenPipeError

    def say(self, text: str) -> None:
        """Tell what is good to know."""
        if not self.is_quiet:
            self.warn(text)

    def warn(self, text: str) -> None:
        """Tell what must be known, quiet or not."""
        self.talk.write(escape_lines(text) + "\n")
        self.talk.flush()

    def write_table(self, heads: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """Write rows in columns as wide as they need to be, each on one line."""
        lines = [list(heads), *([escape(cell) for cell in row] for row in rows)]
        widths = [max(map(columns_of, column)) for column in zip(*lines, strict=True)]
        for number, line in enumerate(lines):
            cells = [
                padded(cell, width) for cell, width in zip(line, widths, strict=True)
            ]
            style = Style.PLAIN if number else Style.BOLD
            self.write_spans(Span("  ".join(cells).rstrip(), style))
