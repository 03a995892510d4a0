"""Whether the relay can store what it is sent: a real write answers."""

from typing import Final

import attrs
import trio

from argybargy.relay.clock import Clock
from argybargy.store.errors import Refused, StoreError
from argybargy.store.protocol import ProbeStore

READY_SECONDS: Final = 1.0
"""How old the outcome of a write may be, and how long a write may take."""


@attrs.define
class Readiness:
    """Tries a write at most once a second, whoever asks how often.

    The mutable state is the last outcome, and whether what is stored is lost.
    """

    store: ProbeStore
    clock: Clock
    _trying: trio.Lock = attrs.field(factory=trio.Lock)
    _tried_at: float = float("-inf")
    _failure: StoreError | None = None
    _loss: StoreError | None = None

    def lose(self, loss: StoreError) -> None:
        """Take it that what is stored is lost, whatever can still be written."""
        self._loss = loss

    async def check(self) -> None:
        """Make sure that a write has succeeded within the last second.

        Raises:
            StoreError: It did not, or what is stored is lost.
        """
        if self._loss is not None:
            raise self._loss
        async with self._trying:
            now = self.clock.now().steady_seconds
            if now - self._tried_at > READY_SECONDS:
                self._failure = await self._try()
                self._tried_at = self.clock.now().steady_seconds
            if self._failure is not None:
                raise self._failure

    async def _try(self) -> StoreError | None:
        with trio.move_on_after(READY_SECONDS):
            try:
                await self.store.probe()
            except StoreError as error:
                return error
            return None
        return Refused("the store takes too long to write")
