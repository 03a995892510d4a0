"""Schema migrations, and the checks of a database file before it is used.

Migrations are numbered SQL files; each is applied once, in one transaction.
"""

import re
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Any, Final

import apsw
import attrs

from argybargy.store.errors import Incompatible
from argybargy.store.sqlite.errors import damaged
from argybargy.store.sqlite.row_validation import validate_rows
from argybargy.system.files import make_private_file
from argybargy.system.values import frozen

_Entries = Mapping[tuple[str, str], tuple[str, tuple[str, ...]]]
"""Schema entries by kind and name: the table each belongs to, and its SQL tokens."""

_STATISTICS: Final = frozenset({"sqlite_stat1", "sqlite_stat4"})
_NAME_CHARS: Final = 64
_TOKEN: Final = re.compile(
    r"""--[^\n]* | /\*.*?\*/ | '(?:[^']|'')*' | "(?:[^"]|"")*" | \w+ | [^\w\s]""",
    re.VERBOSE | re.DOTALL,
)


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


def check_and_migrate(
    connection: apsw.Connection,
    path: Path,
    migrations: Sequence[Migration],
    *,
    is_checked: bool = False,
) -> int:
    """Check a database and apply the missing migrations.

    Before its schema changes, an existing database is copied to
    ``<name>.v<version>`` beside it.

    Args:
        connection: A connection to the database.
        path: Path of the database.
        migrations: The schema.
        is_checked: Whether pages and rows are known to be valid.

    Returns:
        The schema version.

    Raises:
        Corrupt: The database is damaged or has an invalid row; it is left unchanged.
        Incompatible: Its schema is newer than this program or not Argybargy's.
    """
    if not is_checked:
        check_integrity(connection, path)
    version = schema_version(connection)
    check_version(connection, path, version, migrations[-1].number)
    if version > 0:
        check_schema(connection, path, migrations[:version])
        if not is_checked:
            validate_rows(connection, path)
    if 0 < version < migrations[-1].number:
        back_up(connection, path.with_name(f"{path.name}.v{version}"))
    # This pragma changes the file permanently: run it only after the checks above.
    connection.execute("PRAGMA journal_mode = WAL").fetchall()
    migrate(connection, migrations)
    return schema_version(connection)


def migrate(connection: apsw.Connection, migrations: Sequence[Migration]) -> None:
    """Apply the missing migrations, each in one transaction."""
    version = schema_version(connection)
    for migration in migrations:
        if migration.number > version:
            _apply(connection, migration)


def schema_version(connection: apsw.Connection) -> int:
    """Return the schema version of a database; 0 if it is empty."""
    return int(connection.execute("PRAGMA user_version").get)


def check_integrity(connection: apsw.Connection, path: Path) -> None:
    """Run SQLite's ``quick_check`` over the pages of a database.

    Raises:
        Corrupt: The check failed.
    """
    verdict = str(connection.execute("PRAGMA quick_check(1)").get)
    if verdict != "ok":
        raise damaged(path, f"quick_check: {' '.join(verdict.split())}")


def check_version(
    connection: apsw.Connection, path: Path, version: int, newest: int
) -> None:
    """Reject a database with a newer schema, or with tables but no schema version.

    Raises:
        Incompatible: Either is the case.
    """
    if version > newest:
        raise Incompatible(
            f"The database {path} has schema {version}; this version of Argybargy "
            f"knows schemas up to {newest}. Run the newer version."
        )
    if version <= 0 and connection.execute("SELECT count(*) FROM sqlite_schema").get:
        raise Incompatible(f"The database {path} is not one of Argybargy's.")


def check_schema(
    connection: apsw.Connection, path: Path, migrations: Sequence[Migration]
) -> None:
    """Reject a database whose schema differs from that of the migrations.

    An added trigger or view would run with the rights of the relay.

    Raises:
        Incompatible: A table, index, trigger or view differs, is missing or is extra.
    """
    model = apsw.Connection(":memory:")
    try:
        migrate(model, migrations)
        expected, found = _entries(model), _entries(connection)
    except UnicodeDecodeError:
        text = f"The database {path} is not one of Argybargy's: a name is not UTF-8."
        raise Incompatible(text) from None
    finally:
        model.close()
    for kind, name in sorted(expected.keys() | found.keys()):
        if expected.get((kind, name)) != found.get((kind, name)):
            raise Incompatible(
                f"The database {path} is not one of Argybargy's: the {kind} "
                f"{name[:_NAME_CHARS]!a} is not as Argybargy makes it."
            )


def _entries(connection: apsw.Connection) -> _Entries:
    """Read the entries of a schema, without SQLite's own statistics tables."""
    sql = "SELECT type, name, tbl_name, sql FROM sqlite_schema"
    rows: list[Any] = connection.execute(sql).fetchall()
    return {
        (kind, name): (table, _tokens(sql or ""))
        for kind, name, table, sql in rows
        if name not in _STATISTICS
    }


def _tokens(sql: str) -> tuple[str, ...]:
    """Split SQL into tokens, without white space and comments."""
    return tuple(
        token for token in _TOKEN.findall(sql) if not token.startswith(("--", "/*"))
    )


def back_up(connection: apsw.Connection, target: Path) -> None:
    """Copy the database to a private file at `target`."""
    make_private_file(target)
    copy = apsw.Connection(str(target))
    try:
        with copy.backup("main", connection, "main") as backup:
            backup.step(-1)
    finally:
        copy.close()


def _apply(connection: apsw.Connection, migration: Migration) -> None:
    connection.execute("BEGIN IMMEDIATE")
    try:
        connection.execute(migration.sql).fetchall()
        connection.execute(f"PRAGMA user_version = {migration.number}")
        connection.execute("COMMIT")
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
