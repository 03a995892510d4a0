"""Note of a clean close: a file that nobody has written since needs no second check.

Checking every page and row takes seven seconds for two million messages. A start leaves
it out if the file is as its relay left it:

- The relay that holds the lock of the directory starts with a checked file, and no
  other relay writes it. Another program that wrote it meanwhile would not be noticed.
- At a clean close the write-ahead log is empty. The note then has the size, the time of
  the last write, the inode and the header of the file; SQLite counts changes in it.
- A start deletes the note. So there is none after a crash, a loss of power or damage
  that the relay has met, and everything is checked. A restored file or a copy has
  another inode than the note.
- A note of another version is ignored, since that may have had other rules.
"""

import contextlib
import json
from pathlib import Path
from typing import Final

from argybargy import __version__
from argybargy.system.files import write_private_file

NOTE_NAME: Final = "relay.closed"
_HEADER_BYTES: Final = 100


def take_note(database: Path) -> bool:
    """Return whether a file is as its relay left it, and delete the note of that.

    Call it before the database is opened: opening may write.
    """
    note = _note_of(database)
    try:
        found = note.read_bytes()
        note.unlink()
        return found == _describe(database)
    except OSError:
        return False  # there is none, or it cannot be deleted: check everything


def leave_note(database: Path) -> None:
    """Note how a file was left, once nothing has it open; the lock is still held.

    Does nothing if the write-ahead log is not empty. A failure only costs the next
    start its time.
    """
    with contextlib.suppress(OSError):
        description = _describe(database)
        if description is not None:
            write_private_file(_note_of(database), description)


def _note_of(database: Path) -> Path:
    return database.with_name(NOTE_NAME)


def _describe(database: Path) -> bytes | None:
    """Describe a file; ``None`` while a part of the database is in its log."""
    log = database.with_name(f"{database.name}-wal")
    if log.exists() and log.stat().st_size:
        return None
    found = database.stat()
    with database.open("rb") as file:
        header = file.read(_HEADER_BYTES)
    facts = {
        "version": __version__,
        "size": found.st_size,
        "modified_ns": found.st_mtime_ns,
        "inode": found.st_ino,
        "header": header.hex(),
    }
    return json.dumps(facts).encode()
