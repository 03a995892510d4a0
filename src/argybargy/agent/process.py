"""Environment, directory, streams and clock of a command; tests pass fakes."""

import os
import re
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, NamedTuple, TextIO

_PROGRAM: Final = "argybargy"
_COMMAND: Final = re.compile(rf"(?<![\w./-])(argy|{_PROGRAM})(?= [a-z])")
"""A command in a text, as in ``argy join LINK``."""


def _own_program() -> str:
    # Only a few hints need it.
    from argybargy.system.own_program import programs_of_this_process  # noqa: PLC0415

    here, _ = programs_of_this_process()
    return here


class Process(NamedTuple):
    """Surroundings of a command.

    Attributes:
        environment: Variables of the environment.
        directory: Working directory.
        input: Standard input.
        output: Standard output, for what the relay said.
        notes: Standard error.
        now: Monotonic clock, in seconds.
        sleep: Sleeps for a number of seconds.
        own_program: Returns what starts ``argybargy`` in the user's shell.
    """

    environment: Mapping[str, str]
    directory: Path
    input: TextIO
    output: TextIO
    notes: TextIO
    now: Callable[[], float]
    sleep: Callable[[float], None]
    own_program: Callable[[], str] = _own_program

    @classmethod
    def real(cls) -> "Process":
        """Return the surroundings of this process.

        The relay's text is UTF-8, and is passed on as such in any locale.
        """
        for stream in (sys.stdin, sys.stdout, sys.stderr):
            reconfigure = getattr(stream, "reconfigure", None)
            if reconfigure is not None:
                errors = "strict" if stream is sys.stdin else "backslashreplace"
                reconfigure(encoding="utf-8", errors=errors)
        return cls(
            environment=os.environ,  # noqa: TID251 - the settings' module is not light
            directory=Path.cwd(),
            input=sys.stdin,
            output=sys.stdout,
            notes=sys.stderr,
            now=time.monotonic,  # noqa: TID251 - the relay's clock comes from Trio
            sleep=time.sleep,
        )

    def typed(self, text: str) -> str:
        """Return a text with its commands as they have to be typed in this shell."""
        own = self.own_program()
        if own == _PROGRAM:
            return text
        short = {"argy": f"{own} agent", _PROGRAM: own}
        return _COMMAND.sub(lambda found: short[found[1]], text)

    def write(self, text: str) -> None:
        """Write a result and flush it, so that it counts as handed over."""
        if text:
            self.output.write(text if text.endswith("\n") else f"{text}\n")
        self.output.flush()

    def note(self, text: str) -> None:
        """Write a note, a warning or an error."""
        self.notes.write(f"{text}\n")
        self.notes.flush()
