"""Result of a check."""

import enum
import shlex
from pathlib import Path

from argybargy.system.values import frozen


class Level(enum.Enum):
    """Severity of a finding."""

    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"


@frozen
class Finding:
    """Result of a check.

    Attributes:
        check: Name of the check.
        level: Severity.
        text: The finding, in a sentence.
        fix: Command or step that mends it; empty if there is nothing to do.
    """

    check: str
    level: Level
    text: str
    fix: str = ""

    @property
    def is_fine(self) -> bool:
        """Whether there is nothing to do."""
        return self.level is Level.OK


def fine(check: str, text: str) -> Finding:
    """Return a finding with nothing to do."""
    return Finding(check, Level.OK, text)


def warning(check: str, text: str, fix: str) -> Finding:
    """Return a finding with which the relay can run."""
    return Finding(check, Level.WARNING, text, fix)


def problem(check: str, text: str, fix: str) -> Finding:
    """Return a finding with which the relay cannot run properly."""
    return Finding(check, Level.PROBLEM, text, fix)


def quoted(path: Path) -> str:
    """Quote a path for a shell."""
    return shlex.quote(str(path))
