"""Fill the database of a relay: ``python fill.py DIRECTORY ROOMS MESSAGES CODES``.

Run with the Python of the measured relay, so that the schema is that of its version. It
imports nothing of the benchmark. Rows are written as the relay writes them, but in one
transaction, and the search index is made: two million messages take two minutes. Prints
the access code of the first agent.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

import apsw
import attrs

from argybargy.domain.access_codes import CodeRecord, digest_code, format_code
from argybargy.domain.instant import Instant
from argybargy.domain.room.state import Room
from argybargy.store.sqlite.schema import load_migrations, migrate
from argybargy.store.sqlite.search.index import INDEX_NAME
from argybargy.store.sqlite.search.index_tables import index_piece, prepare
from argybargy.store.sqlite.tables.codes import insert_codes
from argybargy.store.sqlite.tables.rooms import insert_room

START_MS = 1_764_000_000_000
PEERS = 5
"""Agents of a room that have posted; others only have a code."""
EVERYONE = '["all"]'
INSERT = """
INSERT INTO messages (
    id, room_id, seq, at_ms, sender, kind, recipients, text, expects, reply_to, event,
    claimed_by, fence, is_settled
)
VALUES (?, ?, ?, ?, ?, 'agent', ?, ?, 'none', NULL, NULL, NULL, 0, 0)
"""
WORDS = ("deploy", "review", "branch", "test", "parser", "queue", "socket", "index")


def code_of(room: int, peer: int) -> str:
    """Return the access code of an agent."""
    return format_code(f"{room:016}{peer:016}")


def messages(room_id: int, first_id: int, count: int) -> Iterator[tuple[object, ...]]:
    """Yield the rows of a room, all of them to everybody."""
    for seq in range(1, count + 1):
        words = " ".join(WORDS[(seq * step) % len(WORDS)] for step in (1, 3, 7))
        text = f"message {seq}: {words} {'x' * 60}"
        sender, at_ms = f"agent{seq % PEERS}", START_MS + seq
        yield first_id + seq, room_id, seq, at_ms, sender, EVERYONE, text


def fill(path: Path, rooms: int, count: int, codes: int) -> None:
    """Write rooms of so many messages, and codes spread over them."""
    connection = apsw.Connection(str(path))
    migrate(connection, load_migrations())
    connection.execute("PRAGMA journal_mode = WAL").fetchall()
    connection.execute("PRAGMA synchronous = OFF").fetchall()
    with connection:
        for number in range(rooms):
            room = attrs.evolve(
                Room.new(f"room{number}", Instant(START_MS, 0.0)),
                exists=True,
                head=count,
                last_ms=START_MS + count,
                last_spoken_ms=START_MS + count,
            )
            room_id = insert_room(connection, room)
            assert room_id is not None
            rows = messages(room_id, number * count, count)
            connection.executemany(INSERT, rows)
            _insert_members(connection, room_id, count)
        insert_codes(connection, map(_code, range(codes), [rooms] * codes))
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    connection.close()


def index(path: Path) -> None:
    """Make the search index of a database."""
    connection = apsw.Connection(str(path.with_name(INDEX_NAME)))
    connection.execute("PRAGMA journal_mode = WAL").fetchall()
    prepare(connection, path)
    while index_piece(connection):
        pass
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    connection.close()


def _insert_members(connection: apsw.Connection, room_id: int, count: int) -> None:
    last = range(max(1, count - PEERS + 1), count + 1)
    connection.executemany(
        "INSERT INTO members (room_id, peer, name, kind, last_seq, last_ms)"
        " VALUES (?, ?, ?, 'agent', ?, ?)",
        [
            (room_id, f"agent{seq % PEERS}", f"agent{seq % PEERS}", seq, START_MS + seq)
            for seq in last
        ],
    )


def _code(number: int, rooms: int) -> CodeRecord:
    room, peer = number % rooms, number // rooms
    digest = digest_code(code_of(room, peer))
    return CodeRecord(
        *(digest, f"room{room}", f"agent{peer}", "", START_MS, None, "bench", "")
    )


def main(directory: str, rooms: str, count: str, codes: str) -> None:
    """Fill a new data directory."""
    folder = Path(directory)
    folder.mkdir(mode=0o700, exist_ok=True)
    database = folder / "relay.db"
    fill(database, int(rooms), int(count), int(codes))
    index(database)
    sys.stdout.write(code_of(0, 0))


if __name__ == "__main__":
    main(*sys.argv[1:])
