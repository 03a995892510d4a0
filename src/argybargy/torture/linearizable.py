"""Linearizability checker for histories of claims on one question.

A history is linearizable if every call can be assigned one instant between its start
and its end, so that in the order of these instants the responses are those of a lock
with one holder at a time. The search is that of Wing and Gong, *Testing and Verifying
Concurrent Objects* (1993), with memoization of visited states.
"""

from collections.abc import Sequence
from typing import Final

from argybargy.system.values import frozen

WON: Final = "won"
LOST: Final = "lost"
RELEASED: Final = "released"
REFUSED: Final = "refused"


@frozen
class ClaimCall:
    """One claim or release, as its caller observed it.

    Attributes:
        began: Time of the request, in seconds of one monotonic clock.
        ended: Time of the response.
        caller: Name of the agent.
        answer: :data:`WON` or :data:`LOST` for a claim; :data:`RELEASED` or
            :data:`REFUSED` for a release.
        holder: Holder of the question according to the response to a claim.
        fence: Fence of a won claim.
    """

    began: float
    ended: float
    caller: str
    answer: str
    holder: str = ""
    fence: int = 0


@frozen
class _Lock:
    """State of a question: holder and latest fence; free if the holder is empty."""

    holder: str = ""
    fence: int = 0

    def after(self, call: ClaimCall) -> "_Lock | None":
        """Return the state after a call, or ``None`` if its response is impossible."""
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
    """Tell whether a history of calls is linearizable."""
    ordered = sorted(calls, key=lambda call: call.began)
    visited: set[tuple[frozenset[int], _Lock]] = set()
    pending = [(frozenset(range(len(ordered))), _Lock())]
    while pending:
        left, lock = pending.pop()
        if not left:
            return True
        if (left, lock) in visited:
            continue
        visited.add((left, lock))
        # A call can come next only if it began before every other one had ended.
        first_end = min(ordered[index].ended for index in left)
        for index in left:
            call = ordered[index]
            following = lock.after(call) if call.began <= first_end else None
            if following is not None:
                pending.append((left - {index}, following))
    return False
