"""Names that nobody may take for itself in a room."""

from argybargy.domain.access_codes import Peer
from argybargy.relay.relay import Relay
from argybargy.relay.store_errors import translated


async def is_name_used(relay: Relay, peer: Peer) -> bool:
    """Tell whether a name is that of a member, or kept messages are from or to it.

    A peer with that name can read direct messages to it, those from before it came as
    well. Revoking the last code of a peer ends its membership, but not its messages.

    Raises:
        RelayError: The room or its messages cannot be read.
    """
    live = await relay.live(peer.room)
    with translated():
        has_messages = await relay.store.has_messages_of(live.name, peer.name)
    return has_messages or peer.name in live.room.members
