"""How a command ends: the exit codes, and the one error that carries them."""

import enum


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
