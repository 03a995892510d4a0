"""Dismiss peers whose last code was revoked or has expired.

The code is invalid at once. The dismissal is a command to the room, and a full inbox or
the disk may refuse it. So the code registry remembers the peer until its room has
accepted the dismissal, and housekeeping retries.
"""

from collections.abc import Sequence
from typing import Final

from argybargy.domain.access_codes import CodeRecord, Peer
from argybargy.domain.errors import RelayError
from argybargy.domain.instant import Instant
from argybargy.domain.room.commands import Acknowledged, Dismiss, EndCodes
from argybargy.relay.relay import Relay
from argybargy.system.logs import get_logger

log = get_logger(__name__)

DISMISSALS_PER_TICK: Final = 16
"""Peers dismissed in one round of housekeeping: each may need its room loaded, and
after a long downtime of the relay many codes may have expired."""


async def dismiss(relay: Relay, peer: Peer, now: Instant) -> None:
    """Dismiss a peer, unless it holds a valid code.

    Its parked polls end, its claims are released and its membership is removed. If
    the room refuses now, a later round of housekeeping retries.
    """
    if relay.codes.has_valid_code(peer, now):
        return  # invited again while other peers were being dismissed
    relay.presence.forget(peer)
    relay.request_limits.forget(peer)
    live = relay.find_live(peer.room)
    if live is not None:
        live.polls.wake_peer(peer.name)
        if not relay.codes.codes_of(peer):
            # The store drops the cursor with the last code; memory has to agree.
            live.cursors.pop(peer.name, None)
    try:
        await relay.hooks.remove(peer)
        await _dismiss_from_room(relay, peer)
    except RelayError as error:
        if relay.codes.postpone(peer):
            log.warning("peer not dismissed yet", room=peer.room, reason=str(error))
        return
    relay.codes.forget(peer)


async def tell_codes_ended(relay: Relay, records: Sequence[CodeRecord]) -> None:
    """Write into the rooms of revoked codes that these have ended, for other nodes.

    Raises:
        RelayError: A room could not write it. The codes have ended here and in the
            store; another node may accept them until it hears of it.
    """
    if not relay.is_shared:
        return
    by_room: dict[str, list[str]] = {}
    for record in records:
        by_room.setdefault(record.room, []).append(record.key_id)
    for room, key_ids in by_room.items():
        await relay.ask(room, EndCodes(tuple(key_ids)))


async def _dismiss_from_room(relay: Relay, peer: Peer) -> None:
    """Submit the dismissal until the room has done all of it.

    A peer may hold thousands of claims. Each command releases a bounded number and
    commits, so the room serves others in between.
    """
    is_partial = True
    while is_partial:
        outcome = await relay.ask(peer.room, Dismiss(peer.name))
        is_partial = outcome.expect(Acknowledged).is_partial


async def dismiss_departed(relay: Relay, now: Instant) -> None:
    """Dismiss peers that are due, a bounded number; those that fail go to the end."""
    for peer in relay.codes.departed(now)[:DISMISSALS_PER_TICK]:
        await dismiss(relay, peer, now)
