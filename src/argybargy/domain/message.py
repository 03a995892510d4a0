"""Messages, and the values about them: claims, questions, members, receipts."""

import enum
import math
from functools import cached_property
from typing import Final, Self

import attrs

from argybargy.domain.capabilities import word_of_address
from argybargy.domain.choices import text_with_choices
from argybargy.domain.instant import Instant
from argybargy.domain.names import ANYONE, EVERYONE, NOBODY, OPERATOR, PeerKey, peer_key
from argybargy.system.values import frozen


class SenderKind(enum.Enum):
    """The kind of a sender. Set by the relay, never by a request."""

    AGENT = "agent"
    OPERATOR = "operator"
    SYSTEM = "system"
    PERSON = "person"

    @property
    def is_peer(self) -> bool:
        """Whether such a sender holds a code, and is bound by the rules of a room."""
        return self in {SenderKind.AGENT, SenderKind.PERSON}


TO_ALL: Final = (EVERYONE,)
REOPENED: Final = "reopened"
"""Event of the system message about a question that can be claimed again."""
RESTORED: Final = "restored"
"""Event of the system message about a room restored from a backup."""
WITHDRAWN: Final = "withdrawn"
"""Event of the system message about questions that need no answer any more."""
DAMPED: Final = "damped"
"""Event of the system message about two agents whose answers now wake neither."""
CALLED: Final = "called"
"""Event of the system message to a peer that has gained a capability asked for."""
EVENTS: Final = frozenset({REOPENED, RESTORED, WITHDRAWN, DAMPED, CALLED})
"""All events of system messages."""


class ResolutionKind(enum.Enum):
    """The way a question ended."""

    ANSWERED = "answered"
    WITHDRAWN = "withdrawn"


@frozen
class Resolution:
    """The end of a question.

    Attributes:
        kind: Answered or withdrawn.
        by: The name of the peer that answered or withdrew it; empty if unknown.
        at_ms: The time, in milliseconds since 1970 UTC.
        seq: The answering message; ``None`` if unknown, or withdrawn.
        reason: Why it was withdrawn; empty if no reason was given.
    """

    kind: ResolutionKind
    by: str
    at_ms: int
    seq: int | None = None
    reason: str = ""


