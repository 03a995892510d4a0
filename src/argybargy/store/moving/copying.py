"""Copy all tables from one store to another, and compare them afterwards."""

from collections.abc import Callable, Iterable, Iterator
from itertools import zip_longest
from typing import Final, Protocol

from argybargy.store.errors import Corrupt
from argybargy.store.moving.tables import TABLES, Row, Table
from argybargy.system.values import frozen

_STEP: Final = 20_000
"""Rows after which progress is told."""
_SHOWN_CHARS: Final = 300

Counts = dict[str, int]
"""Number of rows of each table."""


class Side(Protocol):
    """The tables of one store."""

    def rows(self, table: Table) -> Iterator[Row]:
        """Read the rows of a table, in the order of its key."""
        ...

    def count(self, table: Table) -> int:
        """Count the rows of a table."""
        ...

    def write(self, table: Table, rows: Iterable[Row]) -> None:
        """Insert rows into an empty table."""
        ...

    def newest_id(self) -> int:
        """Return the highest id that a message has had."""
        ...

    def keep_newest_id(self, newest: int) -> None:
        """Note the highest id that a message has had."""
        ...


@frozen
class Progress:
    """Progress of a copy.

    Attributes:
        table: The table.
        done: Rows copied or compared so far.
        total: Rows of the table.
        is_comparing: Whether they are being compared.
    """

    table: str
    done: int
    total: int
    is_comparing: bool = False


Tell = Callable[[Progress], None]


def copy_and_compare(source: Side, target: Side, tell: Tell) -> Counts:
    """Copy every table, and compare each row with what the target has stored.

    Args:
        source: The store to read.
        target: The store to write, whose tables are empty.
        tell: Called with the progress after every some rows, and after each table.

    Raises:
        Corrupt: A row is missing or different. The caller undoes everything.
    """
    counts = {table.name: source.count(table) for table in TABLES}
    for table in TABLES:
        target.write(table, _told(source, table, counts[table.name], tell))
    target.keep_newest_id(source.newest_id())
    for table in TABLES:
        _compare(table, source, target, counts[table.name], tell)
    return counts


def _told(
    source: Side, table: Table, total: int, tell: Tell, *, is_comparing: bool = False
) -> Iterator[Row]:
    """Read the rows of a table, and tell the progress."""
    done = 0
    for done, row in enumerate(source.rows(table), 1):
        yield row
        if done % _STEP == 0 and done < total:
            tell(Progress(table.name, done, total, is_comparing))
    if done:
        tell(Progress(table.name, done, total, is_comparing))


def _compare(table: Table, source: Side, target: Side, total: int, tell: Tell) -> None:
    rows = _told(source, table, total, tell, is_comparing=True)
    for ours, theirs in zip_longest(rows, target.rows(table)):
        if ours is None or theirs is None:
            row = theirs if ours is None else ours
            raise _different(table, row, "only one of the two has this row")
        if tuple(ours) != tuple(theirs):
            pairs = zip(table.columns, ours, theirs, strict=True)
            names = [column.name for column, one, other in pairs if one != other]
            raise _different(table, ours, ", ".join(names))


def _different(table: Table, row: Row, what: str) -> Corrupt:
    named = dict(zip((column.name for column in table.columns), row, strict=True))
    key = ", ".join(f"{name} {named[name]!r}" for name in table.key)[:_SHOWN_CHARS]
    return Corrupt(f"the copy of {table.name} differs at {key}: {what}")
