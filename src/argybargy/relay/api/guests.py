"""Use case of the operator: let a person into one room, to read or to speak."""

import secrets
from collections.abc import Iterator

import attrs

from argybargy.domain.access_codes import Peer, Role
from argybargy.domain.errors import Problem, RelayError
from argybargy.domain.names import peer_key, room_key
from argybargy.relay.access.invitation import Invitation
from argybargy.relay.api.operator import OPERATOR_ACTOR, IssuedCode
from argybargy.relay.relay import Relay
from argybargy.relay.store_errors import translated


@attrs.frozen
class GuestRequest:
    """A request for the code of a guest.

    Attributes:
        room: The name of the room.
        name: The name of the guest; ``None`` makes one up.
        speaks: Whether the guest may write, under that name.
        seconds: The lifetime of the code.
    """

    room: str
    name: str | None
    speaks: bool
    seconds: float


async def invite_guest(relay: Relay, request: GuestRequest) -> IssuedCode:
    """Issue the code of a guest, whose name is nobody else's in the room.

    Raises:
        RelayError: ``room_not_found``, ``name_taken``, ``code_quota``, or the store
            failed.
    """
    if not relay.knows(request.room):
        raise RelayError(Problem.ROOM_NOT_FOUND)
    relay.refuse_secrets(request.name or "")
    live = await relay.live(request.room)

    def is_taken(peer: Peer) -> bool:
        return peer.name in live.room.members or bool(relay.codes.codes_of(peer))

    room = room_key(request.room)
    names = [request.name] if request.name else _made_up_names()
    name = next(
        (name for name in names if not is_taken(Peer(room, peer_key(name)))), None
    )
    if name is None:
        raise RelayError(Problem.NAME_TAKEN)
    invitation = Invitation(
        room=relay.spelling(request.room),
        name=name,
        lifetime_seconds=request.seconds,
        role=Role.PERSON if request.speaks else Role.READER,
    )
    # Reserved as for agents, so that the human cannot take the name meanwhile; the
    # registry lets only one code have it.
    with (
        relay.reservations.for_codes({room}),
        relay.codes.reservations.for_agents([Peer(room, peer_key(name))]),
    ):
        if is_taken(Peer(room, peer_key(name))):
            raise RelayError(Problem.NAME_TAKEN)
        with translated():
            ((code, record),) = await relay.codes.mint(
                [invitation], OPERATOR_ACTOR, relay.clock.now()
            )
    return IssuedCode(code, record)


def _made_up_names() -> Iterator[str]:
    while True:
        yield f"guest-{secrets.token_hex(3)}"
