"""Read and replace a file below a directory, without following a link out of it.

Symbolic links within the directory are followed; links that leave it are refused, even
one that appears while a file is written.
"""

import contextlib
import errno
import os
import stat
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from argybargy.cli.errors import CliError
from argybargy.system.files import replace_file
from argybargy.system.values import frozen

_NEW_FILE: Final = 0o644
_MOST_BYTES: Final = 4 * 1024 * 1024
"""Largest file that is changed; a settings file is far smaller."""


@frozen
class SafeFile:
    """A file below a directory.

    Attributes:
        root: The directory.
        path: Its path below the directory.
    """

    root: Path
    path: str

    def __str__(self) -> str:
        return str(self.root / self.path)

    def refusal(self, why: str) -> CliError:
        """Return the error for a file that is not changed."""
        text = f"{self} is left as it is: {why}."
        return CliError(text, "Correct it or move it away, and try again.")

    def read(self) -> bytes | None:
        """Return the content; ``None`` if there is no file.

        Raises:
            CliError: It cannot be read, is no file, or is outside of the directory.
        """
        target = self._target()
        try:
            if target.exists() and not target.is_file():
                raise self.refusal("it is not a file")
            with target.open("rb") as file:
                content = file.read(_MOST_BYTES + 1)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise self.refusal(f"it cannot be read: {error.strerror}") from None
        if len(content) > _MOST_BYTES:
            raise self.refusal("it is too large")
        return content

    def missing_folders(self) -> list[str]:
        """Return the folders below the directory that a write would create."""
        parents = list(Path(self.path).parents)[:-1]
        missing = [each for each in parents if not (self.root / each).exists()]
        return [str(each) for each in reversed(missing)]

    def write(self, content: bytes) -> None:
        """Replace the content atomically; mode and links stay.

        Raises:
            CliError: It cannot be written.
        """
        parts, project = self._parts()
        try:
            with _open_folder(project, parts[:-1]) as folder:
                replace_file(Path(parts[-1]), content, _mode(parts[-1], folder), folder)
        except OSError as error:
            raise self.refusal(f"it cannot be written: {error.strerror}") from None

    def delete(self) -> None:
        """Delete the file, if it is there.

        Raises:
            CliError: It cannot be deleted.
        """
        parts, project = self._parts()
        try:
            with _open_folder(project, parts[:-1], makes=False) as folder:
                os.unlink(parts[-1], dir_fd=folder)
        except FileNotFoundError:
            return
        except OSError as error:
            raise self.refusal(f"it cannot be deleted: {error.strerror}") from None

    def _parts(self) -> tuple[tuple[str, ...], Path]:
        target, root = self._target(), self.root.resolve()
        return target.relative_to(root).parts, root

    def _target(self) -> Path:
        """Return the path with symbolic links resolved.

        Raises:
            CliError: The path leaves the directory.
        """
        try:
            target, root = (self.root / self.path).resolve(), self.root.resolve()
        except (OSError, RuntimeError) as error:
            raise self.refusal(f"it cannot be resolved: {error}") from None
        if not target.is_relative_to(root):
            raise self.refusal(f"it leads out of {self.root}, to {target}")
        return target


@contextlib.contextmanager
def _open_folder(
    root: Path, parts: Sequence[str], *, makes: bool = True
) -> Iterator[int]:
    """Open a folder below a directory; `makes` creates it if it is missing.

    Each step is opened by descriptor with O_NOFOLLOW: a link that replaces a folder
    after the path was checked is an error.

    Raises:
        OSError: A folder cannot be opened; on Windows, which opens none by descriptor,
            always.
    """
    if sys.platform == "win32":
        raise OSError(errno.ENOTSUP, "links cannot be excluded on Windows")
    number = os.open(root, os.O_RDONLY | os.O_DIRECTORY)
    try:
        for part in parts:
            if makes:
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
