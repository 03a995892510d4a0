"""Commands that list rooms and peers, and close, reopen, undamp and delete rooms."""

import shlex
from typing import Any, Final
from urllib.parse import quote, urlencode

import attrs

from argybargy.cli.client.answers import RoomState, State, no_room, read_row
from argybargy.cli.client.protocol import Json, LiveOperator
from argybargy.cli.commands.codes import check_room
from argybargy.cli.commands.message_line import age
from argybargy.cli.environment import Environment
from argybargy.cli.errors import CliError, Exit
from argybargy.cli.terminal.columns import without_empty
from argybargy.cli.transfer.files import counted
from argybargy.domain.access_codes import Role
from argybargy.domain.names import OPERATOR, room_key
from argybargy.system.values import frozen

_ROOM_HEADS: Final = (
    *("ROOM", "STATUS", "MSGS", "LAST", "WAITING", "ASKS YOU", "ONLINE"),
)
_PEER_HEADS: Final = (
    *("NAME", "ROLE", "STATE", "LISTENS", "SEEN", "SPOKE", "STATUS", "CAPABILITIES"),
)
_SELDOM: Final = frozenset({"ROOM", "ROLE", "LISTENS", "STATUS"})
"""Columns that are shown only if a peer has something in them."""


def rooms(env: Environment) -> int:
    """List the rooms: status, number of messages, open questions and agents online.

    Exit code 3 if there are no rooms.

    Example: argybargy rooms
    """
    out = env.output
    rows = room_rows(env.live().call("GET", "/admin/state"))
    if out.is_json:
        out.write_json([attrs.asdict(row) for row in rows])
    elif rows:
        out.write_table(_ROOM_HEADS, [_room_cells(row) for row in rows])
    else:
        out.say("There are no rooms. Make one: argybargy room build")
    return Exit.OK if rows else Exit.NOTHING


def peers(env: Environment, room: str | None = None) -> int:
    """List the agents and people of a room, or of all rooms.

    Listed are all who have a code for the room, and all who have posted in it.

    Exit code 3 if there are none.

    Example: argybargy peers review

    Args:
        room: The room. Default: all rooms.
    """
    out = env.output
    if room is not None:
        check_room(room)
    answer = env.live().call("GET", "/admin/state")
    rows = _find_rosters(answer, room)
    if out.is_json:
        out.write_json(
            [row if room is not None else {"room": name, **row} for name, row in rows]
        )
    elif rows:
        cells = [
            (name if room is None else "", *_peer_cells(read_row(_Peer, row)))
            for name, row in rows
        ]
        out.write_table(*without_empty(("ROOM", *_PEER_HEADS), cells, _SELDOM))
    elif room is None:
        out.say("There is nobody in any room. Invite an agent: argybargy room build")
    else:
        out.say(f"There is nobody in {room}. Invite an agent: argybargy room {room}")
    return Exit.OK if rows else Exit.NOTHING


def close(
    env: Environment,
    room: str,
    *,
    by: str = OPERATOR,
    yes: bool = False,
) -> int:
    """Close a room: every agent that polls it is told to leave.

    On a terminal it asks for confirmation.

    Example: argybargy close review --yes

    Args:
        room: The room.
        by: Name of the closer, for the agents and the audit log.
        yes: Do not ask for confirmation.
    """
    out = env.output
    check_room(room)
    relay = env.live()
    before = _look(relay, room)
    question = f"Close {before.name}, and dismiss the agents in it?"
    if not env.agrees(question, is_told=yes or before.is_closed):
        raise CliError("Nothing was closed.")
    answer = _change(relay, before.name, "close", by)
    if out.is_json:
        out.write_json(answer)
        return Exit.OK
    state = read_row(RoomState, answer.get("room"))
    closed = "was already closed," if before.is_closed else "closed"
    out.write(f"#{state.name} {closed} {state.by_whom(env.machine.times)}.")
    if not before.is_closed:
        out.say("Agents that poll it are told to leave.")
    return Exit.OK


def reopen(env: Environment, room: str, *, by: str = OPERATOR) -> int:
    """Reopen a closed room. Its codes work at once, and agents that ask are back.

    Example: argybargy reopen review

    Args:
        room: The room.
        by: Name of the opener, for the audit log.
    """
    out = env.output
    check_room(room)
    relay = env.live()
    before = _look(relay, room)
    answer = _change(relay, before.name, "reopen", by)
    if out.is_json:
        out.write_json(answer)
        return Exit.OK
    state = read_row(RoomState, answer.get("room"))
    if not before.is_closed:
        out.write(f"#{state.name} is already open.")
        return Exit.OK
    out.write(f"#{state.name} is open again.")
    holders = State.read(relay.call("GET", "/admin/state")).holders_in(state.name)
    if holders:
        out.say(
            f"These codes work again at once: {', '.join(holders)}. A program that "
            "still listens is back by itself; tell the other agents to read the room. "
            f"To keep one out: argybargy revoke NAME --room {state.name}"
        )
    out.say(f"For a new agent: argybargy room {state.name}")
    return Exit.OK


