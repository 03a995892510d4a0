"""Wake hooks: URLs that the relay calls for agents that cannot wait."""

from collections.abc import Iterable
from typing import Any

import apsw

from argybargy.domain.access_codes import CodeRecord
from argybargy.domain.wake_hooks import WakeHook
from argybargy.domain.wake_policy import Wake


def read_wake_hooks(connection: apsw.Connection) -> tuple[WakeHook, ...]:
    """Read the hooks of all peers."""
    rows: Iterable[Any] = connection.execute(
        "SELECT room, name, url, key, wake FROM wake_hooks ORDER BY room, name"
    )
    return tuple(
        WakeHook(room, name, url, key, Wake(wake))
        for room, name, url, key, wake in rows
    )


def save_wake_hook(connection: apsw.Connection, hook: WakeHook) -> None:
    """Store the hook of a peer that holds a code; do nothing for others."""
    connection.execute(
        """
        INSERT OR REPLACE INTO wake_hooks (room, name, url, key, wake)
        SELECT :room, :name, :url, :key, :wake
        WHERE EXISTS (SELECT 1 FROM codes WHERE room = :room AND name = :name)
        """,
        {
            "room": hook.room,
            "name": hook.name,
            "url": hook.url,
            "key": hook.key,
            "wake": hook.wake.value,
        },
    )


def delete_wake_hook(connection: apsw.Connection, room: str, name: str) -> None:
    """Delete the hook of a peer."""
    sql = "DELETE FROM wake_hooks WHERE room = ? AND name = ?"
    connection.execute(sql, (room, name))


def delete_hook_without_code(connection: apsw.Connection, code: CodeRecord) -> None:
    """Delete the hook of the peer of a deleted code, unless it holds another."""
    # A backup of an older schema is restored before it is migrated.
    sql = "SELECT count(*) FROM sqlite_schema WHERE name = 'wake_hooks'"
    if not connection.execute(sql).get:
        return
    connection.execute(
        """
        DELETE FROM wake_hooks WHERE room = :room AND name = :name
        AND NOT EXISTS (SELECT 1 FROM codes WHERE room = :room AND name = :name)
        """,
        {"room": code.room, "name": code.name},
    )
