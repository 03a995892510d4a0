"""Check the database: integrity, schema and size of the write-ahead log.

It is opened read-only, so that a running relay is not disturbed.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import apsw
import attrs

from argybargy.cli.doctor.finding import Finding, fine, problem, quoted, warning
from argybargy.store.data_directory import DATABASE_NAME
from argybargy.store.errors import Corrupt
from argybargy.store.sqlite.errors import translate
from argybargy.store.sqlite.schema import load_migrations
from argybargy.system.values import frozen

INTEGRITY: Final = "database"
SCHEMA: Final = "schema"
WAL: Final = "wal"

_MEBIBYTE: Final = 1024 * 1024
WAL_BYTES: Final = 128 * _MEBIBYTE
"""Twice the size to which the relay truncates the write-ahead log."""
_BUSY_MS: Final = 1_000
_MOST_COMPLAINTS: Final = 5


@frozen
class DatabaseFacts:
    """Facts about the database.

    Attributes:
        path: The database file.
        complaints: First errors of SQLite's integrity check.
        version: Schema version; 0 without a schema.
        newest: Newest schema version of this program.
        has_tables: Whether it has any tables.
        wal_bytes: Size of the write-ahead log.
        is_thorough: Whether indexes were checked too.
    """

    path: Path
    complaints: tuple[str, ...] = ()
    version: int = 0
    newest: int = 0
    has_tables: bool = False
    wal_bytes: int = 0
    is_thorough: bool = False


def look_at_database(data: Path, *, is_thorough: bool) -> DatabaseFacts | None:
    """Collect facts about the database; ``None`` if there is no database.

    Raises:
        StoreError: It cannot be read now.
        OSError: It may not be read.
    """
    path = data / DATABASE_NAME
    if not path.exists():
        return None
    log = path.with_name(f"{path.name}-wal")
    facts = DatabaseFacts(
        path=path,
        newest=load_migrations()[-1].number,
        wal_bytes=log.stat().st_size if log.exists() else 0,
        is_thorough=is_thorough,
    )
    try:
        return _read(facts)
    except apsw.Error as error:
        translated = translate(error)
        if isinstance(translated, Corrupt):
            return attrs.evolve(facts, complaints=(str(error),))
        raise translated from error


def _read(facts: DatabaseFacts) -> DatabaseFacts:
    connection = apsw.Connection(str(facts.path), flags=apsw.SQLITE_OPEN_READONLY)
    try:
        connection.set_busy_timeout(_BUSY_MS)
        connection.execute("PRAGMA trusted_schema = OFF").fetchall()
        check = "integrity_check" if facts.is_thorough else "quick_check"
        rows = connection.execute(f"PRAGMA {check}({_MOST_COMPLAINTS})").fetchall()
        complaints = tuple(str(row[0]) for row in rows if row[0] != "ok")
        count = connection.execute("SELECT count(*) FROM sqlite_schema").get
        version = connection.execute("PRAGMA user_version").get
    finally:
        connection.close()
    return attrs.evolve(
        facts, complaints=complaints, version=int(version), has_tables=bool(count)
    )


def find_newest_message(data: Path) -> tuple[str, int] | None:
    """Return room and time (Unix milliseconds) of the newest message.

    Returns:
        ``None`` without a message or a readable database; the other checks report why
        it cannot be read.
    """
    path = data / DATABASE_NAME
    try:
        connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
    except apsw.CantOpenError:
        return None
    try:
        connection.set_busy_timeout(_BUSY_MS)
        connection.execute("PRAGMA trusted_schema = OFF").fetchall()
        row = connection.execute(
            "SELECT name, last_ms FROM rooms WHERE head >= first ORDER BY last_ms DESC"
        ).fetchone()
    except apsw.Error:
        return None
    finally:
        connection.close()
    return None if row is None else (str(row[0]), int(row[1]))


def judge_database(facts: DatabaseFacts | None) -> Iterator[Finding]:
    """Judge the database."""
    if facts is None:
        yield fine(INTEGRITY, "There is no database yet; the relay creates it.")
        return
    yield from _judge_integrity(facts)
    if not facts.complaints:
        yield _judge_schema(facts)
    yield _judge_wal(facts)


def _judge_integrity(facts: DatabaseFacts) -> Iterator[Finding]:
    if not facts.complaints:
        how = "full check" if facts.is_thorough else "quick check"
        yield fine(INTEGRITY, f"{facts.path} is intact ({how}).")
        return
    aside = quoted(facts.path.with_name(f"{facts.path.name}.damaged"))
    yield problem(
        INTEGRITY,
        f"{facts.path} is damaged: {'; '.join(facts.complaints)}",
        f"Stop the relay and keep a copy (cp {quoted(facts.path)} {aside}), then: "
        "argybargy restore <a backup>",
    )


def _judge_schema(facts: DatabaseFacts) -> Finding:
    version, newest = facts.version, facts.newest
    if version > newest:
        return problem(
            SCHEMA,
            f"{facts.path} has schema {version}, and this version of Argybargy knows "
            f"schemas up to {newest}: a newer version made it and is needed.",
            "pip install --upgrade argybargy",
        )
    if not version and facts.has_tables:
        text = f"{facts.path} is a database of another program."
        return problem(SCHEMA, text, "argybargy up --data <another directory>")
    if not version:
        return fine(SCHEMA, "The database is still empty.")
    if version < newest:
        after = f"the next start migrates it to {newest}, and keeps a copy"
        return fine(SCHEMA, f"Schema {version}; {after}.")
    return fine(SCHEMA, f"Schema {version}, the newest.")


def _judge_wal(facts: DatabaseFacts) -> Finding:
    size = f"{facts.wal_bytes / _MEBIBYTE:.1f} MiB"
    if facts.wal_bytes <= WAL_BYTES:
        return fine(WAL, f"The write-ahead log is {size}.")
    return warning(
        WAL,
        f"The write-ahead log is {size}: a reader has kept SQLite from a checkpoint.",
        "Stop the relay and other readers of the database, then: argybargy up",
    )
