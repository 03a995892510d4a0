"""Carry codes, cursors and wake hooks over to a restored database."""

from collections.abc import Mapping

import apsw

from argybargy.domain.access_codes import key_id_of
from argybargy.domain.instant import Instant
from argybargy.domain.names import PeerKey, RoomKey
from argybargy.store.sqlite.backup.superseded import SupersededDatabase
from argybargy.store.sqlite.tables.codes import (
    delete_codes,
    insert_revoked,
    read_codes,
)
from argybargy.store.sqlite.tables.cursors import read_all_cursors, save_cursors
from argybargy.store.sqlite.tables.wake_hooks import (
    delete_all_wake_hooks,
    read_wake_hooks,
    save_wake_hook,
)


def carry_codes(
    connection: apsw.Connection, superseded: SupersededDatabase | None, now: Instant
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Carry over revocations and cursors.

    Returns:
        Key ids of the codes revoked since the backup, and of those issued since.
    """
    if superseded is None:
        return (), ()
    codes = read_codes(connection)
    revoked = [
        code
        for code in codes
        if code.digest in superseded.revoked
        or code.key_id in superseded.revoked_key_ids
    ]
    delete_codes(connection, revoked)
    insert_revoked(connection, superseded.revoked)
    save_cursors(connection, _newer_cursors(connection, superseded.cursors))
    lost = superseded.digests - {code.digest for code in codes}
    live = tuple(code.key_id for code in revoked if code.is_live_at(now.wall_ms))
    return live, tuple(sorted(key_id_of(digest) for digest in lost))


def _newer_cursors(
    connection: apsw.Connection, cursors: Mapping[tuple[RoomKey, PeerKey], int]
) -> Mapping[tuple[str, str], int]:
    """Return the cursors that are ahead of those in the restored database."""
    restored = read_all_cursors(connection)
    return {key: seq for key, seq in cursors.items() if seq > restored.get(key, 0)}


def carry_hooks(
    connection: apsw.Connection,
    superseded: SupersededDatabase | None,
    in_backup: frozenset[tuple[str, str]],
) -> tuple[str, ...]:
    """Replace the wake hooks of the backup by those of the replaced database.

    The URL of a hook may have been removed since because it is wrong, or its key
    because it is known. A hook is taken only if its peer holds the same code in both
    databases: it may be a namesake of another relay.

    Args:
        connection: The restored database, after its codes were carried over.
        superseded: The replaced database; ``None`` if there is none that can be read.
        in_backup: Room and name of each hook in the backup.

    Returns:
        Room and name of each hook in the backup that has not come back.
    """
    delete_all_wake_hooks(connection)
    if superseded is not None:
        known = {
            (code.room, code.name)
            for code in read_codes(connection)
            if code.digest in superseded.digests
        }
        for hook in superseded.hooks:
            if (hook.room, hook.name) in known:
                save_wake_hook(connection, hook)
    kept = hooked_peers(connection)
    return tuple(f"{room}/{name}" for room, name in sorted(in_backup - kept))


def hooked_peers(connection: apsw.Connection) -> frozenset[tuple[str, str]]:
    """Return room and name of each wake hook."""
    return frozenset((each.room, each.name) for each in read_wake_hooks(connection))
