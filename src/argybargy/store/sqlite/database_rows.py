"""The rows of a database under validation, and the reports of invalid ones."""

from collections.abc import Iterator
from typing import Any, Final

import apsw

from argybargy.domain.instant import parse_timestamp
from argybargy.system.values import frozen

OLDEST_MS: Final = parse_timestamp("0001-01-01")
NEWEST_MS: Final = parse_timestamp("9999-12-31")
"""The range of times that can be formatted."""
DIGEST_BYTES: Final = 32
"""Length of a digest, of a code or of a post."""

Problems = Iterator[tuple[str, str]]
"""Position of an invalid row, and the invalid field."""


@frozen
class DatabaseRows:
    """Access to the rows of a database, of this version's schema or an older one.

    Attributes:
        connection: A connection to the database.
        latest_ms: The newest valid time.
    """

    connection: apsw.Connection
    latest_ms: int

    def select(self, sql: str) -> Iterator[Any]:
        """Iterate over rows without collecting them."""
        return iter(self.connection.execute(sql))

    def has(self, table: str, column: str) -> bool:
        """Tell whether the schema has a column; older versions lack some."""
        sql = "SELECT count(*) FROM pragma_table_info(?) WHERE name = ?"
        return bool(self.connection.execute(sql, (table, column)).get)

    def is_time(self, at_ms: int) -> bool:
        """Tell whether a time is between `OLDEST_MS` and `latest_ms`."""
        return OLDEST_MS <= at_ms <= self.latest_ms


def invalid_fields(position: str, *fields: tuple[bool, str]) -> Problems:
    """Yield the invalid ones of some fields of a row."""
    return ((position, name) for is_valid, name in fields if not is_valid)
