"""SQLite's write-ahead log: checkpoints, and a rewrite after a possible failed sync.

After a failed fsync the kernel may drop the dirty pages and report success for the next
fsync. The log then reads correctly from the page cache and has a hole on the disk:
after a loss of power, SQLite would find nothing behind the hole.
"""

from pathlib import Path
from typing import Final

import apsw

from argybargy.system.logs import get_logger

log = get_logger(__name__)

CHECKPOINT_PAGES: Final = 1_000
"""Length of the log, in pages, from which on a commit triggers a checkpoint."""
_PIECE_BYTES: Final = 65_536
"""SQLite's largest page size, and so the largest write its VFS is made for; pieces of
twice the size fail."""


def checkpoint_wal(connection: apsw.Connection, _database: str, pages: int) -> int:
    """Checkpoint a long log. SQLite calls this hook after each commit.

    A failed checkpoint does not affect the commit, which is durable in the log; a
    later call retries.
    """
    if pages >= CHECKPOINT_PAGES:
        try:
            connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)
        except apsw.Error as error:
            log.warning("checkpoint failed", reason=str(error), log_pages=pages)
    return apsw.SQLITE_OK


def truncate_wal(connection: apsw.Connection) -> None:
    """Checkpoint the log and truncate it; an attached database is left alone.

    Raises:
        apsw.Error: A reader still uses it after the busy timeout, or the disk failed.
    """
    connection.wal_checkpoint("main", apsw.SQLITE_CHECKPOINT_TRUNCATE)


def truncate_wal_if_unused(connection: apsw.Connection) -> None:
    """Checkpoint the log and truncate it, unless a reader uses it: do not wait."""
    timeout_ms = connection.execute("PRAGMA busy_timeout").get
    connection.set_busy_timeout(0)
    try:
        connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
    except apsw.Error as error:
        log.info("log not truncated", reason=str(error))
    finally:
        connection.set_busy_timeout(timeout_ms)


def rewrite_wal(connection: apsw.Connection) -> None:
    """Write the log to the disk once more, byte for byte, and sync it.

    Called before a writer starts: an earlier writer may have had a failed sync.
    """
    path = Path(connection.filename_wal)
    if not path.exists() or not path.stat().st_size:
        return
    connection.execute("BEGIN IMMEDIATE")  # excludes other writers
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
