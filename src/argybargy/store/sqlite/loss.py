"""What no waiting mends: the database is damaged, or was taken away."""

import attrs
import trio

from argybargy.store.errors import Corrupt


@attrs.define(eq=False)
class Loss:
    """Keeps the first damage that any connection meets, for whoever waits for it.

    Mutable state: that error, set once.
    """

    _error: Corrupt | None = None
    _is_lost: trio.Event = attrs.field(factory=trio.Event, repr=False)

    def note(self, error: Corrupt) -> None:
        """Let everybody know; what comes after the first changes nothing."""
        if self._error is None:
            self._error = error
            self._is_lost.set()

    async def wait(self) -> Corrupt:
        """Wait for damage, which may never come; return what says how it is."""
        await self._is_lost.wait()
        assert self._error is not None
        return Corrupt(str(self._error))
