"""Types of bodies of the operator; see :mod:`argybargy.web.codec.bodies`."""

from typing import Literal

from msgspec import UNSET, Struct, UnsetType

from argybargy.web.codec.bodies import PostRequest, RoomMessageBody, RoomStatusBody
from argybargy.web.codec.notification_bodies import NotificationsBody


class InviteRequest(Struct, frozen=True):
    """An access code to create: for which name, in which room.

    `rooms` in place of `room` makes one code that opens several rooms; the first is the
    room of requests that name none. `expires` is a lifetime, such as `7d`, or a number
    of hours.
    """

    name: str
    room: str = "default"
    expires: str | int | float | None = None
    capabilities: str | None = None
    client: str | None = None
    model: str | None = None
    rooms: list[str] | None = None


class InviteBody(Struct, frozen=True):
    """A new access code, which no other response shows, with the text for the agent.

    `rooms` are given if it opens several.
    """

    code: str
    key_id: str
    name: str
    room: str
    expires: str | None
    capabilities: str
    url: str
    instruction: str
    ignored: list[str] | UnsetType = UNSET
    did_you_mean: dict[str, str] | UnsetType = UNSET
    rooms: list[str] | UnsetType = UNSET


class RevokeRequest(Struct, frozen=True):
    """Access codes to revoke: `target` is a key id, a code or a name.

    A name with several codes in several rooms needs `room`, or `all` for every room. A
    code of several rooms, or its key id in the first, is revoked in all of them unless
    `room` is given; its key id in another room is revoked there.
    """

    target: str
    room: str | None = None
    all: bool = False


class RevokedCode(Struct, frozen=True):
    """A revoked access code."""

    key_id: str
    name: str
    room: str


class RevokeBody(Struct, frozen=True):
    """The revoked access codes, and their number."""

    revoked: int
    codes: list[RevokedCode]
    ignored: list[str] | UnsetType = UNSET
    did_you_mean: dict[str, str] | UnsetType = UNSET


class SayRequest(PostRequest, frozen=True):
    """A message from the operator; `sender` is the name it is signed with.

    A room that does not exist is created, unless `new` is false.
    """

    room: str = "default"
    sender: str = "operator"
    new: bool = True


class RoomActionRequest(Struct, frozen=True):
    """Name of the person who opens, closes or deletes the room, for the audit log."""

    by: str = "operator"


class RoomActionBody(Struct, frozen=True):
    """The new status of a room."""

    ok: bool
    room: RoomStatusBody
    ignored: list[str] | UnsetType = UNSET
    did_you_mean: dict[str, str] | UnsetType = UNSET


class DampingQuery(Struct, frozen=True):
    """Two agents, separated by a comma. Default: all that are damped.

    `by` is the name of the person who lifts it, for the audit log.
    """

    pair: str | None = None
    by: str = "operator"


class UndampBody(Struct, frozen=True):
    """The pairs of agents whose answers end waits again; empty if none was damped."""

    room: str
    lifted: list[list[str]]


class RoomDeletionBody(Struct, frozen=True):
    """A deleted room, with the numbers of its messages and codes.

    `erased` is false while its messages are still being erased from the database, where
    nobody can read them.
    """

    ok: bool
    room: str
    messages: int
    codes: int
    erased: bool
    ignored: list[str] | UnsetType = UNSET
    did_you_mean: dict[str, str] | UnsetType = UNSET


class StateQuery(Struct, frozen=True):
    """Room whose messages to return. Default: messages of all rooms."""

    room: str | None = None


class AuditQuery(Struct, frozen=True):
    """Maximum rows to return, and the id below which the page ends."""

    limit: int = 100
    before: int | None = None


class AuditEvent(Struct, frozen=True):
    """A row of the audit log."""

    id: int
    ts: str
    action: str
    actor: str
    room: str
    detail: str


class AuditBody(Struct, frozen=True):
    """A page of the audit log, newest row last."""

    events: list[AuditEvent]


class StatsBody(Struct, frozen=True):
    """Statistics of the relay."""

    version: str
    uptime_seconds: int
    online_peers: int
    codes: int
    messages: int
    rooms: int
    live_rooms: int
    parked_polls: int


