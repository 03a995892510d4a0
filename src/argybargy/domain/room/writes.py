"""The writes of a decision, which a store makes durable together."""

import attrs

from argybargy.domain.message import Lease, Message, Question, Receipt
from argybargy.domain.names import PeerKey
from argybargy.domain.room.commands import GiveUp


@attrs.frozen
class AppendMessage:
    """Store a new message."""

    message: Message


@attrs.frozen
class UpdateClaim:
    """Store who holds a question now.

    Attributes:
        seq: The question.
        claimed_by: The holder, or ``None``.
        fence: The number of the grant; 0 without a holder.
        is_settled: Whether the claim is permanent by an answer.
        lease: The live claim, or ``None`` where there is none any more.
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


@attrs.frozen
class OpenQuestion:
    """Remember that somebody waits for an answer."""

    question: Question


@attrs.frozen
class CloseQuestion:
    """Forget a question that was answered, or that nobody waits for."""

    seq: int


@attrs.frozen
class KeepReceipt:
    """Remember what an idempotency key was used for."""

    peer: PeerKey
    key: str
    receipt: Receipt


@attrs.frozen
class ForgetMember:
    """Remove a peer from those who have posted."""

    peer: PeerKey


@attrs.frozen
class Audit:
    """Record who did what, in the transaction that does it.

    Attributes:
        at_ms: When.
        action: What was done.
        actor: Who did it.
        room: Where; empty when it concerns no room.
        detail: Particulars; never a code, a token or a message's text.
        tally: What the row counts, for rows that are counted up: a later one of
            the same tally takes its place. Empty for all others.
    """

    at_ms: int
    action: str
    actor: str = ""
    room: str = ""
    detail: str = ""
    tally: str = ""


Write = (
    AppendMessage
    | UpdateClaim
    | OpenQuestion
    | CloseQuestion
    | KeepReceipt
    | GiveUp
    | ForgetMember
    | Audit
)
