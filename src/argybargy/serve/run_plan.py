"""What a relay is started with, and what it tells whoever started it."""

from collections.abc import Awaitable, Callable, Sequence

import attrs

from argybargy.serve.status import RelayStatus
from argybargy.serve.tunnel.command import TunnelCommand
from argybargy.serve.tunnel.tunnel import TunnelStatus


@attrs.frozen
class RunningRelay:
    """A relay that listens.

    Attributes:
        urls: Where.
        sign_in: Makes a one-time link that signs an operator in; nobody has to call
            it, and what nobody has seen is worth nothing.
        glance: Says how it is now.
    """

    urls: Sequence[str]
    sign_in: Callable[[], str]
    glance: Callable[[], RelayStatus]


async def _no_companion_task(_started: RunningRelay) -> None:
    """Do nothing beside the relay."""


@attrs.frozen
class RunPlan:
    """What comes with a relay that is started.

    Attributes:
        verb: What is typed to start one like it.
        announce: Told once the relay really listens.
        tunnel: The way in from outside, if there is to be one.
        tell_tunnel: Told of every change of that.
        beside: What runs next to the relay, from when it listens until it has
            stopped; it is cancelled then.
    """

    verb: str
    announce: Callable[[RunningRelay], None]
    tunnel: TunnelCommand | None = None
    tell_tunnel: Callable[[TunnelStatus], None] = lambda _status: None
    beside: Callable[[RunningRelay], Awaitable[None]] = _no_companion_task
