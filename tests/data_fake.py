"""What a fake relay sends and takes where files are concerned."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import apsw

from argybargy.cli.operator import Json
from argybargy.store.sqlite.schema import load_migrations, migrate


def empty_database() -> Sequence[bytes]:
    """Return the bytes of a database without a room."""
    connection = apsw.Connection(":memory:")
    migrate(connection, load_migrations())
    content = bytes(connection.serialize("main"))
    connection.close()
    return [content[:5_000], content[5_000:]]


def empty_export() -> Sequence[bytes]:
    """Return the lines of an export without a room."""
    header = {"type": "header", "format": 1, "relay_version": "0", "exported": "now"}
    lines = [header, {"type": "end", "rooms": 0, "messages": 0}]
    return [b"".join(json.dumps(line).encode() + b"\n" for line in lines)]


DOWNLOADS: Final[Mapping[str, Callable[[], Sequence[bytes]]]] = {
    "/admin/backup": empty_database,
    "/admin/export": empty_export,
}
_NOTHING: Final = {"new": 0, "same": 0}
UPLOADED: Final[Json] = {
    "messages": {**_NOTHING, "passed": 0},
    "codes": _NOTHING,
    "audit": _NOTHING,
}
