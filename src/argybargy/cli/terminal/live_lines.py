"""Lines at the bottom of a terminal that are redrawn in place, with the log above."""

import logging
import os
import select
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Final, TextIO, cast

import attrs

from argybargy.cli.terminal.output import Span
from argybargy.system.values import define

Line = Sequence[Span]
Size = Callable[[], os.terminal_size]

_UP_AND_CLEAR: Final = "\x1b[{rows}F\x1b[J"


@define(eq=False)
class LiveLines:
    """Redraws lines in place; nothing else may write to the terminal meanwhile.

    The mutable state is the lines on the screen and their lengths. Each line is cut to
    one row; after the terminal is made narrower, the drawn lines have been wrapped.

    Attributes:
        stream: The terminal.
        size: Returns the present size of the terminal.
    """

    stream: TextIO
    size: Size
    _lines: Sequence[Line] = ()
    _lengths: Sequence[int] = ()

    @classmethod
    def on(cls, stream: TextIO) -> "LiveLines":
        """Return live lines on a terminal."""
        return cls(stream, lambda: os.get_terminal_size(stream.fileno()))

    def show(self, lines: Sequence[Line]) -> None:
        """Draw lines in place of the previous ones.

        If the terminal is stopped (Ctrl+S), the lines are dropped: a blocking write
        would stop the relay.
        """
        if not self._is_writable():
            return
        self._replace("", lines)

    def clear(self) -> None:
        """Remove the lines from the terminal."""
        self._replace("", ())

    def write(self, text: str) -> int:
        """Write text above the lines, where it stays."""
        self._replace(text, self._lines)
        return len(text)

    def flush(self) -> None:
        """Do nothing: `write` flushes."""

    @contextmanager
    def with_logs_above(self) -> Iterator[None]:
        """Write logs to the terminal above the lines."""
        moved = [
            handler
            for handler in logging.getLogger().handlers
            if isinstance(handler, logging.StreamHandler)
            and handler.stream is self.stream
        ]
        for handler in moved:
            handler.setStream(cast("TextIO", self))
        try:
            yield
        finally:
            for handler in moved:
                handler.setStream(self.stream)

    def _is_writable(self) -> bool:
        try:
            number = self.stream.fileno()
        except (OSError, ValueError):
            return True
        if sys.platform == "win32" or not hasattr(select, "poll"):
            return True  # it has no poll()
        watched = select.poll()
        watched.register(number, select.POLLOUT)
        return any(event & select.POLLOUT for _, event in watched.poll(0))

    def _replace(self, above: str, lines: Sequence[Line]) -> None:
        columns, rows = self.size()
        written = [self._erasure(columns), above]
        if above and not above.endswith("\n"):
            written.append("\n")
        self._lines, self._lengths = lines, []
        for line in lines[: max(0, rows - 1)]:
            cut = _cut(line, columns - 1)
            self._lengths.append(sum(len(span.text) for span in cut))
            written += [*(span.painted() for span in cut), "\n"]
        self.stream.write("".join(written))
        self.stream.flush()

    def _erasure(self, columns: int) -> str:
        rows = sum(max(1, -(-length // columns)) for length in self._lengths)
        return _UP_AND_CLEAR.format(rows=rows) if rows else ""


def _cut(line: Line, columns: int) -> list[Span]:
    """Cut a line to `columns`, as ASCII, so that each character takes one column."""
    cut: list[Span] = []
    for span in line:
        text = span.text.encode("ascii", "replace").decode()[: max(0, columns)]
        columns -= len(text)
        cut.append(attrs.evolve(span, text=text))
    return cut
