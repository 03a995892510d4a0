"""Validation of rows about peers and the operator: codes, sessions, hooks, cursors."""

import re
from typing import Final

from argybargy.domain.access_codes import Role
from argybargy.domain.capabilities import MAX_STATED_CHARS
from argybargy.domain.limits import MAX_SEQ, Limits
from argybargy.domain.many_rooms import digest_in_room
from argybargy.domain.names import is_name, room_key
from argybargy.store.sqlite.column_rules import is_single_line, is_valid_sender
from argybargy.store.sqlite.database_rows import (
    DIGEST_BYTES,
    NEWEST_MS,
    OLDEST_MS,
    DatabaseRows,
    Problems,
    invalid_fields,
)
from argybargy.store.sqlite.tables.invites import invalid_invites
from argybargy.store.sqlite.tables.notices import check_notice
from argybargy.store.sqlite.tables.sessions import check_session
from argybargy.store.sqlite.tables.wake_hooks import check_wake_hook

_ROLES: Final = frozenset(role.value for role in Role)
_WAKE_KEY: Final = re.compile(r"[0-9a-f]{64}")


def validate_codes(rows: DatabaseRows) -> Problems:
    """Validate the access codes."""
    role_column = "role" if rows.has("codes", "role") else "'agent'"
    presented_column = "presented" if rows.has("codes", "presented") else "NULL"
    sql = f"""
        SELECT id, digest, room, name, capabilities, client, model, created_ms,
               expires_ms, {role_column}, {presented_column} FROM codes
    """  # noqa: S608 - constants
    most = max(Limits().capabilities_chars, MAX_STATED_CHARS)
    for row_id, digest, room, name, *rest in rows.select(sql):
        *texts, created_ms, expires_ms, role, presented = rest
        ends_ms = NEWEST_MS if expires_ms is None else expires_ms
        is_time = rows.is_time(created_ms) and OLDEST_MS <= ends_ms <= NEWEST_MS
        is_whole = len(digest) == DIGEST_BYTES and 1 <= row_id <= MAX_SEQ
        yield from invalid_fields(
            f"row {row_id}",
            (is_whole, "the digest"),
            (is_name(room), "the name of the room"),
            (is_valid_sender(name, "agent"), "the name of the peer"),
            (
                all(is_single_line(text, most) for text in texts),
                "what is said of it",
            ),
            (is_time, "a time"),
            (role in _ROLES, "the role of the peer"),
            (
                presented is None
                or digest == digest_in_room(presented, room_key(room)),
                "the digest of the code",
            ),
        )


def validate_revoked(rows: DatabaseRows) -> Problems:
    """Validate the digests of revoked codes."""
    if not rows.has("revoked", "digest"):
        return
    for (digest,) in rows.select("SELECT digest FROM revoked"):
        if len(digest) != DIGEST_BYTES:
            yield "a row", "the digest"


def validate_invites(rows: DatabaseRows) -> Problems:
    """Validate the invites."""
    if rows.has("invites", "digest"):
        yield from invalid_invites(rows.connection, rows.is_time, NEWEST_MS)


def validate_sessions(rows: DatabaseRows) -> Problems:
    """Validate the sessions, if there is a table of them."""
    if not rows.has("sessions", "digest"):
        return
    sql = """
        SELECT id, digest, address, device, created_ms, expires_ms, used_ms, token_mark
        FROM sessions
    """
    for row_id, *row in rows.select(sql):
        fields = check_session(tuple(row), rows.is_time, NEWEST_MS)
        yield from invalid_fields(f"row {row_id}", *fields)


def validate_wake_hooks(rows: DatabaseRows) -> Problems:
    """Validate the wake hooks, if there is a table of them."""
    if not rows.has("wake_hooks", "url"):
        return
    sql = "SELECT room, name, url, key, wake FROM wake_hooks"
    for room, name, url, key, wake in rows.select(sql):
        fields = check_wake_hook(room, name, url, key, wake)
        yield from invalid_fields("a row", *fields)


def validate_notices(rows: DatabaseRows) -> Problems:
    """Validate the notices, if there is a table of them."""
    if not rows.has("notices", "id"):
        return
    for row in rows.select(
        "SELECT id, kind, room, subject, at_ms, told_ms FROM notices"
    ):
        yield from invalid_fields("a row", *check_notice(row, rows.is_time))


def validate_cursors(rows: DatabaseRows) -> Problems:
    """Validate the cursors."""
    for room, peer, seq in rows.select("SELECT room, peer, seq FROM cursors"):
        if not is_name(room) or not is_name(peer):
            yield "a row", "a name"
        elif not 0 <= seq <= MAX_SEQ:
            yield f"a row of {room}", f"the cursor, which goes from 0 to {MAX_SEQ}"
