"""The current time, for commands that write files or rows."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from argybargy.domain.instant import Instant

# ruff: noqa: PLC0415 - late imports keep commands that need no time fast


def read_clock() -> "Instant":
    """Return the current time, as the relay's clock tells it."""
    import trio

    from argybargy.relay.clock import system_clock

    async def now() -> "Instant":
        await trio.lowlevel.checkpoint()
        return system_clock().now()

    return trio.run(now)
