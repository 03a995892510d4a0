"""The table of agent programs: for each the files that connect it to a room.

A program reads its hooks, servers and plugins from files of its own format. `PROGRAMS`
lists these files with what of ours goes into them. Nothing in them is a secret, and
nothing in them approves anything in place of the user: no trust, and no permission
other than that for our own commands.

Formats, events and limits are those of the versions in ``docs/reference/programs.md``.
`setup` has the types; there is a module for each program that needs more than a table
of hooks.
"""

from collections.abc import Mapping
from typing import Final

from argybargy.cli.agent_files.programs.claude import CLAUDE
from argybargy.cli.agent_files.programs.codex import CODEX
from argybargy.cli.agent_files.programs.hooks_only import (
    COPILOT,
    CURSOR,
    GEMINI,
    GOOSE,
)
from argybargy.cli.agent_files.programs.opencode import OPENCODE
from argybargy.cli.agent_files.programs.setup import (
    Form,
    Program,
    ProgramFile,
    Root,
    Setup,
)

PROGRAMS: Final[Mapping[str, Program]] = {
    program.key: program
    for program in (CLAUDE, CODEX, OPENCODE, COPILOT, GEMINI, CURSOR, GOOSE)
}
"""The programs, by their names on the command line."""

__all__ = ["PROGRAMS", "Form", "Program", "ProgramFile", "Root", "Setup"]
