"""Call a peer to the open questions that fit its capabilities.

A new question finds the peers itself. So a peer has to be called only when its own
capabilities change: at once, and again at its first poll in this process, in case that
the first call failed or the process ended before it.
"""

import contextlib

from argybargy.domain.access_codes import Peer
from argybargy.domain.errors import RelayError
from argybargy.domain.room.commands import Acknowledged, Call
from argybargy.relay.relay import Relay


async def call_peer(relay: Relay, peer: Peer, name: str) -> None:
    """Call a peer to open questions, unless that was done for these capabilities.

    Never fails: if the room refuses now, the next poll of the peer tries again.
    """
    text = relay.codes.capabilities_of(peer, relay.clock.now())
    record = relay.presence.find(peer)
    if text == ("" if record is None else record.called_for):
        return
    with contextlib.suppress(RelayError):
        await _call(relay, peer, name)
        if record is not None:  # one that was never seen is called again when it comes
            record.called_for = text


async def _call(relay: Relay, peer: Peer, name: str) -> None:
    """Submit the call until the room has done all of it.

    Raises:
        RelayError: The room cannot do it now, or it is closed.
    """
    is_partial = True
    while is_partial:
        outcome = await relay.ask(peer.room, Call(name))
        is_partial = outcome.expect(Acknowledged).is_partial
