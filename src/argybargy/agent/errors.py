"""Exit codes of the commands for agents, and the error that carries one."""

import enum


class Exit(enum.IntEnum):
    """Exit codes; the numbers mean the same in the operator's commands."""

    OK = 0
    FAILED = 1
    USAGE = 2
    TIMEOUT = 3
    REFUSED = 4
    NOT_FOUND = 5
    CLOSED = 6
    AWAY = 7
    INTERRUPTED = 130


MEANINGS = {
    Exit.OK: "Success. `wait`: a message came.",
    Exit.FAILED: "Failed. Standard error says why.",
    Exit.USAGE: "The command line or a name is invalid. Nothing was done. `ear --wake "
    "exit2`: a message came, and is on standard error.",
    Exit.TIMEOUT: "`wait` and `ask`: nothing came in time.",
    Exit.REFUSED: "The relay does not accept the code, or the invitation.",
    Exit.NOT_FOUND: "No such seat, or no such message.",
    Exit.CLOSED: "The room is closed, or another agent has the claim or the seat.",
    Exit.AWAY: "The relay cannot be reached.",
    Exit.INTERRUPTED: "Interrupted by Ctrl+C.",
}
"""Documentation of the exit codes, on which scripts may rely."""


class AgentError(Exception):
    """Failure of a command, printed for the agent.

    Attributes:
        text: The problem and its cause.
        hint: The next step.
        code: Exit code.
    """

    def __init__(self, text: str, hint: str = "", code: Exit = Exit.FAILED) -> None:
        super().__init__(text)
        self.text = text
        self.hint = hint
        self.code = code
