"""Wake hooks: URLs that the relay calls for agents that cannot wait."""

import re
from collections.abc import Iterable
from typing import Any, Final

import apsw

from argybargy.domain.access_codes import CodeRecord
from argybargy.domain.names import is_name
from argybargy.domain.wake_hooks import WakeHook, parse_wake_url
from argybargy.domain.wake_policy import Wake
from argybargy.store.sqlite.column_rules import is_valid_sender

_KEY: Final = re.compile(r"[0-9a-f]{64}")


def read_wake_hooks(connection: apsw.Connection) -> tuple[WakeHook, ...]:
    """Read the hooks of all peers."""
    rows: Iterable[Any] = connection.execute(
        "SELECT room, name, url, key, wake FROM wake_hooks ORDER BY room, name"
    )
    return tuple(
        WakeHook(room, name, url, key, Wake(wake))
        for room, name, url, key, wake in rows
    )


def check_wake_hook(
    room: str, name: str, url: str, key: str, wake: str
) -> tuple[tuple[bool, str], ...]:
    """Return for each column of a row whether it is valid, and the column in words."""
    return (
        (is_name(room), "the name of the room"),
        (is_valid_sender(name, "agent"), "the name of the peer"),
        (parse_wake_url(url) is not None, "the URL"),
        (_KEY.fullmatch(key) is not None, "the key"),
        (wake in {each.value for each in Wake}, "the kind of messages"),
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


def delete_all_wake_hooks(connection: apsw.Connection) -> None:
    """Delete the hooks of a restored backup, which may have been removed since."""
    connection.execute("DELETE FROM wake_hooks").fetchall()


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