def undamp(
    env: Environment,
    room: str,
    one: str | None = None,
    other: str | None = None,
    *,
    by: str = OPERATOR,
) -> int:
    """Let two damped agents wake each other again.

    Agents that answer each other too often are damped for some minutes: their messages
    are stored, but wake neither of them. Exit code 3 if nobody is damped.

    Example: argybargy undamp review alice bob

    Args:
        room: The room.
        one: An agent. Default: every damped pair of the room.
        other: The agent that it talks to.
        by: Name of the person, for the audit log.
    """
    out = env.output
    check_room(room)
    if (one is None) != (other is None):
        hint = "Example: argybargy undamp review alice bob"
        raise CliError("Name both agents, or neither.", hint, Exit.USAGE)
    fields = {"by": by} | ({} if one is None else {"pair": f"{one},{other}"})
    path = f"/admin/rooms/{quote(room, safe='')}/damping?{urlencode(fields)}"
    answer = env.live().call("DELETE", path)
    lifted = read_row(_Undamped, answer)
    if out.is_json:
        out.write_json(answer)
        return Exit.OK if lifted.lifted else Exit.NOTHING
    for first, second in lifted.lifted:
        out.write(f"{first} and {second} wake each other again in #{lifted.room}.")
    if not lifted.lifted:
        out.say(f"Nobody is damped in #{lifted.room}.")
    return Exit.OK if lifted.lifted else Exit.NOTHING


def room_delete(
    env: Environment,
    room: str,
    *,
    by: str = OPERATOR,
    yes: bool = False,
) -> int:
    """Delete a closed room: its messages, its members and its codes, for good.

    On a terminal it asks for confirmation. A room of the same name that you make later
    goes on with the next message number. Backups keep what they have.

    Example: argybargy room delete review --yes

    Args:
        room: The room; close it first.
        by: Name of the person who deletes it, for the audit log.
        yes: Do not ask for confirmation.
    """
    out = env.output
    check_room(room)
    relay = env.live()
    before = _look(relay, room)
    if not before.is_closed:
        raise _still_open(before.name)
    question = f"Delete {before.name} with its messages and codes, for good?"
    if not env.agrees(question, is_told=yes):
        raise CliError("Nothing was deleted.")
    path = f"/admin/rooms/{quote(before.name, safe='')}"
    answer = relay.call("DELETE", path, {"by": by})
    if out.is_json:
        out.write_json(answer)
        return Exit.OK
    deleted = read_row(_Deleted, answer)
    out.write(
        f"#{deleted.room} is deleted, with {counted(deleted.messages, 'message')} and "
        f"{counted(deleted.codes, 'code')}."
    )
    if not deleted.erased:
        out.say("The relay is still erasing the messages; nobody can read them.")
    return Exit.OK


def _still_open(room: str) -> CliError:
    hint = f"Close it first: argybargy close {shlex.quote(room)}"
    return CliError(f"Room {room} is open.", hint, Exit.LOST)


def _look(relay: LiveOperator, room: str) -> RoomState:
    return State.read(relay.call("GET", "/admin/state")).room(room)


def _change(relay: LiveOperator, room: str, what: str, by: str) -> Json:
    path = f"/admin/rooms/{quote(room, safe='')}/{what}"
    return relay.call("POST", path, {"by": by})


@frozen
class RoomRow:
    """Row of the list of rooms.

    Attributes:
        last_seconds: Age of the latest message; ``None`` without a message.
        asks_you: Open questions that ask the operator.
        waiting: Open questions, those included.
        online: Peers online.
    """

    room: str
    status: str
    messages: int
    last_seconds: float | None
    asks_you: int
    waiting: int
    online: int


def room_rows(answer: Json) -> list[RoomRow]:
    """Return all rooms sorted by name, empty ones included.

    Raises:
        CliError: The answer is not that of ``/admin/state``.
    """
    state = read_row(_State, answer)
    spoken = {row.room: row for row in (read_row(_Spoken, row) for row in state.rooms)}
    waits = [row.get("room") for row in state.waiting]
    asks = [row.get("room") for row in state.waiting if row.get("asks_you")]
    return [
        RoomRow(
            room=name,
            status=read_row(RoomState, status).status,
            messages=spoken[name].messages if name in spoken else 0,
            last_seconds=spoken[name].seconds_since_last if name in spoken else None,
            asks_you=asks.count(name),
            waiting=waits.count(name),
            online=sum(bool(row.get("online")) for row in state.roster.get(name, [])),
        )
        for name, status in sorted(state.room_status.items())
    ]


def _room_cells(row: RoomRow) -> tuple[str, ...]:
    last = "never" if row.last_seconds is None else age(row.last_seconds)
    counts = [str(each or "-") for each in (row.waiting, row.asks_you, row.online)]
    return row.room, row.status, str(row.messages), last, *counts


@frozen
class _Undamped:
    room: str
    lifted: list[list[str]]


@frozen
class _State:
    rooms: list[Json]
    room_status: dict[str, Any]
    waiting: list[Json]
    roster: dict[str, list[Json]]


@frozen
class _Deleted:
    room: str
    messages: int
    codes: int
    erased: bool


@frozen
class _Spoken:
    room: str
    messages: int
    seconds_since_last: float | None


@frozen
class _Peer:
    name: str
    online: bool
    seconds_since_seen: float | None
    last_message_seconds: float | None
    capabilities: str
    state: str | None
    status: str = ""
    role: str = Role.AGENT.value
    listening: str | None = None


def _find_rosters(answer: Json, room: str | None) -> list[tuple[str, Json]]:
    """Return the peers of a room or of all rooms, each with the name of its room."""
    state = read_row(_State, answer)
    found = {
        name: rows
        for name, rows in sorted(state.roster.items())
        if room is None or room_key(name) == room_key(room)
    }
    if room is not None and not found:
        raise no_room(room)
    return [(name, row) for name, rows in found.items() for row in rows]


def _peer_cells(peer: _Peer) -> tuple[str, ...]:
    return (
        peer.name,
        "" if peer.role == Role.AGENT.value else peer.role,
        (peer.state or ("online" if peer.online else "away")).replace("_", " "),
        peer.listening or "",
        "now" if peer.online else age(peer.seconds_since_seen),
        age(peer.last_message_seconds),
        peer.status,
        peer.capabilities,
    )
