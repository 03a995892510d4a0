"""Facts to carry over from a database that a restore is about to replace."""

import contextlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import apsw

from argybargy.domain.limits import MAX_SEQ
from argybargy.domain.names import PeerKey, RoomKey, is_name, room_key
from argybargy.domain.room.state import RoomStatus
from argybargy.domain.wake_hooks import WakeHook
from argybargy.domain.wake_policy import Wake
from argybargy.store.errors import Corrupt, Incompatible, Refused
from argybargy.store.sqlite.backup.verify import check_pages_and_schema, has_column
from argybargy.store.sqlite.connection import BUSY_MS
from argybargy.store.sqlite.database_rows import NEWEST_MS, OLDEST_MS
from argybargy.store.sqlite.tables.codes import read_code_digests, read_revoked
from argybargy.store.sqlite.tables.cursors import read_all_cursors
from argybargy.store.sqlite.tables.wake_hooks import check_wake_hook
from argybargy.system.values import frozen

_UNREADABLE: Final = (apsw.CorruptError, apsw.NotADBError, apsw.SQLError, ValueError)
"""Errors of a damaged file, of one that is no database or lacks a table, and of text
that is not UTF-8."""


MOST_HEAD: Final = MAX_SEQ - 2**32
"""Highest head a room may continue after; the rest is reserved for new messages."""


@frozen
class SupersededRoom:
    """Counters and status of one room of the replaced database.

    A deleted room has the numbers that it has given.
    """

    status: RoomStatus
    created_ms: int
    head: int
    fence: int
    last_ms: int
    is_deleted: bool = False


@frozen
class SupersededDatabase:
    """Rooms, codes and cursors of the replaced database.

    Attributes:
        rooms: Its rooms.
        digests: Digests of its codes.
        revoked: Digests of codes that were revoked in it.
        revoked_key_ids: Key ids of revoked codes in its audit log; databases of older
            versions have no other record.
        cursors: Acknowledged seqs of its peers.
        hooks: Its valid wake hooks.
    """

    rooms: Mapping[RoomKey, SupersededRoom]
    digests: frozenset[bytes]
    revoked: frozenset[bytes]
    revoked_key_ids: frozenset[str]
    cursors: Mapping[tuple[RoomKey, PeerKey], int]
    hooks: tuple[WakeHook, ...] = ()


def read_superseded(database: Path) -> SupersededDatabase | None:
    """Read the database in use, and checkpoint its log into the file.

    Returns:
        ``None`` if the database is missing, empty or damaged.

    Raises:
        Refused: Another program has it open. Proceeding would lose its seqs and
            revocations.
        apsw.Error: It cannot be read now.
    """
    if not database.exists() or not database.stat().st_size:
        return None
    connection = apsw.Connection(str(database))
    try:
        connection.set_busy_timeout(BUSY_MS)
        connection.execute("PRAGMA trusted_schema = OFF").fetchall()
        return _check_and_read(connection, database)
    except (apsw.BusyError, apsw.LockedError) as error:
        raise Refused(
            f"another program has the database {database} open ({error}); close it, "
            "and restore again"
        ) from error
    except (*_UNREADABLE, Corrupt):
        return None
    finally:
        connection.close()


def _check_and_read(connection: apsw.Connection, database: Path) -> SupersededDatabase:
    with contextlib.suppress(Incompatible):  # the seqs of a newer version count too
        check_pages_and_schema(connection, database)
    # Before the checkpoint: reads include the log, and damage (an answer of None) must
    # not be mistaken for another program that blocks the checkpoint (Refused).
    superseded = _read(connection)
    connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
    return superseded


def _read(connection: apsw.Connection) -> SupersededDatabase:
    is_deleted = "is_deleted" if has_column(connection, "is_deleted") else "0"
    rows: list[Any] = connection.execute(
        f"""
        SELECT name, closed_at_ms, closed_by, created_ms, head, fence, last_ms,
               {is_deleted}
        FROM rooms
        """  # noqa: S608 - constants
    ).fetchall()
    # Invalid rooms are left out: the restore then skips seqs, as for an unknown room.
    found = {row[0]: SupersededRoom(RoomStatus(*row[:3]), *row[3:]) for row in rows}
    rooms = {
        room_key(name): each for name, each in found.items() if _is_valid(name, each)
    }
    revocations: list[Any] = connection.execute(
        "SELECT detail FROM audit WHERE action = 'revoke'"
    ).fetchall()
    return SupersededDatabase(
        rooms=rooms,
        digests=read_code_digests(connection),
        revoked=read_revoked(connection),
        revoked_key_ids=frozenset(
            detail.rpartition(" ")[2] for (detail,) in revocations
        ),
        cursors={
            (room, peer): seq
            for (room, peer), seq in read_all_cursors(connection).items()
            if is_name(room) and 0 <= seq <= MOST_HEAD
        },
        hooks=_read_hooks(connection),
    )


def _read_hooks(connection: apsw.Connection) -> tuple[WakeHook, ...]:
    """Read the valid wake hooks; none from a schema of another version."""
    sql = "SELECT room, name, url, key, wake FROM wake_hooks"
    try:
        rows: list[Any] = connection.execute(sql).fetchall()
    except apsw.SQLError:
        return ()
    return tuple(
        WakeHook(room, name, url, key, Wake(wake))
        for room, name, url, key, wake in rows
        if all(fine for fine, _ in check_wake_hook(room, name, url, key, wake))
    )


def _is_valid(name: str, room: SupersededRoom) -> bool:
    times = room.status.closed_at_ms or 0, room.created_ms, room.last_ms
    return (
        is_name(name)
        and 0 <= room.head <= MOST_HEAD
        and 0 <= room.fence <= MOST_HEAD
        and all(OLDEST_MS <= at_ms <= NEWEST_MS for at_ms in times)
    )
