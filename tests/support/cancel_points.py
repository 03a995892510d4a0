"""Cancel an operation at its first await, at its second, and so on to its last."""

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

import attrs
import trio
import trio.abc
import trio.lowlevel


@attrs.define(eq=False, slots=False)
class Knife(trio.abc.Instrument):
    """Cancels a scope as soon as a task has paused for the nth time.

    Attributes:
        scope: What is cancelled.
        at: At which pause; the first is 1.
        task: Whose pauses count; ``None`` is everybody's.
        pauses: How many there were.
    """

    scope: trio.CancelScope
    at: int
    task: trio.lowlevel.Task | None
    pauses: int = 0

    @property
    def was_reached(self) -> bool:
        """Whether there were as many pauses."""
        return self.pauses >= self.at

    def after_task_step(self, task: trio.lowlevel.Task) -> None:
        """Count a pause, and cut at the right one."""
        if self.task in {None, task}:
            self.pauses += 1
            if self.pauses == self.at:
                self.scope.cancel()


@contextmanager
def cutting(
    scope: trio.CancelScope, at: int, task: trio.lowlevel.Task | None = None
) -> Iterator[Knife]:
    """Cancel `scope` at pause number `at` of a task, or of all, within the block."""
    knife = Knife(scope, at, task)
    trio.lowlevel.add_instrument(knife)
    try:
        yield knife
    finally:
        trio.lowlevel.remove_instrument(knife)


async def run_cut(operation: Callable[[], Awaitable[object]], at: int) -> Knife:
    """Run an operation and cancel it at its pause number `at`.

    It may end as if nothing had happened, when it is past its last chance to stop;
    the knife's scope tells.
    """
    scope = trio.CancelScope()
    with cutting(scope, at, trio.lowlevel.current_task()) as knife, scope:
        await operation()
    return knife
