"""Use cases of the operator: invite, revoke, open, close, post, and read."""

import attrs

from argybargy.domain.access_codes import CodeRecord, Peer
from argybargy.domain.errors import Problem, RelayError
from argybargy.domain.instant import Instant
from argybargy.domain.many_rooms import count_codes
from argybargy.domain.message import SenderKind
from argybargy.domain.names import OPERATOR, peer_key, room_key
from argybargy.domain.pages import look_back
from argybargy.domain.room.commands import Close, Open, Undamp, Undamped, Withdraw
from argybargy.domain.room.state import RoomStatus
from argybargy.domain.room.writes import Audit
from argybargy.domain.roster import Waiting
from argybargy.relay.access.invitation import Invitation
from argybargy.relay.api.agent import History
from argybargy.relay.api.calls import call_peer
from argybargy.relay.api.posting import PostDraft, PostOutcome, post
from argybargy.relay.api.stream_cursor import (
    MessageInRoom,
    newest_messages,
    waiting_rows,
    with_room,
)
from argybargy.relay.offboarding import dismiss, tell_codes_ended
from argybargy.relay.overview.room_view import RoomView
from argybargy.relay.relay import Relay
from argybargy.relay.store_errors import shielded, translated
from argybargy.store.errors import StoreError
from argybargy.store.protocol import AuditRow
from argybargy.system.logs import get_logger
from argybargy.system.values import frozen

log = get_logger(__name__)

OPERATOR_ACTOR = "admin"
"""The actor in the audit log, where the call names none."""


@frozen
class IssuedCode:
    """A new code with its record. The code itself is kept nowhere."""

    code: str = attrs.field(repr=False)
    record: CodeRecord


@frozen
class OperatorState:
    """A snapshot of the whole overview.

    Attributes:
        rooms: Every room.
        codes: Every code's record.
        waiting: The operator's inbox, longest wait first.
        messages: The newest messages.
        now: The time of the snapshot.
    """

    rooms: tuple[RoomView, ...]
    codes: tuple[CodeRecord, ...]
    waiting: tuple[Waiting, ...]
    messages: tuple[MessageInRoom, ...]
    now: Instant


@frozen
class Stats:
    """Figures about the relay."""

    uptime_seconds: float
    online_peers: int
    codes: int
    messages: int
    rooms: int
    live_rooms: int
    parked_polls: int


async def invite(
    relay: Relay, invitations: list[Invitation], *, is_one_code: bool = False
) -> list[IssuedCode]:
    """Issue codes, and create their rooms if need be.

    A name that differs from a known one only in case is the same name, and takes the
    known spelling.

    Args:
        relay: The relay.
        invitations: The properties of the codes.
        is_one_code: Whether one code is for all: each invitation is then for another
            room, and the first for its first room.

    Raises:
        RelayError: ``code_quota``, ``name_taken``, or the store failed.
    """
    for each in invitations:
        written = (each.room, each.name, each.capabilities, each.client, each.model)
        relay.refuse_secrets(*written)
    relay.codes.check_quota(len(invitations))
    wanted = {Peer(room_key(each.room), peer_key(each.name)) for each in invitations}
    with (
        relay.reservations.for_codes({peer.room for peer in wanted}),
        relay.codes.reservations.for_agents(wanted),
    ):
        return await _invite(relay, invitations, is_one_code=is_one_code)


async def _invite(
    relay: Relay, invitations: list[Invitation], *, is_one_code: bool
) -> list[IssuedCode]:
    for each in invitations:
        await _prepare_room(relay, each)
    spelled = [
        attrs.evolve(
            each,
            room=relay.spelling(each.room),
            name=relay.codes.spelling(room_key(each.room), each.name) or each.name,
            # Another code for a known peer does not take away what the peer has stated.
            capabilities=each.capabilities
            or relay.codes.capabilities_of(
                Peer(room_key(each.room), peer_key(each.name)), relay.clock.now()
            ),
        )
        for each in invitations
    ]
    with translated():
        minted = await relay.codes.mint(
            spelled, OPERATOR_ACTOR, relay.clock.now(), is_one_code=is_one_code
        )
    for _, record in minted:
        await call_peer(relay, record.peer, record.name)
    return [IssuedCode(code, record) for code, record in minted]


