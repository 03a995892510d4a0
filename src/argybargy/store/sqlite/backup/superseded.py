"""What a database knows that is about to be replaced by a backup."""

import contextlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import apsw
import attrs

from argybargy.domain.limits import MAX_SEQ
from argybargy.domain.names import fold, is_name
from argybargy.domain.room.state import RoomStatus
from argybargy.store.errors import Corrupt, Incompatible, Refused
from argybargy.store.sqlite.backup.verify import check
from argybargy.store.sqlite.connection import BUSY_MS
from argybargy.store.sqlite.row_validation import NEWEST_MS, OLDEST_MS
from argybargy.store.sqlite.tables.codes import read_codes, read_revoked

_UNREADABLE: Final = (apsw.CorruptError, apsw.NotADBError, apsw.SQLError, ValueError)
"""Damaged, no database, without our tables, or with text that is none."""


MOST_HEAD: Final = MAX_SEQ - 2**32
"""The newest number that a room may go on after: some must be left to go on with."""


@attrs.frozen
class SupersededRoom:
    """What the replaced database knows of one room."""

    status: RoomStatus
    created_ms: int
    head: int
    fence: int
    last_ms: int


@attrs.frozen
class SupersededDatabase:
    """What the replaced database knows.

    Attributes:
        rooms: Its rooms, by folded name.
        digests: Its codes.
        revoked: The codes that were deleted in it.
        noted: Handles of codes that its audit log says were revoked: all that older
            versions wrote down.
        cursors: What its readers have acknowledged.
    """

    rooms: Mapping[str, SupersededRoom]
    digests: frozenset[bytes]
    revoked: frozenset[bytes]
    noted: frozenset[str]
    cursors: Mapping[tuple[str, str], int]


def read_superseded(database: Path) -> SupersededDatabase | None:
    """Read what matters of the database in use; ``None`` if it is damaged, or none.

    What its log holds is moved into it, so that it is one file.

    Raises:
        Refused: Another program has it open. What is in it must not be given up for
            that: its numbers and its revocations would be lost.
        apsw.Error: It cannot be read now, whatever is in it.
    """
    if not database.exists() or not database.stat().st_size:
        return None
    connection = apsw.Connection(str(database))
    try:
        connection.set_busy_timeout(BUSY_MS)
        connection.execute("PRAGMA trusted_schema = OFF").fetchall()
        return _look_into(connection, database)
    except (apsw.BusyError, apsw.LockedError) as error:
        raise Refused(
            f"another program has the database {database} open ({error}); close it, "
            "and restore again"
        ) from error
    except (*_UNREADABLE, Corrupt):
        return None
    finally:
        connection.close()


def _look_into(connection: apsw.Connection, database: Path) -> SupersededDatabase:
    with contextlib.suppress(Incompatible):  # what a newer version counted counts
        check(connection, database)
    # Read first: what is read through the log is right whether that can be moved
    # or not, and damage is told from somebody who is in the way.
    replaced = _read_replaced(connection)
    connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
    return replaced


def _read_replaced(connection: apsw.Connection) -> SupersededDatabase:
    rows: list[Any] = connection.execute(
        """
        SELECT name, closed_at_ms, closed_by, created_ms, head, fence, last_ms
        FROM rooms
        """
    ).fetchall()
    # What cannot be true is left out: then nobody knows how far that room had got.
    known = {row[0]: SupersededRoom(RoomStatus(*row[:3]), *row[3:]) for row in rows}
    rooms = {fold(name): each for name, each in known.items() if _is_fit(name, each)}
    cursors: list[Any] = connection.execute(
        "SELECT room, peer, seq FROM cursors"
    ).fetchall()
    revocations: list[Any] = connection.execute(
        "SELECT detail FROM audit WHERE action = 'revoke'"
    ).fetchall()
    return SupersededDatabase(
        rooms=rooms,
        digests=frozenset(code.digest for code in read_codes(connection)),
        revoked=read_revoked(connection),
        noted=frozenset(detail.rpartition(" ")[2] for (detail,) in revocations),
        cursors={
            (fold(room), fold(peer)): seq
            for room, peer, seq in cursors
            if is_name(room) and 0 <= seq <= MOST_HEAD
        },
    )


def _is_fit(name: str, known: SupersededRoom) -> bool:
    times = known.status.closed_at_ms or 0, known.created_ms, known.last_ms
    return (
        is_name(name)
        and 0 <= known.head <= MOST_HEAD
        and 0 <= known.fence <= MOST_HEAD
        and all(OLDEST_MS <= at_ms <= NEWEST_MS for at_ms in times)
    )
