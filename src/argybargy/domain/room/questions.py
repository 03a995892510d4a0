"""The state of a question, and the open questions of a room indexed by asker.

The first line that fits decides the state:

===================================  =============
the message                          its state
===================================  =============
asks nobody but its sender           (no question)
was answered                         ``answered``
was withdrawn                        ``withdrawn``
has a claim                          ``claimed``
has none                             ``open``
===================================  =============

Closing a room changes no state, apart from ending its claims.

A state has no secrets from those who can see the question, so it is one value for all
readers: ``docs/explanation/rooms.md`` says why the number of an answer may be shown to
readers that cannot see the answer.
"""

# rpds tells types its parameters in its stub only: they must not be evaluated.
from __future__ import annotations

import enum
from collections.abc import Iterable, Iterator, Mapping
from typing import Self

import attrs
from rpds import HashTrieMap, HashTrieSet

from argybargy.domain.message import Lease, Message, Question
from argybargy.domain.names import PeerKey
from argybargy.domain.room.name_index import NO_SEQS, add_seq, remove_seq
from argybargy.system.values import frozen


class QuestionStatus(enum.Enum):
    """The possible states of a question. The values are those of resolutions."""

    OPEN = "open"
    CLAIMED = "claimed"
    ANSWERED = "answered"
    WITHDRAWN = "withdrawn"


@frozen
class QuestionState:
    """The state of a question, for every view.

    Attributes:
        status: Open, claimed, answered or withdrawn.
        by: The name of the claimer, of the peer that answered, or of the one that
            withdrew it; ``None`` if it is open, or that peer is unknown.
        seq: The answering message, if known.
        until_ms: The end of the claim without renewal, on the wall clock; ``None``
            for a claim without end, or if the lease is not at hand.
        reason: Why it was withdrawn; empty if no reason was given.
    """

    status: QuestionStatus
    by: str | None = None
    seq: int | None = None
    until_ms: int | None = None
    reason: str = ""


def question_state(
    message: Message, lease: Lease | None = None
) -> QuestionState | None:
    """Return the state of a question; ``None`` for a message that asks nothing.

    Args:
        message: The message as it is now.
        lease: The lease of its claim, to say until when.
    """
    if not message.is_question:
        return None
    end = message.resolution
    if end is not None:
        status = QuestionStatus(end.kind.value)
        return QuestionState(status, end.by or None, end.seq, reason=end.reason)
    if message.claimed_by is None:
        return QuestionState(QuestionStatus.OPEN)
    until_ms = None if lease is None else lease.expires_ms
    return QuestionState(QuestionStatus.CLAIMED, message.claimed_by, until_ms=until_ms)


@frozen
class OpenQuestions(Mapping[int, Question]):
    """An immutable map of open questions by seq, indexed by asker and by capability.

    Each post looks up the questions that it answers. A scan of all open questions would
    let one agent with many of them slow down every post in the room.
    """

    _by_seq: HashTrieMap[int, Question] = attrs.field(factory=HashTrieMap)
    _by_asker: HashTrieMap[PeerKey, HashTrieSet[int]] = attrs.field(
        factory=HashTrieMap, eq=False, repr=False
    )
    _by_call: HashTrieMap[PeerKey, HashTrieSet[int]] = attrs.field(
        factory=HashTrieMap, eq=False, repr=False
    )

    @classmethod
    def of(cls, questions: Iterable[Question]) -> Self:
        """Build the map from questions."""
        made = cls()
        for question in questions:
            made = made.insert(question)
        return made

    def __getitem__(self, seq: int) -> Question:
        return self._by_seq[seq]

    def __iter__(self) -> Iterator[int]:
        return iter(self._by_seq)

    def __len__(self) -> int:
        return len(self._by_seq)

    def insert(self, question: Question) -> Self:
        """Return the map with a question, which replaces one of the same seq."""
        by_call = self._by_call
        for address in question.calls:
            by_call = add_seq(by_call, address, question.seq)
        return type(self)(
            self._by_seq.insert(question.seq, question),
            add_seq(self._by_asker, question.asker, question.seq),
            by_call,
        )

    def discard(self, seq: int) -> Self:
        """Return the map without a question, if it has it."""
        question = self._by_seq.get(seq)
        if question is None:
            return self
        left = remove_seq(self._by_asker, question.asker, seq)
        by_call = self._by_call
        for address in question.calls:
            by_call = remove_seq(by_call, address, seq)
        return type(self)(self._by_seq.discard(seq), left, by_call)

    def asked_by(self, asker: PeerKey) -> list[int]:
        """Return the seqs of the open questions of an asker, oldest first."""
        return sorted(self._by_asker.get(asker, NO_SEQS))

    def calling(self, address: PeerKey) -> Iterator[Question]:
        """Yield the open questions to an address ``can:WORD``, in no order."""
        return map(self._by_seq.__getitem__, self._by_call.get(address, NO_SEQS))

    def count_of(self, asker: PeerKey) -> int:
        """Return the number of open questions of an asker."""
        return len(self._by_asker.get(asker, NO_SEQS))

    def of_asker(self, asker: PeerKey) -> Iterator[Question]:
        """Yield the open questions of an asker, in no particular order."""
        return map(self._by_seq.__getitem__, self._by_asker.get(asker, NO_SEQS))
