"""Types of bodies of peers and their hooks; see :mod:`argybargy.web.codec.bodies`."""

from typing import Literal

from msgspec import UNSET, Struct, UnsetType

from argybargy.web.codec.bodies import QuestionBody, ReadMessage, RoomStatusBody


class MeRequest(Struct, frozen=True):
    """Your capabilities, in words, and your present work, in a line.

    What is left out or null stays as it is; an empty value removes it.
    """

    capabilities: list[str] | None = None
    status: str | None = None


class WakeRequest(Struct, frozen=True):
    """URL to call when messages arrive, and the messages that are worth a call."""

    url: str
    wake: Literal["asks", "direct", "all"] = "all"


class PeersQuery(Struct, frozen=True):
    """List only the peers with this capability."""

    can: str | None = None


class WhoAmI(Struct, frozen=True):
    """Name, room and capabilities of the caller; its status, if it has set one.

    An agent has no `role`. `rooms` are given for a code that opens several: `?room=`
    chooses one of them.
    """

    name: str
    room: str
    capabilities: str
    role: Literal["person", "reader"] | UnsetType = UNSET
    status: str | UnsetType = UNSET
    ignored: list[str] | UnsetType = UNSET
    did_you_mean: dict[str, str] | UnsetType = UNSET
    rooms: list[str] | UnsetType = UNSET


class WakeBody(Struct, frozen=True):
    """The hook of the caller. `key` signs the calls; it is shown this once."""

    url: str
    wake: Literal["asks", "direct", "all"]
    key: str
    ignored: list[str] | UnsetType = UNSET
    did_you_mean: dict[str, str] | UnsetType = UNSET


class WakeRemovedBody(Struct, frozen=True):
    """The removal of a hook; `removed` is false if the caller had none."""

    removed: bool


class PeerBody(Struct, frozen=True):
    """A peer; `listening` says how soon it hears. An agent has no `role`.

    `status` is what it says that it is doing.
    """

    name: str
    online: bool
    seconds_since_seen: float
    capabilities: str
    listening: Literal[
        "wakes now", "next turn", "parked", "online", "not listening"
    ] = "not listening"
    role: Literal["person", "reader"] | UnsetType = UNSET
    status: str | UnsetType = UNSET


class OperatorBody(Struct, frozen=True):
    """The human: `watching` while a dashboard or `argybargy watch` is open.

    `notified` means that the human was sent a push about a question that is open in
    this room, the last one at `notified_at`.
    """

    state: Literal["watching", "notified", "away"]
    notified_at: str | UnsetType = UNSET


class PeersBody(Struct, frozen=True):
    """The peers in a room, and the operator, who is asked with `"to": "operator"`."""

    room: str
    peers: list[PeerBody]
    operator: OperatorBody


class HeldClaim(Struct, frozen=True):
    """A claim that the caller holds."""

    seq: int
    fence: int
    lease_seconds: int | None
    expires_at: str | None
    question: QuestionBody | UnsetType = UNSET


class ResumeBody(Struct, frozen=True):
    """State of an agent: last cursor, unread messages, open questions and claims."""

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
