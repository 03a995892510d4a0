"""Driver for the rules of a room: a room, a clock and one method for each command."""

import attrs
import pytest

from argybargy.domain.access_codes import CodeRecord, digest_code, format_code
from argybargy.domain.errors import RelayError
from argybargy.domain.instant import Instant
from argybargy.domain.limits import Limits
from argybargy.domain.message import TO_ALL, Lease, Message, SenderKind
from argybargy.domain.room.commands import (
    Claim,
    ClaimGranted,
    Close,
    Command,
    CommandResult,
    Delete,
    Dismiss,
    Open,
    Post,
    Posted,
    Release,
    Renew,
    Withdraw,
)
from argybargy.domain.room.decide import decide, decide_expired_leases
from argybargy.domain.room.posting import find_receipt
from argybargy.domain.room.state import Room
from argybargy.domain.room.writes import Write
from argybargy.domain.seq_gaps import count_messages
from support.replayed_room import DurableRoom

START = Instant(wall_ms=1_700_000_000_000, steady_seconds=1_000.0)
UNHURRIED = Limits(posts_per_window=0)
"""The default limits without the rate limit of posts."""


def addressees(to: str) -> tuple[str, ...]:
    """Split ``"bob carol"`` into two addressees; an empty string means everybody."""
    return tuple(to.split()) or TO_ALL


def message(
    seq: int = 1,
    sender: str = "anna",
    to: str = "",
    text: str = "hello",
    expects: str = "none",
) -> Message:
    """Make a message of an agent."""
    return Message(
        seq=seq,
        at_ms=START.wall_ms,
        sender=sender,
        kind=SenderKind.AGENT,
        to=addressees(to),
        text=text,
        expects=expects,
    )


def kept_messages(room: Room) -> int:
    """Count the messages that a room keeps."""
    return count_messages(room.first, room.head, room.seq_gaps)


def code_record(
    name: str, *, expires_ms: int | None = None, capabilities: str = ""
) -> CodeRecord:
    """Make the record of a code of the room ``hall``."""
    code = format_code(name.ljust(32, "0"))
    return CodeRecord(
        digest=digest_code(code),
        room="hall",
        name=name,
        capabilities=capabilities,
        created_ms=START.wall_ms,
        expires_ms=expires_ms,
    )


def post(
    sender: str,
    text: str = "hello",
    *,
    to: str = "",
    expects: str | None = None,
    reply_to: int | None = None,
    key: str | None = None,
    by: SenderKind = SenderKind.AGENT,
) -> Post:
    """Make the command of a post."""
    return Post(
        sender=sender,
        kind=by,
        text=text,
        to=addressees(to),
        expects=expects,
        reply_to=reply_to,
        idempotency_key=key,
    )


