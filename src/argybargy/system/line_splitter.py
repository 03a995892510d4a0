"""Bytes of another program's output in, lines out; no I/O here."""

from collections.abc import Iterator
from typing import Final

import attrs

LINE_BYTES: Final = 2_048
"""What is kept of a line; the rest of it is passed over."""


@attrs.define
class LineSplitter:
    """Cuts output into lines, each of a bounded length.

    The mutable state is the line that has not ended yet, and whether what is still
    to come of it is passed over.
    """

    _pending: bytes = b""
    _is_cut: bool = False

    def feed(self, data: bytes) -> Iterator[str]:
        """Yield the lines that end within more output, and one that grew too long.

        Args:
            data: What comes next; nothing at all is the end.
        """
        *whole, rest = (self._pending + data).split(b"\n")
        for line in whole:
            if not self._is_cut:
                yield clean(line)
            self._is_cut = False
        is_over = len(rest) > LINE_BYTES or not data
        if is_over and rest and not self._is_cut:
            yield clean(rest)
        self._is_cut = self._is_cut or len(rest) > LINE_BYTES
        self._pending = b"" if self._is_cut or not data else rest


def clean(line: bytes) -> str:
    """Return a line as text: of what cannot be printed nothing is left."""
    text = line[:LINE_BYTES].decode("utf-8", "replace")
    return "".join(char if char.isprintable() else " " for char in text).strip()
