"""A backup in the place of the database, so that no number is ever given twice.

Rules for whoever edits this file:

1. The database in use is not touched before the new one is whole and on the disk.
   Then one rename puts it in place: a crash leaves the old one or the new one.
2. Whatever the old one knows of numbers, fences and revoked codes is carried over.
   Readers have seen those numbers; a backup must not take a revocation back.
3. The lock of the data directory is held from the first look to the last.
"""

import itertools
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import apsw
import attrs

from argybargy.domain.access_codes import key_id_of
from argybargy.domain.instant import Instant
from argybargy.domain.limits import SLACK_MS, Limits
from argybargy.domain.names import fold
from argybargy.domain.room.commands import Restore
from argybargy.domain.room.decide import decide
from argybargy.domain.room.state import Room, SavedRoom
from argybargy.domain.room.writes import Audit
from argybargy.store.data_directory import RESTORING, hold_lock, remove_unfinished
from argybargy.store.errors import Corrupt, Unknown
from argybargy.store.sqlite.backup.superseded import (
    MOST_HEAD,
    SupersededDatabase,
    SupersededRoom,
    read_superseded,
)
from argybargy.store.sqlite.backup.verify import (
    DatabaseContents,
    check,
    check_addressees,
)
from argybargy.store.sqlite.row_validation import vet_rows
from argybargy.store.sqlite.schema import load_migrations, migrate
from argybargy.store.sqlite.tables.audit import insert_audits
from argybargy.store.sqlite.tables.codes import (
    delete_codes,
    insert_revoked,
    read_codes,
    save_cursors,
)
from argybargy.store.sqlite.tables.commit import commit_room
from argybargy.store.sqlite.tables.rooms import load_room
from argybargy.system.files import (
    keep_second_name,
    make_private_file,
    sync_directory,
    sync_file,
)

_COMPANIONS = ("-wal", "-shm")


@attrs.frozen
class RestorePlan:
    """What is wanted.

    Attributes:
        source: The backup.
        stamp: What tells the replaced database from others beside it.
        skip_ahead: How many numbers to leave out in each room where nothing tells
            which ones were read.
        limits: What the relay allows.
        now: The time.
    """

    source: Path
    stamp: str
    skip_ahead: int
    limits: Limits
    now: Instant


@attrs.frozen
class RestoredRoom:
    """A room that was changed by going back to a backup.

    Attributes:
        name: The room.
        is_closed: Whether it was closed after the backup, and so stays closed.
        head: The newest message that there is.
        lost: How many numbers were left out after it.
        is_certain: Whether that is how many messages were lost; else it is a guess
            at how many there may have been.
    """

    name: str
    head: int
    lost: int
    is_certain: bool
    is_closed: bool = False


@attrs.frozen
class Restored:
    """What came of it.

    Attributes:
        contents: What is in the restored database.
        rooms: The rooms in which messages were lost, or may have been, and those
            that were closed since.
        kept_as: The replaced database; ``None`` where there was none.
        revoked: Handles of codes that were revoked after the backup, and stay so.
        codes_lost: Handles of codes that were made after it, and are gone.
    """

    contents: DatabaseContents
    rooms: tuple[RestoredRoom, ...]
    kept_as: Path | None
    revoked: tuple[str, ...]
    codes_lost: tuple[str, ...]


def restore_backup(directory: Path, plan: RestorePlan) -> Restored:
    """Put a backup in the place of the database in `directory`.

    Raises:
        Corrupt: The backup is damaged, no database, or holds what the relay does not
            write.
        Incompatible: It is newer than this program or not one of ours, or another
            process holds the directory.
        Refused: The directory cannot be used, or another program has the database
            in use open.
        OSError: A file cannot be read or written.
        apsw.Error: SQLite cannot.
        Unknown: The backup is in its place, and may not outlast a loss of power.
            Whatever else is raised, nothing was changed.
    """
    with hold_lock(directory) as database:
        remove_unfinished(directory)
        fresh = database.with_name(f"{database.name}.{RESTORING}")
        try:
            _copy(plan.source, fresh)
            restored = _rebuild(fresh, database, plan)
            sync_file(fresh)
            kept_as = _put_aside(database, plan.stamp)
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


def _copy(source: Path, fresh: Path) -> None:
    """Copy a database file, and what its log holds if it has one."""
    make_private_file(fresh)
    shutil.copyfile(source, fresh)
    log = source.with_name(f"{source.name}-wal")
    if log.exists() and log.stat().st_size:
        fresh_log = fresh.with_name(f"{fresh.name}-wal")
        make_private_file(fresh_log)
        shutil.copyfile(log, fresh_log)


def _rebuild(fresh: Path, database: Path, plan: RestorePlan) -> Restored:
    replaced = read_superseded(database)
    connection = apsw.Connection(str(fresh))
    try:
        connection.execute("PRAGMA trusted_schema = OFF").fetchall()
        _check(connection, plan)
        # One file, without a log beside it: it is about to be renamed.
        connection.execute("PRAGMA journal_mode = DELETE").fetchall()
        connection.execute("PRAGMA synchronous = FULL").fetchall()
        migrate(connection, load_migrations())
        with connection:
            rooms = _go_on(connection, replaced, plan)
            revoked, lost = _carry_codes(connection, replaced, plan.now)
            left_out = sum(room.lost > 0 for room in rooms)
            detail = f"{left_out} rooms go on after numbers that were left out"
            insert_audits(
                connection, [Audit(plan.now.wall_ms, "restore", "admin", "", detail)]
            )
        contents = check(connection, fresh)
    finally:
        connection.close()
    return Restored(contents, rooms, None, revoked, lost)


