"""Schema migrations: numbered SQL files, applied by the first node that starts.

All missing ones are applied in one transaction under an advisory lock, so that nodes
which start together wait for the first, and an interrupted migration leaves nothing.
"""

from collections.abc import Sequence
from importlib import resources
from typing import Final

import attrs

from argybargy.store.errors import Incompatible
from argybargy.store.postgres.connection import Connection
from argybargy.store.postgres.moved import check_engine_not_moved
from argybargy.system.values import frozen

_LOCK: Final = 0x617267_79  # "argy"
_TABLE: Final = """
CREATE TABLE IF NOT EXISTS schema_versions (
    number integer PRIMARY KEY,
    applied_at timestamptz NOT NULL DEFAULT now()
)
"""


@frozen
class Migration:
    """One step of the schema.

    Attributes:
        number: The schema version it leads to; 1 is the first, without gaps.
        sql: The statements.
    """

    number: int
    sql: str = attrs.field(repr=False)


def load_migrations() -> tuple[Migration, ...]:
    """Read the migrations of the package, in order."""
    directory = resources.files(__package__) / "migrations"
    files = [file for file in directory.iterdir() if file.name.endswith(".sql")]
    return tuple(
        Migration(int(file.name.split("_")[0]), file.read_text(encoding="utf-8"))
        for file in sorted(files, key=lambda file: file.name)
    )


def migrate(connection: Connection, migrations: Sequence[Migration]) -> int:
    """Apply the missing migrations; return the schema version.

    Raises:
        Incompatible: The schema is newer than this program, or the relay has moved.
    """
    with connection.transaction():
        # Another node may migrate for longer than a statement usually takes.
        connection.execute("SET LOCAL statement_timeout = 0")
        connection.execute("SET LOCAL lock_timeout = 0")
        connection.execute("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))
        version = read_version(connection)
        newest = migrations[-1].number
        check_schema_version(version, newest)
        check_engine_not_moved(connection)
        if version < newest:
            connection.execute(_TABLE)
        for migration in migrations[version:]:
            connection.execute(migration.sql.encode())
            sql = "INSERT INTO schema_versions (number) VALUES (%s)"
            connection.execute(sql, (migration.number,))
    return newest


def check_schema_version(version: int, newest: int) -> None:
    """Reject a schema that is newer than this program.

    Raises:
        Incompatible: It is.
    """
    if version > newest:
        raise Incompatible(
            f"The PostgreSQL database has schema {version}; this version of "
            f"Argybargy knows schemas up to {newest}. Run the newer version."
        )


def read_version(connection: Connection) -> int:
    """Return the schema version; 0 without tables of Argybargy.

    Raises:
        Incompatible: There are tables of something else with the names of ours.
    """
    row = connection.execute("SELECT to_regclass('schema_versions')").fetchone()
    if row is None or row[0] is None:
        row = connection.execute(
            "SELECT to_regclass('rooms') IS NOT NULL OR to_regclass('messages') "
            "IS NOT NULL"
        ).fetchone()
        if row and row[0]:
            raise Incompatible(
                "The PostgreSQL database has tables of another program. Create a "
                "database of its own for Argybargy."
            )
        return 0
    row = connection.execute("SELECT max(number) FROM schema_versions").fetchone()
    return int(row[0] or 0) if row else 0
