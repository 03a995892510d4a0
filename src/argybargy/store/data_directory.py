"""The data directory: private files, one lock, one relay at a time."""

import contextlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import attrs

from argybargy.store.errors import Incompatible, Refused
from argybargy.store.moving.marks import check_not_moved
from argybargy.system.files import (
    LOCK_NAME,
    is_locked,
    lock_nowait,
    make_private_directory,
    make_private_file,
)
from argybargy.system.mounts import find_file_system
from argybargy.system.values import frozen

Identity = tuple[tuple[int, int] | None, ...]
"""Device and inode of each file; ``None`` for a missing one."""

DATABASE_NAME: Final = "relay.db"
SNAPSHOT: Final = "snapshot"
RESTORING: Final = "restoring"
"""Suffixes of temporary copies; the next process deletes those it finds."""


@frozen
class ServerAddress:
    """The address that the relay of a data directory listens on.

    Attributes:
        host: Host or IP address, as configured.
        port: TCP port.
        pid: Process id of the relay.
        certificate: Path of the TLS certificate; ``None`` without TLS.
    """

    host: str
    port: int
    pid: int
    certificate: str | None = None


@contextlib.contextmanager
def hold_directory(directory: Path) -> Iterator[Path]:
    """Lock `directory` while the block runs, and prepare its files.

    Left-overs of an interrupted backup or restore are deleted.

    Yields:
        The path of the database, which exists and may be empty.

    Raises:
        Incompatible: Another relay holds the lock, the database has a hard link in
            another directory, or its relay has moved.
        Refused: The directory or its files cannot be created.
    """
    with hold_lock(directory) as database:
        check_not_moved(directory)
        remove_unfinished(directory)
        _make_private_files(database)
        yield database


def remove_unfinished(directory: Path) -> None:
    """Delete temporary copies of the database. The caller holds the lock."""
    for suffix in (SNAPSHOT, RESTORING):
        for left_over in directory.glob(f"{DATABASE_NAME}.{suffix}*"):
            left_over.unlink()


@contextlib.contextmanager
def hold_lock(directory: Path) -> Iterator[Path]:
    """Lock `directory` while the block runs; no other file is touched.

    The operating system releases the lock when the process ends, however it ends.

    Yields:
        The path of the database, which may not exist.

    Raises:
        Incompatible: Another relay holds the lock.
        Refused: The directory cannot be created, or its file system has no locks.
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
        # A killed process leaves its address in the file; clients must not use it.
        os.ftruncate(descriptor, 0)
        yield database
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def publish_server_address(directory: Path, address: ServerAddress) -> Iterator[None]:
    """Publish the relay's address in the lock file while the block runs.

    Commands send the admin token to the published address, so the caller must hold
    the lock and have bound `address` already.

    Raises:
        OSError: The lock file cannot be written.
    """
    lock = directory / LOCK_NAME
    lock.write_text(json.dumps(attrs.asdict(address)), "utf-8")
    try:
        yield
    finally:
        os.truncate(lock, 0)


def is_held(directory: Path) -> bool:
    """Tell whether another process holds the lock of `directory`.

    Raises:
        Refused: The file system has no locks.
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
    """Name directory and file system, which the `OSError` leaves out."""
    kind = find_file_system(directory)
    return Refused(
        f"files in {directory} cannot be locked{f' on {kind}' if kind else ''}: "
        f"{error.strerror or error}. Its file system has no locks, and two relays "
        "could use it at once. Choose a directory on a local disk with --data."
    )


def find_server_address(directory: Path) -> ServerAddress | None:
    """Return the published address of the relay that runs on `directory`.

    Returns:
        ``None`` if no relay holds the lock, or it is starting or stopping.

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
        return None  # read in the middle of a write, or after its removal


def _make_private_files(database: Path) -> None:
    try:
        make_private_file(database)
        links_elsewhere = _count_links_elsewhere(database)
        for left_over in database.parent.glob(f"{database.name}-*"):
            make_private_file(left_over)
    except OSError as error:
        raise _unusable(database.parent, error) from error
    if links_elsewhere:
        # The lock covers the directory: a relay on the other link would not see it.
        raise Incompatible(
            f"The database {database} has a name in another directory too (a hard "
            "link), and another server could be running on it there. Remove that "
            "name, or replace this one by a copy."
        )


def _count_links_elsewhere(database: Path) -> int:
    """Count the hard links to a file from other directories.

    A link in the same directory is harmless: an interrupted restore leaves one.
    """
    beside = database.parent.glob(f"{database.name}*")
    return database.stat().st_nlink - sum(map(database.samefile, beside))


def _unusable(directory: Path, error: OSError) -> Refused:
    why = error.strerror or error
    return Refused(f"the directory {directory} cannot be opened: {why}.")


def identify(*paths: str) -> Identity:
    """Return the identity of the files at these paths."""
    return tuple(map(_identify, paths))


def _identify(path: str) -> tuple[int, int] | None:
    try:
        found = os.stat(path)  # noqa: PTH116 - cheaper than Path, on every commit
    except OSError:
        return None
    return found.st_dev, found.st_ino
