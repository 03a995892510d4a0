"""What another relay has recorded, taken over: messages, codes and audit log."""

from collections.abc import Mapping, Sequence

import attrs

from argybargy.domain.access_codes import CodeRecord
from argybargy.domain.errors import Problem, RelayError
from argybargy.domain.message import Message, SenderKind
from argybargy.domain.names import fold
from argybargy.domain.room.commands import Import, Imported, ImportedMessage, Open
from argybargy.domain.room.decide import decide
from argybargy.domain.room.state import Room, RoomStatus
from argybargy.domain.room.writes import Audit
from argybargy.relay.api.operator import OPERATOR_ACTOR, refuse_operators_name
from argybargy.relay.relay import Relay
from argybargy.relay.room.inbox import CommandOutcome
from argybargy.relay.room.task import LiveRoom
from argybargy.relay.store_errors import shielded, translated

_TALLY = "import/"


@attrs.frozen
class RoomImport:
    """A stretch of one room, as another relay had it.

    Attributes:
        status: Open or closed, and what it is called.
        created_ms: When it came to be; ``None`` is now.
        messages: Its messages, oldest first.
    """

    status: RoomStatus
    created_ms: int | None = None
    messages: tuple[ImportedMessage, ...] = ()


async def check_import(
    relay: Relay, rooms: Sequence[RoomImport], codes: Sequence[CodeRecord]
) -> list[Imported]:
    """Look at what is to be taken over, and change nothing.

    Returns:
        What would become of each room.

    Raises:
        RelayError: What :func:`import_room` and :func:`import_codes` would raise.
    """
    spoken = [wanted.status.name for wanted in rooms if wanted.messages]
    if not relay.quota.has_places_for(spoken):
        raise RelayError(Problem.ROOM_QUOTA, limit=relay.limits.rooms)
    fresh = await _fresh(relay, codes)
    relay.codes.check_quota(len(fresh))
    _refuse_humans(rooms, fresh)
    await _refuse_operators_names(relay, fresh)
    return [await _try_room(relay, wanted) for wanted in rooms]


def _refuse_humans(rooms: Sequence[RoomImport], fresh: Sequence[CodeRecord]) -> None:
    """Refuse a code under whose name the human speaks in what comes along with it."""
    humans = {
        (fold(wanted.status.name), imported.message.sender_key)
        for wanted in rooms
        for imported in wanted.messages
        if imported.message.kind is SenderKind.OPERATOR
    }
    if any((code.peer.room, code.peer.name) in humans for code in fresh):
        raise RelayError(Problem.NAME_TAKEN)


async def _refuse_operators_names(relay: Relay, fresh: Sequence[CodeRecord]) -> None:
    for code in fresh:
        if relay.knows(code.room):
            await refuse_operators_name(relay, code.room, code.name)


async def _try_room(relay: Relay, wanted: RoomImport) -> Imported:
    name = wanted.status.name
    if relay.knows(name):
        return await import_room(relay, wanted, is_trial=True)
    # Decided without its task: a room that is looked for is not made by that.
    command, now = _command(wanted, {}, is_trial=True), relay.clock.now()
    decision = decide(Room.new(name, now), command, now, relay.limits)
    return CommandOutcome(decision.answer).expect(Imported)


async def import_room(
    relay: Relay, wanted: RoomImport, *, is_trial: bool = False
) -> Imported:
    """Let a room take over messages under their own numbers.

    Whoever polls in the room is told of what is new, as of any message.

    Args:
        relay: Where to.
        wanted: What.
        is_trial: Whether to look only.

    Raises:
        RelayError: ``import_conflict``, when the room has another message under one
            of the numbers: then nothing of this was changed. ``room_quota``.
    """
    name = wanted.status.name
    live = await relay.live(name)
    known = await _known(live, wanted.messages)
    command = _command(wanted, known, is_trial=is_trial)
    return (await relay.ask(name, command)).expect(Imported)


def _command(
    wanted: RoomImport, known: Mapping[int, Message], *, is_trial: bool
) -> Import:
    return Import(
        by=OPERATOR_ACTOR,
        status=wanted.status,
        created_ms=wanted.created_ms,
        messages=wanted.messages,
        known=known,
        is_trial=is_trial,
    )


async def _known(
    live: LiveRoom, messages: Sequence[ImportedMessage]
) -> dict[int, Message]:
    """Look up what the room has under these numbers, where the tail lacks it.

    It may be looked up before the room decides: what was said never changes.
    """
    known = {}
    for seq in (imported.message.seq for imported in messages):
        if live.room.first <= seq < live.room.tail_first:
            with translated():
                found = await live.context.store.message(live.name, seq)
            if found is not None:
                known[seq] = found
    return known


async def _fresh(relay: Relay, records: Sequence[CodeRecord]) -> list[CodeRecord]:
    """Return the codes that the relay does not have, and has not taken over before."""
    here = {record.key_id for record in relay.codes}
    unknown = {each.key_id: each for each in records if each.key_id not in here}
    with translated():
        known = await relay.store.tallies([_code_tally(each) for each in unknown])
    return [each for key, each in unknown.items() if _code_tally(key) not in known]


async def count_new_codes(relay: Relay, records: Sequence[CodeRecord]) -> int:
    """Count the codes that importing would add."""
    return len(await _fresh(relay, records))


def _code_tally(key_id: str) -> str:
    return f"{_TALLY}code/{key_id}"


async def import_codes(relay: Relay, records: Sequence[CodeRecord]) -> int:
    """Let the codes of another relay open its rooms here; return how many are new.

    One that was imported before and has been revoked here since stays so.

    Raises:
        RelayError: ``code_quota``; ``name_taken``, when the human has spoken under
            the name of one in its room; or the store would not.
    """
    with relay.codes.reservations.for_agents({record.peer for record in records}):
        return await _import_codes(relay, records)


async def _import_codes(relay: Relay, records: Sequence[CodeRecord]) -> int:
    await _refuse_operators_names(relay, await _fresh(relay, records))
    for record in records:
        if not relay.knows(record.room):
            await relay.ask(record.room, Open(OPERATOR_ACTOR))
    spelled = [
        attrs.evolve(record, room=relay.spelling(record.room)) for record in records
    ]
    now = relay.clock.now()
    audits = {
        record.key_id: Audit(
            now.wall_ms,
            "import",
            OPERATOR_ACTOR,
            record.room,
            f"{record.name} {record.key_id}",
            tally=_code_tally(record.key_id),
        )
        for record in spelled
    }
    with translated():
        return await relay.codes.adopt(spelled, audits)


async def import_audit(relay: Relay, rows: Sequence[Audit]) -> int:
    """Add rows of another audit log, each once; return how many are new.

    Raises:
        RelayError: The store would not.
    """
    tallied = [attrs.evolve(row, tally=_audit_tally(row)) for row in rows]
    with translated(), shielded():
        return len(await relay.store.adopt(tallied, {}))


async def count_new_audit(relay: Relay, rows: Sequence[Audit]) -> int:
    """Count the rows that importing would add."""
    wanted = {_audit_tally(row) for row in rows}
    with translated():
        return len(wanted) - len(await relay.store.tallies(sorted(wanted)))


def _audit_tally(row: Audit) -> str:
    return f"{_TALLY}audit/{row.tally}"
