"""The commands of a room and their results.

A command also carries facts that the rules need but the room does not hold, such as a
message older than the tail or the room quota. The room task looks them up beforehand.
"""

import hashlib
from collections.abc import Mapping
from functools import cached_property

import attrs

from argybargy.domain.choices import fold_choice
from argybargy.domain.message import Lease, Message, SenderKind
from argybargy.domain.names import PeerKey, peer_key
from argybargy.domain.room.answering import Answers
from argybargy.domain.room.state import RoomStatus
from argybargy.system.values import frozen


@frozen
class Post:
    """Post a message.

    Attributes:
        sender: The sender's name.
        kind: Agent or operator. Only operators may post into a closed room, and they
            are not rate limited.
        text: The text.
        to: The addressees, or :data:`~argybargy.domain.message.TO_ALL`.
        expects: The expected answerer; ``None`` takes the default for the addressees.
        reply_to: The seq of the message that this one answers.
        idempotency_key: A key chosen by the client, which makes retries safe.
        subject: The message `reply_to`, if it is older than the tail.
        earlier: The message of an accepted attempt with the same key, if it is older
            than the tail.
        read_to: The cursor after which the sender must have no unread messages;
            ``None`` posts in any case.
        looked_to: The newest seq that was looked at for such messages beforehand.
        has_older_unread: Whether there are any up to there.
        has_room_quota: Whether an empty room may receive its first message.
        other_agents: The names of the other agents that have a code of the room, or
            two of them if there are more; ``None`` if unknown.
        choices: The answers that the question offers.
        choice: The choice of the question `reply_to` that this answer takes, in any
            spelling. The text may then be empty, and becomes the choice.
        may_create: Whether the post may create the room.
        addresses: The addresses ``can:WORD`` of the sender's own capabilities.
        called: The names of the peers that the addresses in `to` stand for.
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
    other_agents: tuple[str, ...] | None = None
    earlier: Message | None = None
    read_to: int | None = None
    looked_to: int = 0
    has_older_unread: bool = False
    choices: tuple[str, ...] = ()
    choice: str | None = None
    may_create: bool = True
    addresses: frozenset[PeerKey] = frozenset()
    called: tuple[str, ...] = ()

    @cached_property
    def digest(self) -> bytes:
        """A digest of the content, to tell a retry from another post.

        Without choices it is the digest of earlier versions, whose receipts are kept.
        """
        to = tuple(map(peer_key, self.to))
        expects = None if self.expects is None else peer_key(self.expects)
        parts: tuple[object, ...] = (self.text, to, expects, self.reply_to)
        if self.choices or self.choice is not None:
            choice = None if self.choice is None else fold_choice(self.choice)
            parts = (*parts, self.choices, choice)
        return hashlib.sha256(repr(parts).encode()).digest()[:16]


@frozen
class Claim:
    """Claim a question, or renew the claim on it.

    Attributes:
        peer: The claimer's name.
        seq: The question.
        lease_seconds: The requested term; ``None`` takes the relay's default.
        subject: The question, if it is older than the tail.
        addresses: The addresses ``can:WORD`` of the claimer's capabilities.
    """

    peer: str
    seq: int
    lease_seconds: int | None = None
    subject: Message | None = None
    addresses: frozenset[PeerKey] = frozenset()


@frozen
class Release:
    """Release the claim on a question."""

    peer: str
    seq: int
    subject: Message | None = None


@frozen
class Withdraw:
    """Withdraw a question, so that it needs no answer.

    Attributes:
        by: The name of the asker or operator.
        kind: Agent or operator. An operator may withdraw every question.
        seq: The question.
        reason: Why; may be empty.
        subject: The question, if it is older than the tail.
    """

    by: str
    kind: SenderKind
    seq: int
    reason: str = ""
    subject: Message | None = None


@frozen
class Undamp:
    """Lift the damping of a pair of agents, or of all pairs.

    Attributes:
        by: The operator's name.
        peers: The names of the two agents; ``None`` means all pairs.
    """

    by: str
    peers: tuple[str, str] | None = None


@frozen
class Call:
    """Call a peer to open questions that fit its capabilities.

    Attributes:
        peer: The name of the peer.
        addresses: The addresses ``can:WORD`` of its capabilities.
    """

    peer: str
    addresses: frozenset[PeerKey] = frozenset()


@frozen
class Renew:
    """Renew the leases of a peer that has just polled."""

    peer: str


@frozen
class Confirm:
    """Make sure that the room is current. Changes nothing."""


@frozen
class EndCodes:
    """Tell other nodes that codes of the room have ended.

    Attributes:
        key_ids: The handles of the codes.
    """

    key_ids: tuple[str, ...]


@frozen
class Open:
    """Open the room: create it if it does not exist, reopen it if it is closed.

    Attributes:
        by: The operator's name.
        action: The verb in the audit log.
        may_create: Whether the room may be created.
    """

    by: str
    action: str = "open"
    may_create: bool = True


@frozen
class Close:
    """Close the room and end its unanswered claims."""

    by: str


@frozen
class Delete:
    """Delete a closed room with everything in it; only its numbers are remembered.

    Attributes:
        by: The operator's name.
        codes: The number of codes that end with the room, for the audit log.
    """

    by: str
    codes: int = 0


@frozen
class Dismiss:
    """Remove a peer without a valid code, with its claims and open questions."""

    peer: str


@frozen
class Retain:
    """Drop messages beyond the retention limit, a bounded number at a time."""


@frozen
class ImportedMessage:
    """A message accepted by another relay.

    Attributes:
        message: The message with its original seq.
        is_open: Whether it is an open question; otherwise a question without a
            resolution counts as answered.
        is_leased: Whether its claim is temporary.
    """

    message: Message
    is_open: bool = False
    is_leased: bool = False


@frozen
class Import:
    """Import messages of another relay with their original seqs.

    Attributes:
        by: The importing operator's name.
        status: Open or closed, for a room that does not exist yet.
        messages: The messages, oldest first.
        known: The room's messages with these seqs that are older than the tail.
        created_ms: Time of creation for a room that does not exist yet; ``None`` means
            now.
        is_trial: Whether to compare only, and change nothing.
        has_room_quota: Whether an empty room may receive its first message.
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
        """Whether the import may add messages."""
        return bool(self.messages) and not self.is_trial


