"""Types of the table of programs, and the parts that several programs share."""

import enum
import json
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from argybargy.system.values import frozen

PARKED_SECONDS: Final = 86_400
"""Time for a hook that waits for a message, in a program without a person."""
STOP_SECONDS: Final = 60
SHIM_SECONDS: Final = 90
"""Time for a tool call: a read may wait for 50 seconds."""


class Root(enum.Enum):
    """The directory that a path of a file is below."""

    PROJECT = "project"
    HOME = "home"
    OURS = "ours"
    """Directory of files that the program reads and that are ours alone."""


class Form(enum.Enum):
    """Ways in which our part and the user's part share a file."""

    JSON = "json"
    """Our members are merged into a JSON object."""
    TOML = "toml"
    """Our tables are a block between marks at the end."""
    TEXT = "text"
    """Our text is a block between marks at the end of a Markdown file."""
    SEATS = "seats"
    """A seat is a line of the project's file of seats."""
    OWN = "own"
    """The whole file is ours."""


@frozen
class Setup:
    """Facts for the content of the files.

    Attributes:
        program: Key of the program.
        room: Room of the seat.
        seat: Name of the seat: ``RELAY/ROOM/NAME``.
        command: Absolute path of the command ``argybargy``.
        ours: Directory of files that are ours alone.
        is_headless: Whether the program runs without a person.
    """

    program: str
    room: str
    seat: str
    command: str
    ours: Path
    is_headless: bool = False

    def hook(self, event: str) -> str:
        """Return the command line of a hook."""
        return f"{self._quoted} agent hook {self.program} {event}"

    def parking_hook(self, event: str) -> str:
        """Return the command line of a hook that waits, or starts an ear for that.

        It does so in a program without a person only.
        """
        return self.hook(event) + (" --park" if self.is_headless else "")

    def drain(self, event: str) -> str:
        """Return the command line of a hook that runs often, and mostly in vain."""
        script = shlex.quote(str(self.ours / DRAIN))
        return f"sh {script} {self.program} {event}"

    @property
    def _quoted(self) -> str:
        return shlex.quote(self.command)

    @property
    def ear(self) -> str:
        """Command line of an ear, without its waker."""
        return f"{self._quoted} agent ear --wake"

    def shim(self) -> tuple[str, list[str]]:
        """Return program and arguments of the MCP server."""
        return self.command, ["agent", "mcp", "--seat", self.seat]


@frozen
class ProgramFile:
    """A file that connects a program.

    Attributes:
        root: The directory that it is in.
        path: Its path below that.
        form: How it is shared with the user.
        content: Makes our part: a JSON object for `Form.JSON`, else a text.
    """

    root: Root
    path: str
    form: Form
    content: Callable[[Setup], Any]


@frozen
class Program:
    """An agent program that `connect` writes files for.

    Attributes:
        key: Its name on the command line.
        title: Its display name.
        files: Its files, in the order in which they are written.
        was_tried: Whether its integration was tried with the program itself.
        next_steps: Sentences for the user: approvals that only a person gives.
        undo_steps: Sentences on traces that the program itself keeps.
        has_headless: Whether it has another setup without a person.
        uses_mcp: Whether its agent speaks through the relay's MCP server.
    """

    key: str
    title: str
    files: tuple[ProgramFile, ...]
    was_tried: bool = True
    next_steps: tuple[str, ...] = ()
    undo_steps: tuple[str, ...] = ()
    has_headless: bool = False
    uses_mcp: bool = False


DRAIN: Final = "drain"
"""Name of the script that a program runs after each of its tool calls."""


def _drain_script(setup: Setup) -> str:
    """Return the script: a shell test, and Python only if a spool has something."""
    return f"""\
#!/bin/sh
# Made by 'argybargy connect'. Runs at every tool call of an agent's program, so it
# starts Python only if a message waits for a seat of this machine.
for spool in "${{XDG_STATE_HOME:-$HOME/.local/state}}"/argybargy/seats/*/*/*.seat/spool
do
  [ -s "$spool" ] && exec {shlex.quote(setup.command)} agent hook "$1" "$2"
done
printf '{{}}\\n'
exec cat >/dev/null
"""


DRAIN_FILE: Final = ProgramFile(Root.OURS, DRAIN, Form.OWN, _drain_script)


def json_text(value: object) -> str:
    """Return a value as the text of a file."""
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


def command_hook(command: str, **more: object) -> dict[str, object]:
    """Return a list entry for hooks of the kind that Claude Code introduced."""
    return {"hooks": [{"type": "command", "command": command, **more}]}
