"""Instructions put into a project's directory: never over what somebody else wrote.

Two kinds of file. One is all ours, and says so; where such a file does not say so, it
is left alone. The other belongs to the project, and ours is a block in it between two
marks; doing it again replaces the block, and nothing outside of it ever changes.
"""

import stat
from pathlib import Path
from typing import Final

import attrs

from argybargy.cli.exits import CliError, Exit
from argybargy.cli.keeping import write_file
from argybargy.domain.joining import Client, Seat, seat_brief, skill

_NEW_FILE: Final = 0o644


@attrs.frozen
class Installation:
    """A file of a project, and what is to be in it.

    Attributes:
        path: Which.
        room: The room that the instructions are for: each has its own place.
        is_own_file: Whether the whole file is ours.
    """

    path: Path
    room: str
    is_own_file: bool

    @classmethod
    def plan(cls, client: Client, room: str, directory: Path | None) -> "Installation":
        """Find the place, and refuse one that cannot be written safely.

        Raises:
            CliError: There is nothing to install for the client, no directory, or
                somebody else's file in the way.
        """
        if not client.file:
            text = f"There is nothing to install for {client.title}."
            raise CliError(
                text, "Leave out --write, and use what is shown.", Exit.USAGE
            )
        if directory is None:
            text = "--write needs a project to write into."
            raise CliError(text, "Say which: --directory DIR", Exit.USAGE)
        if not directory.is_dir():
            text = f"There is no directory {directory} to write into."
            raise CliError(text, "Name one that there is: --directory", Exit.USAGE)
        path = directory / client.file.format(room=slug(room))
        planned = cls(path, room, client.is_own_file)
        planned.merged("")
        return planned

    @property
    def begin(self) -> str:
        """What stands before what is ours."""
        return f"<!-- argybargy {self.room}: made by 'argybargy connect' -->"

    @property
    def end(self) -> str:
        """What stands after it."""
        return f"<!-- argybargy {self.room}: end -->"

    @property
    def undo(self) -> str:
        """How to take it out again, in words."""
        if self.is_own_file:
            return f"delete {self.path}"
        return f"delete all from '{self.begin}' to '{self.end}' in {self.path}"

    def merged(self, ours: str) -> str:
        """Return what the file will hold.

        Raises:
            CliError: What is there is somebody else's, or cannot be read.
        """
        there = self._read()
        if self.is_own_file:
            if there and self.begin not in there:
                raise self._refusal("it is there already, and not by this command")
            return ours
        block = f"{self.begin}\n{ours}\n{self.end}\n"
        counts = there.count(self.begin), there.count(self.end)
        if counts == (0, 0):
            return f"{there.rstrip()}\n\n{block}" if there.strip() else block
        before, _, rest = there.partition(self.begin)
        _, found, after = rest.partition(f"{self.end}")
        if counts != (1, 1) or not found:
            raise self._refusal("its marks are broken")
        return before + block + after.removeprefix("\n")

    def _read(self) -> str:
        try:
            return self.path.read_bytes().decode()
        except FileNotFoundError:
            return ""
        except (OSError, UnicodeDecodeError) as error:
            raise self._refusal(f"it cannot be read: {error}") from None

    def _refusal(self, why: str) -> CliError:
        text = f"{self.path} is left as it is: {why}."
        return CliError(text, "Move it out of the way, or leave out --write.")

    def install(self, seat: Seat) -> None:
        """Write it; a file that is there keeps its mode, and a link stays one.

        Raises:
            CliError: It cannot be written.
        """
        text = self.merged(self._ours(seat))
        target = self.path.resolve()
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            is_there = target.exists()
            mode = stat.S_IMODE(target.stat().st_mode) if is_there else _NEW_FILE
            write_file(target, text, mode)
        except OSError as error:
            raise self._refusal(f"it cannot be written: {error.strerror}") from None

    def _ours(self, seat: Seat) -> str:
        if self.is_own_file:
            return skill(seat, slug(seat.room), self.begin)
        return f"## The room {seat.room}, on a relay\n\n{seat_brief(seat)}"


def slug(room: str) -> str:
    """Return a room's name in letters that a skill may be called by."""
    return "".join(c if c.isalnum() else "-" for c in room.lower())[:40].strip("-")
