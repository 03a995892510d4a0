"""What the operator can do: let in, throw out, open, close, speak, and see."""

import attrs
import structlog

from argybargy.domain.addressing import resolve_expects
from argybargy.domain.codes import CodeRecord
from argybargy.domain.commands import Audit, Close, Open
from argybargy.domain.errors import Problem, RelayError
from argybargy.domain.message import Message, SenderKind
from argybargy.domain.names import fold
from argybargy.domain.roster import (
    Evidence,
    RosterRow,
    Seen,
    Waiting,
    build_roster,
    longest_waits,
    member_names,
)
from argybargy.domain.state import RoomStatus
from argybargy.relay.agents import PostDraft, PostOutcome, post
from argybargy.relay.directory import Invitation
from argybargy.relay.failures import translated
from argybargy.relay.finishing import finishing
from argybargy.relay.relay import Relay
from argybargy.store.errors import StoreError
from argybargy.store.interface import AuditRow, Overview, RoomSummary

log = structlog.get_logger(__name__)

OPERATOR_ACTOR = "admin"
"""Who the audit log says did it, where no name is asked for."""


@attrs.frozen
class Invited:
    """A code, on the one occasion that it is seen."""

    code: str = attrs.field(repr=False)
    record: CodeRecord


@attrs.frozen
class RoomView:
    """One room, as the operator sees it.

    Attributes:
        summary: The room at a glance.
        roster: Who belongs to it.
        members: The same as names.
        seen: Who was there since the relay was started.
    """

    summary: RoomSummary
    roster: tuple[RosterRow, ...]
    members: tuple[str, ...]
    seen: tuple[Seen, ...]


@attrs.frozen
class OperatorState:
    """Everything at a glance.

    Attributes:
        rooms: Every room there is.
        codes: Every code, by its public half.
        waiting: The operator's inbox, longest wait first.
        messages: The newest messages, each with the name of its room.
        now_ms: When this was so.
    """

    rooms: tuple[RoomView, ...]
    codes: tuple[CodeRecord, ...]
    waiting: tuple[Waiting, ...]
    messages: tuple[tuple[str, Message], ...]
    now_ms: int


@attrs.frozen
class Stats:
    """The relay in numbers."""

    uptime_seconds: float
    online_peers: int
    codes: int
    messages: int
    rooms: int
    live_rooms: int
    parked_polls: int


async def invite(relay: Relay, invitations: list[Invitation]) -> list[Invited]:
    """Make codes, and the rooms they are for where there are none yet.

    Names that differ from known ones in case only are taken for the same.

    Raises:
        RelayError: ``code_quota``, or the store would not.
    """
    for each in invitations:
        written = (each.room, each.name, each.capabilities, each.client, each.model)
        relay.refuse_secrets(*written)
    relay.directory.check_quota(len(invitations))
    for each in invitations:
        await _prepare_room(relay, each)
    spelled = [
        attrs.evolve(
            each,
            room=relay.spelling(each.room),
            name=relay.directory.spelling(fold(each.room), each.name) or each.name,
        )
        for each in invitations
    ]
    with translated():
        minted = await relay.directory.mint(spelled, OPERATOR_ACTOR, relay.clock.now())
    return [Invited(code, record) for code, record in minted]


async def _prepare_room(relay: Relay, invitation: Invitation) -> None:
    """Make the room of an invitation, unless its guest would pass for the operator."""
    if not relay.knows(invitation.room):
        await relay.ask(invitation.room, Open(OPERATOR_ACTOR))
    live = await relay.live(invitation.room)
    known = live.room.members.get(fold(invitation.name))
    if known is not None and known.kind is SenderKind.OPERATOR:
        raise RelayError(Problem.NAME_TAKEN)


async def revoke(
    relay: Relay, target: str, room: str | None, *, everywhere: bool
) -> list[CodeRecord]:
    """Take codes back, by handle, by code, or by name.

    The polls of a peer that holds no other code end at once, and its claims are
    free.

    Returns:
        The codes that are gone; none when nothing fits.

    Raises:
        RelayError: ``ambiguous``, when a name has codes in several rooms and the
            call does not say which, or that it means all.
    """
    found = relay.directory.match(target)
    if room is not None:
        found = [record for record in found if record.peer.room == fold(room)]
    rooms = sorted({record.room for record in found})
    if len(rooms) > 1 and not everywhere:
        raise RelayError(Problem.AMBIGUOUS, rooms=rooms)
    await remove_codes(relay, found)
    return found


async def remove_codes(relay: Relay, records: list[CodeRecord]) -> None:
    """Take these codes back, with all that follows for those who held them."""
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
    with finishing():
        with translated():
            left = await relay.directory.remove(records, audits, now)
        for record in {record.peer: record for record in records}.values():
            if record.peer in left:
                await relay.dismiss(record)
            else:
                relay.wake_peer(record)


