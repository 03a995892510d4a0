"""Who holds on to a lease: those who wait in the room, and those whose word waits.

A lease is for holders that go silent. One whose poll is open, or whose command came
in time and had to wait for the disk, has not.
"""

from collections.abc import Iterable, Mapping

from argybargy.domain.instant import Instant
from argybargy.domain.message import SenderKind
from argybargy.domain.names import PeerKey, peer_key
from argybargy.domain.room.commands import Claim, Command, Post, Renew
from argybargy.domain.room.state import Room
from argybargy.relay.room.inbox import PendingCommand
from argybargy.relay.room.subscriptions import Subscriptions


def holders_present(
    room: Room, polls: Subscriptions, batch: Iterable[PendingCommand], now: Instant
) -> Mapping[PeerKey, float]:
    """Return since when the holders of leases that are due have shown themselves.

    Returns:
        By folded name, on the steady clock; who has not is not in it. Nobody is
        looked for while no lease is due.
    """
    if now.steady_seconds < room.next_lease_deadline:
        return {}
    due = {
        peer_key(lease.holder)
        for lease in room.leases.values()
        if lease.lapses_at <= now.steady_seconds
    }
    present = {peer: polls.since(peer) for peer in due}
    for ask in batch:
        peer = _shown_by(ask.command)
        if peer in due:
            present[peer] = min(present[peer], ask.asked_at)
    return present


def _shown_by(command: Command) -> PeerKey | None:
    """Return the folded name of the agent that sent a command, where that renews."""
    match command:
        case Renew(peer=peer) | Claim(peer=peer):
            return peer_key(peer)
        case Post(sender=sender, kind=SenderKind.AGENT):
            return peer_key(sender)
        case _:
            return None
