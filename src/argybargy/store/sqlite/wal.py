"""SQLite's write-ahead log: what is on the disk, and what only seems to be.

Where a sync fails, the kernel may drop what it could not write and report success the
next time. The log then reads well, from the kernel's cache, and has a hole on the disk:
after a loss of power, nothing behind the hole would be found again.
"""

from pathlib import Path
from typing import Final

import apsw
import structlog

log = structlog.get_logger(__name__)

CHECKPOINT_PAGES: Final = 1_000
"""How long the log grows before it is copied into the database."""
_PIECE_BYTES: Final = 65_536
"""SQLite never writes more at once than a page, which is this at the most; the way it
does that goes wrong from twice as much."""


def checkpoint_wal(connection: apsw.Connection, _database: str, pages: int) -> int:
    """Copy a long log into the database. SQLite calls this after each commit.

    The commit has succeeded, whatever happens here: the log holds it until a later
    call has more luck.
    """
    if pages >= CHECKPOINT_PAGES:
        try:
            connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)
        except apsw.Error as error:
            log.warning("checkpoint failed", reason=str(error), log_pages=pages)
    return apsw.SQLITE_OK


def rewrite_wal(connection: apsw.Connection) -> None:
    """Write what the log holds to the disk once more, byte for byte.

    Done before a writer begins where another may have met a failing disk.
    """
    path = Path(connection.filename_wal)
    if not path.exists() or not path.stat().st_size:
        return
    connection.execute("BEGIN IMMEDIATE")  # nobody else may be writing to it
    try:
        _rewrite(path)
    finally:
        connection.execute("ROLLBACK")


def _rewrite(path: Path) -> None:
    flags = apsw.SQLITE_OPEN_WAL | apsw.SQLITE_OPEN_READWRITE
    file = apsw.VFSFile("", str(path), [flags, 0])
    try:
        size = file.xFileSize()
        for offset in range(0, size, _PIECE_BYTES):
            amount = min(_PIECE_BYTES, size - offset)
            file.xWrite(file.xRead(amount, offset), offset)
        file.xSync(apsw.SQLITE_SYNC_FULL)
    finally:
        file.xClose()
