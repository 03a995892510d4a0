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


@contextlib.contextmanager
def hold_directory(directory: Path) -> Iterator[Path]:
    """Keep every other server away from `directory` while the block runs.

    Yields:
        The path of the database, which exists and may be empty.

    Raises:
        Incompatible: Another server holds it.
        Refused: The directory or its files cannot be made.
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
        _make_private_files(database)
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
