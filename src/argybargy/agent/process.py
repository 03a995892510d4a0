"""Environment, directory, streams and clock of a command; tests pass fakes."""

import os
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple, TextIO


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
    """

    environment: Mapping[str, str]
    directory: Path
    input: TextIO
    output: TextIO
    notes: TextIO
    now: Callable[[], float]
    sleep: Callable[[float], None]

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

    def write(self, text: str) -> None:
        """Write a result and flush it, so that it counts as handed over."""
        if text:
            self.output.write(text if text.endswith("\n") else f"{text}\n")
        self.output.flush()

    def note(self, text: str) -> None:
        """Write a note, a warning or an error."""
        self.notes.write(f"{text}\n")
        self.notes.flush()