@frozen
class Restore:
    """Continue a room from a backup after the newest seq that a reader may have seen.

    Attributes:
        head: That seq.
        fence: The newest fence that a claimer may have seen.
        last_ms: The newest timestamp, in milliseconds since 1970 UTC.
        is_certain: Whether `head` is exact; otherwise it is a safe estimate.
        status: The status of the room after the backup; ``None`` if unknown.
    """

    head: int
    fence: int = 0
    last_ms: int = 0
    is_certain: bool = True
    status: RoomStatus | None = None


def subject_of(command: "Command") -> int | None:
    """Return the seq of the message that a command refers to, if any."""
    match command:
        case Post(reply_to=seq):
            return seq
        case Claim(seq=seq) | Release(seq=seq) | Withdraw(seq=seq):
            return seq
        case _:
            return None


Command = (
    Post
    | Claim
    | Release
    | Withdraw
    | Undamp
    | Call
    | Renew
    | Confirm
    | EndCodes
    | Open
    | Close
    | Delete
    | Dismiss
    | Retain
    | Import
    | Restore
)


@frozen
class Posted:
    """The post was accepted.

    Attributes:
        message: The message.
        is_duplicate: Whether an earlier attempt was accepted, and this one is a retry.
        answers: The questions that it answers, and those it may have meant.
        is_kept: Whether the room still has the message of a retry. What became of a
            question that retention has dropped is unknown.
        lease: The lease of the claim on the question of a retry, if there is one.
    """

    message: Message
    is_duplicate: bool = False
    answers: Answers = attrs.field(factory=Answers)
    is_kept: bool = True
    lease: Lease | None = None


@frozen
class ClaimGranted:
    """The claim was granted or renewed.

    Attributes:
        lease: The lease; without a term if the claimer has answered.
        message: The question as it is now.
    """

    lease: Lease
    message: Message


@frozen
class Acknowledged:
    """The command was carried out.

    Attributes:
        is_partial: Whether the command must be repeated for the rest of its work.
    """

    is_partial: bool = False


@frozen
class Imported:
    """Counts of imported messages.

    Attributes:
        new: Messages added.
        same: Messages that the room already had.
        passed: Messages skipped, as retention has dropped them or they are in a gap.
    """

    new: int = 0
    same: int = 0
    passed: int = 0


@frozen
class Undamped:
    """The names of the pairs whose damping was lifted."""

    pairs: tuple[tuple[str, str], ...]


@frozen
class Deleted:
    """The room was deleted, with this number of messages."""

    messages: int


CommandResult = Posted | ClaimGranted | Acknowledged | Imported | Undamped | Deleted


@frozen
class GiveUp:
    """Mark a change of the oldest kept seq.

    The seq itself is among the counters of the room, which every commit stores. Without
    this write, a decision that only drops messages would have nothing to commit.
    """

    first: int
