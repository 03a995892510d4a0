"""The open questions of a room, found by who was asked and by who asks.

A post closes what it answers. Looking through every open question for that would let
one agent with many of them make every post in the room slow, so each question is
filed under the names that it is put to, and there under its asker.
"""

# rpds tells types its parameters in its stub only: they must not be evaluated.
from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Self

import attrs
from rpds import HashTrieMap, HashTrieSet

from argybargy.domain.message import Question
from argybargy.domain.names import ANYONE, OPERATOR, PeerKey
from argybargy.domain.room.name_index import NO_SEQS, Index, file_under, take_from

_NO_ASKERS: Index = HashTrieMap()


@attrs.frozen
class OpenQuestions(Mapping[int, Question]):
    """Unanswered questions by seq, with an index: a value like the room it is of."""

    _by_seq: HashTrieMap[int, Question] = attrs.field(factory=HashTrieMap)
    _put_to: HashTrieMap[PeerKey, Index] = attrs.field(
        factory=HashTrieMap, eq=False, repr=False
    )
    _by_asker: HashTrieMap[PeerKey, HashTrieSet[int]] = attrs.field(
        factory=HashTrieMap, eq=False, repr=False
    )

    @classmethod
    def of(cls, questions: Iterable[Question]) -> Self:
        """Make the value from its questions."""
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
        """Return these questions and one more, which was not among them."""
        seq, asker = question.seq, question.asker
        put_to = self._put_to
        for name in _filed_under(question):
            askers = put_to.get(name, _NO_ASKERS)
            put_to = put_to.insert(name, file_under(askers, asker, seq))
        return type(self)(
            self._by_seq.insert(seq, question),
            put_to,
            file_under(self._by_asker, asker, seq),
        )

    def discard(self, *seqs: int) -> Self:
        """Return these questions without some of them, as far as they are there."""
        by_seq, put_to, by_asker = self._by_seq, self._put_to, self._by_asker
        for seq in seqs:
            question = by_seq.get(seq)
            if question is None:
                continue
            asker, by_seq = question.asker, by_seq.discard(seq)
            by_asker = take_from(by_asker, asker, seq)
            for name in _filed_under(question):
                left = take_from(put_to[name], asker, seq)
                put_to = put_to.insert(name, left) if left else put_to.discard(name)
        return type(self)(by_seq, put_to, by_asker)

    def asked_by(self, asker: PeerKey) -> list[int]:
        """Return the seqs of what a peer (folded) has asked, oldest first."""
        return sorted(self._by_asker.get(asker, NO_SEQS))

    def put_to(
        self, names: frozenset[PeerKey], audience: frozenset[PeerKey] | None
    ) -> list[int]:
        """Return the seqs of what was put to a speaker by those who hear it.

        Takes as long as there are such questions, names and hearers, however many
        other questions are open.

        Args:
            names: What the speaker goes by, folded.
            audience: The folded names of those who hear it; ``None`` is everybody.
        """
        found = set[int]()
        for name in (*names, ANYONE):
            askers = self._put_to.get(name, _NO_ASKERS)
            heard = askers if audience is None else audience
            for asker in heard:
                if asker not in names:
                    found.update(askers.get(asker, NO_SEQS))
        return sorted(found)


def _filed_under(question: Question) -> Iterable[PeerKey]:
    """Return the names of those a question is put to; see `Question.is_put_to`.

    One that everybody may take is filed under ``anyone``, which is nobody's name.
    """
    if question.expects == ANYONE and question.audience_keys is not None:
        return question.audience_keys | {OPERATOR}
    return (question.expects,)
