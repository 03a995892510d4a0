"""Incremental line splitter for the output of a child program. Does no I/O."""

from collections.abc import Iterator
from typing import Final

from argybargy.system.values import define

LINE_BYTES: Final = 2_048
"""Longest line in bytes; the rest of a longer one is dropped."""


@define
class LineSplitter:
    """Splits output into lines of at most `LINE_BYTES`.

    The mutable state is the unfinished line, and whether it was too long, so that the
    rest of it is dropped.
    """

    _pending: bytes = b""
    _is_truncated: bool = False

    def feed(self, data: bytes) -> Iterator[str]:
        """Add output, and yield the lines that it completes.

        A line that grows too long is yielded at once, truncated.

        Args:
            data: Next bytes of the output; empty at its end.
        """
        *whole, rest = (self._pending + data).split(b"\n")
        for line in whole:
            if not self._is_truncated:
                yield clean(line)
            self._is_truncated = False
        is_over = len(rest) > LINE_BYTES or not data
        if is_over and rest and not self._is_truncated:
            yield clean(rest)
        self._is_truncated = self._is_truncated or len(rest) > LINE_BYTES
        self._pending = b"" if self._is_truncated or not data else rest


def clean(line: bytes) -> str:
    """Decode a line, and replace characters that are not printable by spaces."""
    text = line[:LINE_BYTES].decode("utf-8", "replace")
    return "".join(char if char.isprintable() else " " for char in text).strip()
