"""Check the data directory: existence, permissions, owner, disk and file system."""

import os
import shutil
import stat
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from argybargy.cli.doctor.finding import Finding, fine, problem, quoted, warning
from argybargy.system.mounts import find_file_system
from argybargy.system.values import frozen

DIRECTORY: Final = "data"
FILES: Final = "files"
DISK: Final = "disk"

_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO
_OTHERS_WRITE: Final = stat.S_IWGRP | stat.S_IWOTH
_MEBIBYTE: Final = 1024 * 1024
LEAST_FREE_BYTES: Final = 64 * _MEBIBYTE
EASY_FREE_BYTES: Final = 512 * _MEBIBYTE
_OURS: Final = ("relay.*", "admin.*", "search.*")

REMOTE: Final = frozenset(
    {
        *("9p", "afs", "ceph", "cifs", "drvfs", "fuse.sshfs", "glusterfs", "lustre"),
        *("nfs", "nfs4", "smb3", "smbfs", "vboxsf", "virtiofs"),
    }
)
"""File systems where locks or SQLite's shared memory may not work."""
FLEETING: Final = frozenset({"ramfs", "tmpfs"})


@frozen
class EntryFacts:
    """Facts about a file or directory.

    Attributes:
        path: Its path.
        mode: Permission bits.
        owner: User id of the owner.
        target: Target of a symbolic link; ``None`` if it is none.
    """

    path: Path
    mode: int
    owner: int
    target: Path | None = None


@frozen
class DirectoryFacts:
    """Facts about the data directory.

    Attributes:
        path: The data directory.
        home: The directory itself; ``None`` if it does not exist yet.
        files: The relay's files in it.
        user: Id of this user; ``None`` on a platform without permission bits.
        is_writable: Whether this user may write in it, or create it.
        free_bytes: Free space on its disk.
        file_system: Type of its file system; empty if unknown.
    """

    path: Path
    home: EntryFacts | None
    files: tuple[EntryFacts, ...] = ()
    user: int | None = 0
    is_writable: bool = True
    free_bytes: int = EASY_FREE_BYTES
    file_system: str = ""


def look_at_directory(path: Path) -> DirectoryFacts:
    """Collect facts about a data directory, or about its parent if it is missing.

    Raises:
        OSError: It may not be read.
    """
    near = next(place for place in (path, *path.parents) if place.exists())
    is_there = near == path
    found = {each for mask in _OURS for each in path.glob(mask)} if is_there else set()
    return DirectoryFacts(
        path=path,
        home=_look_at(path) if is_there else None,
        files=tuple(_look_at(each) for each in sorted(found)),
        user=_this_user(),
        is_writable=os.access(near, os.W_OK | os.X_OK),
        free_bytes=shutil.disk_usage(near).free,
        file_system=find_file_system(near),
    )


def _look_at(path: Path) -> EntryFacts:
    target = path.readlink() if path.is_symlink() else None
    seen = path.stat() if path.exists() else path.lstat()
    return EntryFacts(path, stat.S_IMODE(seen.st_mode), seen.st_uid, target)


if sys.platform == "win32":

    def _this_user() -> int | None:
        return None

else:

    def _this_user() -> int | None:
        return os.geteuid()


def judge_directory(facts: DirectoryFacts) -> list[Finding]:
    """Judge the directory, its files and its disk."""
    if facts.home is None:
        return [_judge_absent(facts), *_judge_disk(facts)]
    return [
        *(list(_judge_home(facts, facts.home)) or [_say_good_home(facts)]),
        *(list(_judge_files(facts)) or [_say_good_files(facts)]),
        *_judge_disk(facts),
    ]


def _judge_absent(facts: DirectoryFacts) -> Finding:
    if facts.is_writable:
        return fine(
            DIRECTORY, f"{facts.path} does not exist yet; the relay creates it."
        )
    text = f"{facts.path} does not exist, and this user may not create it."
    return problem(DIRECTORY, text, "argybargy up --data ~/argybargy")


def _say_good_home(facts: DirectoryFacts) -> Finding:
    return fine(DIRECTORY, f"{facts.path} is usable.")


def _judge_home(facts: DirectoryFacts, home: EntryFacts) -> Iterator[Finding]:
    yield from _judge_owner(DIRECTORY, facts, home)
    if not facts.is_writable:
        text = f"This user may not write in {facts.path}."
        yield problem(DIRECTORY, text, f"chmod u+rwx {quoted(facts.path)}")
    if home.target is not None:
        yield warning(
            DIRECTORY,
            f"{home.path} is a symbolic link to {home.target}: a user who may change "
            "the link can replace the data.",
            f"argybargy up --data {quoted(home.path.resolve())}",
        )
    if facts.user is not None and home.mode & _OTHERS:
        fix = f"chmod 700 {quoted(home.path)}"
        if home.mode & _OTHERS_WRITE:
            text = f"{home.path} is {home.mode:04o}: other users may replace its files."
            yield problem(DIRECTORY, text, fix)
        else:
            text = f"{home.path} is {home.mode:04o}: other users may read it."
            yield warning(DIRECTORY, text, fix)


def _judge_owner(
    check: str, facts: DirectoryFacts, entry: EntryFacts
) -> Iterator[Finding]:
    if facts.user is None or entry.owner == facts.user:
        return
    text = f"{entry.path} belongs to user {entry.owner}, not to this one."
    if facts.user:
        fix = f"sudo chown -R $(id -u) {quoted(facts.path)}"
        yield problem(check, text, fix)
    else:
        # Root may use any file, but would create files that the relay may not use.
        yield warning(check, text, f"sudo -u '#{entry.owner}' argybargy doctor")


def _judge_files(facts: DirectoryFacts) -> Iterator[Finding]:
    for entry in facts.files:
        yield from _judge_owner(FILES, facts, entry)
        if entry.target is not None:
            text = f"{entry.path} is a symbolic link to {entry.target}."
            real = quoted(facts.path / entry.target)
            fix = f"Stop the relay, then: mv {real} {quoted(entry.path)}"
            yield problem(FILES, text, fix)
        elif facts.user is not None and entry.mode & _OTHERS:
            text = f"{entry.path} is {entry.mode:04o}: other users may use it."
            yield problem(FILES, text, f"chmod 600 {quoted(entry.path)}")


def _say_good_files(facts: DirectoryFacts) -> Finding:
    if not facts.files:
        return fine(FILES, "There are no files yet.")
    return fine(FILES, f"All {len(facts.files)} are private.")


def _judge_disk(facts: DirectoryFacts) -> Iterator[Finding]:
    free = f"{facts.free_bytes // _MEBIBYTE:,} MiB are free"
    move = "argybargy up --data <a directory on a local disk>"
    usage = f"df -h {quoted(facts.path)}"
    if facts.free_bytes < LEAST_FREE_BYTES:
        yield problem(DISK, f"Only {free} for {facts.path}.", usage)
    elif facts.free_bytes < EASY_FREE_BYTES:
        yield warning(DISK, f"Only {free} for {facts.path}.", usage)
    elif facts.file_system not in REMOTE | FLEETING:
        kind = f" on {facts.file_system}" if facts.file_system else ""
        yield fine(DISK, f"{free}{kind}.")
    if facts.file_system in REMOTE:
        text = f"{facts.path} is on {facts.file_system}, where locks may not work."
        yield warning(DISK, text, move)
    if facts.file_system in FLEETING:
        text = f"{facts.path} is on {facts.file_system}: a reboot empties it."
        yield warning(DISK, text, move)