@attrs.define
class Scene:
    """One room, as its task would treat it: lapses first, then decide, then commit.

    Attributes:
        limits: What is allowed.
        now: The time; it passes only when told to.
        room: The room as it stands.
        durable: What a store would have by now.
        writes: What the last command wrote, lapses included.
    """

    limits: Limits = UNHURRIED
    now: Instant = START
    room: Room = attrs.Factory(lambda self: Room.new("hall", self.now), takes_self=True)
    durable: DurableRoom = attrs.Factory(
        lambda self: DurableRoom(self.limits, self.room), takes_self=True
    )
    writes: tuple[Write, ...] = ()

    def pass_time(self, seconds: float) -> None:
        """Let time pass on both clocks."""
        self.now = Instant(
            self.now.wall_ms + round(seconds * 1000), self.now.steady_seconds + seconds
        )

    def set_wall_back(self, seconds: float) -> None:
        """Let somebody correct the wall clock."""
        back_ms = round(seconds * 1000)
        self.now = attrs.evolve(self.now, wall_ms=self.now.wall_ms - back_ms)

    def end_leases(self) -> None:
        """Let the room notice what has run out."""
        decision = decide_expired_leases(self.room, self.now, self.limits)
        self._commit(decision.room, decision.writes)

    def do(self, command: Command) -> CommandResult:
        """Carry out a command."""
        self.end_leases()
        lapsed = self.writes
        decision = decide(self.room, self.recall(command), self.now, self.limits)
        self._commit(decision.room, decision.writes)
        self.writes = lapsed + decision.writes
        return decision.answer

    def refusal(self, command: Command) -> RelayError:
        """Carry out a command that must be refused, and return how it was."""
        with pytest.raises(RelayError) as caught:
            self.do(command)
        assert caught.value.text
        return caught.value

    def recall(self, command: Command) -> Command:
        """Look up what the room does not hold, as a room task does."""
        if isinstance(command, (Claim, Release, Withdraw)):
            return attrs.evolve(command, subject=self._older(command.seq))
        if isinstance(command, Post):
            receipt = find_receipt(self.room, command)
            earlier = self._older(None if receipt is None else receipt.seq)
            subject = self._older(command.reply_to)
            return attrs.evolve(command, subject=subject, earlier=earlier)
        return command

    def _older(self, seq: int | None) -> Message | None:
        if seq is None or seq in self.room.messages:
            return None
        return self.durable.messages.get(seq)

    def _commit(self, room: Room, writes: tuple[Write, ...]) -> None:
        self.writes = writes
        if writes:
            self.durable.commit(room, writes, self.now)
            room = attrs.evolve(room, version=self.durable.version)
        self.room = room

    def restart(self) -> None:
        """Lose everything that is only in memory."""
        if self.durable.version:
            self.durable.restart(self.now)
            self.room = Room.restore(self.durable.saved(), self.now, self.limits)

    # -- what people do --------------------------------------------------------

    def post(self, sender: str, text: str = "hello", **how: object) -> Message:
        """Post, and return the message; `how` is as for :func:`post`."""
        answer = self.do(post(sender, text, **how))  # type: ignore[arg-type]
        assert isinstance(answer, Posted)
        return answer.message

    def say(self, sender: str, text: str = "hello", **how: object) -> Message:
        """Post as an operator."""
        return self.post(sender, text, by=SenderKind.OPERATOR, **how)

    def ask(self, sender: str = "anna", **how: object) -> int:
        """Ask anyone, and return the seq of the question."""
        return self.post(sender, "who can?", **({"expects": "anyone"} | how)).seq

    def claim(self, peer: str, seq: int, lease_seconds: int | None = None) -> Lease:
        """Claim a question that is free or held by the same peer."""
        answer = self.do(Claim(peer, seq, lease_seconds))
        assert isinstance(answer, ClaimGranted)
        return answer.lease

    def release(self, peer: str, seq: int) -> None:
        """Give a question back."""
        self.do(Release(peer, seq))

    def renew(self, peer: str) -> None:
        """Show, by a poll, that a peer is there."""
        self.do(Renew(peer))

    def close(self) -> None:
        """Close the room."""
        self.do(Close("ops"))

    def open(self) -> None:
        """Open or reopen the room."""
        self.do(Open("ops"))

    def delete(self) -> CommandResult:
        """Delete the room."""
        return self.do(Delete("ops"))

    def dismiss(self, peer: str) -> None:
        """Let a peer go."""
        self.do(Dismiss(peer))

    # -- what there is to see --------------------------------------------------

    def message(self, seq: int) -> Message:
        """Return a kept message, wherever it stands."""
        return self.room.messages.get(seq) or self.durable.messages[seq]

    @property
    def newest(self) -> Message:
        """The message at the head."""
        return self.message(self.room.head)

    @property
    def open_questions(self) -> list[int]:
        """The seqs of the questions somebody waits for."""
        return sorted(self.room.questions)

    @property
    def notices(self) -> list[int]:
        """The seqs of the questions that were said to be open again, in order."""
        return [
            each.reply_to
            for _, each in sorted(self.durable.messages.items())
            if each.kind is SenderKind.SYSTEM and each.reply_to is not None
        ]