def _check(connection: apsw.Connection, plan: RestorePlan) -> None:
    """Look through a backup, which anybody may have made, before it is used."""
    try:
        check(connection, plan.source)
        vet_rows(connection, plan.source, plan.now.wall_ms + SLACK_MS)
        check_addressees(connection, plan.source)
    except (apsw.CantOpenError, apsw.IOError) as error:
        raise Corrupt(f"{plan.source} cannot be read: {error}") from error


# -- rooms ------------------------------------------------------------------------


def _go_on(
    connection: apsw.Connection, replaced: SupersededDatabase | None, plan: RestorePlan
) -> tuple[RestoredRoom, ...]:
    rows: list[Any] = connection.execute("SELECT name FROM rooms").fetchall()
    names = {fold(name): name for (name,) in rows}
    if replaced is not None:
        names |= {
            key: known.status.name
            for key, known in replaced.rooms.items()
            if key not in names and known.head
        }
    acknowledged = _acknowledged(connection, replaced)
    done = [
        _go_on_in(connection, name, replaced, acknowledged.get(key, 0), plan)
        for key, name in sorted(names.items())
    ]
    return tuple(room for room in done if room is not None)


def _acknowledged(
    connection: apsw.Connection, replaced: SupersededDatabase | None
) -> Mapping[str, int]:
    """Return the newest number that any reader of a room has acknowledged."""
    rows: list[Any] = connection.execute(
        "SELECT room, max(seq) FROM cursors GROUP BY room"
    ).fetchall()
    newest = {fold(room): seq for room, seq in rows}
    for (room, _), seq in (replaced.cursors if replaced else {}).items():
        newest[room] = max(seq, newest.get(room, 0))
    return newest


def _go_on_in(
    connection: apsw.Connection,
    name: str,
    replaced: SupersededDatabase | None,
    acknowledged: int,
    plan: RestorePlan,
) -> RestoredRoom | None:
    saved = load_room(connection, name, plan.limits.tail_messages)
    known = replaced.rooms.get(fold(name)) if replaced else None
    room = _room(name, saved, known, plan)
    command = _command(room, known, acknowledged, plan.skip_ahead)
    decision = decide(room, command, plan.now, plan.limits)
    after = decision.room
    if after.head > MOST_HEAD:
        raise Corrupt(
            f"{plan.source} cannot be used: the room {name} would go on after message "
            f"{after.head}, and too few numbers are left."
        )
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
    """Return a room as the backup has it; a younger one is empty."""
    if saved is not None:
        return Room.restore(saved, plan.now, plan.limits)
    assert known is not None
    new = Room.new(name, plan.now)
    return attrs.evolve(new, status=known.status, created_ms=known.created_ms)


def _command(
    room: Room, known: SupersededRoom | None, acknowledged: int, skip_ahead: int
) -> Restore:
    """Say where a room goes on.

    Two databases speak of the same room if they say that it was made at the same
    time. Only then does the other one tell what its readers have seen, and whether
    the room was closed meanwhile.
    """
    if known is not None and known.created_ms == room.created_ms:
        head = max(room.head, acknowledged, known.head)
        return Restore(head, known.fence, known.last_ms, status=known.status)
    head = max(room.head, acknowledged, 0 if known is None else known.head)
    return Restore(head + skip_ahead, room.fence + skip_ahead, is_certain=False)


# -- codes ------------------------------------------------------------------------


def _carry_codes(
    connection: apsw.Connection, replaced: SupersededDatabase | None, now: Instant
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Keep revocations and cursors; return what was revoked since, and made since."""
    if replaced is None:
        return (), ()
    codes = read_codes(connection)
    gone = [
        code
        for code in codes
        if code.digest in replaced.revoked or code.key_id in replaced.noted
    ]
    delete_codes(connection, gone)
    insert_revoked(connection, replaced.revoked)
    save_cursors(connection, _newer_cursors(connection, replaced.cursors))
    lost = replaced.digests - {code.digest for code in codes}
    revoked = tuple(code.key_id for code in gone if code.is_live_at(now.wall_ms))
    return revoked, tuple(sorted(key_id_of(digest) for digest in lost))


def _newer_cursors(
    connection: apsw.Connection, cursors: Mapping[tuple[str, str], int]
) -> Mapping[tuple[str, str], int]:
    rows: list[Any] = connection.execute(
        "SELECT room, peer, seq FROM cursors"
    ).fetchall()
    here = {(fold(room), fold(peer)): seq for room, peer, seq in rows}
    return {key: seq for key, seq in cursors.items() if seq > here.get(key, 0)}


# -- files ------------------------------------------------------------------------


def _put_aside(database: Path, stamp: str) -> Path | None:
    """Give the database in use a second name, and let its log go with that.

    Its log is empty, unless the database could not be read: then it is kept too.
    """
    if not database.exists() or not database.stat().st_size:
        return None
    wanted = f"{database.name}.before-restore-{stamp}"
    names = itertools.chain([wanted], (f"{wanted}-{n}" for n in itertools.count(2)))
    paths = map(database.with_name, names)
    aside = next(path for path in paths if not path.exists())
    keep_second_name(database, aside)
    _move_companions(database, aside, _COMPANIONS)
    return aside


def _move_companions(database: Path, aside: Path, endings: Sequence[str]) -> None:
    for ending in endings:
        companion = database.with_name(database.name + ending)
        if not companion.exists():
            continue
        if ending == "-wal" and companion.stat().st_size:
            keep_second_name(companion, aside.with_name(aside.name + ending))
        companion.unlink()
