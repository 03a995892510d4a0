"""Turns: one thing at a time for each peer, so that no peer blocks the others."""

import contextlib
from collections.abc import AsyncIterator, Hashable
from typing import Final

import attrs
import trio

from argybargy.domain.errors import Problem, RelayError

TURN_SECONDS: Final = 4.0
"""How long an asker waits for its own earlier request."""
_RETRY_SECONDS: Final = 1


@attrs.define(eq=False)
class _Line:
    """What one asker has under way: one thing runs, the others wait for it."""

    lock: trio.Lock = attrs.field(factory=trio.Lock)
    length: int = 0


@attrs.define(eq=False)
class Turns:
    """Lets each asker do one thing at a time; a few more wait, the rest is refused.

    For a resource that all askers share in order of arrival: as each has at most one
    request there, an asker waits for at most one request of every other.

    Mutable state: the lines, each for as long as there is somebody in it.

    Args:
        most: How many of one asker may be under way, the one that runs included.
    """

    _most: int
    _lines: dict[Hashable, _Line] = attrs.field(factory=dict, init=False)

    @contextlib.asynccontextmanager
    async def turn(self, asker: Hashable) -> AsyncIterator[None]:
        """Hold the turn of an asker while the block runs.

        Raises:
            RelayError: ``busy``: too much of the same asker is under way, or it has
                waited for `TURN_SECONDS`.
        """
        line = self._lines.setdefault(asker, _Line())
        if line.length >= self._most:
            raise _busy()
        line.length += 1
        try:
            with trio.move_on_after(TURN_SECONDS) as waiting:
                await line.lock.acquire()
            if waiting.cancelled_caught:
                raise _busy()
            try:
                yield
            finally:
                line.lock.release()
        finally:
            line.length -= 1
            if not line.length:
                del self._lines[asker]


def _busy() -> RelayError:
    return RelayError(Problem.BUSY, retry_after=_RETRY_SECONDS)
