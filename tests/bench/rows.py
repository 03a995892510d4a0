"""Table of all benchmark rows."""

from collections.abc import Awaitable, Callable

import attrs

from bench import (
    rows_big,
    rows_delivery,
    rows_operator,
    rows_parked,
    rows_requests,
    rows_start,
)
from bench.load import Bench
from bench.result import Result

ROW_SECONDS = 120.0
FILL_SECONDS = 900.0


@attrs.frozen
class Row:
    """One benchmark.

    Attributes:
        name: Name in the table and on the command line.
        run: Measurement; the first line of its docstring is the title.
        is_optional: Whether it runs only when selected by name.
        seconds: Time after which it is given up.
    """

    name: str
    run: Callable[[Bench], Awaitable[Result]]
    is_optional: bool = False
    seconds: float = ROW_SECONDS

    @property
    def title(self) -> str:
        """One sentence on the measurement."""
        return (self.run.__doc__ or "").partition("\n")[0]


class NoSuchRow(ValueError):
    """Unknown name of a row; the text lists the known ones."""


ROWS = (
    Row("poll", rows_requests.poll),
    Row("post", rows_requests.post),
    Row("post-followed", rows_requests.post_followed),
    Row("one-room", rows_requests.one_room),
    Row("full-room", rows_requests.full_room),
    Row("history", rows_requests.history),
    Row("claims", rows_requests.claims),
    Row("admin-state", rows_operator.admin_state),
    Row("ping-pong", rows_delivery.ping_pong),
    Row("broadcast", rows_delivery.broadcast),
    Row("burst", rows_delivery.burst),
    Row("direct", rows_delivery.direct),
    Row("parked", rows_parked.parked),
    Row("start", rows_start.start),
    Row("version", rows_start.version),
    Row("parked-20000", rows_parked.parked_many, is_optional=True),
    Row("idle", rows_parked.idle, is_optional=True),
    Row("dashboard", rows_start.dashboard, is_optional=True),
    Row("many-rooms", rows_big.many_rooms, is_optional=True, seconds=FILL_SECONDS),
    Row("long-room", rows_big.long_room, is_optional=True, seconds=FILL_SECONDS),
)


def select(only: str) -> tuple[Row, ...]:
    """Return the rows named in ``only``, comma separated; if empty, all but optional.

    Raises:
        NoSuchRow: Unknown name.
    """
    if not only:
        return tuple(row for row in ROWS if not row.is_optional)
    if only == "all":
        return ROWS
    by_name = {row.name: row for row in ROWS}
    wanted = [name.strip() for name in only.split(",")]
    unknown = [name for name in wanted if name not in by_name]
    if unknown:
        raise NoSuchRow(f"no row {', '.join(unknown)}; there are {', '.join(by_name)}")
    return tuple(by_name[name] for name in wanted)
