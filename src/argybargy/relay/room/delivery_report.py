"""How the addressees of a message will learn of it: told to the sender."""

from enum import StrEnum

import attrs

from argybargy.domain.access_codes import Peer
from argybargy.domain.message import Message
from argybargy.domain.names import OPERATOR, PeerKey, RoomKey, peer_key
from argybargy.relay.access.code_registry import CodeRegistry
from argybargy.relay.access.presence import Presence
from argybargy.relay.clock import Clock
from argybargy.relay.overview.watchers import Watchers
from argybargy.relay.room.subscriptions import Subscriptions


class Reachability(StrEnum):
    """How an addressee stands right now."""

    PARKED = "parked"
    ONLINE = "online"
    AWAY = "away"
    UNKNOWN = "unknown"


@attrs.frozen
class DeliveryReport:
    """What the sender is told.

    Attributes:
        to: Each addressee by name; empty for a broadcast.
        counts: For a broadcast: how many peers stand how.
    """

    to: tuple[tuple[str, Reachability], ...] = ()
    counts: tuple[tuple[Reachability, int], ...] | None = None


def describe_delivery(
    room: RoomKey,
    polls: Subscriptions,
    message: Message,
    *,
    presence: Presence,
    codes: CodeRegistry,
    watchers: Watchers,
    clock: Clock,
) -> DeliveryReport:
    """Say how those addressed by `message` in the room (folded) stand now.

    Args:
        room: The room's folded name.
        polls: Its polls.
        message: What was said in it.
        presence: Who was here when.
        codes: Who holds codes.
        watchers: Who follows the relay as the operator.
        clock: The time.
    """
    now = clock.now()

    def reach(name: PeerKey) -> Reachability:
        if name == OPERATOR:
            is_here = len(watchers) or presence.is_operator_online(now.steady_seconds)
            return Reachability.ONLINE if is_here else Reachability.AWAY
        if polls.is_parked(name):
            return Reachability.PARKED
        peer = Peer(room, name)
        if presence.is_online(peer, now.steady_seconds):
            return Reachability.ONLINE
        return Reachability.AWAY if codes.codes_of(peer) else Reachability.UNKNOWN

    if not message.is_broadcast:
        return DeliveryReport(
            to=tuple((name, reach(peer_key(name))) for name in message.to)
        )
    others = codes.live_names(room, now) - {message.owner}
    parked = others & polls.parked_peers()
    online = others & presence.online_peers(room, now.steady_seconds) - parked
    counts = (
        (Reachability.PARKED, len(parked)),
        (Reachability.ONLINE, len(online)),
        (Reachability.AWAY, len(others) - len(parked) - len(online)),
    )
    return DeliveryReport(counts=counts)
