"""Readiness: a probe that checks by a real write whether the store accepts writes."""

from typing import Final

import attrs
import trio

from argybargy.relay.clock import Clock
from argybargy.store.errors import Refused, StoreError
from argybargy.store.protocol import ProbeStore
from argybargy.system.values import define

READY_SECONDS: Final = 1.0
"""Time for which the result of a probe is reused, and the longest time of a probe."""


@define
class Readiness:
    """Probes the store at most once a second, however many requests ask.

    Mutable state: the result of the last probe, and whether the data is lost.
    """

    store: ProbeStore
    clock: Clock
    _probing: trio.Lock = attrs.field(factory=trio.Lock)
    _probed_at: float = float("-inf")
    _failure: StoreError | None = None
    _loss: StoreError | None = None

    def lose(self, loss: StoreError) -> None:
        """Report the data as lost from now on, even if writes succeed."""
        self._loss = loss

    async def check(self, *, needs_write: bool = True) -> None:
        """Return if a write has succeeded within the last second.

        Args:
            needs_write: Whether that matters; else only lost data does.

        Raises:
            StoreError: No write has succeeded, or the data is lost.
        """
        if self._loss is not None:
            raise self._loss
        if not needs_write:
            return
        # The lock makes requests that arrive during a probe share its result, instead
        # of queuing a write each.
        async with self._probing:
            now = self.clock.now().steady_seconds
            if now - self._probed_at > READY_SECONDS:
                self._failure = await self._probe()
                self._probed_at = self.clock.now().steady_seconds
            if self._failure is not None:
                raise self._failure

    async def _probe(self) -> StoreError | None:
        with trio.move_on_after(READY_SECONDS):
            try:
                await self.store.probe()
            except StoreError as error:
                return error
            return None
        return Refused("the store takes too long to write")