@frozen
class Message:
    """One message, with its claim and the end of its question.

    Claim and resolution change. An open question to ``can:WORD`` gains addressees. All
    other fields are immutable.

    Attributes:
        seq: Its sequence number in the room, from 1.
        at_ms: Time of acceptance, in milliseconds since 1970 UTC. Never earlier
            than that of the previous message.
        sender: The sender's name as it was spelled.
        kind: The kind of the sender.
        to: The addressees' names as they were spelled, or :data:`TO_ALL`. With
            ``can:WORD`` among them, those of the peers it stands for follow.
        text: The text, as sent.
        expects: The expected answerer: ``none``, ``anyone``, a name or ``can:WORD``.
        reply_to: The seq of the message that this one answers.
        event: The event that a system message reports.
        claimed_by: The name of the claimer; ``None`` without a claim.
        fence: The fence of that claim; 0 without one.
        is_claim_final: Whether the claimer has answered. The claim is then permanent.
        resolution: The end of the question; ``None`` while it is open, and for a
            message that asks nothing.
        choices: The answers that a question offers; empty if it leaves the answer
            open.
        choice: The offered answer that a reply takes, as offered.
        heard_ms: Time of acceptance on this process's own count, see
            :class:`~argybargy.domain.instant.Instant`; ``None`` when read from a store.
            It differs from `at_ms` after the wall clock was set.
        turn_with: The agents with whom it may be a turn of a loop, see
            `argybargy.domain.damping`; empty when read from a store.
        answers_to: The askers whose questions it answered; empty when read from a
            store.
        memo: A cache for encoders, which lives as long as the message. Not part of
            the value.
        is_broadcast: Whether everybody in the room may see it.
        sender_key: The sender's key.
        agent_key: The sender's key if an agent or a person sent it, else ``None``: the
            kinds that hold a code. An agent may
            later take the name that an operator used; the operator's direct messages
            must stay invisible to it.
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
    resolution: Resolution | None = None
    choices: tuple[str, ...] = ()
    choice: str | None = None
    heard_ms: int | None = attrs.field(default=None, eq=False, repr=False)
    turn_with: frozenset[PeerKey] = attrs.field(
        default=frozenset(), eq=False, repr=False
    )
    answers_to: frozenset[PeerKey] = attrs.field(
        default=frozenset(), eq=False, repr=False
    )
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
        return self.sender_key if self.kind.is_peer else None

    @cached_property
    def addressee_keys(self) -> frozenset[PeerKey]:
        """The keys of the addressees."""
        return frozenset(map(peer_key, self.to))

    @cached_property
    def is_question(self) -> bool:
        """Tell whether it asks a peer other than its sender."""
        expects = peer_key(self.expects)
        return expects != NOBODY and expects not in {self.sender_key, self.asker_key}

    @property
    def asker_key(self) -> PeerKey:
        """The key of the asker; all operators ask as one."""
        return OPERATOR if self.kind is SenderKind.OPERATOR else self.sender_key

    @property
    def is_open(self) -> bool:
        """Whether it is a question that is neither answered nor withdrawn."""
        return self.resolution is None and self.is_question

    @property
    def audience_keys(self) -> frozenset[PeerKey] | None:
        """The keys of the addressees; ``None`` means everybody."""
        return None if self.is_broadcast else self.addressee_keys

    @cached_property
    def text_bytes(self) -> int:
        """The size of the text in bytes of UTF-8."""
        return len(self.text.encode())

    @property
    def search_text(self) -> str:
        """The text that searches look through: the text and the choices."""
        if not self.choices and self.choice is None:
            return self.text
        return text_with_choices(self.text, self.choices, self.choice)

    def with_claim(
        self, claimed_by: str | None, fence: int, *, is_claim_final: bool = False
    ) -> "Message":
        """Return this message with another claim, or with none."""
        return attrs.evolve(
            self, claimed_by=claimed_by, fence=fence, is_claim_final=is_claim_final
        )

    def with_resolution(self, resolution: Resolution | None) -> "Message":
        """Return this message with another end of its question, or with none."""
        return attrs.evolve(self, resolution=resolution)

    def with_addressee(self, name: str) -> "Message":
        """Return this message with one more addressee."""
        if peer_key(name) in self.addressee_keys:
            return self
        return attrs.evolve(self, to=(*self.to, name))

    @property
    def calls(self) -> tuple[str, ...]:
        """The addressees that stand for all peers with a capability."""
        return tuple(name for name in self.to if word_of_address(name) is not None)

    def without_claim(self) -> "Message":
        """Return this message with no claim and an open question."""
        return self.with_claim(None, 0).with_resolution(None)

    def immutable_part(self) -> "Message":
        """Return the part of this message that never changes.

        Of the addressees of a message to ``can:WORD``, which grow in number, only the
        address itself is kept.
        """
        unclaimed = self.without_claim()
        return attrs.evolve(unclaimed, to=self.calls) if self.calls else unclaimed

    def is_visible_to(self, reader: PeerKey) -> bool:
        """Tell whether a peer may see this message.

        Reads, wake-ups and claims all use this predicate.
        """
        return (
            self.is_broadcast
            or reader in self.addressee_keys
            or reader == self.agent_key
        )

    def is_for(self, reader: PeerKey) -> bool:
        """Tell whether a poll of `reader` delivers this. Own messages are excluded."""
        return reader != self.agent_key and (
            self.is_broadcast or reader in self.addressee_keys
        )


@frozen
class Lease:
    """A live claim on a question.

    Attributes:
        seq: The claimed message.
        holder: The claimer's name as it was spelled.
        fence: A fencing token: larger than the fence of every earlier grant in the
            room, so that work under an older grant can be recognised and rejected.
        seconds: The term without renewal; ``None`` means unlimited.
        lapses_at: The deadline on the steady clock, in seconds; infinite when
            unlimited. This one is decisive.
        expires_ms: The same deadline on the wall clock, for display.
    """

    seq: int
    holder: str
    fence: int
    seconds: int | None
    lapses_at: float
    expires_ms: int | None

    @classmethod
    def granted(
        cls,
        seq: int,
        holder: str,
        fence: int,
        seconds: int | None,
        now: Instant,
        *,
        late_share: float = 0.0,
    ) -> Self:
        """Return a lease whose term starts now.

        Args:
            seq: The claimed message.
            holder: The claimer.
            fence: The fence of the grant.
            seconds: The term; ``None`` means until released.
            now: The time of the grant.
            late_share: The share of the term by which it ends late, as renewals within
                that time are not written.
        """
        if seconds is None:
            return cls(seq, holder, fence, None, math.inf, None)
        lapses_at = now.steady_seconds + seconds * (1 + late_share)
        return cls(seq, holder, fence, seconds, lapses_at, now.wall_ms + seconds * 1000)

    def renewed(self, now: Instant, late_share: float = 0.0) -> Self:
        """Return this lease with its term restarted now."""
        mine = self.seq, self.holder, self.fence, self.seconds
        return self.granted(*mine, now, late_share=late_share)

    def received(self, now: Instant, late_share: float) -> Self:
        """Return this lease of another process, with its deadline on our clock.

        The end on the wall clock says how much of the term is left; not more than all
        of it, if the other clock is ahead.
        """
        if self.seconds is None or self.expires_ms is None:
            return self
        left = min(self.seconds, (self.expires_ms - now.wall_ms) / 1000)
        lapses_at = now.steady_seconds + left + self.seconds * late_share
        return attrs.evolve(self, lapses_at=lapses_at)


@frozen
class Question:
    """A question that is neither answered nor withdrawn.

    Attributes:
        seq: The message.
        asker: The asking agent; ``operator`` for every operator.
        expects: The peer that was asked, ``anyone`` or ``can:WORD``.
        audience_keys: The addressees; ``None`` means everybody.
    """

    seq: int
    asker: PeerKey
    expects: PeerKey
    audience_keys: frozenset[PeerKey] | None = None

    @classmethod
    def of(cls, message: Message) -> Self:
        """Return the question of a message that asks."""
        expects = peer_key(message.expects)
        return cls(message.seq, message.asker_key, expects, message.audience_keys)

    @property
    def calls(self) -> frozenset[PeerKey]:
        """The addresses ``can:WORD`` that the question went to."""
        audience = self.audience_keys or frozenset()
        return frozenset(key for key in audience if word_of_address(key) is not None)

    def with_addressee(self, peer: PeerKey) -> Self:
        """Return this question with one more addressee, if it has a list of them."""
        if self.audience_keys is None:
            return self
        return attrs.evolve(self, audience_keys=self.audience_keys | {peer})

    def is_put_to(self, names: frozenset[PeerKey]) -> bool:
        """Tell whether a speaker with these names was asked."""
        if self.asker in names:
            return False
        if self.expects in names:
            return True
        if self.expects != ANYONE:
            return False
        if self.audience_keys is None or OPERATOR in names:
            return True
        return not self.audience_keys.isdisjoint(names)


@frozen
class Member:
    """A peer or operator that has posted into a room.

    Attributes:
        name: The name as first spelled.
        kind: Agent or operator.
        last_seq: The seq of their newest message.
        last_ms: Its timestamp, in milliseconds since 1970 UTC.
        heard_ms: The same time on this process's own count; ``None`` in a store.
    """

    name: str
    kind: SenderKind
    last_seq: int
    last_ms: int
    heard_ms: int | None = attrs.field(default=None, eq=False)


@frozen
class Receipt:
    """The post that an idempotency key was used for.

    Attributes:
        digest: The first 16 bytes of a SHA-256 over the post.
        seq: The resulting message.
        at_ms: Its timestamp, in milliseconds since 1970 UTC.
        heard_ms: The same time on this process's own count; ``None`` in a store.
    """

    digest: bytes
    seq: int
    at_ms: int
    heard_ms: int | None = attrs.field(default=None, eq=False)
