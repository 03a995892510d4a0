"""Minimal terminal emulator for the panel: wrapped rows, cursor up, clear below."""

import re

import attrs

_TOKEN = re.compile(r"\x1b\[(\d*)([A-Za-z])|\r|\n|[^\x1b\r\n]+")


@attrs.define
class Screen:
    """Rows of a terminal with unlimited height.

    Attributes:
        columns: Width.
    """

    columns: int
    _lines: list[str] = attrs.field(factory=lambda: [""])

    def resize(self, columns: int) -> None:
        """Change the width; rows wrap again."""
        self.columns = columns

    def feed(self, data: str) -> None:
        """Process output. The cursor is always at the end of the text."""
        for token in _TOKEN.finditer(data):
            number, letter = token[1], token[2]
            if token[0] == "\n":
                self._lines.append("")
            elif letter == "F":
                self._climb(int(number or 1))
            elif letter is None and token[0] != "\r":
                self._lines[-1] += token[0]
            else:
                assert letter in {None, "m", "J"}, token[0]

    def _climb(self, rows: int) -> None:
        """Move the cursor up to the start of a row; the caller clears below next."""
        assert self._lines[-1] == ""
        while rows > 0:
            self._lines.pop()
            rows -= max(1, -(-len(self._lines[-1]) // self.columns))
        assert rows == 0, "the cursor stopped within a wrapped line"
        self._lines[-1] = ""

    def text(self) -> str:
        """Return the lines on the screen."""
        return "\n".join(self._lines)