async def _prepare_room(relay: Relay, invitation: Invitation) -> None:
    """Create the room of an invitation, and check that its name is not the human's."""
    if not await relay.has_room(invitation.room):
        await relay.ask(invitation.room, Open(OPERATOR_ACTOR))
    await refuse_operators_name(relay, invitation.room, invitation.name)


async def refuse_operators_name(relay: Relay, room: str, name: str) -> None:
    """Refuse a code with a name that the human has posted under.

    Raises:
        RelayError: ``name_taken``, or the room cannot be loaded.
    """
    live = await relay.live(room)
    known = live.room.members.get(peer_key(name))
    if known is not None and known.kind is SenderKind.OPERATOR:
        raise RelayError(Problem.NAME_TAKEN)


async def revoke(
    relay: Relay, target: str, room: str | None, *, everywhere: bool
) -> list[CodeRecord]:
    """Revoke codes, by handle, by code, or by name.

    The polls of a peer without another code end at once, and its claims are released.

    Returns:
        The revoked codes; empty when none matched.

    Raises:
        RelayError: ``ambiguous``, when a name has several codes in several rooms and
            the call names neither a room nor `everywhere`.
    """
    found = relay.codes.match(target)
    if room is not None:
        found = [record for record in found if record.peer.room == room_key(room)]
    rooms = sorted({record.room for record in found})
    if len(rooms) > 1 and count_codes(found) > 1 and not everywhere:
        raise RelayError(Problem.AMBIGUOUS, rooms=rooms)
    await remove_codes(relay, found)
    return found


async def remove_codes(relay: Relay, records: list[CodeRecord]) -> None:
    """Revoke these codes, and dismiss the peers left without one.

    Shielded: a request cancelled between the two would leave peers parked in a room
    that they may not read any more, until housekeeping finds them.
    """
    now = relay.clock.now()
    audits = [
        Audit(
            now.wall_ms,
            "revoke",
            OPERATOR_ACTOR,
            record.room,
            f"{record.name} {record.key_id}",
        )
        for record in records
    ]
    if not records:
        return
    with shielded():
        with translated():
            left = await relay.codes.remove(records, audits, now)
        await tell_codes_ended(relay, records)
        for record in {record.peer: record for record in records}.values():
            if record.peer in left:
                await dismiss(relay, record.peer, now)
            else:
                relay.wake_peer(record)


async def say(
    relay: Relay,
    room: str,
    sender: str,
    draft: PostDraft,
    *,
    may_create: bool = True,
) -> PostOutcome:
    """Post as the human, also to a closed room.

    Args:
        relay: The relay.
        room: The name of the room.
        sender: The name to post under.
        draft: The message.
        may_create: Whether a room that does not exist is created.

    Raises:
        RelayError: ``sender_taken``, when an agent of the room has that name;
            ``room_not_found``, when the room would have to be created and may not.
    """
    relay.refuse_secrets(room, sender)
    with relay.codes.reservations.for_human(Peer(room_key(room), peer_key(sender))):
        if relay.codes.spelling(room_key(room), sender) is not None:
            raise RelayError(Problem.SENDER_TAKEN)
        with shielded():  # the name stays reserved until the post is stored or refused
            return await post(relay, room, sender, draft, may_create=may_create)


async def open_room(relay: Relay, room: str, by: str) -> RoomStatus:
    """Create a room, or reopen it."""
    relay.refuse_secrets(room, by)
    await relay.ask(room, Open(by))
    # Nobody was called while it was closed: each peer looks again at its next poll.
    relay.presence.forget_calls(room_key(room))
    return (await relay.live(room)).room.status


async def reopen_room(relay: Relay, room: str, by: str) -> RoomStatus:
    """Reopen a room to agents.

    Raises:
        RelayError: ``room_not_found``.
    """
    if not await relay.has_room(room):
        raise RelayError(Problem.ROOM_NOT_FOUND)
    relay.refuse_secrets(by)
    await relay.ask(room, Open(by, action="room_reopen", may_create=False))
    relay.presence.forget_calls(room_key(room))
    return (await relay.live(room)).room.status


async def close_room(relay: Relay, room: str, by: str) -> RoomStatus:
    """Close a room to agents.

    Raises:
        RelayError: ``room_not_found``.
    """
    if not await relay.has_room(room):
        raise RelayError(Problem.ROOM_NOT_FOUND)
    relay.refuse_secrets(by)
    await relay.ask(room, Close(by))
    return (await relay.live(room)).room.status


