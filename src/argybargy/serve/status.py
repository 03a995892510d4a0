"""Figures for the status panel of ``argybargy up``."""

from typing import TYPE_CHECKING

from argybargy.relay.api.operator import stats
from argybargy.relay.overview.room_view import aged
from argybargy.relay.relay import Relay
from argybargy.system.values import frozen

if TYPE_CHECKING:
    from argybargy.serve.tunnel.tunnel import TunnelStatus


@frozen
class RelayStatus:
    """Status of a relay.

    Attributes:
        public_url: URL for agents.
        tunnel: Status of the tunnel; None without one.
        rooms: Number of open rooms.
        online: Number of agents that count as online.
        parked: Number of polls that wait for messages.
        said: Number of messages posted in all rooms so far.
        questions: Number of unanswered questions, up to the inbox's bound.
        longest_wait_seconds: Age of the oldest of them.
    """

    public_url: str
    tunnel: "TunnelStatus | None" = None
    rooms: int = 0
    online: int = 0
    parked: int = 0
    said: int = 0
    questions: int = 0
    longest_wait_seconds: float = 0.0


def read_relay_status(
    relay: Relay, public_url: str, tunnel: "TunnelStatus | None"
) -> RelayStatus:
    """Read the figures. The cost grows with the changes since the last read."""
    now, board = relay.clock.now(), relay.overview
    board.recompute(now)
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
