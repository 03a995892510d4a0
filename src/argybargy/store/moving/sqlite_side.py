"""The tables of a SQLite file, as a place that a relay moves from or to."""

import contextlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final

import apsw

from argybargy.store.data_directory import RESTORING
from argybargy.store.errors import Corrupt, Full, Refused
from argybargy.store.moving.tables import IS_FULL, Kind, Row, Table
from argybargy.store.sqlite.backup.database_files import copy_database
from argybargy.store.sqlite.backup.verify import verify_database
from argybargy.store.sqlite.schema import load_migrations, migrate
from argybargy.system.files import make_private_file
from argybargy.system.values import frozen

_COMPANIONS: Final = ("", "-wal", "-shm", "-journal")


@frozen
class SqliteSide:
    """The tables of an open file.

    Attributes:
        connection: A connection to it.
    """

    connection: apsw.Connection

    def rows(self, table: Table) -> Iterator[Row]:
        """Read the rows of a table, in the order of its key.

        Raises:
            Corrupt: A row cannot be decoded.
        """
        wanted = ", ".join(
            f'lower("{each.sqlite}")'
            if each.kind is Kind.FOLDED
            else f'"{each.sqlite}"'
            for each in table.columns
        )
        folded = {each.name for each in table.columns if each.kind is Kind.FOLDED}
        order = ", ".join(
            (f'lower("{name}")' if name in folded else f'"{name}"') + " COLLATE BINARY"
            for name in table.key
        )
        sql = f'SELECT {wanted} FROM "{table.name}" ORDER BY {order}'  # noqa: S608
        found: Iterable[Any] = self.connection.execute(sql)
        try:
            yield from map(table.from_sqlite, found)
        except ValueError as error:  # from decoding JSON
            raise Corrupt(f"a row of {table.name} cannot be decoded: {error}") from None

    def count(self, table: Table) -> int:
        """Count the rows of a table."""
        sql = f'SELECT count(*) FROM "{table.name}"'  # noqa: S608 - constants
        return int(self.connection.execute(sql).get)

    def write(self, table: Table, rows: Iterable[Row]) -> None:
        """Insert rows into a table. The caller has begun a transaction."""
        names = ", ".join(f'"{each.sqlite}"' for each in table.columns)
        marks = ", ".join("?" * len(table.columns))
        sql = f'INSERT INTO "{table.name}" ({names}) VALUES ({marks})'  # noqa: S608
        self.connection.executemany(sql, map(table.to_sqlite, rows))

    def newest_id(self) -> int:
        """Return the highest id that a message has had."""
        sql = """
            SELECT max(newest, coalesce((SELECT max(id) FROM messages), 0))
            FROM message_ids
        """
        return int(self.connection.execute(sql).get)

    def keep_newest_id(self, newest: int) -> None:
        """Note the highest id that a message has had."""
        self.connection.execute("UPDATE message_ids SET newest = ?", (newest,))


@contextlib.contextmanager
def open_copy(database: Path) -> Iterator[SqliteSide]:
    """Copy a database with its log, migrate the copy, and delete it in the end.

    The database itself is not touched. The caller holds the lock of its directory.

    Raises:
        Corrupt: The database is damaged.
        Incompatible: Its schema is newer than this program or not Argybargy's.
        Refused: It cannot be read, or there is no space for the copy.
    """
    copy = fresh_path(database)
    with removed_in_the_end(copy), translated(database):
        copy_database(database, copy)
        connection = apsw.Connection(str(copy))
        try:
            connection.execute("PRAGMA trusted_schema = OFF").fetchall()
            verify_database(connection, database)
            migrate(connection, load_migrations())
            yield SqliteSide(connection)
        finally:
            connection.close()


@contextlib.contextmanager
def new_database(path: Path) -> Iterator[SqliteSide]:
    """Make a private file with empty tables, filled in one transaction by the block.

    It is committed if the block succeeds, and not yet flushed to the disk.

    Raises:
        Refused: It cannot be written.
    """
    with translated(path):
        make_private_file(path)
        connection = apsw.Connection(str(path))
        try:
            # Whoever makes it flushes it before it gets its name.
            connection.execute("PRAGMA synchronous = OFF").fetchall()
            migrate(connection, load_migrations())
            with connection:
                yield SqliteSide(connection)
        finally:
            connection.close()


def is_full(database: Path) -> bool:
    """Tell whether a relay lives in a database. The caller holds the lock.

    Raises:
        StoreError: As :func:`open_copy`.
    """
    if not database.exists() or not database.stat().st_size:
        return False
    with open_copy(database) as side:
        return bool(side.connection.execute(IS_FULL).get)


def fresh_path(database: Path) -> Path:
    """Return the name of a temporary file, which the next process deletes."""
    return database.with_name(f"{database.name}.{RESTORING}")


@contextlib.contextmanager
def removed_in_the_end(path: Path) -> Iterator[None]:
    """Delete a database file and what SQLite puts beside it, when the block ends."""
    try:
        yield
    finally:
        for ending in _COMPANIONS:
            path.with_name(path.name + ending).unlink(missing_ok=True)


@contextlib.contextmanager
def translated(path: Path) -> Iterator[None]:
    """Translate errors of SQLite and of the operating system.

    Raises:
        Full: The disk is full.
        Refused: The file cannot be used.
    """
    try:
        yield
    except apsw.FullError as error:
        raise Full(f"{path}: the disk is full") from error
    except (apsw.Error, OSError) as error:
        raise Refused(f"{path} cannot be used: {error}") from error
