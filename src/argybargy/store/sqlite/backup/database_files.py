"""Copy a database with its write-ahead log, and set the one in use aside."""

import itertools
import shutil
from collections.abc import Sequence
from pathlib import Path

from argybargy.system.files import link_or_copy, make_private_file

_COMPANIONS = ("-wal", "-shm")


def copy_database(source: Path, fresh: Path) -> None:
    """Copy a database file, and its write-ahead log if it has one."""
    make_private_file(fresh)
    shutil.copyfile(source, fresh)
    log = source.with_name(f"{source.name}-wal")
    if log.exists() and log.stat().st_size:
        fresh_log = fresh.with_name(f"{fresh.name}-wal")
        make_private_file(fresh_log)
        shutil.copyfile(log, fresh_log)


def put_aside(database: Path, stamp: str) -> Path | None:
    """Link the database in use under a second name, and remove its log and -shm file.

    The log is empty after the checkpoint of `read_superseded`. If the database could
    not be read, the log has content and is kept under the second name as well.
    """
    if not database.exists() or not database.stat().st_size:
        return None
    # A link and not a rename, so that a database is under its own name at every moment.
    wanted = f"{database.name}.before-restore-{stamp}"
    names = itertools.chain([wanted], (f"{wanted}-{n}" for n in itertools.count(2)))
    paths = map(database.with_name, names)
    aside = next(path for path in paths if not path.exists())
    link_or_copy(database, aside)
    _move_companions(database, aside, _COMPANIONS)
    return aside


def _move_companions(database: Path, aside: Path, endings: Sequence[str]) -> None:
    for ending in endings:
        companion = database.with_name(database.name + ending)
        if not companion.exists():
            continue
        if ending == "-wal" and companion.stat().st_size:
            link_or_copy(companion, aside.with_name(aside.name + ending))
        companion.unlink()
