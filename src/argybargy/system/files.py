"""What differs between operating systems: file modes and file locks."""

import os
import shutil
import stat
import sys
from pathlib import Path
from typing import Final

LOCK_NAME: Final = "relay.lock"


_OWNER_ONLY = stat.S_IRUSR | stat.S_IWUSR
_LOCKED_BYTE = 1 << 30
"""Which byte stands for a file where bytes are locked; the others can be read."""


def make_private_directory(path: Path) -> None:
    """Make a directory that only its owner may enter, unless it is there already.

    One that is there keeps its mode: it may be shared on purpose, and the files in
    it are private by themselves.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    path.mkdir(mode=stat.S_IRWXU, exist_ok=True)


def make_private_file(path: Path) -> None:
    """Make an empty file that only its owner may read, or make an old one so.

    SQLite gives the files that it makes beside a database the mode of the database.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, _OWNER_ONLY)
    os.close(descriptor)
    path.chmod(_OWNER_ONLY)


def sync_file(path: Path) -> None:
    """Return when the content of a file would survive the loss of power."""
    descriptor = os.open(path, os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def keep_second_name(path: Path, aside: Path) -> None:
    """Let a file have a second name, or a copy where the file system has no links."""
    try:
        os.link(path, aside)
    except OSError:
        shutil.copyfile(path, aside)
        aside.chmod(_OWNER_ONLY)
        sync_file(aside)


if sys.platform == "win32":
    import msvcrt

    def sync_directory(path: Path) -> None:
        """Do nothing: names in a directory need no flush of their own here."""

    def lock_nowait(descriptor: int) -> bool:
        """Lock an open file against other processes, or return False at once.

        The lock goes when the file is closed or the process ends.
        """
        os.lseek(descriptor, _LOCKED_BYTE, os.SEEK_SET)
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

else:
    import fcntl

    def sync_directory(path: Path) -> None:
        """Return when the names in a directory would survive the loss of power."""
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def lock_nowait(descriptor: int) -> bool:
        """Lock an open file against other processes, or return False at once.

        The lock goes when the file is closed or the process ends.
        """
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


def is_locked(path: Path) -> bool:
    """Tell whether another process holds the lock on a file.

    Of a file that this one may not open nobody can tell, and it counts as free.
    """
    try:
        descriptor = os.open(path, os.O_RDWR)
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        return False
    try:
        return not lock_nowait(descriptor)
    finally:
        os.close(descriptor)
