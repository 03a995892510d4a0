"""The data directory: private, and of one server at a time."""

import contextlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import attrs

from argybargy.store.errors import Incompatible, Refused
from argybargy.system.files import (
    LOCK_NAME,
    is_locked,
    lock_nowait,
    make_private_directory,
    make_private_file,
)
from argybargy.system.mounts import find_file_system

Identity = tuple[tuple[int, int] | None, ...]
"""Which files these are, whatever they are called."""

DATABASE_NAME: Final = "relay.db"
SNAPSHOT: Final = "snapshot"
RESTORING: Final = "restoring"
"""The endings of copies that do not outlive the process that makes them."""


@attrs.frozen
class ServerAddress:
    """Where the server of a data directory listens.

    Attributes:
        host: The address that it was told to listen on.
        port: The port.
        pid: The number of its process.
        certificate: The file with the certificate that it shows; ``None`` is no TLS.
    """

    host: str
    port: int
    pid: int
    certificate: str | None = None


@contextlib.contextmanager
def hold_directory(directory: Path) -> Iterator[Path]:
    """Keep every other server away from `directory` while the block runs.

    What an earlier process has left of an unfinished backup or restore goes.

    Yields:
        The path of the database, which exists and may be empty.

    Raises:
        Incompatible: Another server holds it, or could hold its database elsewhere.
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
        Refused: The directory cannot be made, or its file system has no locks.
    """
    lock, database = directory / LOCK_NAME, directory / DATABASE_NAME
    try:
        make_private_directory(directory)
        make_private_file(lock)
        descriptor = os.open(lock, os.O_RDWR)
    except OSError as error:
        raise _unusable(directory, error) from error
    try:
        if not _lock(descriptor, directory):
            raise Incompatible(
                f"Another server is running on {directory} (it holds {lock}). "
                "Stop it, or give this one a directory of its own."
            )
        # An earlier process may have been killed where it listened.
        os.ftruncate(descriptor, 0)
        yield database
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def publish_server_address(directory: Path, place: ServerAddress) -> Iterator[None]:
    """Write into the lock where the server listens, while the block runs.

    The lock is held by this process, and `place` is taken by it: who reads this
    gives the one that listens there the admin token.

    Raises:
        OSError: It cannot be written.
    """
    lock = directory / LOCK_NAME
    lock.write_text(json.dumps(attrs.asdict(place)), "utf-8")
    try:
        yield
    finally:
        os.truncate(lock, 0)


def is_held(directory: Path) -> bool:
    """Tell whether another process holds the lock of `directory`.

    Raises:
        Refused: Its file system has no locks.
    """
    try:
        return is_locked(directory / LOCK_NAME)
    except OSError as error:
        raise _unlockable(directory, error) from error


def _lock(descriptor: int, directory: Path) -> bool:
    try:
        return lock_nowait(descriptor)
    except OSError as error:
        raise _unlockable(directory, error) from error


def _unlockable(directory: Path, error: OSError) -> Refused:
    """Say what has no locks: the error itself names no file."""
    kind = find_file_system(directory)
    return Refused(
        f"files in {directory} cannot be locked{f' on {kind}' if kind else ''}: "
        f"{error.strerror or error}. Its file system has no locks, and two relays "
        "could use it at once. Choose a directory on a local disk with --data."
    )


def find_server_address(directory: Path) -> ServerAddress | None:
    """Return where the server of `directory` listens.

    Returns:
        ``None`` if there is no server, or it does not listen (yet, or any more).

    Raises:
        Refused: The file system has no locks.
    """
    if not is_held(directory):
        return None
    try:
        facts = json.loads((directory / LOCK_NAME).read_text("utf-8"))
        host, port, pid = str(facts["host"]), int(facts["port"]), int(facts["pid"])
        certificate = facts.get("certificate")
        return ServerAddress(host, port, pid, certificate and str(certificate))
    except (OSError, ValueError, KeyError, TypeError):
        return None  # it is being written, or has gone


def _make_private_files(database: Path) -> None:
    try:
        make_private_file(database)
        elsewhere = _names_elsewhere(database)
        for left_over in database.parent.glob(f"{database.name}-*"):
            make_private_file(left_over)
    except OSError as error:
        raise _unusable(database.parent, error) from error
    if elsewhere:
        # The lock is of the directory: a server on another name would not see it.
        raise Incompatible(
            f"The database {database} has a name in another directory too (a hard "
            "link), and another server could be running on it there. Remove that "
            "name, or replace this one by a copy."
        )


def _names_elsewhere(database: Path) -> int:
    """Count the names of a file in other directories.

    Beside it there may be one: a restore that was cut short leaves it.
    """
    beside = database.parent.glob(f"{database.name}*")
    return database.stat().st_nlink - sum(map(database.samefile, beside))


def _unusable(directory: Path, error: OSError) -> Refused:
    why = error.strerror or error
    return Refused(f"the directory {directory} cannot be opened: {why}.")


def identify(*paths: str) -> Identity:
    """Tell the files at these paths from any others; ``None`` is no file."""
    return tuple(map(_identify, paths))


def _identify(path: str) -> tuple[int, int] | None:
    try:
        found = os.stat(path)  # noqa: PTH116 - before every commit
    except OSError:
        return None
    return found.st_dev, found.st_ino
