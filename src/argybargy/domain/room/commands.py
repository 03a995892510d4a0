"""What may be asked of a room, what the room answers, and what it writes.

A command carries facts that the rules need and a room does not hold (a message
older than the tail, whether the relay may hold one more room): the room task looks
them up before it lets the rules decide.
"""

import hashlib
from collections.abc import Mapping
from functools import cached_property

import attrs

from argybargy.domain.message import Lease, Message, SenderKind
from argybargy.domain.names import peer_key
from argybargy.domain.room.state import RoomStatus


@attrs.frozen
class Post:
    """Say something.

    Attributes:
        sender: Who speaks.
        kind: Agent or operator; only the operator may post into a closed room and
            is not rate limited.
        text: What is said.
        to: The addressees, or :data:`~argybargy.domain.message.TO_ALL`.
        expects: Who should answer; ``None`` takes the default of the addressing.
        reply_to: The message this answers.
        idempotency_key: What makes the request repeatable.
        subject: The message that `reply_to` names, where the tail lacks it.
        has_room_quota: Whether an empty room may get its first message.
    """

    sender: str
    kind: SenderKind
    text: str
    to: tuple[str, ...]
    expects: str | None = None
    reply_to: int | None = None
    idempotency_key: str | None = None
    subject: Message | None = None
    has_room_quota: bool = True

    @cached_property
    def digest(self) -> bytes:
        """A fingerprint of what is posted, to tell a retry from another post."""
        to = tuple(map(peer_key, self.to))
        expects = None if self.expects is None else peer_key(self.expects)
        parts = (self.text, to, expects, self.reply_to)
        return hashlib.sha256(repr(parts).encode()).digest()[:16]


@attrs.frozen
class Claim:
    """Take a question, or renew the claim on it.

    Attributes:
        peer: Who asks.
        seq: The question.
        lease_seconds: The lease wanted; ``None`` takes the relay's default.
        subject: The message, where the tail lacks it.
    """

    peer: str
    seq: int
    lease_seconds: int | None = None
    subject: Message | None = None


@attrs.frozen
class Release:
    """Give a claimed question back."""

    peer: str
    seq: int
    subject: Message | None = None


@attrs.frozen
class Renew:
    """Renew every claim of a peer that has just polled."""

    peer: str


@attrs.frozen
class Open:
    """Open the room: make it if it is not there, reopen it if it is closed."""

    by: str
    action: str = "open"


@attrs.frozen
class Close:
    """Close the room and dismiss the agents in it."""

    by: str


@attrs.frozen
class Dismiss:
    """Forget a peer whose last code was revoked, and free what it holds."""

    peer: str


@attrs.frozen
class Retain:
    """Give up messages beyond what retention keeps, a bounded number at a time."""


@attrs.frozen
class ImportedMessage:
    """A message that another relay has accepted.

    Attributes:
        message: The message, with the number that it had there.
        is_open: Whether it is a question that still waits for an answer.
        is_leased: Whether the claim on it is one that runs out.
    """

    message: Message
    is_open: bool = False
    is_leased: bool = False


@attrs.frozen
class Import:
    """Take over messages of another relay under their own numbers.

    Attributes:
        by: Who imports.
        status: Open or closed, for a room that there is not yet.
        messages: The messages, oldest first.
        known: What the room holds under those numbers already, by seq, as far as
            the tail lacks it.
        created_ms: When a room that there is not yet came to be; ``None`` is now.
        is_trial: Whether to look only.
        has_room_quota: Whether an empty room may get its first message.
    """

    by: str
    status: RoomStatus
    messages: tuple[ImportedMessage, ...]
    known: Mapping[int, Message] = attrs.field(factory=dict)
    created_ms: int | None = None
    is_trial: bool = False
    has_room_quota: bool = True

    @property
    def speaks(self) -> bool:
        """Whether it would add messages to an empty room."""
        return bool(self.messages) and not self.is_trial


@attrs.frozen
class Restore:
    """Go on after the newest number that any reader may have seen.

    Attributes:
        head: That number.
        fence: The newest fence that any claimer may have seen.
        last_ms: The newest timestamp.
        is_certain: Whether `head` is known, or only supposed to be far enough.
        status: Whether the room was closed since; ``None`` is not known, and open.
    """

    head: int
    fence: int = 0
    last_ms: int = 0
    is_certain: bool = True
    status: RoomStatus | None = None


def subject_of(command: "Command") -> int | None:
    """Return the seq of the message that a command speaks of, if it does."""
    match command:
        case Post(reply_to=seq):
            return seq
        case Claim(seq=seq) | Release(seq=seq):
            return seq
        case _:
            return None


Command = (
    Post | Claim | Release | Renew | Open | Close | Dismiss | Retain | Import | Restore
)


@attrs.frozen
class Posted:
    """The post is in. `is_duplicate` when it already was."""

    message: Message
    is_duplicate: bool = False


@attrs.frozen
class ClaimGranted:
    """The claim is the asker's."""

    lease: Lease


@attrs.frozen
class Acknowledged:
    """Nothing more to say.

    Attributes:
        is_partial: Whether the same command has to be given again to do the rest.
    """

    is_partial: bool = False


@attrs.frozen
class Imported:
    """What became of imported messages.

    Attributes:
        new: How many were added.
        same: How many were there already.
        passed: How many the room has given up, or left out, long since.
    """

    new: int = 0
    same: int = 0
    passed: int = 0


CommandResult = Posted | ClaimGranted | Acknowledged | Imported


@attrs.frozen
class GiveUp:
    """Store that the messages below a number are kept no longer.

    The number is among the counters of the room, which every commit stores.
    """

    first: int
