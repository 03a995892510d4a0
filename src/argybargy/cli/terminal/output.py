"""Print data on standard output, and notes on standard error."""

import enum
import json
import os
import select
import shutil
import stat
import sys
from collections.abc import Callable, Sequence
from typing import TextIO

from argybargy.cli.terminal.columns import columns_of, cut, fitted, padded
from argybargy.cli.terminal.escape import escape, escape_lines
from argybargy.system.terminal import wants_colour
from argybargy.system.values import frozen

_GAP = "  "


class Style(enum.Enum):
    """Style of text on a terminal: the number of its escape sequence."""

    PLAIN = 0
    BOLD = 1
    DIM = 2
    YELLOW = 33
    CYAN = 36


@frozen
class Span:
    """Part of a line in one style.

    Attributes:
        text: The text.
        style: Its style.
        colour: Its colour out of the 256 of a terminal; ``None`` is that of the style.
    """

    text: str
    style: Style = Style.PLAIN
    colour: int | None = None

    def painted(self) -> str:
        """Return the text in its style; escape sequences in the text are escaped."""
        text = escape_lines(self.text)
        codes = [] if self.style is Style.PLAIN else [str(self.style.value)]
        if self.colour is not None:
            codes.append(f"38;5;{self.colour}")
        return f"\x1b[{';'.join(codes)}m{text}\x1b[0m" if codes and text else text


def mend_streams() -> None:
    """Open a stream for each closed standard stream of the process.

    A write to the replacement of standard output fails, as data must not be lost
    silently; notes are dropped.
    """
    if sys.stdout is None:
        sys.stdout = open(os.open(os.devnull, os.O_RDONLY), "w")  # noqa: PTH123, SIM115
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w")  # noqa: PTH123, SIM115


def drop_output() -> None:
    """Discard the buffer of standard output.

    Otherwise the interpreter fails to flush it once more at exit.
    """
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _columns(stream: TextIO) -> int | None:
    """Return the width of a terminal; ``None`` if the stream is none."""
    return shutil.get_terminal_size().columns if stream.isatty() else None


@frozen
class Output:
    """Output of a command.

    Attributes:
        data: Receives the result.
        talk: Receives notes, warnings and errors.
        is_json: Whether the result is written as JSON.
        is_quiet: Whether notes are left out.
        has_colour: Whether the result is coloured.
        is_live: Whether notes may be redrawn in place.
        columns: Width of the terminal that shows the result; ``None`` without one.
        typed: Rewrites the commands in a note, see `argybargy.cli.next_commands`.
    """

    data: TextIO
    talk: TextIO
    is_json: bool = False
    is_quiet: bool = False
    has_colour: bool = False
    is_live: bool = False
    columns: int | None = None
    typed: Callable[[str], str] = str

    @classmethod
    def standard(cls) -> "Output":
        """Return the output of this process.

        Characters outside of the terminal's encoding are written as escapes.
        """
        for stream in (sys.stdout, sys.stderr):
            reconfigure = getattr(stream, "reconfigure", None)
            if reconfigure is not None:
                reconfigure(errors="backslashreplace")
        environment = os.environ  # noqa: TID251 - NO_COLOR and TERM are no settings of ours
        return cls(
            sys.stdout,
            sys.stderr,
            has_colour=wants_colour(sys.stdout, environment),
            columns=_columns(sys.stdout),
            is_live=wants_colour(sys.stderr, environment),
        )

    def write(self, text: str) -> None:
        """Write a result as text, with control characters escaped."""
        self.data.write(escape_lines(text) + "\n")

    def write_spans(self, *spans: Span) -> None:
        """Write a result as one line, coloured if the terminal has colours."""
        if self.has_colour:
            self.data.write("".join(span.painted() for span in spans) + "\n")
        else:
            self.write("".join(span.text for span in spans))

    def write_json(self, value: object) -> None:
        """Write a result as one line of ASCII JSON."""
        self.data.write(json.dumps(value) + "\n")

    def check_reader(self, seconds: float = 0) -> None:
        """Detect a pipe without a reader, without writing to it.

        Args:
            seconds: How long to wait for a reader that is about to exit.

        Raises:
            BrokenPipeError: There is no reader.
        """
        try:
            number = self.data.fileno()
        except (OSError, ValueError):
            return
        if not stat.S_ISFIFO(os.fstat(number).st_mode):
            return
        if sys.platform == "win32" or not hasattr(select, "poll"):
            return  # it has no poll(): the next write raises
        watched = select.poll()
        watched.register(number, 0)
        if any(event & select.POLLERR for _, event in watched.poll(1_000 * seconds)):
            raise BrokenPipeError

    def say(self, text: str) -> None:
        """Write a note; ``--quiet`` drops it."""
        if not self.is_quiet:
            self.warn(text)

    def warn(self, text: str) -> None:
        """Write a warning, even with ``--quiet``."""
        self.talk.write(escape_lines(self.typed(text)) + "\n")
        self.talk.flush()

    def write_table(self, heads: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """Write rows in aligned columns, one row a line.

        On a terminal, long cells are cut so that a row fits. With ``--quiet``, the
        headings are left out.
        """
        cells = [[escape(cell) for cell in row] for row in rows]
        lines = cells if self.is_quiet else [list(heads), *cells]
        widths = [max(map(columns_of, column)) for column in zip(*lines, strict=True)]
        if self.columns is not None:
            widths = fitted(heads, widths, self.columns)
        for number, line in enumerate(lines):
            shown = [
                padded(cut(cell, width), width)
                for cell, width in zip(line, widths, strict=True)
            ]
            is_head = number == 0 and not self.is_quiet
            style = Style.BOLD if is_head else Style.PLAIN
            self.write_spans(Span(_GAP.join(shown).rstrip(), style))
