"""Commands on their way to a room task, and the one-shot reply each of them gets."""

from typing import TypeVar

import attrs
import trio

from argybargy.domain.access_codes import CodeRecord
from argybargy.domain.room.commands import Command, CommandResult
from argybargy.relay.room.delivery_report import DeliveryReport
from argybargy.system.values import define, frozen

ResultT = TypeVar("ResultT")


@frozen
class CommandOutcome:
    """The outcome of an accepted command.

    Attributes:
        result: The result the rules gave.
        delivery: How a post reaches its addressees; ``None`` for other commands.
    """

    result: CommandResult
    delivery: DeliveryReport | None = None

    def expect(self, kind: type[ResultT]) -> ResultT:
        """Return the result as the type that the command is documented to give."""
        if not isinstance(self.result, kind):
            raise TypeError(f"{self.result!r} is no {kind.__name__}")
        return self.result


@define(eq=False)
class PendingCommand:
    """One command on its way through a room task, with a slot for the reply.

    Exactly one task waits for a reply, and at most once, so the slot parks that task
    itself: a :class:`trio.Event` would keep a set of waiters for each command.

    Attributes:
        command: The command.
        code: The code of the agent that asks; ``None`` for the operator.
        asked_at: When it was submitted, on the steady clock.
    """

    command: Command
    code: CodeRecord | None = None
    asked_at: float = attrs.field(factory=trio.current_time)
    _waiter: trio.lowlevel.Task | None = None
    _reply: CommandOutcome | Exception | None = None

    def reply(self, outcome: CommandOutcome | Exception) -> None:
        """Reply with an outcome or a failure; a second reply is dropped.

        The requester may be gone. A command in the inbox cannot be withdrawn, so its
        reply then has no reader and is freed with this object.
        """
        if self._reply is None:
            self._reply = outcome
            if self._waiter is not None:
                trio.lowlevel.reschedule(self._waiter)
                self._waiter = None

    async def wait_replied(self) -> CommandOutcome:
        """Wait for the reply.

        There is no deadline: a room task replies to every command it takes, with a
        failure if need be, and everything it awaits has a deadline of its own.
        Cancelling abandons the reply and never the command: the write may already be
        on the disk, and only the room task knows.

        Raises:
            RelayError: The command was refused, or could not be carried out.
        """
        if self._reply is None:
            self._waiter = trio.lowlevel.current_task()
            await trio.lowlevel.wait_task_rescheduled(self._abandon)
        if isinstance(self._reply, Exception):
            raise self._take_failure()
        assert self._reply is not None
        return self._reply

    def _take_failure(self) -> Exception:
        """Return the failure, and forget it.

        A raised exception refers to the frame that raises it, and that frame to this
        object: keeping the failure would be a cycle for the garbage collector.
        """
        failure, self._reply = self._reply, None
        assert isinstance(failure, Exception)
        return failure

    def _abandon(self, _raise_cancel: object) -> trio.lowlevel.Abort:
        # Trio calls this on cancellation. Forgetting the task here keeps a later
        # reply from rescheduling a task that has moved on, which Trio forbids.
        self._waiter = None
        return trio.lowlevel.Abort.SUCCEEDED
