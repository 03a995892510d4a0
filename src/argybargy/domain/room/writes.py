"""The writes of a decision, which a store makes durable together."""

from argybargy.domain.damping import Exchange, Pair
from argybargy.domain.message import Lease, Message, Question, Receipt, Resolution
from argybargy.domain.names import PeerKey
from argybargy.domain.room.commands import GiveUp
from argybargy.system.values import frozen


@frozen
class AppendMessage:
    """Store a new message."""

    message: Message


@frozen
class UpdateClaim:
    """Store the current claim on a message.

    Attributes:
        seq: The message.
        claimed_by: The name of the claimer; ``None`` removes the claim.
        fence: The fence of the claim; 0 without one.
        is_claim_final: Whether an answer has made the claim permanent.
        lease: The lease of a temporary claim; ``None`` removes the stored lease.
    """

    seq: int
    claimed_by: str | None
    fence: int
    is_claim_final: bool
    lease: Lease | None

    def apply_to(self, message: Message) -> Message:
        """Return the message with this claim."""
        return message.with_claim(
            self.claimed_by, self.fence, is_claim_final=self.is_claim_final
        )


@frozen
class OpenQuestion:
    """Store an open question."""

    question: Question


@frozen
class ResolveQuestion:
    """Store the end of an open question, which is open no more."""

    seq: int
    resolution: Resolution

    def apply_to(self, message: Message) -> Message:
        """Return the message with this end of its question."""
        return message.with_resolution(self.resolution)


@frozen
class AddAddressee:
    """Store one more addressee of an open question."""

    seq: int
    name: str

    def apply_to(self, message: Message) -> Message:
        """Return the message with this addressee."""
        return message.with_addressee(self.name)


@frozen
class KeepReceipt:
    """Store the receipt of an idempotency key."""

    peer: PeerKey
    key: str
    receipt: Receipt


@frozen
class ForgetMember:
    """Delete a member."""

    peer: PeerKey


@frozen
class ClearRoom:
    """Delete the content of a room, with its codes and cursors.

    The codes are recorded as revoked. Whether the room exists afterwards is an
    attribute of the room, which every commit stores.

    Attributes:
        head: The newest seq to delete; all older ones are deleted too.
    """

    head: int


@frozen
class NoteExchange:
    """Tell other nodes the exchange of two agents. Stores ignore it.

    Attributes:
        pair: The two agents.
        exchange: Their exchange, with times relative to the decision.
    """

    pair: Pair
    exchange: Exchange


@frozen
class LiftDampings:
    """Tell other nodes that exchanges are forgotten. Stores ignore it.

    Attributes:
        pairs: The agents whose exchanges are forgotten; ``None`` means all.
    """

    pairs: tuple[Pair, ...] | None = None


@frozen
class CodesChanged:
    """Tell other nodes that codes of the room have ended. Stores ignore it.

    It is a commit to the room, so a node that has not heard of it conflicts with it
    before it accepts anything from the peers.

    Attributes:
        key_ids: The handles of the codes.
    """

    key_ids: tuple[str, ...]


@frozen
class Audit:
    """Add an audit row, in the transaction of the action itself.

    Attributes:
        at_ms: The time, in milliseconds since 1970 UTC.
        action: A verb, such as ``claim``.
        actor: The name of the acting peer or operator; empty if unknown.
        room: The name of the room; empty if none is concerned.
        detail: Free text without codes, tokens or message text.
        tally: The key of a counting row, which replaces the previous row of the same
            tally; empty for ordinary rows.
    """

    at_ms: int
    action: str
    actor: str = ""
    room: str = ""
    detail: str = ""
    tally: str = ""


MessageChange = UpdateClaim | ResolveQuestion | AddAddressee
"""Writes that change a message; ``apply_to`` makes the same change in memory."""

Write = (
    AppendMessage
    | UpdateClaim
    | OpenQuestion
    | ResolveQuestion
    | AddAddressee
    | KeepReceipt
    | GiveUp
    | ForgetMember
    | ClearRoom
    | NoteExchange
    | LiftDampings
    | CodesChanged
    | Audit
)
