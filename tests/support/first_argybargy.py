"""Fake of the first Argybargy: its tables, and the writes of its server.

`TABLES` has the documented columns; `OLD_TABLES` only those of early versions.
"""

import hashlib
import secrets
from pathlib import Path

import apsw
import attrs

TABLES = """
PRAGMA journal_mode = WAL;
CREATE TABLE messages (
    id INTEGER PRIMARY KEY AUTOINCREMENT, room TEXT NOT NULL, seq INTEGER NOT NULL,
    ts TEXT NOT NULL, sender TEXT NOT NULL, recipient TEXT NOT NULL,
    text TEXT NOT NULL, expects_reply TEXT NOT NULL DEFAULT 'none', claimed_by TEXT
);
CREATE UNIQUE INDEX idx_msg_room_seq ON messages (room, seq);
CREATE TABLE rooms (
    room TEXT PRIMARY KEY, status TEXT NOT NULL DEFAULT 'open',
    closed_at TEXT, closed_by TEXT
);
CREATE TABLE codes (
    code TEXT PRIMARY KEY, display TEXT NOT NULL, name TEXT NOT NULL,
    room TEXT NOT NULL DEFAULT 'default', capabilities TEXT NOT NULL DEFAULT '',
    created TEXT NOT NULL, expires TEXT
);
CREATE TABLE audit (
    id INTEGER PRIMARY KEY AUTOINCREMENT, ts TEXT NOT NULL, action TEXT NOT NULL,
    actor TEXT, room TEXT, detail TEXT
);
"""
OLD_TABLES = """
CREATE TABLE messages (
    id INTEGER PRIMARY KEY AUTOINCREMENT, room TEXT NOT NULL, seq INTEGER NOT NULL,
    ts TEXT NOT NULL, sender TEXT NOT NULL, recipient TEXT NOT NULL, text TEXT NOT NULL
);
CREATE TABLE codes (
    code TEXT PRIMARY KEY, display TEXT NOT NULL, name TEXT NOT NULL,
    room TEXT NOT NULL DEFAULT 'default', created TEXT NOT NULL
);
"""


@attrs.define
class OriginalRelay:
    """A database of the first Argybargy, open for writing as by its server."""

    path: Path
    connection: apsw.Connection
    minute: int = 0

    @classmethod
    def make(cls, directory: Path, tables: str = TABLES) -> "OriginalRelay":
        directory.mkdir(exist_ok=True)
        path = directory / "argybargy.db"
        connection = apsw.Connection(str(path))
        connection.execute(tables).fetchall()
        return cls(path, connection)

    def now(self) -> str:
        self.minute += 1
        return f"2026-01-02T{self.minute // 60:02}:{self.minute % 60:02}:00+00:00"

    def _insert(self, table: str, **row: object) -> None:
        names, marks = ", ".join(row), ", ".join("?" * len(row))
        self.connection.execute(
            f"INSERT INTO {table} ({names}) VALUES ({marks})", tuple(row.values())
        )

    def invite(
        self,
        name: str,
        room: str = "lab",
        expires: str | None = None,
        *,
        hashed: bool = False,
        capabilities: str = "",
    ) -> str:
        code = secrets.token_urlsafe(24)
        stored, display = code, code
        if hashed:
            stored = hashlib.sha256(code.encode()).hexdigest()
            display = f"{code[:6]}…{code[-4:]}"
        row = {"code": stored, "display": display, "name": name, "room": room}
        self._insert(
            "codes",
            **row,
            capabilities=capabilities,
            created=self.now(),
            expires=expires,
        )
        self.log("invite", "admin", room, name)
        return code

    def post(
        self, sender: str, text: str, to: str = "all", room: str = "lab", **more: object
    ) -> int:
        sql = "SELECT coalesce(max(seq), 0) + 1 FROM messages WHERE room = ?"
        seq = int(self.connection.execute(sql, (room,)).get)
        row = {"room": room, "seq": seq, "ts": self.now(), "sender": sender}
        self._insert("messages", **row, recipient=to, text=text, **more)
        return seq

    def close_room(self, room: str, by: str = "operator") -> None:
        row = {"room": room, "status": "closed"}
        self._insert("rooms", **row, closed_at=self.now(), closed_by=by)

    def revoke(self, code: str) -> None:
        self.connection.execute("DELETE FROM codes WHERE code = ?", (code,))
        self.log("revoke", "admin", "", f"{code} (1)")

    def log(self, action: str, actor: str, room: str = "", detail: str = "") -> None:
        row = {"ts": self.now(), "action": action, "actor": actor}
        self._insert("audit", **row, room=room, detail=detail)

    def stop(self) -> None:
        self.connection.close()
