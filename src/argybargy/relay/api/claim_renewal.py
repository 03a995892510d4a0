"""Renew the claims of a peer that polls or waits for the end of a question."""

import contextlib

from argybargy.domain.access_codes import CodeRecord
from argybargy.domain.errors import RelayError
from argybargy.domain.room.commands import Renew
from argybargy.relay.room.task import LiveRoom


async def renew_claims(code: CodeRecord, live: LiveRoom) -> None:
    """Renew the claims of a waiting peer, if the room accepts the command.

    An open poll keeps them alive as well; see `holders_present` in ``room/batch``. A
    read never fails because a renewal did: if the room has failed or stops, the poll
    goes on and reports it, and if it is busy, the next poll renews.
    """
    if live.room.leases_of(code.name):
        with contextlib.suppress(RelayError):
            await live.ask(Renew(code.name))


def renew_claims_nowait(code: CodeRecord, live: LiveRoom) -> None:
    """Renew the claims of a peer as of the end of its wait.

    Called in a ``finally`` and therefore without waiting: a cancelled request (its
    client has left) could not. The peer is still subscribed, which keeps its leases
    alive until the command is in the inbox. A full inbox rejects the renewal, and the
    next poll brings another.
    """
    if live.room.leases and live.room.leases_of(code.name):
        with contextlib.suppress(RelayError):
            live.tell(Renew(code.name))
