"""How a command ends: the exit codes, and the one error that carries them."""

import enum
from typing import Final


class Exit(enum.IntEnum):
    """What a command's exit code means."""

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
    Exit.OK: "Done. `up` and `serve` end so by Ctrl+C, too.",
    Exit.FAILED: "It failed; standard error says why, but for a reader of the output "
    "that has left.",
    Exit.USAGE: "The command line, a setting or a value is wrong. Nothing was done.",
    Exit.NOTHING: "There is nothing to show, or the time was over. `up` and `serve`: "
    "the data cannot be used.",
    Exit.NOT_AUTHORISED: "The relay does not accept the admin token, or there is none.",
    Exit.NOT_FOUND: "There is no such room, code, name, file or data directory.",
    Exit.LOST: "The room is closed, or somebody else has the claim.",
    Exit.UNREACHABLE: "No relay can be reached, or it cannot do its work.",
    Exit.INTERRUPTED: "Ctrl+C, but for `up` and `serve` that had started.",
}
"""What a script may rely on."""


class CliError(Exception):
    """A command cannot do what it was asked.

    Attributes:
        text: What happened and why.
        hint: What to do about it; the next command, where there is one.
        code: The exit code.
    """

    def __init__(self, text: str, hint: str = "", code: Exit = Exit.FAILED) -> None:
        super().__init__(text)
        self.text = text
        self.hint = hint
        self.code = code
