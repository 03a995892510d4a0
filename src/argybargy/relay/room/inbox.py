"""A question to a room task, and the one-shot through which it answers."""

from typing import Any

import attrs
import trio

from argybargy.domain.room.commands import Command, CommandResult


@attrs.frozen
class CommandOutcome:
    """What a command came to.

    Attributes:
        answer: What the rules say.
        delivery: For a post: how each addressee will learn of it.
    """

    answer: CommandResult
    delivery: Any = None


@attrs.define(eq=False)
class PendingCommand:
    """One command on its way through a room.

    Attributes:
        command: What is asked.
        asked_at: When, on the steady clock.
    """

    command: Command
    asked_at: float = attrs.field(factory=trio.current_time)
    _asker: trio.lowlevel.Task | None = None
    _outcome: CommandOutcome | Exception | None = None

    def answer(self, outcome: CommandOutcome | Exception) -> None:
        """Answer, once. Nobody may be listening any more, and that is fine."""
        if self._outcome is None:
            self._outcome = outcome
            if self._asker is not None:
                trio.lowlevel.reschedule(self._asker)
                self._asker = None

    async def wait_answered(self) -> CommandOutcome:
        """Wait for the answer.

        No deadline: a room task answers every command it takes, with a failure if
        need be, and each thing it waits for has a deadline of its own. Cancelling
        gives up the answer and never the command.

        Raises:
            RelayError: The command was refused, or could not be carried out.
        """
        if self._outcome is None:
            self._asker = trio.lowlevel.current_task()
            await trio.lowlevel.wait_task_rescheduled(self._give_up)
        if isinstance(self._outcome, Exception):
            raise self._take_failure()
        assert self._outcome is not None
        return self._outcome

    def _give_up(self, _raise_cancel: object) -> trio.lowlevel.Abort:
        self._asker = None
        return trio.lowlevel.Abort.SUCCEEDED

    def _take_failure(self) -> Exception:
        """Let go of the failure: it will hold on to the frame that raises it."""
        failure, self._outcome = self._outcome, None
        assert isinstance(failure, Exception)
        return failure
