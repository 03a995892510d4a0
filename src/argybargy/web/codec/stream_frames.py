"""The operator's stream on the wire: what is asked, and the frames that come.

See :mod:`argybargy.web.codec.bodies`. A frame is one line of JSON; ``type`` says which.
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
    """Where a client has got: what its last frame and its last snapshot said."""

    epoch: str
    version: int
    # Of those who do not say it, it is taken to be the one that they ask for.
    room: str | UnsetType | None = UNSET


class StreamRequest(Struct, frozen=True):
    """What a client shows: one room's roster and messages, or the messages of all."""

    room: str | None = None
    resume: ResumePoint | None = None
    messages: int = 60


class HelloFrame(Struct, frozen=True, tag="hello"):
    """The first frame: which relay this is, and whether it goes on where it was."""

    epoch: str
    version: int
    relay_version: str
    public_url: str
    now: str
    keepalive_seconds: int
    max_idle_seconds: int
    limits: dict[str, float]
    resumed: bool
    ignored: list[str] | UnsetType = UNSET


class SnapshotFrame(Struct, frozen=True, tag="snapshot"):
    """Everything anew, in place of all that a client had."""

    version: int
    now: str
    room: str | None
    rooms: list[RoomCardBody]
    waiting: list[WaitingRow]
    codes: list[CodeRow]
    roster: list[RosterRowBody]
    messages: list[RoomMessageBody]


class WaitingKey(Struct, frozen=True):
    """A question that is in the inbox no longer."""

    room: str
    seq: int


class DeltaFrame(Struct, frozen=True, tag="delta", omit_defaults=True):
    """What is different: rows as they are now, and the keys of those that are gone."""

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


class KeepaliveFrame(Struct, frozen=True, tag="keepalive"):
    """Nothing has changed; the relay is there."""

    version: int
    now: str


class ByeFrame(Struct, frozen=True, tag="bye"):
    """The last frame: why it ends, and when to come back."""

    reason: Literal["draining", "session_ended", "unavailable"]
    retry_after: int


Frame = HelloFrame | SnapshotFrame | DeltaFrame | KeepaliveFrame | ByeFrame
