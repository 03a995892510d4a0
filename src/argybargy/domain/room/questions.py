"""The open questions of a room, indexed by addressee and by asker.

Each post looks up the questions that it answers. A scan of all open questions would let
one agent with many of them slow down every post in the room.
"""

# rpds tells types its parameters in its stub only: they must not be evaluated.
from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Self

import attrs
from rpds import HashTrieMap, HashTrieSet

from argybargy.domain.message import Question
from argybargy.domain.names import ANYONE, OPERATOR, PeerKey
from argybargy.domain.room.name_index import (
    NO_SEQS,
    SeqsByPeer,
    add_seq,
    remove_seq,
)

_NO_ASKERS: SeqsByPeer = HashTrieMap()


@attrs.frozen
class OpenQuestions(Mapping[int, Question]):
    """An immutable map of open questions by seq, with its indexes."""

    _by_seq: HashTrieMap[int, Question] = attrs.field(factory=HashTrieMap)
    _put_to: HashTrieMap[PeerKey, SeqsByPeer] = attrs.field(
        factory=HashTrieMap, eq=False, repr=False
    )
    _by_asker: HashTrieMap[PeerKey, HashTrieSet[int]] = attrs.field(
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
        """Return the map with a new question."""
        seq, asker = question.seq, question.asker
        put_to = self._put_to
        for name in _addressees(question):
            askers = put_to.get(name, _NO_ASKERS)
            put_to = put_to.insert(name, add_seq(askers, asker, seq))
        return type(self)(
            self._by_seq.insert(seq, question),
            put_to,
            add_seq(self._by_asker, asker, seq),
        )

    def discard(self, *seqs: int) -> Self:
        """Return the map without some questions. Missing seqs are ignored."""
        by_seq, put_to, by_asker = self._by_seq, self._put_to, self._by_asker
        for seq in seqs:
            question = by_seq.get(seq)
            if question is None:
                continue
            asker, by_seq = question.asker, by_seq.discard(seq)
            by_asker = remove_seq(by_asker, asker, seq)
            for name in _addressees(question):
                left = remove_seq(put_to[name], asker, seq)
                put_to = put_to.insert(name, left) if left else put_to.discard(name)
        return type(self)(by_seq, put_to, by_asker)

    def asked_by(self, asker: PeerKey) -> list[int]:
        """Return the seqs of the open questions of a peer, oldest first."""
        return sorted(self._by_asker.get(asker, NO_SEQS))

    def put_to(
        self, names: frozenset[PeerKey], audience: frozenset[PeerKey] | None
    ) -> list[int]:
        """Return the seqs of the questions that `audience` has put to a speaker.

        Takes time in proportion to these questions, the names and the audience, not to
        the number of open questions.

        Args:
            names: The speaker's keys.
            audience: The possible askers; ``None`` means everybody.
        """
        found = set[int]()
        for name in (*names, ANYONE):
            askers = self._put_to.get(name, _NO_ASKERS)
            heard = askers if audience is None else audience
            for asker in heard:
                if asker not in names:
                    found.update(askers.get(asker, NO_SEQS))
        return sorted(found)


def _addressees(question: Question) -> Iterable[PeerKey]:
    """Return the keys under which a question is indexed; see `Question.is_put_to`.

    A question to everybody is indexed under the reserved name ``anyone``.
    """
    if question.expects == ANYONE and question.audience_keys is not None:
        return question.audience_keys | {OPERATOR}
    return (question.expects,)
