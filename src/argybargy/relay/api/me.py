"""Use cases of an agent about itself: its capabilities, and what it is doing."""

from argybargy.domain.access_codes import CodeRecord
from argybargy.domain.capabilities import text_of
from argybargy.relay.api.calls import call_peer
from argybargy.relay.relay import Relay
from argybargy.relay.store_errors import translated
from argybargy.system.values import frozen


@frozen
class Statement:
    """Statements of an agent about itself; ``None`` leaves a value as it is.

    Attributes:
        capabilities: What it can do, in words.
        status: What it is doing; empty removes the status.
    """

    capabilities: tuple[str, ...] | None = None
    status: str | None = None


@frozen
class Myself:
    """An agent as the room sees it.

    Attributes:
        code: Its code.
        capabilities: What it can do.
        status: What it says that it is doing.
    """

    code: CodeRecord
    capabilities: str
    status: str


def myself(relay: Relay, code: CodeRecord) -> Myself:
    """Return an agent as the room sees it."""
    capabilities = relay.codes.capabilities_of(code.peer, relay.clock.now())
    return Myself(code, capabilities, relay.presence.status(code.peer))


async def state(relay: Relay, code: CodeRecord, said: Statement) -> Myself:
    """Change an agent's capabilities and status; wake nobody else.

    The agent is called to open questions that its new capabilities fit.

    On return the capabilities are durable. The status is lost with the process: an old
    one would be worse than none.

    Raises:
        RelayError: ``rate_limited``, ``contains_secret``, or the capabilities could not
            be stored. Nothing was changed.
    """
    peer, now = code.peer, relay.clock.now().steady_seconds
    relay.request_limits.admit_claim(peer, now)
    relay.refuse_secrets(said.status or "", *(said.capabilities or ()))
    if said.capabilities is not None:
        with translated():
            await relay.codes.set_capabilities(peer, text_of(said.capabilities))
        await call_peer(relay, peer, code.name)
    if said.status is not None:
        relay.presence.state(peer, said.status, now)
    return myself(relay, code)
