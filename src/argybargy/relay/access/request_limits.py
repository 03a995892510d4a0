"""Rate limits of requests that cost the relay work: immediate reads, and claims.

Posts are limited by the rules of the room, and connections by the HTTP server.
"""

from collections import deque
from collections.abc import Callable

import attrs

from argybargy.domain.access_codes import Peer
from argybargy.domain.errors import Problem, RelayError
from argybargy.domain.limits import Limits
from argybargy.domain.rate_limit import admit_into
from argybargy.system.values import define


@define
class RequestLimits:
    """Sliding windows over the immediate reads and the claims of each peer.

    Mutable state: the times of admitted requests by peer. Refused requests are not
    counted, so a window has no more entries than its limit; :meth:`sweep` drops the
    windows that have emptied.

    Args:
        limits: Requests per window, and its length.
    """

    _limits: Limits
    _reads: dict[Peer, deque[float]] = attrs.field(factory=dict)
    _claims: dict[Peer, deque[float]] = attrs.field(factory=dict)

    def admit_read(self, peer: Peer, now: float, reads: int = 1) -> None:
        """Count an immediate read.

        Args:
            peer: The reader.
            now: The time, on the steady clock.
            reads: How many reads the request costs.

        Raises:
            RelayError: ``rate_limited``.
        """
        limit = self._limits.reads_per_window
        times = self._reads.setdefault(peer, deque())
        self._admit(times, now, limit, "reads", min(reads, limit))

    def admit_claim(self, peer: Peer, now: float) -> None:
        """Count a claim or a release, granted or not.

        Raises:
            RelayError: ``rate_limited``.
        """
        limit = self._limits.claims_per_window
        times = self._claims.setdefault(peer, deque())
        self._admit(times, now, limit, "claims")

    def _admit(
        self, times: deque[float], now: float, limit: int, what: str, count: int = 1
    ) -> None:
        window = self._limits.window_seconds
        retry_after = admit_into(times, now, limit, window, count)
        if retry_after:
            raise RelayError(
                Problem.RATE_LIMITED,
                limit=limit,
                what=what,
                window_seconds=window,
                retry_after=retry_after,
            )

    def forget(self, peer: Peer) -> None:
        """Drop the windows of a dismissed peer."""
        self._reads.pop(peer, None)
        self._claims.pop(peer, None)

    def keep_only(self, is_known: Callable[[Peer], bool]) -> None:
        """Drop the windows of peers whose code has ended at another node."""
        for windows in (self._reads, self._claims):
            for peer in [each for each in windows if not is_known(each)]:
                del windows[peer]

    def sweep(self, now: float) -> None:
        """Drop the windows without a request within their length."""
        oldest = now - self._limits.window_seconds
        for windows in (self._reads, self._claims):
            for peer, times in list(windows.items()):
                if not times or times[-1] <= oldest:
                    del windows[peer]
