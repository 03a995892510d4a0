"""Install instructions into a project, without overwriting files of other authors.

Some clients have a file for each skill: it is ours as a whole, and carries a mark; a
file without the mark is left alone. Others have one file for the whole project: our
part is a block between two marks, and a second installation replaces the block.
Everything outside of the block stays as it is, line endings included.

Nothing is written outside of the project. Symbolic links within the project are
followed; links that leave it are refused, even one that appears while a file is
written.
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
    """Planned file of a project.

    Attributes:
        path: The file.
        directory: The project.
        room: Room of the instructions; each room has a place of its own.
        is_own_file: Whether the whole file is ours.
    """

    path: Path
    directory: Path
    room: str
    is_own_file: bool

    @classmethod
    def plan(cls, client: Client, room: str, directory: Path | None) -> "Installation":
        """Choose the file of a client, and reject one that cannot be written safely.

        Raises:
            CliError: The client has no instruction file, the directory does not exist,
                or another author's file is in the way.
        """
        if not client.file:
            text = f"There is nothing to install for {client.title}."
            hint = "Leave out --write, and use the printed text."
            raise CliError(text, hint, Exit.USAGE)
        if directory is None:
            text = "--write needs a project directory."
            raise CliError(text, "Name it: --directory DIR", Exit.USAGE)
        if not directory.is_dir():
            text = f"There is no directory {directory}."
            raise CliError(text, "Name an existing one: --directory DIR", Exit.USAGE)
        path = directory / client.file.format(room=slug(room))
        planned = cls(path, directory, room, client.is_own_file)
        planned.merged("")
        return planned

    @property
    def begin(self) -> str:
        """Mark before our text."""
        return f"<!-- argybargy {self.room}: made by 'argybargy connect' -->"

    @property
    def end(self) -> str:
        """Mark after our text."""
        return f"<!-- argybargy {self.room}: end -->"

    @property
    def undo(self) -> str:
        """Sentence that says how to remove the instructions."""
        if self.is_own_file:
            return f"delete {self.path}"
        return f"delete all from '{self.begin}' to '{self.end}' in {self.path}"

    def merged(self, ours: str) -> str:
        """Return the new content of the file.

        Raises:
            CliError: The file belongs to another author, or cannot be read.
        """
        there = self._read(self._target())
        if self.is_own_file:
            if there and self.begin not in there:
                raise self._refusal("it exists, and was not made by this command")
            return ours.replace("\n", line_end(there))
        block = f"{self.begin}\n{ours}\n{self.end}"
        counts = there.count(self.begin), there.count(self.end)
        if counts == (0, 0):
            end = line_end(there)
            return there + _distance(there) + block.replace("\n", end) + end
        before, _, rest = there.partition(self.begin)
        inside, found, after = rest.partition(self.end)
        if counts != (1, 1) or not found:
            raise self._refusal("the marks of its block are incomplete")
        outside = before + after
        end = line_end(outside if "\n" in outside else inside)
        return before + block.replace("\n", end) + after

    def _target(self) -> Path:
        """Return the path with symbolic links resolved.

        Raises:
            CliError: The path leaves the project.
        """
        try:
            target, project = self.path.resolve(), self.directory.resolve()
        except (OSError, RuntimeError) as error:
            raise self._refusal(f"it cannot be resolved: {error}") from None
        if not target.is_relative_to(project):
            raise self._refusal(f"it leads out of {self.directory}, to {target}")
        return target

    def _read(self, target: Path) -> str:
        try:
            if target.exists() and not target.is_file():
                raise self._refusal("it is not a file")
            return target.read_bytes().decode()
        except FileNotFoundError:
            return ""
        except (OSError, UnicodeDecodeError) as error:
            raise self._refusal(f"it cannot be read: {error}") from None

    def _refusal(self, why: str) -> CliError:
        text = f"{self.path} is left as it is: {why}."
        return CliError(text, "Move it out of the way, or leave out --write.")

    def install(self, seat: Seat) -> None:
        """Write the file; an existing file keeps its mode, and a link stays a link.

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
    """Return the line ending of most lines."""
    return "\r\n" if 2 * text.count("\r\n") > text.count("\n") else "\n"


def _distance(there: str) -> str:
    """Return the line endings for an empty line between a text and our block."""
    if not there.strip().removeprefix("\ufeff"):
        return ""
    end = line_end(there)
    if there.endswith(2 * end):
        return ""
    return end if there.endswith("\n") else 2 * end


@contextlib.contextmanager
def _open_folder(project: Path, parts: Sequence[str]) -> Iterator[int]:
    """Open a folder below a project, created if it is missing.

    Each step is opened by descriptor with O_NOFOLLOW: a link that replaces a folder
    after the path was checked is an error.
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
    """Return the mode of an existing file, or the default of a new one."""
    try:
        found = os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return _NEW_FILE
    return stat.S_IMODE(found.st_mode) if stat.S_ISREG(found.st_mode) else _NEW_FILE


def slug(room: str) -> str:
    """Return a room's name in characters that are allowed in the name of a skill."""
    return "".join(c if c.isalnum() else "-" for c in room.lower())[:40].strip("-")
