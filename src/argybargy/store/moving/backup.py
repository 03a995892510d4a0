"""Back up a PostgreSQL database in use to a SQLite file."""

from pathlib import Path

from argybargy.store.moving.copying import Tell
from argybargy.store.moving.move import write_file
from argybargy.store.moving.postgres_side import (
    check_tables,
    open_engine,
    transaction,
)
from argybargy.store.postgres.checks import check_version
from argybargy.store.sqlite.backup.verify import DatabaseContents, check_file


def back_up_postgres(url: str, fresh: Path, tell: Tell) -> DatabaseContents:
    """Write the database of running nodes to a new file, verified and flushed.

    It is one moment of the database, and hinders no node.

    Args:
        url: URL of the database.
        fresh: The file, which may be empty.
        tell: Called with the progress.

    Raises:
        StoreError: The database cannot be read, or the file not be written.
    """
    with open_engine(url) as engine:
        check_version(engine.connection)
        check_tables(engine.connection)
        kind = "ISOLATION LEVEL REPEATABLE READ READ ONLY"
        with transaction(engine.connection, kind):
            write_file(engine, fresh, tell, [])
    return check_file(fresh)
