"""Those who hold no valid code any more, until what follows from that is done.

A code goes at once; letting its holder go from the room is a command like any other,
and may be refused: by a full inbox, by a disk. So it is noted first, and done later
where it cannot be done now.
"""

from collections.abc import Awaitable, Callable
from typing import Final

import attrs
import structlog

from argybargy.domain.access_codes import Peer
from argybargy.domain.errors import RelayError
from argybargy.domain.instant import Instant
from argybargy.domain.room.commands import Acknowledged, Command, Dismiss
from argybargy.relay.access.code_registry import CodeRegistry
from argybargy.relay.access.presence import Presence
from argybargy.relay.room.inbox import CommandOutcome
from argybargy.relay.room.task import LiveRoom

log = structlog.get_logger(__name__)

DISMISSALS_PER_TICK: Final = 16
"""How many peers are let go in one round of housekeeping: each may cost a room that
has to be loaded, and after a long rest of the relay there may be many."""


@attrs.frozen
class Offboarding:
    """Lets peers go that have lost their last valid code.

    Who is still to go is in the directory, which sees every code go.

    Attributes:
        directory: The codes.
        presence: Who was here when.
        find_live: Returns a room if it is in memory.
        ask: Hands a command to a room.
    """

    codes: CodeRegistry
    presence: Presence
    find_live: Callable[[str], LiveRoom | None]
    ask: Callable[[str, Command], Awaitable[CommandOutcome]]

    async def dismiss(self, peer: Peer, now: Instant) -> None:
        """Let a peer go that holds no valid code any more.

        Its parked polls end, its claims are free, its place in the roster is gone.
        What its room does not take now, a later round of housekeeping does.
        """
        if self.codes.has_valid_code(peer, now):
            return  # it was invited again while others were let go
        self.presence.forget(peer)
        live = self.find_live(peer.room)
        if live is not None:
            live.polls.wake_peer(peer.name)
            if not self.codes.codes_of(peer):  # as the store does it
                live.cursors.pop(peer.name, None)
        try:
            await self._dismiss_from(peer)
        except RelayError as error:
            if self.codes.postpone(peer):
                reason = str(error)
                log.warning("peer not dismissed yet", room=peer.room, reason=reason)
            return
        self.codes.forget(peer)

    async def _dismiss_from(self, peer: Peer) -> None:
        """Dismiss a peer from its room, piece by piece: each piece is a commit."""
        is_partial = True
        while is_partial:
            answer = (await self.ask(peer.room, Dismiss(peer.name))).answer
            is_partial = isinstance(answer, Acknowledged) and answer.is_partial

    async def catch_up(self, now: Instant) -> None:
        """Let some of those go that are still to go; who fails goes to the end."""
        for peer in self.codes.departed(now)[:DISMISSALS_PER_TICK]:
            await self.dismiss(peer, now)
