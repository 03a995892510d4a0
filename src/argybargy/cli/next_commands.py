"""Commands in hints, as they have to be typed in this shell.

Texts name a command as ``argybargy VERB …``. Before such a text is printed, here and
nowhere else, the program becomes one that this shell can run (such as ``uv run
argybargy``), and the verb is followed by the options that lead to the same relay.
"""

import re
import shlex
from collections.abc import Iterable, Mapping
from typing import Final

import attrs

from argybargy.system.own_program import PROGRAM
from argybargy.system.values import frozen

_HELP: Final = "--help"
_END: Final = re.compile(r"['\n,;]|\. |$")
"""Latest end of a command in a sentence."""


@frozen
class NextCommands:
    """Rewrites the commands in a text.

    Attributes:
        program: What starts this program in this shell.
        anywhere: What starts it in any directory; empty if `program` does.
        options: Options for each command, as pairs of name and value: a command that
            has an option of that name already keeps its own.
    """

    program: str = PROGRAM
    options: Mapping[str, tuple[tuple[str, str], ...]] = attrs.field(factory=dict)
    anywhere: str = ""

    @property
    def in_any_directory(self) -> "NextCommands":
        """The same commands, as they can be typed in any directory."""
        return attrs.evolve(self, program=self.anywhere or self.program)

    def with_variable(self, name: str, value: str) -> "NextCommands":
        """Return the same commands, with a variable of the environment before them."""
        before = f"{name}={shlex.quote(value)} "
        anywhere = self.anywhere and before + self.anywhere
        return attrs.evolve(self, program=before + self.program, anywhere=anywhere)

    def typed(self, text: str) -> str:
        """Return a text with its commands as they have to be typed."""
        if PROGRAM not in text:
            return text
        return _command(tuple(self.options)).sub(self._typed, text)

    def _typed(self, found: re.Match[str]) -> str:
        verb, rest = found["verb"], found.string[found.end() :]
        end = _END.search(rest)
        given = rest[: end.start() if end else len(rest)].split()
        words = [
            word
            for name, value in self.options.get(verb, ())
            if name not in given
            for word in (name, value)
        ]
        more = f" {shlex.join(words)}" if words else ""
        return f"{self.program} {verb}{more}"


def _command(verbs: Iterable[str]) -> re.Pattern[str]:
    """Return the pattern of a command: longer verbs, such as ``room delete``, first."""
    longest_first = sorted((*verbs, _HELP), key=len, reverse=True)
    names = "|".join(map(re.escape, longest_first))
    return re.compile(rf"(?<![\w./-]){PROGRAM} (?P<verb>{names})(?![\w-])")
