"""Use case of the operator: let a person into one room, to read or to speak."""

import secrets

from argybargy.domain.access_codes import Peer, Role
from argybargy.domain.errors import Problem, RelayError
from argybargy.domain.names import RoomKey, peer_key, room_key
from argybargy.relay.access.invitation import Invitation
from argybargy.relay.api.operator import OPERATOR_ACTOR, IssuedCode
from argybargy.relay.api.used_names import is_name_used
from argybargy.relay.relay import Relay
from argybargy.relay.store_errors import translated
from argybargy.system.values import frozen


@frozen
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

    A guest whose code has expired can be let in again under its name.

    Raises:
        RelayError: ``room_not_found``, ``name_taken``, ``code_quota``, or the store
            failed.
    """
    if not await relay.has_room(request.room):
        raise RelayError(Problem.ROOM_NOT_FOUND)
    relay.refuse_secrets(request.name or "")
    room = room_key(request.room)
    name = request.name or await _made_up_name(relay, room)
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
        if await _is_taken(relay, Peer(room, peer_key(name))):
            raise RelayError(Problem.NAME_TAKEN)
        with translated():
            ((code, record),) = await relay.codes.mint(
                [invitation], OPERATOR_ACTOR, relay.clock.now()
            )
    return IssuedCode(code, record)


async def _is_taken(relay: Relay, peer: Peer) -> bool:
    """Tell whether a name is that of anybody but a guest whose code has expired.

    Raises:
        RelayError: The room or its messages cannot be read.
    """
    is_used = await is_name_used(relay, peer)
    if relay.codes.is_expired_guest(peer, relay.clock.now()):
        return False
    return is_used or bool(relay.codes.codes_of(peer))


async def _made_up_name(relay: Relay, room: RoomKey) -> str:
    while True:
        name = f"guest-{secrets.token_hex(3)}"
        if not await _is_taken(relay, Peer(room, peer_key(name))):
            return name