class TokenBody(Struct, frozen=True):
    """The new admin token, which no other response shows."""

    admin_token: str


# gc=False: rows come by the hundred and hold no references to containers that could
# refer back, so the cycle collector can skip them.


class PresenceRow(Struct, frozen=True, gc=False):
    """A peer seen since the relay was started."""

    name: str
    online: bool
    seconds_since_seen: float


class RosterRowBody(Struct, frozen=True, gc=False):
    """A member of a room; `listening` says how soon an agent hears of a message.

    `status` is what it says that it is doing.
    """

    name: str
    online: bool
    seconds_since_seen: float | None
    last_message_seconds: float | None
    capabilities: str
    sources: list[str]
    state: str | None
    listening: (
        Literal["wakes now", "next turn", "parked", "online", "not listening"] | None
    ) = None
    role: str = "agent"
    status: str = ""


class CodeRow(Struct, frozen=True, gc=False):
    """An access code, without its secret half."""

    code: str
    key_id: str
    name: str
    room: str
    capabilities: str
    created: str
    expires: str | None
    client: str
    model: str
    role: str = "agent"


class RoomRow(Struct, frozen=True, gc=False):
    """A room that has messages."""

    room: str
    messages: int
    last_seq: int
    last_ts: str
    seconds_since_last: float
    status: Literal["open", "closed"]
    closed_at: str | None
    closed_by: str | None


class DampedBody(Struct, frozen=True):
    """A pair of agents that wake each other no more until then."""

    agents: list[str]
    until: str


class RoomStateBody(RoomStatusBody, frozen=True):
    """Name and status of a room, for the operator.

    `damped` lists the pairs of agents that answered each other too often.
    """

    damped: list[DampedBody] | UnsetType = UNSET


class RoomCardBody(Struct, frozen=True):
    """Summary of a room; `online` and `members` are numbers of peers.

    `operator_seq` is the number of the newest message of the operator, 0 without one.
    `not_listening` names the agents that have been there and hear nothing now.
    `damped` lists the pairs of agents that answered each other too often.
    """

    room: str
    status: Literal["open", "closed"]
    closed_at: str | None
    closed_by: str | None
    messages: int
    first_seq: int
    last_seq: int
    last_ts: str | None
    created_at: str
    online: int
    members: int
    operator_seq: int = 0
    not_listening: list[str] | UnsetType = UNSET
    damped: list[DampedBody] | UnsetType = UNSET


class WaitingRow(RoomMessageBody, frozen=True, rename={"from_": "from"}):
    """An unanswered question, with its age in `waiting_seconds`.

    `asks_you` is true if it asks the operator, or `anyone` and nobody has claimed it in
    two minutes. `urgent` is true if its text has one of the words of
    `ARGYBARGY_URGENT`.
    """

    waiting_seconds: float = 0.0
    asks_you: bool = False
    urgent: bool = False


class NodeRow(Struct, frozen=True):
    """A relay on the same store; `this` is true for the one that answers.

    `different_limits` compares it with that one. `store_clock_seconds` is how far the
    clock of the store is ahead of its own.
    """

    id: str
    name: str
    version: str
    started: str
    parked_polls: int
    leading: bool
    this: bool
    store_clock_seconds: float | None
    different_limits: list[str]


class StateBody(Struct, frozen=True):
    """Rooms, rosters, access codes, unanswered questions and recent messages.

    `commands` has the beginnings of commands for the relay's own machine, as its
    operator types them there: `connect`, `open` and `up`.
    """

    version: str
    public_url: str
    hash_codes: bool
    peers: dict[str, list[PresenceRow]]
    roster: dict[str, list[RosterRowBody]]
    codes: list[CodeRow]
    room: str | None
    rooms: list[RoomRow]
    room_status: dict[str, RoomStateBody]
    waiting: list[WaitingRow]
    max_idle_seconds: int
    messages: list[RoomMessageBody]
    limits: dict[str, float]
    notifications: NotificationsBody
    nodes: list[NodeRow] | UnsetType = UNSET
    commands: dict[str, str] = {}
