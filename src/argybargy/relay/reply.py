"""A question to a room task, and the one-shot through which it answers."""

from typing import Any

import attrs
import trio

from argybargy.domain.commands import Answer, Command


@attrs.frozen
class Delivered:
    """What a command came to.

    Attributes:
        answer: What the rules say.
        delivery: For a post: how each addressee will learn of it.
    """

    answer: Answer
    delivery: Any = None


@attrs.define(eq=False)
class Ask:
    """One command on its way through a room.

    Attributes:
        command: What is asked.
    """

    command: Command
    _done: trio.Event = attrs.field(factory=trio.Event)
    _outcome: Delivered | Exception | None = None

    def answer(self, outcome: Delivered | Exception) -> None:
        """Answer, once. Nobody may be listening any more, and that is fine."""
        if self._outcome is None:
            self._outcome = outcome
            self._done.set()

    async def wait_answered(self) -> Delivered:
        """Wait for the answer.

        No deadline: a room task answers every command it takes, with a failure if
        need be, and each thing it waits for has a deadline of its own. Cancelling
        gives up the answer and never the command.

        Raises:
            RelayError: The command was refused, or could not be carried out.
        """
        await self._done.wait()
        outcome = self._outcome
        if isinstance(outcome, Exception):
            raise outcome
        assert outcome is not None
        return outcome
