"""The data directory: private, and of one server at a time."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from argybargy.store.errors import Incompatible, Refused
from argybargy.store.platform import (
    lock_nowait,
    make_private_directory,
    make_private_file,
)

Identity = tuple[tuple[int, int] | None, ...]
"""Which files these are, whatever they are called."""

DATABASE_NAME: Final = "relay.db"
LOCK_NAME: Final = "relay.lock"
SNAPSHOT: Final = "snapshot"
RESTORING: Final = "restoring"
"""The endings of copies that do not outlive the process that makes them."""


@contextlib.contextmanager
def hold_directory(directory: Path) -> Iterator[Path]:
    """Keep every other server away from `directory` while the block runs.

    What an earlier process has left of an unfinished backup or restore goes.

    Yields:
        The path of the database, which exists and may be empty.

    Raises:
        Incompatible: Another server holds it.
        Refused: The directory or its files cannot be made.
    """
    with hold_lock(directory) as database:
        remove_unfinished(directory)
        _make_private_files(database)
        yield database


def remove_unfinished(directory: Path) -> None:
    """Remove copies of the database that nobody will finish. The lock is held."""
    for kind in (SNAPSHOT, RESTORING):
        for left_over in directory.glob(f"{DATABASE_NAME}.{kind}*"):
            left_over.unlink()


@contextlib.contextmanager
def hold_lock(directory: Path) -> Iterator[Path]:
    """Hold the lock of `directory` while the block runs, and touch nothing else.

    Yields:
        The path of the database, which may not exist.

    Raises:
        Incompatible: Another server holds it.
        Refused: The directory cannot be made.
    """
    lock, database = directory / LOCK_NAME, directory / DATABASE_NAME
    try:
        make_private_directory(directory)
        make_private_file(lock)
        descriptor = os.open(lock, os.O_RDWR)
    except OSError as error:
        raise _unusable(directory, error) from error
    try:
        if not lock_nowait(descriptor):
            raise Incompatible(
                f"Another server is running on {directory} (it holds {lock}). "
                "Stop it, or give this one a directory of its own."
            )
        yield database
    finally:
        os.close(descriptor)


def _make_private_files(database: Path) -> None:
    try:
        make_private_file(database)
        for left_over in database.parent.glob(f"{database.name}-*"):
            make_private_file(left_over)
    except OSError as error:
        raise _unusable(database.parent, error) from error


def _unusable(directory: Path, error: OSError) -> Refused:
    return Refused(f"The data directory {directory} cannot be used: {error}")


def identify(*paths: str) -> Identity:
    """Tell the files at these paths from any others; ``None`` is no file."""
    return tuple(map(_identify, paths))


def _identify(path: str) -> tuple[int, int] | None:
    try:
        found = os.stat(path)  # noqa: PTH116 - before every commit
    except OSError:
        return None
    return found.st_dev, found.st_ino
