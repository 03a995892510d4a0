"""What a check says."""

import enum
import shlex
from pathlib import Path

import attrs


class Level(enum.Enum):
    """How bad it is."""

    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"


@attrs.frozen
class Finding:
    """One thing that a check found.

    Attributes:
        check: What was looked at.
        level: How bad it is.
        text: What there is to say, in a sentence.
        fix: What to type or to do about it; empty if there is nothing to do.
    """

    check: str
    level: Level
    text: str
    fix: str = ""

    @property
    def is_fine(self) -> bool:
        """Whether it asks for nothing."""
        return self.level is Level.OK


def fine(check: str, text: str) -> Finding:
    """Return a finding that asks for nothing."""
    return Finding(check, Level.OK, text)


def warning(check: str, text: str, fix: str) -> Finding:
    """Return a finding that the relay can live with."""
    return Finding(check, Level.WARNING, text, fix)


def problem(check: str, text: str, fix: str) -> Finding:
    """Return a finding that the relay cannot live with."""
    return Finding(check, Level.PROBLEM, text, fix)


def quoted(path: Path) -> str:
    """Return a path as it is typed in a shell."""
    return shlex.quote(str(path))
