"""Messages, and what claims make of them."""

import enum
import math
from functools import cached_property
from typing import Final, Self

import attrs

from argybargy.domain.instant import Instant
from argybargy.domain.names import ANYONE, EVERYONE, OPERATOR, PeerKey, peer_key


class SenderKind(enum.Enum):
    """Who speaks. Set by the relay, never by a request."""

    AGENT = "agent"
    OPERATOR = "operator"
    SYSTEM = "system"


TO_ALL: Final = (EVERYONE,)
REOPENED: Final = "reopened"
"""The event of the message that says a question is open again."""
RESTORED: Final = "restored"
"""The event of the message that says a room has come out of a backup."""
EVENTS: Final = frozenset({REOPENED, RESTORED})
"""All events that a relay tells of."""


@attrs.frozen
class Message:
    """One message as it stands now; only a claim ever changes it.

    Attributes:
        seq: Its place in the room, from 1 up without gaps.
        at_ms: When it was accepted, in milliseconds since 1970 UTC. Never earlier
            than the message before it.
        sender: The name of who spoke.
        kind: What sort of speaker that is.
        to: The addressees as they are called, or :data:`TO_ALL`.
        text: What was said.
        expects: Who should answer: ``none``, ``anyone``, or a name.
        reply_to: The seq of the message that this one answers.
        event: What happened, for messages of the relay itself.
        claimed_by: Who has taken the question, while that holds.
        fence: The number of the grant behind `claimed_by`; 0 without one.
        is_settled: Whether the question was answered by its claimer, which makes
            the claim permanent.
        heard_ms: When it came in, as this process counts the time; ``None`` if it was
            read from the store. `at_ms` may be ahead of it, where the wall clock was
            ahead once.
        memo: No part of the value: room for those who turn messages into bytes to
            keep what they made, for exactly as long as the message is held.
        is_broadcast: Whether everybody in the room may see it.
        sent_by: The folded name of the sender.
        owner: The same where that is an agent, else empty: the name that the human
            speaks under may be an agent's one day, who has not said this.
    """

    seq: int
    at_ms: int
    sender: str
    kind: SenderKind
    to: tuple[str, ...]
    text: str
    expects: str
    reply_to: int | None = None
    event: str | None = None
    claimed_by: str | None = None
    fence: int = 0
    is_claim_final: bool = False
    heard_ms: int | None = attrs.field(default=None, eq=False, repr=False)
    memo: dict[str, bytes] = attrs.field(factory=dict, init=False, eq=False, repr=False)
    is_broadcast: bool = attrs.field(init=False, eq=False, repr=False)
    sender_key: PeerKey = attrs.field(init=False, eq=False, repr=False)
    agent_key: PeerKey | None = attrs.field(init=False, eq=False, repr=False)

    @is_broadcast.default
    def _is_broadcast(self) -> bool:
        return self.to == TO_ALL

    @sender_key.default
    def _sender_key(self) -> PeerKey:
        return peer_key(self.sender)

    @agent_key.default
    def _agent_key(self) -> PeerKey | None:
        return self.sender_key if self.kind is SenderKind.AGENT else None

    @cached_property
    def addressee_keys(self) -> frozenset[PeerKey]:
        """The folded names of those addressed."""
        return frozenset(map(peer_key, self.to))

    @property
    def audience_keys(self) -> frozenset[PeerKey] | None:
        """The folded names of those it is for; ``None`` is everybody."""
        return None if self.is_broadcast else self.addressee_keys

    @cached_property
    def text_bytes(self) -> int:
        """The size of the text in UTF-8."""
        return len(self.text.encode())

    def with_claim(
        self, claimed_by: str | None, fence: int, *, is_claim_final: bool = False
    ) -> "Message":
        """Return this message with another claim, or with none."""
        return attrs.evolve(
            self, claimed_by=claimed_by, fence=fence, is_claim_final=is_claim_final
        )

    def without_claim(self) -> "Message":
        """Return the immutable part of this message."""
        return self.with_claim(None, 0)

    def is_visible_to(self, reader: PeerKey) -> bool:
        """Tell whether the peer with the folded name `reader` may see this.

        The one predicate behind every read, wake-up and claim.
        """
        return (
            self.is_broadcast
            or reader in self.addressee_keys
            or reader == self.agent_key
        )

    def is_for(self, reader: PeerKey) -> bool:
        """Tell whether a poll of `reader` (folded) delivers this: never one's own."""
        return reader != self.agent_key and (
            self.is_broadcast or reader in self.addressee_keys
        )


@attrs.frozen
class Lease:
    """A live claim on a question.

    Attributes:
        seq: The question.
        holder: The name of who holds it.
        fence: Larger than that of every grant before it in the room, so that work
            done under an older grant can be told apart.
        seconds: How long it lasts unrenewed; ``None`` is for ever.
        lapses_at: When it runs out on the steady clock, in seconds.
        expires_ms: The same on the wall clock, for people.
    """

    seq: int
    holder: str
    fence: int
    seconds: int | None
    lapses_at: float
    expires_ms: int | None

    @classmethod
    def granted(
        cls, seq: int, holder: str, fence: int, seconds: int | None, now: Instant
    ) -> Self:
        """Return a lease whose term starts now.

        Args:
            seq: The claimed message.
            holder: The claimer.
            fence: The fence of the grant.
            seconds: The term; ``None`` means until released.
            now: The time of the grant.
        """
        if seconds is None:
            return cls(seq, holder, fence, None, math.inf, None)
        lapses_at = now.steady_seconds + seconds
        return cls(seq, holder, fence, seconds, lapses_at, now.wall_ms + seconds * 1000)

    def renewed(self, now: Instant) -> Self:
        """Return this lease with its term restarted now."""
        return self.granted(self.seq, self.holder, self.fence, self.seconds, now)


@attrs.frozen
class Question:
    """A message of an agent that nobody it asked has answered yet.

    Attributes:
        seq: The message.
        asker: The folded name of who asked.
        expects: The folded name of who was asked, or ``anyone``.
        audience: The folded names of those who can see it; ``None`` is everybody.
    """

    seq: int
    asker: PeerKey
    expects: PeerKey
    audience_keys: frozenset[PeerKey] | None = None

    def is_put_to(self, names: frozenset[PeerKey]) -> bool:
        """Tell whether somebody who goes by these folded names was asked."""
        if self.asker in names:
            return False
        if self.expects in names:
            return True
        if self.expects != ANYONE:
            return False
        if self.audience_keys is None or OPERATOR in names:
            return True
        return not self.audience_keys.isdisjoint(names)


@attrs.frozen
class Member:
    """Somebody who has posted into a room.

    Attributes:
        name: The name as first spelled.
        kind: Agent or operator.
        last_seq: Their newest message.
        last_ms: When that was.
        heard_ms: The same as this process counts the time; ``None`` in a store.
    """

    name: str
    kind: SenderKind
    last_seq: int
    last_ms: int
    heard_ms: int | None = attrs.field(default=None, eq=False)


@attrs.frozen
class Receipt:
    """What an idempotency key was used for.

    Attributes:
        digest: The first bytes of a hash over what was posted.
        seq: The message it became.
        at_ms: When.
        heard_ms: The same as this process counts the time; ``None`` in a store.
    """

    digest: bytes
    seq: int
    at_ms: int
    heard_ms: int | None = attrs.field(default=None, eq=False)
