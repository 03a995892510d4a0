"""Signal that the database is damaged or gone, so that the relay ends."""

import attrs
import trio

from argybargy.store.errors import Corrupt
from argybargy.system.values import define


@define(eq=False)
class CorruptionSignal:
    """Keeps the first `Corrupt` error of any connection for the task that waits for it.

    Mutable state: that error, set once.
    """

    _error: Corrupt | None = None
    _is_set: trio.Event = attrs.field(factory=trio.Event, repr=False)

    @property
    def is_reported(self) -> bool:
        """Whether there was an error."""
        return self._error is not None

    def report(self, error: Corrupt) -> None:
        """Record an error and wake the waiting task; later errors are ignored."""
        if self._error is None:
            self._error = error
            self._is_set.set()

    async def wait(self) -> Corrupt:
        """Wait for the first error and return a copy of it."""
        await self._is_set.wait()
        assert self._error is not None
        # A copy: a raised exception collects the traceback of the task that raises it.
        return Corrupt(str(self._error))
