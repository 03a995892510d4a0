"""A wake-up slot: one token, for one waiting task.

Polls and dashboard streams wait in the same way: *subscribe, read, wait, read again*.
A wake-up that comes between the read and the wait leaves its token in the slot, so
the wait returns at once and no publication is lost. The token carries no data, so one
token is enough for any number of wake-ups: the slot is a queue with a bound of one
that drops what does not fit, and the reader fetches the newest state itself.
"""

import attrs
import trio

from argybargy.system.values import define


@define(eq=False)
class WakeSlot:
    """One token for one waiting task.

    Mutable state: the token, and the event of the task that waits for it.
    """

    _has_token: bool = attrs.field(default=False, init=False)
    # Most polls find messages and never wait, so the event is made on demand.
    _arrival: trio.Event | None = attrs.field(default=None, init=False)

    def wake(self) -> None:
        """Put a token into the slot, unless it holds one."""
        self._has_token = True
        if self._arrival is not None:
            self._arrival.set()

    async def wait_woken(self) -> None:
        """Wait for a token and take it. One task at a time may wait.

        There is no deadline: the caller sets one. Cancelling leaves the token in the
        slot, because it is taken after the last checkpoint.
        """
        if self._has_token:
            await trio.lowlevel.checkpoint()
        else:
            self._arrival = trio.Event()
            await self._arrival.wait()
        self._has_token = False
