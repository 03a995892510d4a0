"""A plain model of the questions of a room, written from the manual and not the code.

It searches all questions for each message, and keeps no index.
"""

from collections.abc import Iterable
from typing import Final

import attrs

from support.question_stage import LIMITS
from support.question_views import Asked, Shown

OPERATOR: Final = "operator"
NO_CODE: Final = "its sender has no valid access code any more"
SURPLUS: Final = "its sender has asked too many newer questions"


@attrs.define
class PlainQuestions:
    """The questions of a room with some agents and an operator.

    Attributes:
        live: The agents with a code.
        head: The newest number.
        asked: The kept questions, by number.
        has_operator_spoken: Whether the operator is a member.
        is_closed: Whether the room is closed.
    """

    live: list[str]
    head: int = 0
    asked: dict[int, Asked] = attrs.field(factory=dict)
    has_operator_spoken: bool = False
    is_closed: bool = False

    # -- what there is ---------------------------------------------------------

    def waiting(self) -> list[Asked]:
        return [each for each in self.asked.values() if each.is_open]

    def held(self, by: str | None = None) -> list[Asked]:
        """Return the claimed questions, of one holder or of all."""
        claimed = [each for each in self.waiting() if each.shown.state == "claimed"]
        return [each for each in claimed if by is None or each.shown.by == by]

    def claimable(self, by: str) -> list[Asked]:
        return [
            each
            for each in self.waiting()
            if each.shown.state == "open"
            and each.asker != by
            and each.is_seen_by(by)
            and each.expects in {"anyone", by}
        ]

    def repliable(self, by: str) -> list[Asked]:
        """Return the questions that a peer may reply to without a refusal."""
        if by == OPERATOR:
            return list(self.asked.values())
        return [
            each
            for each in self.asked.values()
            if each.is_seen_by(by)
            and not (
                each.shown.state == "claimed"
                and by not in {each.shown.by, each.asker}
                and each.expects in {"anyone", by}
            )
        ]

    # -- what happens ----------------------------------------------------------

    def _append(self, count: int = 1) -> int:
        """Number the next messages, and drop the questions that are too old."""
        self.head += count
        first = self.head - LIMITS.messages_per_room
        self.asked = {seq: each for seq, each in self.asked.items() if seq > first}
        return self.head

    def say(self, by: str, to: str = "all", reply_to: int | None = None) -> int:
        """Post a message that asks nothing, and settle what it answers."""
        answered = self._answered(by, to, reply_to)
        seq = self._post(by)
        for each in answered:
            each.shown = Shown("answered", by, seq)
        return seq

    def _post(self, by: str) -> int:
        if by == OPERATOR:
            self.has_operator_spoken = True
        return self._append()

    def ask(self, by: str, to: str, expects: str) -> int:
        """Ask; above the limit, the oldest question of the asker is withdrawn.

        A question answers none, whether it replies to one or not.
        """
        seq = self._post(by)
        readers = None if to == "all" else frozenset({by, to})
        mine = [each for each in self.waiting() if each.asker == by]
        self.asked[seq] = Asked(seq, by, readers, expects)
        if len(mine) == LIMITS.open_questions_per_peer:
            oldest = min(mine, key=lambda each: each.seq)
            is_told = oldest.shown.state == "claimed"
            oldest.shown = Shown("withdrawn", "system", reason=SURPLUS)
            self._append(int(is_told))
        return seq

    def _answered(self, by: str, to: str, reply_to: int | None) -> list[Asked]:
        def hears(asker: str) -> bool:
            return to in {"all", asker}

        if reply_to is not None:
            each = self.asked[reply_to]
            is_due = each.is_open and each.asker != by and hears(each.asker)
            may_answer = (
                by in {OPERATOR, each.expects}
                or each in self.held(by)
                or (each.expects == "anyone" and each.is_seen_by(by))
            )
            return [each] if is_due and may_answer else []
        meant = [each for each in self.held(by) if hears(each.asker)]
        alone = self._only_reader(by) if to == "all" else to
        meant += [
            each
            for each in self.waiting()
            if each.asker == alone and each.expects == by and each not in meant
        ]
        askers = [each.asker for each in meant]
        return [
            each for each in meant if each.asker != by and askers.count(each.asker) == 1
        ]

    def _only_reader(self, by: str) -> str | None:
        """Return the only other member, if a message to all goes to one peer alone."""
        others = [each for each in self.live if each != by]
        if self.has_operator_spoken or not others:
            others.append(OPERATOR)
        return others[0] if len(others) == 1 and by != OPERATOR else None

    def claim(self, by: str, seq: int) -> None:
        self.asked[seq].shown = Shown("claimed", by)

    def free(self, claims: Iterable[Asked]) -> None:
        """End claims: each question is open again, and the room is told."""
        for each in sorted(claims, key=lambda each: each.seq):
            if each.seq in self.asked:
                each.shown = Shown()
                self._append()

    def withdraw(self, by: str, seq: int, reason: str) -> None:
        self.asked[seq].shown = Shown("withdrawn", by, reason=reason)
        self._append()

    def revoke(self, who: str) -> None:
        self.live.remove(who)
        self.free(self.held(who))
        mine = [each for each in self.waiting() if each.asker == who]
        for each in mine:
            each.shown = Shown("withdrawn", "system", reason=NO_CODE)
        self._append(int(bool(mine)))

    def close(self) -> None:
        self.is_closed = True
        for each in self.held():
            each.shown = Shown()
