"""Slow down guessing: sign-ins that failed and may find something, per address."""

from collections import OrderedDict

import attrs

from argybargy.domain.errors import Problem, RelayError
from argybargy.domain.limits import Limits
from argybargy.system.network import network_of


@attrs.define
class AuthThrottle:
    """A bucket of failures per address, which refills with time.

    All addresses of an IPv6 network of 64 bits count as one: they are one's.

    Asked only once a sign-in has failed: a valid code always passes, whatever its
    neighbours behind the same address do. The mutable state is one dict; the
    address that failed longest ago is forgotten first.
    """

    limits: Limits
    _buckets: OrderedDict[str, tuple[float, float]] = attrs.field(factory=OrderedDict)

    def fail(self, address: str, now: float) -> None:
        """Count a failure.

        Args:
            address: Where it came from.
            now: The steady clock, in seconds.

        Raises:
            RelayError: ``auth_throttled``, when there were too many.
        """
        most, pace = self.limits.auth_failures, self.limits.auth_failure_seconds
        network = network_of(address)
        left, at = self._buckets.pop(network, (float(most), now))
        left = min(float(most), left + (now - at) / pace)
        spent = left - 1 if left >= 1 else left
        self._buckets[network] = (spent, now)
        if len(self._buckets) > self.limits.auth_addresses:
            self._buckets.popitem(last=False)
        if left < 1:
            wait = max(1, round((1 - left) * pace + 0.5))
            raise RelayError(Problem.AUTH_THROTTLED, retry_after=wait)
