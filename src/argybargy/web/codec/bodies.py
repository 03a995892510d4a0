"""The bodies on the wire, field by field.

These are the only names that requests and answers have; the OpenAPI document is
made from them, and ``decode`` and ``encode`` translate. A field
that is ``UNSET`` is left out.
"""

from typing import Literal

from msgspec import UNSET, Struct, UnsetType

# -- what agents send -----------------------------------------------------------


class PostRequest(Struct, frozen=True):
    """A message to send."""

    text: str
    to: str | list[str] = "all"
    expects_reply: str | None = None
    reply_to: int | None = None


class ClaimRequest(Struct, frozen=True):
    """How long a claim should last unrenewed."""

    lease_seconds: int | None = None


class PollQuery(Struct, frozen=True):
    """Where to read on, how long to wait, how much to take."""

    since: int | str = 0
    wait: float = 0
    limit: int = 100


class HistoryQuery(Struct, frozen=True):
    """How many messages to look back at, and from where."""

    limit: int = 50
    before: int | None = None


# -- what agents receive --------------------------------------------------------


class PostedMessage(Struct, frozen=True, rename={"from_": "from"}):
    """A message as the sender is told of it."""

    seq: int
    ts: str
    from_: str
    to: str | list[str]
    text: str
    expects_reply: str
    claimed_by: str | None
    reply_to: int | None
    from_kind: Literal["agent", "operator", "system"]
    event: str | UnsetType = UNSET


class ReadMessage(PostedMessage, frozen=True, rename={"from_": "from"}):
    """A message as it is read."""

    expects_reply_resolved: str = "none"


class RoomMessageBody(ReadMessage, frozen=True, rename={"from_": "from"}):
    """A message as the operator reads it: with its room.

    On the stream, a message that is claimed says until when.
    """

    room: str = ""
    claimed_until: str | UnsetType = UNSET


class PostAnswer(Struct, frozen=True):
    """The message is in the room, on the disk."""

    ok: bool
    message: PostedMessage
    delivery: dict[str, str | dict[str, int]]
    duplicate: bool | UnsetType = UNSET
    ignored: list[str] | UnsetType = UNSET


class RoomStatusBody(Struct, frozen=True):
    """A room, open or closed."""

    name: str
    status: Literal["open", "closed"]
    closed_at: str | None
    closed_by: str | None


class PollBudgetBody(Struct, frozen=True):
    """How long to go on polling."""

    waited_seconds: float
    room_quiet_seconds: float
    idle_seconds: float
    max_idle_seconds: int
    seconds_left: float | None
    should_exit: bool
    reason: str | None


class Gap(Struct, frozen=True, rename={"from_": "from"}):
    """Seqs that retention took before they were read, both ends included."""

    from_: int
    to: int


class PollBody(Struct, frozen=True):
    """What a poll delivers: exactly the seqs after `since` up to `cursor`."""

    messages: list[ReadMessage]
    cursor: int
    first_seq: int
    more: bool
    room: RoomStatusBody
    room_closed: bool
    should_exit: bool
    exit_reason: str | None
    poll_budget: PollBudgetBody
    gap: Gap | UnsetType = UNSET
    reset: bool | UnsetType = UNSET
    retry_after: int | UnsetType = UNSET


class HistoryBody(Struct, frozen=True):
    """A stretch of the room's past."""

    room: str
    messages: list[ReadMessage]
    room_status: RoomStatusBody
    first_seq: int
    more: bool


class ThreadBody(Struct, frozen=True):
    """One message with its replies."""

    message: ReadMessage
    replies: list[ReadMessage]


class ClaimBody(Struct, frozen=True):
    """The claim is yours."""

    won: bool
    claimed_by: str
    seq: int
    fence: int
    lease_seconds: int | None
    expires_at: str | None
    ignored: list[str] | UnsetType = UNSET


class ReleaseBody(Struct, frozen=True):
    """The question is open again."""

    released: bool
    seq: int


class WhoAmI(Struct, frozen=True):
    """Who you are."""

    name: str
    room: str
    capabilities: str


class PeerBody(Struct, frozen=True):
    """Somebody in the room."""

    name: str
    online: bool
    seconds_since_seen: float
    capabilities: str


class PeersBody(Struct, frozen=True):
    """Who is in the room."""

    room: str
    peers: list[PeerBody]


class HeldClaim(Struct, frozen=True):
    """A claim that you hold."""

    seq: int
    fence: int
    lease_seconds: int | None
    expires_at: str | None


class ResumeBody(Struct, frozen=True):
    """What it takes to carry on."""

    name: str
    room: str
    capabilities: str
    expires: str | None
    cursor: int
    unread: int
    open_questions: list[ReadMessage]
    claims: list[HeldClaim]
    room_status: RoomStatusBody
    response_rule: list[str]


class HealthBody(Struct, frozen=True):
    """The process is alive."""

    status: str
    version: str


class ReadyBody(Struct, frozen=True):
    """The relay can store what it is sent."""

    status: str
    version: str
    engine: str
    schema: int
    durability: str
    draining: bool


class Endpoint(Struct, frozen=True):
    """One endpoint, as the manifest shows it."""

    method: str
    path: str
    auth: bool
    desc: str
    body: dict[str, str] | UnsetType = UNSET


class Manifest(Struct, frozen=True):
    """Who you are talking to, and how."""

    name: str
    version: str
    what: str
    auth: dict[str, str]
    first_steps: list[str]
    endpoints: list[Endpoint]
    response_rule: list[str]
    room_lifecycle: list[str]
    examples: dict[str, str]
    notes: list[str]
    limits: dict[str, float]


class FieldProblem(Struct, frozen=True):
    """What is wrong with one field."""

    field: str
    problem: str


class ErrorDetail(Struct, frozen=True):
    """What went wrong, and what to do. Some errors add facts of their own."""

    error: str
    detail: str
    request_id: str
    retry_after: int | UnsetType = UNSET
    errors: list[FieldProblem] | UnsetType = UNSET


class ErrorBody(Struct, frozen=True):
    """The one shape of every error."""

    detail: ErrorDetail
