"""Types of the operator's stream: its request and its frames.

A frame is one line of JSON, and its field ``type`` tells which. See
:mod:`argybargy.web.codec.bodies`.
"""

from typing import Literal

from msgspec import UNSET, Struct, UnsetType

from argybargy.web.codec.bodies import RoomMessageBody
from argybargy.web.codec.operator_bodies import (
    CodeRow,
    RoomCardBody,
    RosterRowBody,
    WaitingRow,
)


class ResumePoint(Struct, frozen=True):
    """Position to resume from: epoch, version and room of the earlier stream."""

    epoch: str
    version: int
    # Older clients leave it out; it then counts as the room of the request.
    room: str | UnsetType | None = UNSET


class StreamRequest(Struct, frozen=True):
    """Room whose roster and messages to stream. Default: messages of all rooms."""

    room: str | None = None
    resume: ResumePoint | None = None
    messages: int = 60


class HelloFrame(Struct, frozen=True, tag="hello"):
    """First frame: identity of the relay; `resumed` tells whether deltas follow.

    `commands` has the beginnings of commands for the relay's own machine, as its
    operator types them there: `connect`, `open` and `up`.
    """

    epoch: str
    version: int
    relay_version: str
    public_url: str
    now: str
    keepalive_seconds: int
    max_idle_seconds: int
    limits: dict[str, float]
    resumed: bool
    commands: dict[str, str]
    ignored: list[str] | UnsetType = UNSET
    did_you_mean: dict[str, str] | UnsetType = UNSET


class SnapshotFrame(Struct, frozen=True, tag="snapshot"):
    """The whole state; it replaces all that the client has."""

    version: int
    now: str
    room: str | None
    rooms: list[RoomCardBody]
    waiting: list[WaitingRow]
    codes: list[CodeRow]
    roster: list[RosterRowBody]
    messages: list[RoomMessageBody]


class WaitingKey(Struct, frozen=True):
    """Key of a question that is no longer waiting."""

    room: str
    seq: int


class DeltaFrame(Struct, frozen=True, tag="delta", omit_defaults=True):
    """Changes: new and changed rows in full, and the keys of removed rows."""

    version: int
    now: str
    rooms: list[RoomCardBody] = []
    waiting: list[WaitingRow] = []
    waiting_gone: list[WaitingKey] = []
    codes: list[CodeRow] = []
    codes_gone: list[str] = []
    roster: list[RosterRowBody] = []
    roster_gone: list[str] = []
    messages: list[RoomMessageBody] = []
    public_url: str = ""
    rooms_gone: list[str] = []


class KeepaliveFrame(Struct, frozen=True, tag="keepalive"):
    """No changes; the connection is alive."""

    version: int
    now: str


class ByeFrame(Struct, frozen=True, tag="bye"):
    """Last frame: reason of the end, and seconds to wait before reconnecting."""

    reason: Literal["draining", "session_ended", "unavailable"]
    retry_after: int


Frame = HelloFrame | SnapshotFrame | DeltaFrame | KeepaliveFrame | ByeFrame
