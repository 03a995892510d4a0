"""Use cases of one-use invites: create, revoke, list, and join by one."""

import attrs

from argybargy.domain.access_codes import Peer, Role
from argybargy.domain.errors import Problem, RelayError
from argybargy.domain.invites import InviteRecord, InviteState, check_open, joining_name
from argybargy.domain.names import peer_key, room_key
from argybargy.domain.room.commands import Open
from argybargy.relay.access.code_registry import new_code
from argybargy.relay.access.invitation import Invitation
from argybargy.relay.access.invite_registry import Join
from argybargy.relay.api.calls import call_peer
from argybargy.relay.api.operator import (
    OPERATOR_ACTOR,
    IssuedCode,
    refuse_operators_name,
)
from argybargy.relay.api.used_names import is_name_used
from argybargy.relay.relay import Relay
from argybargy.relay.store_errors import translated
from argybargy.system.values import frozen


@frozen
class IssuedInvite:
    """A new invite with its record. The invite itself is kept nowhere."""

    invite: str = attrs.field(repr=False)
    record: InviteRecord


@frozen
class JoinRequest:
    """A request to join by an invite.

    Attributes:
        invite: The invite.
        name: The name that the joiner wants; ``None`` takes that of the invite.
        client: The program that the joiner runs in; ``None`` takes that of the invite.
        idempotency_key: A key that makes a repeated join return the same code.
    """

    invite: str = attrs.field(repr=False)
    name: str | None = None
    client: str | None = None
    idempotency_key: str | None = attrs.field(default=None, repr=False)


async def create_invite(
    relay: Relay, invitation: Invitation, seconds: float
) -> IssuedInvite:
    """Create a one-use invite, and its room if need be.

    Args:
        relay: The relay.
        invitation: The properties of the code that it gives. With an empty name, the
            joiner chooses one.
        seconds: Time for which it can be used.

    Raises:
        RelayError: ``invite_quota``, ``name_taken``, or the store failed.
    """
    room, name = invitation.room, invitation.name
    relay.refuse_secrets(room, name, invitation.capabilities, invitation.client)
    with relay.reservations.for_codes({room_key(room)}):
        if not await relay.has_room(room):
            await relay.ask(room, Open(OPERATOR_ACTOR))
        if name:
            relay.codes.check_name(Peer(room_key(room), peer_key(name)), Role.AGENT)
            await refuse_operators_name(relay, room, name)
        spelled = attrs.evolve(
            invitation,
            room=relay.spelling(room),
            name=relay.codes.spelling(room_key(room), name) or name,
        )
        with translated():
            invite, record = await relay.invites.create(
                spelled, seconds, OPERATOR_ACTOR, relay.clock.now()
            )
    return IssuedInvite(invite, record)


async def revoke_invite(relay: Relay, key_id: str) -> InviteRecord:
    """Revoke an open invite, by its public id.

    Raises:
        RelayError: ``invite_not_found``, or the store failed.
    """
    with translated():
        return await relay.invites.revoke(key_id, OPERATOR_ACTOR, relay.clock.now())


def list_invites(relay: Relay) -> list[tuple[InviteRecord, InviteState]]:
    """Return the remembered invites, oldest first, each with its state."""
    now = relay.clock.now()
    return [(each, relay.invites.state(each, now)) for each in relay.invites]


async def join(relay: Relay, request: JoinRequest, invite: InviteRecord) -> IssuedCode:
    """Exchange an invite for a code, once.

    Nothing is stored, and the invite stays usable, unless a code is returned.

    Raises:
        RelayError: ``invite_used``, ``invite_expired`` or ``invite_revoked``;
            ``invalid_request`` or ``name_taken``, about the name; ``code_quota``; or
            the store failed.
    """
    now, key = relay.clock.now(), request.idempotency_key
    code = new_code()
    if key is not None:
        parts = request.name or "", request.client or ""
        code = relay.invites.derived_code(request.invite, key, *parts)
        repeated = relay.invites.repeated(invite, code, now)
        if repeated is not None:
            return IssuedCode(code, repeated)
    check_open(relay.invites.state(invite, now))
    name = joining_name(invite, request.name)
    relay.refuse_secrets(name, request.client or "")
    peer = Peer(room_key(invite.room), peer_key(name))
    with (
        relay.reservations.for_codes({peer.room}),
        relay.codes.reservations.for_agents([peer]),
    ):
        await _check_name(relay, invite, name)
        invitation = Invitation(
            room=relay.spelling(invite.room),
            name=relay.codes.spelling(peer.room, name) or name,
            # Another code takes away nothing that the peer has stated.
            capabilities=invite.capabilities
            or relay.codes.capabilities_of(peer, relay.clock.now()),
            lifetime_seconds=invite.code_seconds,
            client=request.client or invite.client,
        )
        attempt = Join(invite, code, invitation, is_newcomer=not invite.name)
        with translated():
            record = await relay.invites.exchange(attempt, relay.clock.now())
    await call_peer(relay, record.peer, record.name)
    return IssuedCode(code, record)


async def _check_name(relay: Relay, invite: InviteRecord, name: str) -> None:
    """Refuse the name of somebody else; only the operator may share one.

    A peer that was dismissed keeps its name while the room has messages of it: who
    takes the name can read its direct messages.

    Raises:
        RelayError: ``name_taken``, or the room cannot be loaded.
    """
    if invite.name:
        await refuse_operators_name(relay, invite.room, name)
        return
    peer = Peer(room_key(invite.room), peer_key(name))
    if await is_name_used(relay, peer) or relay.codes.codes_of(peer):
        raise RelayError(Problem.NAME_TAKEN)
