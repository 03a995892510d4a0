"""Throttle failed sign-ins by address, against guessing of codes and tokens."""

from collections import OrderedDict

import attrs

from argybargy.domain.errors import Problem, RelayError
from argybargy.domain.limits import Limits
from argybargy.system.network import network_of
from argybargy.system.values import define


@define
class AuthThrottle:
    """Token bucket of failed sign-ins for each address.

    All addresses of an IPv6 /64 network share a bucket, since one customer has them
    all. Only failures are counted and refused: a valid code always passes, even behind
    the same address as a guesser.

    The mutable state is one dict of at most `auth_addresses` entries; the address
    with the oldest failure is evicted first.
    """

    limits: Limits
    _buckets: OrderedDict[str, tuple[float, float]] = attrs.field(factory=OrderedDict)

    def fail(self, address: str, now: float) -> None:
        """Count a failure.

        Args:
            address: IP address of the client.
            now: Steady clock, in seconds.

        Raises:
            RelayError: ``auth_throttled``, if the bucket is empty.
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
