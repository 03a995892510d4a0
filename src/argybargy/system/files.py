"""Private files, atomic replacement, flushes to the disk, and file locks."""

import contextlib
import os
import shutil
import stat
import sys
from pathlib import Path
from typing import Final

LOCK_NAME: Final = "relay.lock"
_OWNER_ONLY = stat.S_IRUSR | stat.S_IWUSR
_LOCKED_BYTE = 1 << 30
"""Byte to lock on Windows, whose locks block reads: far beyond the content."""


def make_private_directory(path: Path) -> None:
    """Create a directory with mode 0700, and missing parents.

    An existing directory keeps its mode: it may be shared on purpose, and the files
    in it are private themselves.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    path.mkdir(mode=stat.S_IRWXU, exist_ok=True)


def make_private_file(path: Path) -> None:
    """Create an empty file with mode 0600, or set the mode of an existing one.

    SQLite creates the files beside a database with the mode of the database.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, _OWNER_ONLY)
    os.close(descriptor)
    path.chmod(_OWNER_ONLY)


def write_private_file(path: Path, data: bytes) -> None:
    """Write a file with mode 0600, atomically; see :func:`replace_file`."""
    replace_file(path, data, _OWNER_ONLY)


def replace_file(path: Path, data: bytes, mode: int, folder: int | None = None) -> None:
    """Write a file atomically, replacing an existing one.

    The content is synced under the name ``<name>.new`` and then renamed: after a crash
    the file has its old content or the new. Symbolic links are replaced, not followed.

    Args:
        path: The file.
        data: Its content.
        mode: Its permissions, from its creation on.
        folder: Descriptor of the directory that `path` is relative to; ``None`` is
            the working directory.

    Raises:
        OSError: The file cannot be written; the old one is unchanged.
    """
    fresh = path.with_name(f"{path.name}.new")
    _unlink(fresh, folder)
    # O_EXCL fails on a link that was put there meanwhile.
    descriptor = os.open(
        fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode, dir_fd=folder
    )
    try:
        with os.fdopen(descriptor, "wb") as file:
            if sys.platform != "win32":
                os.fchmod(descriptor, mode)  # `os.open` applies the umask
            file.write(data)
            file.flush()
            os.fsync(descriptor)
        # By descriptor: the path may lead to another directory by now.
        os.replace(fresh, path, src_dir_fd=folder, dst_dir_fd=folder)
    except BaseException:
        _unlink(fresh, folder)
        raise


def _unlink(path: Path, folder: int | None) -> None:
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path, dir_fd=folder)


def sync_file(path: Path) -> None:
    """Flush the content of a file, so that it survives a loss of power."""
    descriptor = os.open(path, os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def link_or_copy(path: Path, aside: Path) -> None:
    """Hard-link a file, or copy it on a file system without links."""
    try:
        os.link(path, aside)
    except OSError:
        shutil.copyfile(path, aside)
        aside.chmod(_OWNER_ONLY)
        sync_file(aside)


if sys.platform == "win32":
    import msvcrt

    def sync_directory(path: Path) -> None:
        """Do nothing: Windows flushes directory entries with the file."""

    def lock_nowait(descriptor: int) -> bool:
        """Lock an open file against other processes; return False if it is locked.

        Closing the file, or the end of the process, releases the lock.
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
        """Flush the entries of a directory, so that they survive a loss of power."""
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def lock_nowait(descriptor: int) -> bool:
        """Lock an open file against other processes; return False if it is locked.

        Closing the file, or the end of the process, releases the lock.
        """
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


def is_locked(path: Path) -> bool:
    """Tell whether another process holds the lock on a file.

    False also if the file is missing or this process may not open it.
    """
    try:
        descriptor = os.open(path, os.O_RDWR)
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        return False
    try:
        return not lock_nowait(descriptor)
    finally:
        os.close(descriptor)