async def withdraw(relay: Relay, room: str, seq: int, reason: str) -> None:
    """Withdraw the question of any sender. One that is withdrawn already is unchanged.

    Raises:
        RelayError: ``room_not_found``, ``not_found`` or ``not_withdrawable``.
    """
    if not await relay.has_room(room):
        raise RelayError(Problem.ROOM_NOT_FOUND)
    relay.refuse_secrets(reason)
    await relay.ask(room, Withdraw(OPERATOR, SenderKind.OPERATOR, seq, reason))


async def undamp(
    relay: Relay, room: str, by: str, peers: tuple[str, str] | None
) -> tuple[tuple[str, str], ...]:
    """Lift the damping of a pair of agents, or of all pairs of a room.

    Returns:
        The names of the pairs that were damped.

    Raises:
        RelayError: ``room_not_found``.
    """
    if not await relay.has_room(room):
        raise RelayError(Problem.ROOM_NOT_FOUND)
    relay.refuse_secrets(by, *(peers or ()))
    outcome = await relay.ask(room, Undamp(by, peers))
    return outcome.expect(Undamped).pairs


async def audit(relay: Relay, limit: int, before: int | None) -> tuple[AuditRow, ...]:
    """Return the newest rows of the audit log, buffered rows included.

    Where retention has cut the log, a row with id 0 gives the number of lost rows.
    """
    try:
        await relay.write_behind.flush()
    except StoreError as error:
        log.warning("audit log lacks buffered rows", reason=str(error))
    with translated():
        rows = await relay.store.audit(limit + 1, before)
    if len(rows) > limit:
        return rows[1:]
    if not rows or rows[0].id == 1:
        return rows
    oldest = rows[0]
    detail = f"{oldest.id - 1} older rows are kept no longer"
    mark = Audit(oldest.audit.at_ms, "pruned", "relay", detail=detail)
    return (AuditRow(0, mark), *rows)


async def read_overview_state(
    relay: Relay, room: str | None, limit: int
) -> OperatorState:
    """Return a snapshot of the overview, with the newest messages of one room or all.

    Raises:
        RelayError: The store could not be read, which is needed for the messages of a
            room that is not in memory.
    """
    messages = await newest_messages(relay, room, limit)
    board, now = relay.overview, relay.clock.now()
    board.recompute(now)
    return OperatorState(
        rooms=tuple(board.view(key, now) for key in board.cards),
        codes=tuple(relay.codes),
        waiting=tuple(waiting_rows(relay, board.inbox, now)),
        messages=tuple(with_room(relay, *row) for row in messages),
        now=now,
    )


async def history(relay: Relay, room: str, before: int, limit: int) -> History:
    """Return the messages of a room below the seq `before`, private ones included.

    Raises:
        RelayError: ``room_not_found``, or the store cannot be read.
    """
    card = relay.overview.cards.get(room_key(room))
    if card is None:
        raise RelayError(Problem.ROOM_NOT_FOUND)
    live, size = relay.find_live(room), relay.limits.poll_bytes
    found = None
    if live is not None and live.is_readable:
        found = look_back(live.room, None, before, limit, size)
    if found is None:
        name = card.summary.status.name
        with translated():
            found = await relay.store.look_back(name, None, before, limit, size)
    relay.overview.recompute(relay.clock.now())
    return History(found, card.summary.status, relay.overview.members(room_key(room)))


def stats(relay: Relay) -> Stats:
    """Return the relay in numbers."""
    now, numbers = relay.clock.now(), relay.statistics()
    online = sum(
        seen.is_online
        for room in relay.presence.rooms()
        for seen in relay.presence.seen(
            room, relay.parked_peers(room), now.steady_seconds
        ).values()
    )
    summaries = [card.summary for card in relay.overview.cards.values()]
    return Stats(
        uptime_seconds=now.steady_seconds - relay.started_at,
        online_peers=online,
        codes=numbers.codes,
        messages=sum(summary.messages for summary in summaries),
        rooms=sum(summary.messages > 0 for summary in summaries),
        live_rooms=numbers.live_rooms,
        parked_polls=numbers.parked_polls,
    )


def note_rotation(relay: Relay) -> None:
    """Add the change of the admin token to the audit log."""
    now = relay.clock.now()
    relay.write_behind.note(
        Audit(now.wall_ms, "regenerate_admin_token", OPERATOR_ACTOR)
    )
