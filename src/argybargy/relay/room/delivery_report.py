"""How the addressees of a message will learn of it: told to the sender."""

from enum import StrEnum

import attrs

from argybargy.domain.access_codes import Peer
from argybargy.domain.message import Message
from argybargy.domain.names import OPERATOR, fold
from argybargy.relay.access.code_registry import Directory
from argybargy.relay.access.presence import Presence
from argybargy.relay.clock import Clock
from argybargy.relay.overview.watchers import Watchers
from argybargy.relay.room.subscriptions import Polls


class Reach(StrEnum):
    """How an addressee stands right now."""

    PARKED = "parked"
    ONLINE = "online"
    AWAY = "away"
    UNKNOWN = "unknown"


@attrs.frozen
class Delivery:
    """What the sender is told.

    Attributes:
        to: Each addressee by name; empty for a broadcast.
        counts: For a broadcast: how many peers stand how.
    """

    to: tuple[tuple[str, Reach], ...] = ()
    counts: tuple[tuple[Reach, int], ...] | None = None


def describe_delivery(
    room: str,
    polls: Polls,
    message: Message,
    *,
    presence: Presence,
    directory: Directory,
    watchers: Watchers,
    clock: Clock,
) -> Delivery:
    """Say how those addressed by `message` in the room (folded) stand now.

    Args:
        room: The room's folded name.
        polls: Its polls.
        message: What was said in it.
        presence: Who was here when.
        directory: Who holds codes.
        watchers: Who follows the relay as the operator.
        clock: The time.
    """
    now = clock.now()

    def reach(name: str) -> Reach:
        if name == OPERATOR:
            is_here = len(watchers) or presence.is_operator_online(now.steady_seconds)
            return Reach.ONLINE if is_here else Reach.AWAY
        if polls.is_parked(name):
            return Reach.PARKED
        peer = Peer(room, name)
        if presence.is_online(peer, now.steady_seconds):
            return Reach.ONLINE
        return Reach.AWAY if directory.codes_of(peer) else Reach.UNKNOWN

    if not message.is_broadcast:
        return Delivery(to=tuple((name, reach(fold(name))) for name in message.to))
    others = directory.live_names(room, now) - {message.owner}
    parked = others & polls.parked_peers()
    online = others & presence.online_peers(room, now.steady_seconds) - parked
    counts = (
        (Reach.PARKED, len(parked)),
        (Reach.ONLINE, len(online)),
        (Reach.AWAY, len(others) - len(parked) - len(online)),
    )
    return Delivery(counts=counts)
