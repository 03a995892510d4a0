"""All rows, in the order of the table."""

from collections.abc import Awaitable, Callable

import attrs

from bench import rows_delivery, rows_operator, rows_parked, rows_requests
from bench.load import Bench
from bench.result import Result


@attrs.frozen
class Row:
    """One thing to measure.

    Attributes:
        name: As in the table and on the command line.
        run: Measures it.
        is_optional: Whether it runs only when it is asked for by name.
    """

    name: str
    run: Callable[[Bench], Awaitable[Result]]
    is_optional: bool = False

    @property
    def title(self) -> str:
        """What it measures, in one sentence."""
        return (self.run.__doc__ or "").partition("\n")[0]


class NoSuchRow(ValueError):
    """A row was asked for that there is not; the text lists those there are."""


ROWS = (
    Row("poll", rows_requests.poll),
    Row("post", rows_requests.post),
    Row("post-followed", rows_requests.post_followed),
    Row("full-room", rows_requests.full_room),
    Row("history", rows_requests.history),
    Row("claims", rows_requests.claims),
    Row("admin-state", rows_operator.admin_state),
    Row("ping-pong", rows_delivery.ping_pong),
    Row("broadcast", rows_delivery.broadcast),
    Row("burst", rows_delivery.burst),
    Row("direct", rows_delivery.direct),
    Row("parked", rows_parked.parked),
    Row("start", rows_parked.start),
    Row("parked-10000", rows_parked.parked_many, is_optional=True),
    Row("idle", rows_parked.idle, is_optional=True),
)


def select(only: str) -> tuple[Row, ...]:
    """Return the rows named in ``only``, comma separated, or all but the optional.

    Raises:
        NoSuchRow: If one of the names is none.
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