async def say(relay: Relay, room: str, sender: str, draft: PostDraft) -> PostOutcome:
    """Speak in a room as the human, also in a closed one.

    Raises:
        RelayError: ``sender_taken``, when an agent of the room has that name.
    """
    if relay.directory.spelling(fold(room), sender) is not None:
        raise RelayError(Problem.SENDER_TAKEN)
    relay.refuse_secrets(room, sender)
    return await post(relay, room, sender, draft)


async def open_room(relay: Relay, room: str, by: str) -> RoomStatus:
    """Make a room, or reopen it."""
    relay.refuse_secrets(room, by)
    await relay.ask(room, Open(by))
    return (await relay.live(room)).room.status


async def reopen_room(relay: Relay, room: str, by: str) -> RoomStatus:
    """Let agents back into a room.

    Raises:
        RelayError: ``room_not_found``.
    """
    if not relay.knows(room):
        raise RelayError(Problem.ROOM_NOT_FOUND)
    relay.refuse_secrets(by)
    await relay.ask(room, Open(by, action="room_reopen"))
    return (await relay.live(room)).room.status


async def close_room(relay: Relay, room: str, by: str) -> RoomStatus:
    """Dismiss the agents in a room.

    Raises:
        RelayError: ``room_not_found``.
    """
    if not relay.knows(room):
        raise RelayError(Problem.ROOM_NOT_FOUND)
    relay.refuse_secrets(by)
    await relay.ask(room, Close(by))
    return (await relay.live(room)).room.status


async def audit(relay: Relay, limit: int, before: int | None) -> tuple[AuditRow, ...]:
    """Return the newest rows of the audit log, what waits to be stored included."""
    try:
        await relay.ledger.flush()
    except StoreError as error:
        log.warning("the newest notes are not in the log yet", reason=str(error))
    with translated():
        return await relay.store.audit(limit, before)


async def look_around(relay: Relay, room: str | None, limit: int) -> OperatorState:
    """Return everything at a glance, with the newest messages of one room or all."""
    with translated():
        overview = await relay.store.overview()
        messages = await relay.store.recent(room, limit)
    now = relay.clock.now()
    waiting_by_room: dict[str, set[str]] = {}
    for name, question in overview.questions:
        waiting_by_room.setdefault(fold(name), set()).add(question.sent_by)
    rooms = tuple(
        _view(relay, summary, overview, frozenset(waiting_by_room.get(key, ())))
        for key, summary in _by_key(overview).items()
    )
    views = {fold(view.summary.status.name): view for view in rooms}
    waiting = [
        _waiting(name, question, views[fold(name)].members, now.wall_ms)
        for name, question in overview.questions
        if not views[fold(name)].summary.status.is_closed
    ]
    return OperatorState(
        rooms=rooms,
        codes=tuple(relay.directory),
        waiting=tuple(longest_waits(waiting)),
        messages=messages,
        now_ms=now.wall_ms,
    )


def _by_key(overview: Overview) -> dict[str, RoomSummary]:
    return {fold(summary.status.name): summary for summary in overview.rooms}


def _view(
    relay: Relay, summary: RoomSummary, overview: Overview, waiting: frozenset[str]
) -> RoomView:
    room, now = fold(summary.status.name), relay.clock.now()
    codes = relay.directory.live_codes(room, now)
    lapsed = relay.directory.lapsed(room, now)
    posted = overview.members.get(room, ())
    members = {fold(member.name): member for member in posted}
    seen = relay.presence.seen(room, relay.parked_peers(room), now.steady_seconds)
    evidence = Evidence(codes, lapsed, members, seen, waiting, now.wall_ms)
    return RoomView(
        summary=summary,
        roster=build_roster(evidence),
        members=member_names(codes, lapsed, members),
        seen=tuple(seen.values()),
    )


def _waiting(
    room: str, question: Message, members: tuple[str, ...], now_ms: int
) -> Waiting:
    return Waiting(
        room=room,
        message=question,
        expects_resolved=resolve_expects(question.expects, question.sender, members),
        seconds=round(max(0.0, (now_ms - question.at_ms) / 1000), 1),
    )


async def stats(relay: Relay) -> Stats:
    """Return the relay in numbers."""
    with translated():
        overview = await relay.store.overview()
    now, numbers = relay.clock.now(), relay.statistics()
    online = sum(
        seen.is_online
        for room in relay.presence.rooms()
        for seen in relay.presence.seen(
            room, relay.parked_peers(room), now.steady_seconds
        ).values()
    )
    return Stats(
        uptime_seconds=now.steady_seconds - relay.started_at,
        online_peers=online,
        codes=numbers.codes,
        messages=sum(summary.messages for summary in overview.rooms),
        rooms=sum(summary.head > 0 for summary in overview.rooms),
        live_rooms=numbers.live_rooms,
        parked_polls=numbers.parked_polls,
    )


def note_rotation(relay: Relay) -> None:
    """Record that the admin token is another one now."""
    now = relay.clock.now()
    relay.ledger.note(Audit(now.wall_ms, "regenerate_admin_token", OPERATOR_ACTOR))
