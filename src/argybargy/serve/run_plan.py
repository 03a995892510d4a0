"""Run plan: the callbacks and tasks with which a command starts a relay."""

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING

from argybargy.serve.status import RelayStatus
from argybargy.system.values import frozen

if TYPE_CHECKING:
    from argybargy.serve.tunnel.command import TunnelCommand
    from argybargy.serve.tunnel.tunnel import TunnelStatus


@frozen
class RunningRelay:
    """Relay that accepts connections.

    Attributes:
        urls: URLs of its listeners.
        sign_in: Creates a one-time sign-in link for an operator. No link exists
            before the first call.
        read_status: Returns the current figures.
    """

    urls: Sequence[str]
    sign_in: Callable[[], str]
    read_status: Callable[[], RelayStatus]


async def _no_companion(_started: RunningRelay) -> None:
    """Return at once: no task runs next to the relay."""


@frozen
class RunPlan:
    """Callbacks and tasks that run with a relay.

    Attributes:
        verb: Command that starts the relay, for hints: ``serve`` or ``up``.
        announce: Called once the relay accepts connections.
        tunnel: Command of the tunnel to run; None for no tunnel.
        tell_tunnel: Called with every change of the tunnel's status.
        companion: Runs next to the relay from `announce` on, and is cancelled
            once the relay has stopped.
        typed: Rewrites the commands in a text to be typed in the user's shell.
        typed_elsewhere: Rewrites them to be typed in another terminal, which may be in
            another directory.
        tell_stopping: Called when a signal stops the relay.
        talks: Whether these callbacks tell the user what the log has as info, so that
            it logs warnings only, unless the settings give a level.
    """

    verb: str
    announce: Callable[[RunningRelay], None]
    tunnel: "TunnelCommand | None" = None
    tell_tunnel: "Callable[[TunnelStatus], None]" = lambda _status: None
    companion: Callable[[RunningRelay], Awaitable[None]] = _no_companion
    typed: Callable[[str], str] = str
    typed_elsewhere: Callable[[str], str] = str
    tell_stopping: Callable[[], None] = lambda: None
    talks: bool = False
