"""The relay in a few numbers, for whoever sits in front of it."""

import attrs

from argybargy.relay.api.operator import stats
from argybargy.relay.overview.room_view import aged
from argybargy.relay.relay import Relay
from argybargy.serve.tunnel.tunnel import TunnelStatus


@attrs.frozen
class RelayStatus:
    """How a relay is.

    Attributes:
        public_url: How it is reached from outside.
        tunnel: How the way in from outside is, if there is to be one.
        rooms: Rooms that are open.
        online: Agents that were here a moment ago.
        parked: Agents that wait for a message.
        said: Messages ever said; it only grows.
        questions: Unanswered questions, up to the inbox's own bound.
        longest_wait_seconds: The longest that one of them waits.
    """

    public_url: str
    tunnel: TunnelStatus | None = None
    rooms: int = 0
    online: int = 0
    parked: int = 0
    said: int = 0
    questions: int = 0
    longest_wait_seconds: float = 0.0


def read_relay_status(
    relay: Relay, public_url: str, tunnel: TunnelStatus | None
) -> RelayStatus:
    """Look at a relay; it costs what has changed since anybody looked."""
    now, board = relay.clock.now(), relay.board
    board.settle(now)
    numbers = stats(relay)
    waits = [aged(row, now).seconds for row in board.inbox]
    return RelayStatus(
        public_url=public_url,
        tunnel=tunnel,
        rooms=sum(not card.summary.status.is_closed for card in board.cards.values()),
        online=numbers.online_peers,
        parked=numbers.parked_polls,
        said=sum(card.summary.head for card in board.cards.values()),
        questions=len(waits),
        longest_wait_seconds=max(waits, default=0.0),
    )
