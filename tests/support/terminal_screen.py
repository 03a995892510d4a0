"""As much of a terminal as the relay's panel needs: rows that wrap again when it is
made narrower, the cursor going up, and clearing what is below it.
"""

import re

import attrs

_TOKEN = re.compile(r"\x1b\[(\d*)([A-Za-z])|\r|\n|[^\x1b\r\n]+")


@attrs.define
class Screen:
    """What a terminal shows, without an end above.

    Attributes:
        columns: How wide it is.
    """

    columns: int
    _lines: list[str] = attrs.field(factory=lambda: [""])

    def resize(self, columns: int) -> None:
        """Make it wider or narrower; what is on it wraps as it then has to."""
        self.columns = columns

    def feed(self, data: str) -> None:
        """Take what is written to it. It is always at the end of what it shows."""
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
        """Go up so many rows, to the beginning; what is below is cleared next."""
        assert self._lines[-1] == ""
        while rows > 0:
            self._lines.pop()
            rows -= max(1, -(-len(self._lines[-1]) // self.columns))
        assert rows == 0, "it stops in the middle of a line"
        self._lines[-1] = ""

    def text(self) -> str:
        """Return all lines."""
        return "\n".join(self._lines)
