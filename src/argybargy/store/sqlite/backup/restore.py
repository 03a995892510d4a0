"""Restore: replace the database by a backup without reusing a seq.

Invariants:

1. The database in use is not touched until the new one is complete and synced. One
   rename then replaces it: a crash leaves the old database or the new one.
2. Seqs, fences, revoked codes and wake hooks of the old database are carried over.
   Agents have acknowledged those seqs; a backup must not undo a revocation, nor bring
   back a URL that was removed.
3. The lock of the data directory is held throughout.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import apsw
import attrs

from argybargy.domain.instant import Instant
from argybargy.domain.limits import SLACK_MS, Limits
from argybargy.domain.names import RoomKey, room_key
from argybargy.domain.room.commands import Restore
from argybargy.domain.room.decide import decide
from argybargy.domain.room.state import Room, SavedRoom
from argybargy.domain.room.writes import Audit
from argybargy.store.data_directory import RESTORING, hold_lock, remove_unfinished
from argybargy.store.errors import Corrupt, Unknown
from argybargy.store.sqlite.backup.carry_over import (
    carry_codes,
    carry_hooks,
    hooked_peers,
)
from argybargy.store.sqlite.backup.database_files import copy_database, put_aside
from argybargy.store.sqlite.backup.superseded import (
    MOST_HEAD,
    SupersededDatabase,
    SupersededRoom,
    read_superseded,
)
from argybargy.store.sqlite.backup.verify import (
    DatabaseContents,
    check_pages_and_schema,
    verify_database,
)
from argybargy.store.sqlite.schema import load_migrations, migrate
from argybargy.store.sqlite.tables.audit import insert_audits
from argybargy.store.sqlite.tables.commit import commit_room
from argybargy.store.sqlite.tables.cursors import read_all_cursors
from argybargy.store.sqlite.tables.invites import delete_all_invites
from argybargy.store.sqlite.tables.rooms import load_room
from argybargy.store.sqlite.tables.sessions import delete_all_sessions
from argybargy.system.files import sync_directory, sync_file
from argybargy.system.values import frozen


@frozen
class RestorePlan:
    """Parameters of a restore.

    Attributes:
        source: Path of the backup.
        stamp: Suffix of the file that keeps the replaced database.
        skip_ahead: Seqs to skip in each room whose newest seq is unknown.
        limits: Limits of the relay.
        now: The current time.
    """

    source: Path
    stamp: str
    skip_ahead: int
    limits: Limits
    now: Instant


@frozen
class RestoredRoom:
    """A room changed by a restore.

    Attributes:
        name: Name of the room.
        head: Seq of the newest restored message.
        lost: Number of seqs skipped after it.
        is_certain: Whether `lost` is the exact number of lost messages; otherwise it
            is `RestorePlan.skip_ahead`.
        is_closed: Whether the room was closed after the backup, and stays closed.
    """

    name: str
    head: int
    lost: int
    is_certain: bool
    is_closed: bool = False


@frozen
class Restored:
    """Result of a restore.

    Attributes:
        contents: Summary of the restored database.
        rooms: Rooms with (possibly) lost messages, and rooms closed since the backup.
        kept_as: Path of the replaced database; ``None`` if there was none.
        revoked: Key ids of codes revoked since the backup; they stay revoked.
        codes_lost: Key ids of codes issued since the backup; they are gone.
        hooks_removed: Wake hooks of the backup that have not come back, each as
            ``ROOM/NAME``: removed since, or nothing tells whether they were.
    """

    contents: DatabaseContents
    rooms: tuple[RestoredRoom, ...]
    kept_as: Path | None
    revoked: tuple[str, ...]
    codes_lost: tuple[str, ...]
    hooks_removed: tuple[str, ...] = ()


def restore_backup(directory: Path, plan: RestorePlan) -> Restored:
    """Replace the database in `directory` by a backup.

    Raises:
        Corrupt: The backup is damaged, no database, or has an invalid row.
        Incompatible: Its schema is newer than this program or not Argybargy's, or
            another process holds the directory.
        Refused: The directory cannot be used, or another program has the current
            database open.
        OSError: A file cannot be read or written.
        apsw.Error: SQLite failed on one of the files.
        Unknown: The backup is in place, but may not survive a loss of power. After
            any other error, nothing was changed.
    """
    with hold_lock(directory) as database:
        remove_unfinished(directory)
        fresh = database.with_name(f"{database.name}.{RESTORING}")
        try:
            copy_database(plan.source, fresh)
            restored = _rebuild(fresh, database, plan)
            sync_file(fresh)
            kept_as = put_aside(database, plan.stamp)
            fresh.replace(database)
        finally:
            remove_unfinished(directory)
        _sync(directory)
    return attrs.evolve(restored, kept_as=kept_as)


def _sync(directory: Path) -> None:
    try:
        sync_directory(directory)
    except OSError as error:
        raise Unknown(
            f"The backup is in place in {directory}, but a loss of power now may "
            f"bring back what was there: {error}"
        ) from error


def _rebuild(fresh: Path, database: Path, plan: RestorePlan) -> Restored:
    superseded = read_superseded(database)
    connection = apsw.Connection(str(fresh))
    try:
        connection.execute("PRAGMA trusted_schema = OFF").fetchall()
        _verify_backup(connection, plan)
        # No log: the rename moves a single file.
        connection.execute("PRAGMA journal_mode = DELETE").fetchall()
        connection.execute("PRAGMA synchronous = FULL").fetchall()
        migrate(connection, load_migrations())
        with connection:
            rooms = _continue_rooms(connection, superseded, plan)
            hooked = hooked_peers(connection)
            revoked, lost = carry_codes(connection, superseded, plan.now)
            hooks_removed = carry_hooks(connection, superseded, hooked)
            # One may have been used since the backup, and all of them are short-lived.
            delete_all_invites(connection)
            # One may have been ended since the backup: everybody signs in again.
            delete_all_sessions(connection)
            left_out = sum(room.lost > 0 for room in rooms)
            detail = f"{left_out} rooms go on after numbers that were left out"
            insert_audits(
                connection, [Audit(plan.now.wall_ms, "restore", "admin", "", detail)]
            )
        contents = check_pages_and_schema(connection, fresh)
    finally:
        connection.close()
    return Restored(contents, rooms, None, revoked, lost, hooks_removed)


def _verify_backup(connection: apsw.Connection, plan: RestorePlan) -> None:
    """Verify the copied backup, whose origin is not trusted."""
    try:
        verify_database(connection, plan.source, plan.now.wall_ms + SLACK_MS)
    except (apsw.CantOpenError, apsw.IOError) as error:
        raise Corrupt(f"{plan.source} cannot be read: {error}") from error


# -- rooms ------------------------------------------------------------------------


def _continue_rooms(
    connection: apsw.Connection,
    superseded: SupersededDatabase | None,
    plan: RestorePlan,
) -> tuple[RestoredRoom, ...]:
    """Make each room continue after its newest known seq; return the changed rooms."""
    rows: list[Any] = connection.execute("SELECT name FROM rooms").fetchall()
    names = {room_key(name): name for (name,) in rows}
    if superseded is not None:
        # Rooms younger than the backup come back empty: their seqs were read too.
        names |= {
            key: known.status.name
            for key, known in superseded.rooms.items()
            if key not in names and known.head
        }
    acknowledged = _newest_acknowledged(connection, superseded)
    changed = [
        _continue_room(connection, name, superseded, acknowledged.get(key, 0), plan)
        for key, name in sorted(names.items())
    ]
    return tuple(room for room in changed if room is not None)


def _newest_acknowledged(
    connection: apsw.Connection, superseded: SupersededDatabase | None
) -> Mapping[RoomKey, int]:
    """Return the newest acknowledged seq of each room, in either database."""
    newest: dict[RoomKey, int] = {}
    for cursors in (
        read_all_cursors(connection),
        superseded.cursors if superseded else {},
    ):
        for (room, _), seq in cursors.items():
            newest[room] = max(seq, newest.get(room, 0))
    return newest


def _continue_room(
    connection: apsw.Connection,
    name: str,
    superseded: SupersededDatabase | None,
    acknowledged: int,
    plan: RestorePlan,
) -> RestoredRoom | None:
    saved = load_room(connection, name, plan.limits.tail_messages)
    known = superseded.rooms.get(room_key(name)) if superseded else None
    if (saved is None or saved.is_deleted) and (known is None or known.is_deleted):
        _remember_numbers(connection, name, saved, known, plan)
        return None
    room = _room(name, saved, known, plan)
    command = _command(room, known, acknowledged, plan.skip_ahead)
    decision = decide(room, command, plan.now, plan.limits)
    after = decision.room
    _check_head(after, plan)
    is_closed = after.status.is_closed and not room.status.is_closed
    lost = max(0, command.head - room.head)
    if lost or is_closed or after.fence != room.fence:
        commit_room(connection, after, room.version, decision.writes)
    if not (lost or is_closed):
        return None
    return RestoredRoom(room.name, room.head, lost, command.is_certain, is_closed)


def _room(
    name: str, saved: SavedRoom | None, known: SupersededRoom | None, plan: RestorePlan
) -> Room:
    """Return a room as in the backup; empty if it is younger than the backup."""
    if saved is not None and not saved.is_deleted:
        return Room.restore(saved, plan.now, plan.limits)
    assert known is not None
    # Created since, or deleted in the backup and created again since.
    new = Room.new(name, plan.now)
    if saved is not None:
        new = Room.deleted(saved, plan.now)
    return attrs.evolve(new, status=known.status, created_ms=known.created_ms)


def _remember_numbers(
    connection: apsw.Connection,
    name: str,
    saved: SavedRoom | None,
    known: SupersededRoom | None,
    plan: RestorePlan,
) -> None:
    """Keep the highest numbers of a room that is deleted in both databases.

    One that the replaced database does not know may have given more numbers since.
    """
    new = Room.new(name, plan.now)
    last = new if saved is None else Room.deleted(saved, plan.now)
    if known is None:
        head, fence = last.head + plan.skip_ahead, last.fence + plan.skip_ahead
        last = attrs.evolve(last, head=head, fence=fence)
    else:
        last = attrs.evolve(
            last,
            status=known.status,
            head=max(last.head, known.head),
            fence=max(last.fence, known.fence),
            last_ms=max(last.last_ms, known.last_ms),
        )
    room = Room.deleted(last, plan.now)
    if saved is None and known is not None:
        room = attrs.evolve(room, created_ms=known.created_ms)
    _check_head(room, plan)
    commit_room(connection, room, room.version, ())


def _check_head(room: Room, plan: RestorePlan) -> None:
    if room.head > MOST_HEAD:
        raise Corrupt(
            f"{plan.source} cannot be used: the room {room.name} would go on after "
            f"message {room.head}, and too few numbers are left."
        )


def _command(
    room: Room, known: SupersededRoom | None, acknowledged: int, skip_ahead: int
) -> Restore:
    """Choose the head and fence that a room continues after.

    The creation time identifies a room across databases. Only if it matches do seqs,
    fence and status of the superseded room apply; otherwise `skip_ahead` is added.
    """
    if known is not None and known.created_ms == room.created_ms:
        head = max(room.head, acknowledged, known.head)
        return Restore(head, known.fence, known.last_ms, status=known.status)
    head = max(room.head, acknowledged, 0 if known is None else known.head)
    return Restore(head + skip_ahead, room.fence + skip_ahead, is_certain=False)
