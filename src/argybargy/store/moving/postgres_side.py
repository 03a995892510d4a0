"""The tables of a PostgreSQL database, as a place that a relay moves from or to.

Everything is blocking: a command does nothing else meanwhile, and Ctrl+C interrupts it.
Statements have no deadline, since those on all rows take as long as there are rows; the
options of the connection find a server that is gone.
"""

import contextlib
from collections.abc import Iterable, Iterator
from typing import Final

import attrs
import psycopg

from argybargy.domain.names import RoomKey
from argybargy.store.errors import Incompatible, StoreError, Unknown
from argybargy.store.moving.tables import IS_FULL, TABLES, Row, Table
from argybargy.store.postgres.connection import Connection, connect
from argybargy.store.postgres.errors import first_line, translate
from argybargy.store.postgres.schema import check_schema_version, load_migrations
from argybargy.system.values import frozen

APPLICATION: Final = "argybargy"
"""Name under which nodes connect."""
_SETTINGS: Final = (
    "SET statement_timeout = 0",
    "SET idle_in_transaction_session_timeout = 0",
    "SET lock_timeout = 10000",
    # A node is recognised by its name; this is none.
    "SET application_name = 'argybargy-move'",
)
_LOOKS: Final = 20
"""Times that nodes are looked for, a tenth of a second apart."""
_WORD_INDEX: Final = "messages_by_word"
_FETCH_SIZE: Final = 2_000
"""Rows fetched at once."""
_TEXT_KEYS: Final = frozenset({"peer", "key", "room", "name"})
_EMPTIED: Final = ("commits", "settings")
"""Further tables to empty before a relay moves in, as far as they exist."""


@frozen
class PostgresSide:
    """The tables of a database, within a transaction.

    Attributes:
        connection: A connection to it.
        rooms: Keys of the rooms that were written, by id.
    """

    connection: Connection
    rooms: dict[int, RoomKey] = attrs.field(factory=dict)

    def rows(self, table: Table) -> Iterator[Row]:
        """Read the rows of a table, in the order of its key."""
        wanted = ", ".join(f'"{each.name}"' for each in table.columns)
        order = ", ".join(
            f'"{name}" COLLATE "C"' if name in _TEXT_KEYS else f'"{name}"'
            for name in table.key
        )
        sql = f'SELECT {wanted} FROM "{table.name}" ORDER BY {order}'  # noqa: S608
        with self.connection.cursor(name="ab_rows") as cursor:
            cursor.itersize = _FETCH_SIZE
            cursor.execute(sql.encode())
            yield from cursor

    def count(self, table: Table) -> int:
        """Count the rows of a table."""
        return _number(self.connection, f'SELECT count(*) FROM "{table.name}"')  # noqa: S608

    def write(self, table: Table, rows: Iterable[Row]) -> None:
        """Insert rows into an empty table, with all that PostgreSQL derives."""
        names = ", ".join(
            f'"{name}"'
            for name in (*(each.name for each in table.columns), *table.derived)
        )
        sql = f'COPY "{table.name}" ({names}) FROM STDIN'
        with (
            _without_word_index(self.connection, table),
            self.connection.cursor() as cursor,
            cursor.copy(sql.encode()) as copy,
        ):
            for row in rows:
                derived = table.derive(row, self.rooms)
                if table.name == "rooms":
                    self.rooms[row[0]] = derived[0]
                copy.write_row((*row, *derived))

    def newest_id(self) -> int:
        """Return the highest id that a message has had."""
        return _number(
            self.connection,
            "SELECT CASE WHEN is_called THEN last_value ELSE 0 END "
            "FROM messages_id_seq",
        )

    def keep_newest_id(self, newest: int) -> None:
        """Let all tables number their rows after the ones they have."""
        for table in TABLES:
            if table.has_ids:
                least = newest if table.name == "messages" else 0
                sql = f"""
                    SELECT setval(pg_get_serial_sequence('{table.name}', 'id'), top)
                    FROM (SELECT greatest(max(id), {least}) AS top FROM {table.name})
                    AS found WHERE top > 0
                """  # noqa: S608 - constants
                self.connection.execute(sql.encode())

    def has_tally(self, tally: str) -> bool:
        """Tell whether the audit log has a row with a tally."""
        sql = "SELECT count(*) FROM audit WHERE tally = %s"
        return bool(_number(self.connection, sql, tally))


def _number(connection: Connection, sql: str, *values: object) -> int:
    row = connection.execute(sql.encode(), values).fetchone()
    return int(row[0]) if row else 0


