"""Access: codes, invites, cursors and wake hooks."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

import attrs

from argybargy.domain.access_codes import CodeRecord, Role
from argybargy.domain.invites import InviteEnd, InviteRecord
from argybargy.domain.names import fold, peer_key, room_key
from argybargy.domain.wake_hooks import WakeHook
from argybargy.domain.wake_policy import Wake
from argybargy.store.errors import Conflict
from argybargy.store.postgres.connection import Connection

# -- codes -------------------------------------------------------------------------

_CODE: Final = (
    "digest, room, name, capabilities, created_ms, expires_ms, client, model, role, "
    "presented"
)
_HAS_CODE: Final = """
EXISTS (SELECT 1 FROM codes WHERE lower(room) = %(room)s AND lower(name) = %(peer)s)
"""


def read_codes(connection: Connection) -> tuple[CodeRecord, ...]:
    """Read every code, oldest first."""
    rows = connection.execute(f"SELECT {_CODE} FROM codes ORDER BY id")  # noqa: S608
    return tuple(
        CodeRecord(*[bytes(digest), *fields, Role(role), presented])
        for digest, *fields, role, presented in rows
    )


def insert_codes(connection: Connection, codes: Iterable[CodeRecord]) -> None:
    """Store new codes."""
    sql = f"""
        INSERT INTO codes ({_CODE}) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
    """  # noqa: S608 - constants
    for code in codes:
        *fields, role, presented = attrs.astuple(code, recurse=False)
        connection.execute(sql, (*fields, role.value, presented))


def delete_codes(connection: Connection, codes: Iterable[CodeRecord]) -> None:
    """Delete codes, and record them as revoked.

    Cursor and hook of a peer go with its last code.
    """
    for code in codes:
        connection.execute("DELETE FROM codes WHERE digest = %s", (code.digest,))
        sql = "INSERT INTO revoked VALUES (%s) ON CONFLICT DO NOTHING"
        connection.execute(sql, (code.digest,))
        values = {"room": room_key(code.room), "peer": peer_key(code.name)}
        sql = f"""
            DELETE FROM cursors WHERE room = %(room)s AND peer = %(peer)s
            AND NOT {_HAS_CODE}
        """  # noqa: S608 - constants
        connection.execute(sql, values)
        sql = f"""
            DELETE FROM wake_hooks WHERE room_key = %(room)s
            AND peer = %(peer)s AND NOT {_HAS_CODE}
        """  # noqa: S608 - constants
        connection.execute(sql, values)


def update_codes(connection: Connection, codes: Iterable[CodeRecord]) -> None:
    """Update capabilities and times of codes; unknown codes are ignored."""
    sql = """
        UPDATE codes SET capabilities = %s, created_ms = %s, expires_ms = %s
        WHERE digest = %s
    """
    for code in codes:
        values = (code.capabilities, code.created_ms, code.expires_ms, code.digest)
        connection.execute(sql, values)


def read_revoked(connection: Connection, limit: int) -> tuple[bytes, ...]:
    """Read up to `limit` digests of revoked codes."""
    rows = connection.execute("SELECT digest FROM revoked LIMIT %s", (limit,))
    return tuple(bytes(digest) for (digest,) in rows)


def find_revoked(connection: Connection, digests: Iterable[bytes]) -> frozenset[bytes]:
    """Return the digests that are of revoked codes."""
    sql = "SELECT digest FROM revoked WHERE digest = ANY(%s)"
    rows = connection.execute(sql, (list(digests),))
    return frozenset(bytes(digest) for (digest,) in rows)


# -- invites -----------------------------------------------------------------------

_INVITE: Final = (
    "digest, room, name, capabilities, client, created_ms, expires_ms, code_seconds, "
    '"end", ended_ms, code_key_id'
)


def read_invites(connection: Connection) -> tuple[InviteRecord, ...]:
    """Read every invite, oldest first."""
    sql = f"SELECT {_INVITE} FROM invites ORDER BY id"  # noqa: S608 - constants
    return tuple(_to_invite(row) for row in connection.execute(sql))


def _to_invite(row: tuple[Any, ...]) -> InviteRecord:
    digest, *fields, end, ended_ms, code_key_id = row
    parsed = None if end is None else InviteEnd(end)
    return InviteRecord(*[bytes(digest), *fields, parsed, ended_ms, code_key_id])


def save_invites(connection: Connection, invites: Iterable[InviteRecord]) -> None:
    """Store invites; of known ones, update the times and the end."""
    sql = f"""
        INSERT INTO invites ({_INVITE})
        VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
        ON CONFLICT (digest) DO UPDATE SET created_ms = excluded.created_ms,
            expires_ms = excluded.expires_ms, "end" = excluded."end",
            ended_ms = excluded.ended_ms, code_key_id = excluded.code_key_id
    """  # noqa: S608 - constants
    for invite in invites:
        end = None if invite.end is None else invite.end.value
        values = (
            *(invite.digest, invite.room, invite.name, invite.capabilities),
            *(invite.client, invite.created_ms, invite.expires_ms),
            *(invite.code_seconds, end, invite.ended_ms, invite.code_key_id),
        )
        connection.execute(sql, values)


def use_invite(connection: Connection, invite: InviteRecord) -> None:
    """Store the use of an open invite.

    Raises:
        Conflict: The stored invite is not open, or there is none.
    """
    # The lock makes a second node wait until the first has used it.
    sql = 'SELECT "end" FROM invites WHERE digest = %s FOR UPDATE'
    row = connection.execute(sql, (invite.digest,)).fetchone()
    if row is None or row[0] is not None:
        raise Conflict("this invite has ended already")
    save_invites(connection, [invite])


def delete_invites(connection: Connection, invites: Iterable[InviteRecord]) -> None:
    """Delete invites; a deleted one is unknown."""
    sql = "DELETE FROM invites WHERE digest = ANY(%s)"
    connection.execute(sql, ([invite.digest for invite in invites],))


# -- cursors -----------------------------------------------------------------------


def save_cursors(
    connection: Connection, cursors: Mapping[tuple[str, str], int]
) -> None:
    """Store the cursors of peers that hold a code, unless a later one is stored."""
    sql = f"""
        INSERT INTO cursors SELECT %(room)s, %(peer)s, %(seq)s WHERE {_HAS_CODE}
        ON CONFLICT (room, peer) DO UPDATE
        SET seq = greatest(cursors.seq, excluded.seq)
    """  # noqa: S608 - constants
    # In one order on every node, so that two of them never wait for each other.
    folded = sorted(
        (fold(room), fold(peer), seq) for (room, peer), seq in cursors.items()
    )
    for room, peer, seq in folded:
        connection.execute(sql, {"room": room, "peer": peer, "seq": seq})


def read_cursors(connection: Connection, room: str) -> dict[str, int]:
    """Read the cursors of a room, by `PeerKey`."""
    sql = "SELECT peer, seq FROM cursors WHERE room = %s"
    return dict(connection.execute(sql, (room_key(room),)).fetchall())


# -- wake hooks --------------------------------------------------------------------


def read_wake_hooks(connection: Connection) -> tuple[WakeHook, ...]:
    """Read the hooks of all peers."""
    sql = "SELECT room, name, url, key, wake FROM wake_hooks ORDER BY room_key, peer"
    return tuple(
        WakeHook(room, name, url, key, Wake(wake))
        for room, name, url, key, wake in connection.execute(sql)
    )


def save_wake_hook(connection: Connection, hook: WakeHook) -> None:
    """Store the hook of a peer that holds a code; do nothing for others."""
    sql = f"""
        INSERT INTO wake_hooks
        SELECT %(room)s, %(peer)s, %(spelling)s, %(name)s, %(url)s, %(key)s, %(wake)s
        WHERE {_HAS_CODE}
        ON CONFLICT (room_key, peer) DO UPDATE SET room = excluded.room,
            name = excluded.name, url = excluded.url, key = excluded.key,
            wake = excluded.wake
    """
    values = {
        "room": room_key(hook.room),
        "peer": peer_key(hook.name),
        "spelling": hook.room,
        "name": hook.name,
        "url": hook.url,
        "key": hook.key,
        "wake": hook.wake.value,
    }
    connection.execute(sql, values)


def delete_wake_hook(connection: Connection, room: str, name: str) -> None:
    """Delete the hook of a peer."""
    sql = "DELETE FROM wake_hooks WHERE room_key = %s AND peer = %s"
    connection.execute(sql, (room_key(room), peer_key(name)))
