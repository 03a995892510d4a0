"""The command that shows the messages of a room."""

from typing import Annotated

from cyclopts import Parameter

from argybargy.cli.client.answers import read_row
from argybargy.cli.client.protocol import Json
from argybargy.cli.commands.codes import check_room
from argybargy.cli.commands.message_block import MessagePrinter
from argybargy.cli.commands.message_line import Said
from argybargy.cli.environment import Environment
from argybargy.cli.errors import CliError, Exit
from argybargy.cli.parameters import INTEGER, ONELINE
from argybargy.system.values import frozen


def history(
    env: Environment,
    room: str,
    *,
    limit: Annotated[int, INTEGER, Parameter(name=("--limit", "-n"))] = 50,
    before: Annotated[int | None, INTEGER] = None,
    since: Annotated[int | None, INTEGER] = None,
    oneline: Annotated[bool | None, ONELINE] = None,
) -> int:
    """Show the messages of a room, oldest first.

    On a terminal, texts are wrapped and code keeps its lines. In a pipe or a file, each
    message is one line, as with --oneline. Exit code 3 if there are
    none.

    Example: argybargy history review --limit 20

    Args:
        room: The room.
        limit: Maximum number of messages to show (the newest).
        before: Only messages with a lower number.
        since: Only messages with a higher number.
        oneline: Whether each message is one line.
    """
    check_room(room)
    if limit < 1:
        raise CliError("--limit must be 1 or more.", code=Exit.USAGE)
    if since is not None and since < 0:
        raise CliError("--since must be 0 or more.", code=Exit.USAGE)
    query = f"?limit={limit}" + (f"&before={before}" if before is not None else "")
    path = f"/admin/rooms/{room}/history{query}"
    answer = _after(env.live().call("GET", path), since)
    return _show_history(env, answer, MessagePrinter.of(env, oneline))


def _after(answer: Json, since: int | None) -> Json:
    """Return a page of history without the messages up to a number.

    Raises:
        CliError: The answer has another shape.
    """
    if since is None:
        return answer
    found = read_row(_History, answer)
    said = [Said.read(row, found.room) for row in found.messages]
    wanted = [
        row for row, each in zip(found.messages, said, strict=True) if each.seq > since
    ]
    is_more = found.more and len(wanted) == len(said)
    is_more = is_more and bool(said) and said[0].seq > since + 1
    return {**answer, "messages": wanted, "more": is_more}


def _show_history(env: Environment, answer: Json, printer: MessagePrinter) -> int:
    out = env.output
    found = read_row(_History, answer)
    if out.is_json:
        out.write_json(answer)
        return Exit.OK if found.messages else Exit.NOTHING
    said = [Said.read(row, found.room) for row in found.messages]
    if said and found.more:
        out.say(f"Older messages: --before {said[0].seq}")
    for each in said:
        printer.write(each)
    if not said:
        out.say(f"There are no messages in {found.room}.")
    return Exit.OK if said else Exit.NOTHING


@frozen
class _History:
    room: str
    messages: list[object]
    more: bool
