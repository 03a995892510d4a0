"""Exit codes, and the error that carries one."""

import enum
from collections.abc import Callable
from typing import Final


class Exit(enum.IntEnum):
    """Exit codes of all commands; ``MEANINGS`` documents them."""

    OK = 0
    FAILED = 1
    USAGE = 2
    NOTHING = 3
    NOT_AUTHORISED = 4
    NOT_FOUND = 5
    LOST = 6
    UNREACHABLE = 7
    INTERRUPTED = 130


MEANINGS: Final = {
    Exit.OK: "Success. Also the end of `up` and `serve` after Ctrl+C.",
    Exit.FAILED: "Failed. Standard error says why (unless the reader closed the pipe).",
    Exit.USAGE: "The command line, a setting or a value is invalid. Nothing was done.",
    Exit.NOTHING: "Nothing to show, or timeout. `up` and `serve`: the data directory "
    "cannot be used.",
    Exit.NOT_AUTHORISED: "The admin token is missing or wrong.",
    Exit.NOT_FOUND: "No such room, code, name, file or data directory.",
    Exit.LOST: "The room is closed, the question has ended, or somebody else has the "
    "claim or the name. `room delete`: the room is open.",
    Exit.UNREACHABLE: "The relay cannot be reached, or is not ready.",
    Exit.INTERRUPTED: "Interrupted by Ctrl+C (`up` and `serve`: before the start).",
}
"""Documentation of the exit codes, on which scripts may rely."""


class CliError(Exception):
    """Failure of a command, printed for the user.

    Attributes:
        text: What happened and why.
        hint: What to do about it: the next command, if there is one.
        code: Exit code.
    """

    def __init__(self, text: str, hint: str = "", code: Exit = Exit.FAILED) -> None:
        super().__init__(text)
        self.text = text
        self.hint = hint
        self.code = code

    def typed(self, typed: Callable[[str], str]) -> "CliError":
        """Return the error with its commands as they have to be typed."""
        return CliError(typed(self.text), typed(self.hint), self.code)
