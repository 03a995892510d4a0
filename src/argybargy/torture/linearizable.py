"""Could this have happened one thing at a time?

A history of claims on one question is linearizable if each call can be given one
moment between its beginning and its end, so that the answers are those of a lock
that one peer at a time holds. The search is that of Wing and Gong, *Testing and
Verifying Concurrent Objects* (1993), with a memory of what was tried.
"""

from collections.abc import Sequence
from typing import Final

import attrs

WON: Final = "won"
LOST: Final = "lost"
RELEASED: Final = "released"
REFUSED: Final = "refused"


@attrs.frozen
class ClaimCall:
    """One call, as its caller saw it.

    Attributes:
        began: When it was sent.
        ended: When its answer was there.
        caller: Whose it was.
        answer: :data:`WON` or :data:`LOST` for a claim; :data:`RELEASED` or
            :data:`REFUSED` for a release.
        holder: Who was said to hold the question, for a claim.
        fence: What a winner was given.
    """

    began: float
    ended: float
    caller: str
    answer: str
    holder: str = ""
    fence: int = 0


@attrs.frozen
class _Lock:
    """What the question is at one moment: held under a fence, or free."""

    holder: str = ""
    fence: int = 0

    def after(self, call: ClaimCall) -> "_Lock | None":
        """Return what it is after a call, or ``None`` if the answer is wrong."""
        match call.answer:
            case "won":
                return self._after_win(call)
            case "lost":
                is_true = self.holder not in {"", call.caller}
                return self if is_true and call.holder == self.holder else None
            case "released":
                is_true = self.holder in {"", call.caller}
                return _Lock("", self.fence) if is_true else None
            case _:
                is_true = self.holder not in {"", call.caller}
                return self if is_true else None

    def _after_win(self, call: ClaimCall) -> "_Lock | None":
        if self.holder == call.caller:
            return self if call.fence == self.fence else None
        if self.holder or call.fence <= self.fence:
            return None
        return _Lock(call.caller, call.fence)


def is_linearizable(calls: Sequence[ClaimCall]) -> bool:
    """Tell whether the calls could have happened one at a time."""
    ordered = sorted(calls, key=lambda call: call.began)
    tried: set[tuple[frozenset[int], _Lock]] = set()
    waiting = [(frozenset(range(len(ordered))), _Lock())]
    while waiting:
        left, lock = waiting.pop()
        if not left:
            return True
        if (left, lock) in tried:
            continue
        tried.add((left, lock))
        first_end = min(ordered[index].ended for index in left)
        for index in left:
            call = ordered[index]
            following = lock.after(call) if call.began <= first_end else None
            if following is not None:
                waiting.append((left - {index}, following))
    return False
