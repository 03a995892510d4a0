"""The mark of a database that a relay has moved from: no node starts on it any more.

A node that was cut off during the move, and comes back, must not write either. So the
mark is a table, and a trigger on every table that has moved.
"""

from collections.abc import Iterable
from typing import Final

from argybargy.domain.instant import format_timestamp
from argybargy.store.errors import Incompatible
from argybargy.store.postgres.connection import Connection
from argybargy.system.values import frozen

# 55000 is translated to `Refused`, so that such a node answers 503.
_GUARD: Final = """
CREATE TABLE moved (id text NOT NULL, place text NOT NULL, at_ms bigint NOT NULL);
CREATE FUNCTION ab_refuse_moved() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the relay of this database has moved' USING ERRCODE = '55000';
END $$;
"""
_UNGUARD: Final = """
DROP TABLE IF EXISTS moved;
DROP FUNCTION IF EXISTS ab_refuse_moved() CASCADE;
"""


@frozen
class EngineMark:
    """Mark of a database.

    Attributes:
        id: Random id of the move, which both places have.
        place: The data directory that the relay has moved to.
        at_ms: Time of the move.
    """

    id: str
    place: str
    at_ms: int


def read_engine_mark(connection: Connection) -> EngineMark | None:
    """Return the mark of a database; ``None`` without one."""
    row = connection.execute("SELECT to_regclass('moved')").fetchone()
    if row is None or row[0] is None:
        return None
    row = connection.execute("SELECT id, place, at_ms FROM moved").fetchone()
    return None if row is None else EngineMark(*row)


def check_engine_not_moved(connection: Connection) -> None:
    """Refuse a database that a relay has moved from.

    Raises:
        Incompatible: A relay has moved from it.
    """
    mark = read_engine_mark(connection)
    if mark is not None:
        day = format_timestamp(mark.at_ms)[:10]
        raise Incompatible(
            f"the relay of this database has moved to {mark.place} on {day}. Start it "
            f"there: argybargy up --data {mark.place}. To use this database all the "
            "same, add --anyway to 'argybargy serve'; then later messages exist only "
            "there, and numbers are given twice."
        )


def mark_engine(
    connection: Connection, mark: EngineMark, tables: Iterable[str]
) -> None:
    """Mark a database, and refuse changes of its tables, within a transaction."""
    connection.execute(_GUARD.encode())
    sql = "INSERT INTO moved VALUES (%s, %s, %s)"
    connection.execute(sql, (mark.id, mark.place, mark.at_ms))
    for name in tables:
        connection.execute(
            f"CREATE TRIGGER ab_moved BEFORE INSERT OR UPDATE OR DELETE ON {name} "
            "FOR EACH STATEMENT EXECUTE FUNCTION ab_refuse_moved()".encode()
        )


def unmark_engine(connection: Connection) -> None:
    """Remove the mark of a database, and its triggers with it."""
    connection.execute(_UNGUARD.encode())
