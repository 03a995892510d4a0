"""Move a relay from SQLite to PostgreSQL, or back, with all of its numbers.

Invariants:

1. The lock of the data directory is held throughout. On PostgreSQL no node may be
   connected, and the tables are locked against one that comes back.
2. The new place is complete, or empty: PostgreSQL commits one transaction, and the
   SQLite file is renamed once it is finished.
3. From before that commit until after it, the data directory has a mark. If the process
   is killed in between, the next attempt finds out by the id of the move whether it was
   committed.
"""

import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Final

import attrs

from argybargy.domain.room.writes import Audit
from argybargy.store.data_directory import hold_lock, remove_unfinished
from argybargy.store.errors import Incompatible, Unknown
from argybargy.store.moving.copying import Counts, Tell, copy_and_compare
from argybargy.store.moving.marks import (
    Mark,
    MoveState,
    describe,
    read_mark,
    remove_mark,
    write_mark,
)
from argybargy.store.moving.postgres_side import (
    PostgresSide,
    check_tables,
    has_tables,
    lock_tables,
    make_empty,
    open_engine,
    refuse_live_nodes,
    transaction,
)
from argybargy.store.moving.sqlite_side import (
    SqliteSide,
    fresh_path,
    is_full,
    new_database,
    open_copy,
    removed_in_the_end,
    translated,
)
from argybargy.store.moving.tables import TABLES
from argybargy.store.postgres.address import masked
from argybargy.store.postgres.checks import check_server
from argybargy.store.postgres.moved import EngineMark, mark_engine, read_engine_mark
from argybargy.store.postgres.schema import load_migrations, migrate
from argybargy.store.postgres.tables.nodes import read_settings, replace_setting
from argybargy.store.postgres.tables.records import insert_audits
from argybargy.store.sqlite.backup.verify import check_file
from argybargy.store.sqlite.tables.audit import insert_audits as insert_into_file
from argybargy.system.files import sync_directory, sync_file
from argybargy.system.values import frozen

_ID_BYTES: Final = 8
_INDEX: Final = "search.db*"


@frozen
class MovePlan:
    """Parameters of a move.

    Attributes:
        directory: The data directory.
        url: URL of the PostgreSQL database.
        at_ms: The current time.
        is_dry_run: Whether to undo everything in the end.
        needs_fsync: Whether the server must survive a loss of power. Only tests run
            without.
        settings: What the nodes of a database share and SQLite does not have, by name;
            stored in PostgreSQL.
        id: Random id of the move, which both places keep.
    """

    directory: Path
    url: str = attrs.field(repr=False)
    at_ms: int
    is_dry_run: bool = False
    needs_fsync: bool = True
    settings: Mapping[str, bytes] = attrs.field(factory=dict, repr=False)
    id: str = attrs.field(factory=lambda: secrets.token_hex(_ID_BYTES))

    @property
    def place(self) -> str:
        """The URL without its password."""
        return masked(self.url)

    def mark(self, state: MoveState) -> Mark:
        """Return the mark of the data directory in a state of the move."""
        return Mark(self.id, state, self.place, self.at_ms)

    @property
    def audit(self) -> Audit:
        """The row of the audit log at the new place."""
        detail = f"between {self.directory} and {self.place}"
        return Audit(self.at_ms, "move", "admin", "", detail, _tally(self.id))


@frozen
class Moved:
    """Result of a move.

    Attributes:
        counts: Number of rows of each table; empty if an earlier attempt had finished
            the move but for its mark.
        settings: What the nodes of the PostgreSQL database share, by name.
    """

    counts: Counts
    settings: Mapping[str, bytes] = attrs.field(factory=dict, repr=False)


class _UndoneError(Exception):
    """Ends the transaction of a dry run."""


def _tally(move_id: str) -> str:
    return f"move-{move_id}"


# -- to PostgreSQL -----------------------------------------------------------------


def move_to_postgres(plan: MovePlan, tell: Tell) -> Moved:
    """Move the relay of a data directory to an empty PostgreSQL database.

    Raises:
        Corrupt: The database is damaged, or a copied row differs.
        Incompatible: Another process holds the directory or a node is connected, the
            target is not empty, a schema is newer than this program, or the server
            does not suffice.
        Refused: A place cannot be read or written, or reached.
        Unknown: PostgreSQL was lost at the last step; the next attempt finds out.
            After any other error nothing was changed.
    """
    with hold_lock(plan.directory) as database:
        found = read_mark(plan.directory)
        if found is not None and found.state is not MoveState.LEAVING:
            raise Incompatible(describe(found, plan.directory))
        remove_unfinished(plan.directory)
        if not database.exists() or not database.stat().st_size:
            raise Incompatible(f"there is no database in {plan.directory}")
        with open_engine(plan.url) as engine:
            if found is not None and _has_arrived(engine, found):
                left = attrs.evolve(found, state=MoveState.LEFT)
                write_mark(plan.directory, left)
                return Moved({}, read_settings(engine.connection))
            refuse_live_nodes(engine.connection)
            with open_copy(database) as source, _restored(plan.directory, found):
                return _leave(source, engine, plan, tell)


def _has_arrived(engine: PostgresSide, mark: Mark) -> bool:
    return has_tables(engine.connection) and engine.has_tally(_tally(mark.id))


