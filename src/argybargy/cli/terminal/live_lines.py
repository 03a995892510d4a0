"""Lines at the bottom of a terminal that change in place, with the log above them."""

import logging
import os
import select
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Final, TextIO, cast

import attrs

from argybargy.cli.terminal.output import Span

Line = Sequence[Span]
Size = Callable[[], os.terminal_size]

_UP_AND_CLEAR: Final = "\x1b[{rows}F\x1b[J"


@attrs.define(eq=False)
class LiveLines:
    """Draws lines over those it drew before; nothing else may write meanwhile.

    The mutable state is what is on the screen now. Each line is cut so that it takes
    one row; when the terminal becomes narrower, those on it have been wrapped.

    Attributes:
        stream: The terminal.
        size: How large it is now.
    """

    stream: TextIO
    size: Size
    _lines: Sequence[Line] = ()
    _lengths: Sequence[int] = ()

    @classmethod
    def on(cls, stream: TextIO) -> "LiveLines":
        """Return what draws on a terminal."""
        return cls(stream, lambda: os.get_terminal_size(stream.fileno()))

    def show(self, lines: Sequence[Line]) -> None:
        """Draw lines in place of those before.

        A terminal that takes nothing at the moment, because somebody has stopped it,
        is not waited for.
        """
        if not self._is_writable():
            return
        self._replace("", lines)

    def clear(self) -> None:
        """Leave the terminal as if nothing had been drawn."""
        self._replace("", ())

    def write(self, text: str) -> int:
        """Write something above the lines, to stay there."""
        self._replace(text, self._lines)
        return len(text)

    def flush(self) -> None:
        """Do nothing: what is written is on its way."""

    @contextmanager
    def with_logs_above(self) -> Iterator[None]:
        """Have what is logged to the terminal written above the lines."""
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
        if not hasattr(select, "poll"):
            return True
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
    """Return as much of a line as has room; its text is ASCII, a column each."""
    cut: list[Span] = []
    for span in line:
        text = span.text.encode("ascii", "replace").decode()[: max(0, columns)]
        columns -= len(text)
        cut.append(attrs.evolve(span, text=text))
    return cut
