"""Instructions put into a project's directory: never over what somebody else wrote.

Two kinds of file. One is all ours, and says so; where such a file does not say so, it
is left alone. The other belongs to the project, and ours is a block in it between two
marks; doing it again replaces the block, and nothing outside of it ever changes, its
line ends included.

Nothing is written outside of the project. Links within it are followed, those that lead
out of it are not, not even where one is put in the way while a file is written.
"""

import contextlib
import os
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import attrs

from argybargy.cli.errors import CliError, Exit
from argybargy.onboarding.seat import Client, Seat, seat_brief, skill
from argybargy.system.files import replace_file

_NEW_FILE: Final = 0o644


@attrs.frozen
class Installation:
    """A file of a project, and what is to be in it.

    Attributes:
        path: Which.
        directory: The project.
        room: The room that the instructions are for: each has its own place.
        is_own_file: Whether the whole file is ours.
    """

    path: Path
    directory: Path
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
        planned = cls(path, directory, room, client.is_own_file)
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
        there = self._read(self._target())
        if self.is_own_file:
            if there and self.begin not in there:
                raise self._refusal("it is there already, and not by this command")
            return ours.replace("\n", line_end(there))
        block = f"{self.begin}\n{ours}\n{self.end}"
        counts = there.count(self.begin), there.count(self.end)
        if counts == (0, 0):
            end = line_end(there)
            return there + _distance(there) + block.replace("\n", end) + end
        before, _, rest = there.partition(self.begin)
        inside, found, after = rest.partition(self.end)
        if counts != (1, 1) or not found:
            raise self._refusal("its marks are broken")
        outside = before + after
        end = line_end(outside if "\n" in outside else inside)
        return before + block.replace("\n", end) + after

    def _target(self) -> Path:
        """Return the path without its links.

        Raises:
            CliError: It leads out of the project.
        """
        try:
            target, project = self.path.resolve(), self.directory.resolve()
        except (OSError, RuntimeError) as error:
            raise self._refusal(f"it leads nowhere: {error}") from None
        if not target.is_relative_to(project):
            raise self._refusal(f"it leads out of {self.directory}, to {target}")
        return target

    def _read(self, target: Path) -> str:
        try:
            if target.exists() and not target.is_file():
                raise self._refusal("it is no file")
            return target.read_bytes().decode()
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
        target, project = self._target(), self.directory.resolve()
        parts = target.relative_to(project).parts
        try:
            with _open_folder(project, parts[:-1]) as folder:
                name, mode = Path(parts[-1]), _mode(parts[-1], folder)
                replace_file(name, text.encode(), mode, folder)
        except OSError as error:
            raise self._refusal(f"it cannot be written: {error.strerror}") from None

    def _ours(self, seat: Seat) -> str:
        if self.is_own_file:
            return skill(seat, slug(seat.room), self.begin)
        return f"## The room {seat.room}, on a relay\n\n{seat_brief(seat)}"


def line_end(text: str) -> str:
    """Return what most lines of a text end with."""
    return "\r\n" if 2 * text.count("\r\n") > text.count("\n") else "\n"


def _distance(there: str) -> str:
    """Return what parts a block from a text before it: an empty line, if none is."""
    if not there.strip().removeprefix("\ufeff"):
        return ""
    end = line_end(there)
    if there.endswith(2 * end):
        return ""
    return end if there.endswith("\n") else 2 * end


@contextlib.contextmanager
def _open_folder(project: Path, parts: Sequence[str]) -> Iterator[int]:
    """Open a folder below a project, and make it where it is missing.

    Step by step and without links: a link that somebody puts in the way after the path
    was looked at is an error, and leads nowhere.
    """
    number = os.open(project, os.O_RDONLY | os.O_DIRECTORY)
    try:
        for part in parts:
            with contextlib.suppress(FileExistsError):
                os.mkdir(part, dir_fd=number)
            flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
            below = os.open(part, flags, dir_fd=number)
            os.close(number)
            number = below
        yield number
    finally:
        os.close(number)


def _mode(name: str, folder: int) -> int:
    """Return the mode of a file that is there, or that of a new one."""
    try:
        found = os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return _NEW_FILE
    return stat.S_IMODE(found.st_mode) if stat.S_ISREG(found.st_mode) else _NEW_FILE


def slug(room: str) -> str:
    """Return a room's name in letters that a skill may be called by."""
    return "".join(c if c.isalnum() else "-" for c in room.lower())[:40].strip("-")