@contextlib.contextmanager
def open_engine(url: str) -> Iterator[PostgresSide]:
    """Connect to a database.

    Raises:
        Refused: It cannot be reached, or the connection was lost.
        Incompatible: It refused what it was told.
    """
    with translated():
        connection = connect(url, *_SETTINGS)
        with contextlib.closing(connection):
            yield PostgresSide(connection)


@contextlib.contextmanager
def transaction(connection: Connection, kind: str = "") -> Iterator[None]:
    """Commit what the block does, or nothing of it.

    Args:
        connection: A connection outside a transaction.
        kind: Its mode, as in ``BEGIN``.

    Raises:
        Unknown: The connection was lost while it was being committed.
    """
    connection.execute(f"BEGIN {kind}".encode())
    try:
        yield
    except BaseException:
        with contextlib.suppress(psycopg.Error):  # a lost connection has rolled back
            connection.execute("ROLLBACK")
        raise
    try:
        connection.execute("COMMIT")
    except psycopg.Error as error:
        if connection.closed:
            raise Unknown(f"PostgreSQL at COMMIT: {first_line(error)}") from error
        raise
    except KeyboardInterrupt as error:
        connection.close()
        raise Unknown("interrupted at COMMIT") from error


@contextlib.contextmanager
def translated() -> Iterator[None]:
    """Translate errors of PostgreSQL.

    Raises:
        Refused: It is away, or refuses for now.
        Incompatible: It refused a row or a statement.
    """
    try:
        yield
    except psycopg.Error as error:
        found = translate(error)
        if isinstance(found, StoreError):
            raise found from error
        raise Incompatible(f"PostgreSQL: {first_line(error)}") from error


@contextlib.contextmanager
def _without_word_index(connection: Connection, table: Table) -> Iterator[None]:
    """Make the index of words after the rows: row by row takes three times as long."""
    sql = "SELECT indexdef FROM pg_indexes WHERE indexname = %s"
    if table.name != "messages":
        yield
        return
    row = connection.execute(sql, (_WORD_INDEX,)).fetchone()
    assert row is not None  # made by a migration
    connection.execute(f"DROP INDEX {_WORD_INDEX}".encode())
    yield
    connection.execute("SET LOCAL maintenance_work_mem = '256MB'")
    connection.execute(str(row[0]).encode())


def refuse_live_nodes(connection: Connection) -> None:
    """Refuse to go on while a node is connected.

    The server notices a little later that a node has gone, so this waits for a moment.
    Within a transaction it would see the same all the time, and does not wait.

    Raises:
        Incompatible: One is.
    """
    sql = """
        SELECT count(*) FROM pg_stat_activity
        WHERE datname = current_database() AND application_name = %s
    """
    is_idle = connection.info.transaction_status is psycopg.pq.TransactionStatus.IDLE
    for _ in range(_LOOKS if is_idle else 1):
        if not _number(connection, sql, APPLICATION):
            return
        connection.execute("SELECT pg_sleep(0.1)")
    raise Incompatible(
        "a relay is connected to the PostgreSQL database. Stop all of its nodes first"
    )


def has_tables(connection: Connection) -> bool:
    """Tell whether the database has the tables of a relay."""
    return bool(
        _number(
            connection,
            "SELECT (to_regclass('schema_versions') IS NOT NULL)::integer",
        )
    )


def lock_tables(connection: Connection, mode: str) -> None:
    """Lock all tables in a mode, which other nodes' writes wait for."""
    names = ", ".join(table.name for table in TABLES)
    connection.execute(f"LOCK TABLE {names} IN {mode} MODE".encode())


def make_empty(connection: Connection) -> None:
    """Delete what a relay that was only started has written.

    Raises:
        Incompatible: A relay lives in the database.
    """
    row = connection.execute(IS_FULL.encode()).fetchone()
    if row and row[0]:
        raise Incompatible(
            "the PostgreSQL database is not empty: a relay has rooms or codes in it. "
            "Name a database of its own: createdb --encoding UTF8 --template template0"
        )
    sql = "SELECT (to_regclass(%s) IS NOT NULL)::integer"
    names = [
        *(table.name for table in TABLES),
        *(name for name in _EMPTIED if _number(connection, sql, name)),
    ]
    connection.execute(f"TRUNCATE {', '.join(names)}".encode())


def check_tables(connection: Connection) -> None:
    """Refuse a database without the tables of a relay, or with newer ones.

    Raises:
        Incompatible: Either is the case.
    """
    if not has_tables(connection):
        raise Incompatible("the PostgreSQL database has no relay in it")
    sql = "SELECT max(number) FROM schema_versions"
    check_schema_version(_number(connection, sql), load_migrations()[-1].number)
