"""Shared things of the nodes: version of the directory, settings, duties, seats."""

from collections.abc import Collection, Sequence
from typing import Final

import msgspec

from argybargy.domain.names import RoomKey, peer_key
from argybargy.domain.nodes import NodeRecord
from argybargy.domain.seat import SharedSeat
from argybargy.store.postgres.connection import Connection
from argybargy.store.protocol import NODE_SECONDS

_encode: Final = msgspec.json.Encoder().encode
_decode_record: Final = msgspec.json.Decoder(NodeRecord).decode
_decode_seat: Final = msgspec.json.Decoder(SharedSeat).decode
_DEAD: Final = f"heard_at < clock_timestamp() - interval '{NODE_SECONDS:g} seconds'"


# -- directory and settings --------------------------------------------------------


def read_directory_version(connection: Connection) -> int:
    """Return the number of changes of the directory."""
    row = connection.execute("SELECT version FROM directory").fetchone()
    return row[0] if row else 0


def count_change(connection: Connection) -> None:
    """Count a change of the directory; the last statement of its transaction."""
    connection.execute("UPDATE directory SET version = version + 1")


def read_setting(connection: Connection, name: str) -> bytes | None:
    """Return a setting; ``None`` if there is none of this name."""
    sql = "SELECT value FROM settings WHERE name = %s"
    row = connection.execute(sql, (name,)).fetchone()
    return bytes(row[0]) if row else None


def read_settings(connection: Connection) -> dict[str, bytes]:
    """Return all settings, by name."""
    rows = connection.execute("SELECT name, value FROM settings")
    return {name: bytes(value) for name, value in rows}


def replace_setting(
    connection: Connection, name: str, value: bytes, expected: bytes | None
) -> bool:
    """Replace a setting, if it is still the expected one; tell whether it was."""
    if expected is None:
        sql = "INSERT INTO settings VALUES (%s, %s) ON CONFLICT DO NOTHING"
        return connection.execute(sql, (name, value)).rowcount > 0
    sql = "UPDATE settings SET value = %s WHERE name = %s AND value = %s"
    return connection.execute(sql, (value, name, expected)).rowcount > 0


# -- duties ------------------------------------------------------------------------


def take_duty(connection: Connection, node: str, duty: str) -> bool:
    """Give a duty to a node, unless another leads it; tell whether it was given."""
    sql = f"""
        INSERT INTO duties AS known
        VALUES (%s, %s, clock_timestamp() + interval '{NODE_SECONDS:g} seconds')
        ON CONFLICT (duty) DO UPDATE SET node = excluded.node, until = excluded.until
        WHERE known.node = excluded.node OR known.until < clock_timestamp()
    """  # noqa: S608 - constants
    return connection.execute(sql, (duty, node)).rowcount > 0


# -- records -----------------------------------------------------------------------


def save_record(connection: Connection, record: NodeRecord) -> int:
    """Store what a node says of itself; return the time of the server, in Unix ms."""
    # A node that is not known stays so: it must store its seats again.
    sql = """
        UPDATE nodes SET record = %s, heard_at = clock_timestamp() WHERE node = %s
    """
    connection.execute(sql, (_encode(record), record.id))
    sql = "SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint"
    row = connection.execute(sql).fetchone()
    assert row is not None, "a query without a table returns one row"
    return int(row[0])


def read_records(connection: Connection, besides: str) -> tuple[NodeRecord, ...]:
    """Return what the other nodes say of themselves.

    Raises:
        ValueError: A record cannot be decoded.
    """
    sql = f"""
        SELECT record FROM nodes
        WHERE node <> %s AND record IS NOT NULL AND NOT {_DEAD}
    """  # noqa: S608 - constants
    rows = connection.execute(sql, (besides,))
    return tuple(_decode_record(record) for (record,) in rows)


# -- seats -------------------------------------------------------------------------


def note_alive(connection: Connection, node: str) -> bool:
    """Note a sign of life of a node; tell whether it was known.

    Nodes that have said nothing for too long are forgotten, with their seats.
    """
    # Another node that is at it has locked them, and does the same.
    sql = f"""
        WITH dead AS (
            SELECT node FROM nodes WHERE {_DEAD} AND node <> %s
            FOR UPDATE SKIP LOCKED
        ), gone AS (DELETE FROM seats USING dead WHERE seats.node = dead.node)
        DELETE FROM nodes USING dead WHERE nodes.node = dead.node
    """  # noqa: S608 - constants
    connection.execute(sql, (node,))
    sql = "UPDATE nodes SET heard_at = clock_timestamp() WHERE node = %s"
    if connection.execute(sql, (node,)).rowcount:
        return True
    # The seats of a node that was thought dead may be left.
    connection.execute("DELETE FROM seats WHERE node = %s", (node,))
    sql = """
        INSERT INTO nodes VALUES (%s, clock_timestamp())
        ON CONFLICT (node) DO UPDATE SET heard_at = excluded.heard_at
    """
    connection.execute(sql, (node,))
    return False


def save_seats(connection: Connection, node: str, seats: Sequence[SharedSeat]) -> None:
    """Store the seats of a node, and delete those that have gone."""
    kept = {(each.room, peer_key(each.name)): each for each in seats}
    gone = [key for key, each in kept.items() if each.has_gone]
    if gone:
        sql = """
            DELETE FROM seats USING unnest(%s::text[], %s::text[]) AS x(room, peer)
            WHERE seats.node = %s AND seats.room = x.room AND seats.peer = x.peer
        """
        rooms, peers = zip(*gone, strict=True)
        connection.execute(sql, (list(rooms), list(peers), node))
    here = {key: each for key, each in kept.items() if not each.has_gone}
    if here:
        sql = """
            INSERT INTO seats SELECT %s, x.room, x.peer, x.seat
            FROM unnest(%s::text[], %s::text[], %s::bytea[]) AS x(room, peer, seat)
            ON CONFLICT (node, room, peer) DO UPDATE SET seat = excluded.seat
        """
        rooms, peers = zip(*here, strict=True)
        encoded = [_encode(each) for each in here.values()]
        connection.execute(sql, (node, list(rooms), list(peers), encoded))


def read_seats(
    connection: Connection, node: str, rooms: Collection[RoomKey] | None
) -> tuple[SharedSeat, ...]:
    """Return the seats of the other nodes, in some rooms or in all.

    Raises:
        ValueError: A seat cannot be decoded.
    """
    sql = f"""
        SELECT seat FROM seats JOIN nodes USING (node)
        WHERE node <> %s AND NOT {_DEAD} AND (%s::text[] IS NULL OR room = ANY(%s))
    """  # noqa: S608 - constants
    wanted = None if rooms is None else list(rooms)
    rows = connection.execute(sql, (node, wanted, wanted))
    return tuple(_decode_seat(seat) for (seat,) in rows)


def forget_node(connection: Connection, node: str) -> None:
    """Delete a node that ends: its seats, and the duties that it leads."""
    connection.execute("DELETE FROM duties WHERE node = %s", (node,))
    connection.execute("DELETE FROM seats WHERE node = %s", (node,))
    connection.execute("DELETE FROM nodes WHERE node = %s", (node,))
