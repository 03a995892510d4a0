"""The rule of the original Argybargy for which questions a message answers.

Its agents knew no ``reply_to``: any message answered all questions put to its sender by
peers that could read it. Imported questions keep that rule, so that a switch brings no
answered question back.
"""

from collections import defaultdict
from collections.abc import Iterator

import attrs

from argybargy.domain.message import Question
from argybargy.domain.names import ANYONE, PeerKey
from argybargy.system.values import frozen


@frozen
class UnansweredQuestions:
    """The unanswered questions of a room, while its messages are read in order."""

    _by_expected: dict[PeerKey, dict[int, Question]] = attrs.field(
        factory=lambda: defaultdict(dict), init=False
    )

    def __iter__(self) -> Iterator[int]:
        for questions in self._by_expected.values():
            yield from questions

    def ask(self, question: Question) -> None:
        """Add a question."""
        self._by_expected[question.expects][question.seq] = question

    def answer(
        self, names: frozenset[PeerKey], audience: frozenset[PeerKey] | None
    ) -> None:
        """Drop the questions that a message answers.

        Args:
            names: The keys of its sender.
            audience: Its addressees; ``None`` means everybody.
        """
        for name in (*names, ANYONE):
            questions = self._by_expected[name]
            answered = [
                each.seq
                for each in questions.values()
                if each.is_put_to(names)
                and (audience is None or each.asker in audience)
            ]
            for seq in answered:
                del questions[seq]
