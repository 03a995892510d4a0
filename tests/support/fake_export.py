"""Files that a fake relay sends, and its answer to an import."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import apsw

from argybargy.cli.client.protocol import Json
from argybargy.store.sqlite.schema import load_migrations, migrate

_TS: Final = "2026-01-02T03:04:05.678+00:00"


def empty_database() -> Sequence[bytes]:
    """Return the bytes of a database without rooms."""
    connection = apsw.Connection(":memory:")
    migrate(connection, load_migrations())
    content = bytes(connection.serialize("main"))
    connection.close()
    return [content[:5_000], content[5_000:]]


def export() -> Sequence[bytes]:
    """Return the lines of an export of a room with one message."""
    message = {
        "type": "message", "room": "build", "seq": 41, "ts": _TS, "from": "claude",
        "to": ["all"], "text": "Who \x1b[31mtakes it?\n```", "expects_reply": "anyone",
        "reply_to": None, "from_kind": "agent", "event": None, "claimed_by": None,
        "settled": False, "open": True,
    }  # fmt: skip
    room = {
        "type": "room", "room": "build", "status": "closed", "closed_at": _TS,
        "closed_by": "titus", "created": _TS,
    }  # fmt: skip
    header = {"type": "header", "format": 1, "relay_version": "0", "exported": _TS}
    lines = [header, room, message, {"type": "end", "rooms": 1, "messages": 1}]
    return [b"".join(json.dumps(line).encode() + b"\n" for line in lines)]


DOWNLOADS: Final[Mapping[str, Callable[[], Sequence[bytes]]]] = {
    "/admin/backup": empty_database,
    "/admin/export": export,
}
_NOTHING: Final = {"new": 0, "same": 0}
UPLOADED: Final[Json] = {
    "messages": {**_NOTHING, "passed": 0},
    "codes": _NOTHING,
    "audit": _NOTHING,
}
