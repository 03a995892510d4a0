"""The command that shows the audit log."""

from typing import Annotated, Final

from cyclopts import Parameter

from argybargy.cli.client.answers import read_row
from argybargy.cli.environment import Environment
from argybargy.cli.errors import CliError, Exit
from argybargy.cli.parameters import INTEGER
from argybargy.cli.terminal.columns import without_empty
from argybargy.system.values import frozen

_HEADS: Final = ("TIME", "ACTION", "BY", "ROOM", "DETAIL")
_LOST: Final = 0
"""Id of the row that tells how many older rows are kept no longer."""


@frozen
class _Events:
    events: list[object]


@frozen
class _Event:
    id: int
    ts: str
    action: str
    actor: str
    room: str
    detail: str


def audit(
    env: Environment,
    *,
    limit: Annotated[int, INTEGER, Parameter(name=("--limit", "-n"))] = 50,
    before: Annotated[int | None, INTEGER] = None,
) -> int:
    """Show the audit log, newest row last: who did what, and failed sign-ins.

    It contains no message, code or token. Exit code 3 if there are no rows.

    Example: argybargy audit --limit 20

    Args:
        limit: Maximum number of rows to show (the newest).
        before: Only rows before this id, which is printed above older pages.
    """
    out = env.output
    if limit < 1:
        raise CliError("--limit must be 1 or more.", code=Exit.USAGE)
    query = f"?limit={limit}" + (f"&before={before}" if before is not None else "")
    rows = read_row(_Events, env.live().call("GET", f"/admin/audit{query}")).events
    events = [read_row(_Event, row) for row in rows]
    if out.is_json:
        out.write_json(rows)
    elif events:
        oldest = min(each.id for each in events)
        if oldest not in {_LOST, 1}:
            out.say(f"Older rows: argybargy audit --before {oldest}")
        times = env.machine.times
        cells = [
            (times.show(each.ts), each.action, each.actor, each.room, each.detail)
            # Some rows are stored a moment later than others of the same time.
            for each in sorted(events, key=lambda each: (each.ts, each.id))
        ]
        out.write_table(*without_empty(_HEADS, cells, {"ROOM", "DETAIL"}))
    else:
        out.say("There are no rows.")
    return Exit.OK if events else Exit.NOTHING
