"""The only place that prints: data on standard output, talk on standard error."""

import json
import sys
from collections.abc import Sequence
from typing import TextIO

import attrs

from argybargy.cli.escape import escape_lines


@attrs.frozen
class Output:
    """Where a command writes.

    Attributes:
        data: Takes what was asked for.
        talk: Takes everything else.
        is_json: Whether data is written as JSON, one value a line.
        is_quiet: Whether talk that nobody needs is left out.
    """

    data: TextIO
    talk: TextIO
    is_json: bool = False
    is_quiet: bool = False

    @classmethod
    def standard(cls) -> "Output":
        """Return the process's own output.

        A terminal that cannot show a character gets its escape, and no traceback.
        """
        for stream in (sys.stdout, sys.stderr):
            reconfigure = getattr(stream, "reconfigure", None)
            if reconfigure is not None:
                reconfigure(errors="backslashreplace")
        return cls(sys.stdout, sys.stderr)

    def write(self, text: str) -> None:
        """Write data for people, made safe for a terminal."""
        self.data.write(escape_lines(text) + "\n")

    def write_json(self, value: object) -> None:
        """Write data for programs, on one line of ASCII."""
        self.data.write(json.dumps(value) + "\n")

    def say(self, text: str) -> None:
        """Tell what is good to know."""
        if not self.is_quiet:
            self.warn(text)

    def warn(self, text: str) -> None:
        """Tell what must be known, quiet or not."""
        self.talk.write(escape_lines(text) + "\n")
        self.talk.flush()

    def write_table(self, heads: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """Write rows in columns as wide as they need to be."""
        lines = [list(heads), *([escape_lines(cell) for cell in row] for row in rows)]
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        for line in lines:
            cells = [
                cell.ljust(width) for cell, width in zip(line, widths, strict=True)
            ]
            self.write("  ".join(cells).rstrip())
