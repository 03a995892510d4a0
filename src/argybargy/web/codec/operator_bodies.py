"""The bodies of the operator's endpoints; see :mod:`argybargy.web.codec.bodies`."""

from typing import Literal

from msgspec import UNSET, Struct, UnsetType

from argybargy.web.codec.bodies import RoomMessageBody, RoomStatusBody


class InviteRequest(Struct, frozen=True):
    """Whom to make a code for."""

    name: str
    room: str = "default"
    expires: str | int | float | None = None
    capabilities: str | None = None
    client: str | None = None
    model: str | None = None


class InviteBody(Struct, frozen=True):
    """A code, shown this once."""

    code: str
    key_id: str
    name: str
    room: str
    expires: str | None
    capabilities: str
    url: str
    instruction: str
    ignored: list[str] | UnsetType = UNSET


class RevokeRequest(Struct, frozen=True):
    """Which codes to take back: by key id, by code, or by name."""

    target: str
    room: str | None = None
    all: bool = False


class RevokedCode(Struct, frozen=True):
    """A code that is gone."""

    key_id: str
    name: str
    room: str


class RevokeBody(Struct, frozen=True):
    """How many codes are gone, and which."""

    revoked: int
    codes: list[RevokedCode]
    ignored: list[str] | UnsetType = UNSET


class SayRequest(Struct, frozen=True):
    """What the human says."""

    text: str
    to: str | list[str] = "all"
    room: str = "default"
    sender: str = "operator"
    expects_reply: str | None = None
    reply_to: int | None = None


class RoomActionRequest(Struct, frozen=True):
    """Who opens or closes, for the audit log."""

    by: str = "operator"


class RoomActionBody(Struct, frozen=True):
    """The room as it is now."""

    ok: bool
    room: RoomStatusBody
    ignored: list[str] | UnsetType = UNSET


class StateQuery(Struct, frozen=True):
    """Which room's messages to show; all rooms' without."""

    room: str | None = None


class AuditQuery(Struct, frozen=True):
    """How many rows of the audit log, and from where."""

    limit: int = 100
    before: int | None = None


class AuditEvent(Struct, frozen=True):
    """Who did what."""

    id: int
    ts: str
    action: str
    actor: str
    room: str
    detail: str


class AuditBody(Struct, frozen=True):
    """The audit log, newest last."""

    events: list[AuditEvent]


class StatsBody(Struct, frozen=True):
    """The relay in numbers."""

    version: str
    uptime_seconds: int
    online_peers: int
    codes: int
    messages: int
    rooms: int
    live_rooms: int
    parked_polls: int


class TokenBody(Struct, frozen=True):
    """The new admin token, shown this once."""

    admin_token: str


# Rows come by the hundred and refer to nothing that refers back: the collector of
# cycles need not look at them.


class PresenceRow(Struct, frozen=True, gc=False):
    """Somebody seen since the relay was started."""

    name: str
    online: bool
    seconds_since_seen: float


class RosterRowBody(Struct, frozen=True, gc=False):
    """A member of a room."""

    name: str
    online: bool
    seconds_since_seen: float | None
    last_message_seconds: float | None
    capabilities: str
    sources: list[str]
    state: str | None


class CodeRow(Struct, frozen=True, gc=False):
    """A code, by its public half."""

    code: str
    key_id: str
    name: str
    room: str
    capabilities: str
    created: str
    expires: str | None
    client: str
    model: str


class RoomRow(Struct, frozen=True, gc=False):
    """A room that holds messages."""

    room: str
    messages: int
    last_seq: int
    last_ts: str
    seconds_since_last: float
    status: Literal["open", "closed"]
    closed_at: str | None
    closed_by: str | None


class RoomCardBody(Struct, frozen=True, gc=False):
    """A room at a glance, with or without messages."""

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


class WaitingRow(RoomMessageBody, frozen=True, rename={"from_": "from"}):
    """A question nobody has answered."""

    waiting_seconds: float = 0.0


class StateBody(Struct, frozen=True):
    """Everything at a glance."""

    version: str
    public_url: str
    hash_codes: bool
    peers: dict[str, list[PresenceRow]]
    roster: dict[str, list[RosterRowBody]]
    codes: list[CodeRow]
    room: str | None
    rooms: list[RoomRow]
    room_status: dict[str, RoomStatusBody]
    waiting: list[WaitingRow]
    max_idle_seconds: int
    messages: list[RoomMessageBody]
    limits: dict[str, float]
