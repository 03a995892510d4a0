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

    A memory channel for one token and one receiver, which parks its task itself: a pair
    of Trio's own takes 1.8 KiB and 5 us for each poll, this one 64 bytes.

    Mutable state: the token, and the task that waits for it.
    """

    _has_token: bool = attrs.field(default=False, init=False)
    _waiter: trio.lowlevel.Task | None = attrs.field(default=None, init=False)

    def wake(self) -> None:
        """Put a token into the slot, unless it holds one."""
        self.put_token()

    def put_token(self) -> None:
        """Put a token into the slot for another reason than news: the time is up."""
        self._has_token = True
        if self._waiter is not None:
            trio.lowlevel.reschedule(self._waiter)
            self._waiter = None

    async def wait_woken(self) -> None:
        """Wait for a token and take it. One task at a time may wait.

        There is no deadline: the caller sets one. Cancelling leaves the token in the
        slot, because it is taken after the last checkpoint.
        """
        if self._has_token:
            await trio.lowlevel.checkpoint()
        else:
            assert self._waiter is None, "another task waits for the token"
            self._waiter = trio.lowlevel.current_task()
            await trio.lowlevel.wait_task_rescheduled(self._abandon)
        self._has_token = False

    def _abandon(self, _raise_cancel: object) -> trio.lowlevel.Abort:
        # Trio calls this on cancellation. Forgetting the task keeps a later token from
        # rescheduling a task that has moved on, which Trio forbids.
        self._waiter = None
        return trio.lowlevel.Abort.SUCCEEDED