def _leave(
    source: SqliteSide, engine: PostgresSide, plan: MovePlan, tell: Tell
) -> Moved:
    check_server(engine.connection, needs_fsync=plan.needs_fsync)
    counts: Counts = {}
    with _undoing(), transaction(engine.connection):
        migrate(engine.connection, load_migrations())
        lock_tables(engine.connection, "ACCESS EXCLUSIVE")
        refuse_live_nodes(engine.connection)
        make_empty(engine.connection)
        counts = copy_and_compare(source, engine, tell)
        if plan.is_dry_run:
            raise _UndoneError
        for name, value in plan.settings.items():
            replace_setting(engine.connection, name, value, None)
        insert_audits(engine.connection, [plan.audit])
        write_mark(plan.directory, plan.mark(MoveState.LEAVING))
    if not plan.is_dry_run:
        write_mark(plan.directory, plan.mark(MoveState.LEFT))
    return Moved(counts, plan.settings)


# -- from PostgreSQL ---------------------------------------------------------------


def move_from_postgres(plan: MovePlan, tell: Tell) -> Moved:
    """Move the relay of a PostgreSQL database to a data directory without one.

    Raises:
        StoreError: As :func:`move_to_postgres`.
    """
    with hold_lock(plan.directory) as database, open_engine(plan.url) as engine:
        found = read_mark(plan.directory)
        is_arriving = found is not None and found.state is MoveState.ARRIVING
        remove_unfinished(plan.directory)
        check_tables(engine.connection)
        if found is not None and is_arriving and _has_left(engine, found):
            remove_mark(plan.directory)
            return Moved({}, read_settings(engine.connection))
        if not is_arriving and is_full(database):
            raise Incompatible(
                f"the data directory {plan.directory} is not empty: a relay has rooms "
                f"or codes in it. Name another one, or move {database} away"
            )
        refuse_live_nodes(engine.connection)
        undo = partial(_remove_database, database)
        with _restored(plan.directory, found, undo) as placing:
            return _arrive(engine, database, plan, tell, placing)


def _has_left(engine: PostgresSide, mark: Mark) -> bool:
    known = read_engine_mark(engine.connection)
    return known is not None and known.id == mark.id


def _arrive(
    engine: PostgresSide,
    database: Path,
    plan: MovePlan,
    tell: Tell,
    placing: Callable[[], None],
) -> Moved:
    counts, settings = Counts(), dict[str, bytes]()
    fresh, connection = fresh_path(database), engine.connection
    with (
        removed_in_the_end(fresh),
        _undoing(),
        transaction(connection, "ISOLATION LEVEL REPEATABLE READ"),
    ):
        # First of all: the snapshot is of the moment after it.
        lock_tables(connection, "EXCLUSIVE")
        migrate(connection, load_migrations())
        refuse_live_nodes(connection)
        counts = write_file(engine, fresh, tell, [plan.audit])
        settings = read_settings(connection)
        if plan.is_dry_run:
            raise _UndoneError
        moved = EngineMark(plan.id, str(plan.directory.absolute()), plan.at_ms)
        mark_engine(connection, moved, [table.name for table in TABLES])
        write_mark(plan.directory, plan.mark(MoveState.ARRIVING))
        placing()
        _put_in_place(fresh, database)
    if not plan.is_dry_run:
        remove_mark(plan.directory)
    return Moved(counts, settings)


def write_file(
    engine: PostgresSide, fresh: Path, tell: Tell, audits: list[Audit]
) -> Counts:
    """Write all tables of a database to a new SQLite file, verified and flushed.

    Args:
        engine: The database, within a transaction that sees one moment of it.
        fresh: The file, which does not exist.
        tell: Called with the progress.
        audits: Rows to add to the audit log.

    Raises:
        StoreError: It cannot be written, or differs from what was read.
    """
    with new_database(fresh) as target:
        counts = copy_and_compare(engine, target, tell)
        insert_into_file(target.connection, audits)
    with translated(fresh):
        check_file(fresh)
        sync_file(fresh)
    return counts


def _put_in_place(fresh: Path, database: Path) -> None:
    """Rename the finished file; what is left of an empty database goes."""
    with translated(database):
        for left_over in database.parent.glob(f"{database.name}-*"):
            left_over.unlink()
        for index in database.parent.glob(_INDEX):
            index.unlink()
        fresh.replace(database)
        sync_directory(database.parent)


def _remove_database(database: Path) -> None:
    with translated(database):
        database.unlink(missing_ok=True)


# -- what is undone ----------------------------------------------------------------


@contextmanager
def _undoing() -> Iterator[None]:
    """End a dry run."""
    try:
        yield
    except _UndoneError:
        return


def _nothing() -> None:
    """Do nothing: there is nothing to undo."""


@contextmanager
def _restored(
    directory: Path, found: Mark | None, undo: Callable[[], None] = _nothing
) -> Iterator[Callable[[], None]]:
    """Restore the mark of a data directory, if the block fails for certain.

    Args:
        directory: The data directory.
        found: The mark before the block.
        undo: Called as well if the block has called what this yields.

    Yields:
        A function to call before the step that `undo` undoes.
    """
    steps = [_nothing]
    try:
        yield partial(steps.append, undo)
    except Unknown:
        raise  # the mark says so, and the next attempt finds out
    except BaseException:
        steps[-1]()
        if found is None:
            remove_mark(directory)
        else:
            write_mark(directory, found)
        raise
