"""Use cases of an import: messages, codes and audit rows of another relay."""

from collections.abc import Mapping, Sequence

import attrs

from argybargy.domain.access_codes import CodeRecord
from argybargy.domain.errors import Problem, RelayError
from argybargy.domain.message import Message, SenderKind
from argybargy.domain.names import fold
from argybargy.domain.room.commands import Import, Imported, ImportedMessage, Open
from argybargy.domain.room.state import RoomStatus
from argybargy.domain.room.writes import Audit
from argybargy.relay.api.calls import call_peer
from argybargy.relay.api.operator import OPERATOR_ACTOR, refuse_operators_name
from argybargy.relay.relay import Relay
from argybargy.relay.room.task import LiveRoom
from argybargy.relay.store_errors import shielded, translated
from argybargy.system.values import frozen

_TALLY = "import/"


@frozen
class RoomImport:
    """A run of messages of one room of another relay.

    Attributes:
        status: The room's name and whether it is closed.
        created_ms: When the room was created; ``None`` for now.
        messages: Its messages, oldest first.
    """

    status: RoomStatus
    created_ms: int | None = None
    messages: tuple[ImportedMessage, ...] = ()


async def check_import(
    relay: Relay, rooms: Sequence[RoomImport], codes: Sequence[CodeRecord]
) -> list[Imported]:
    """Try an import without changing anything.

    Returns:
        The result that each room would give.

    Raises:
        RelayError: As :func:`import_room` and :func:`import_codes`.
    """
    spoken = [wanted.status.name for wanted in rooms if wanted.messages]
    if not relay.quota.has_places_for(spoken):
        raise RelayError(Problem.ROOM_QUOTA, limit=relay.limits.rooms)
    fresh = await _fresh(relay, codes)
    relay.codes.check_quota(len(fresh))
    _refuse_humans(rooms, fresh)
    await _refuse_operators_names(relay, fresh)
    # A trial writes nothing, so it does not create a room either. A deleted room is
    # asked too, since it knows which numbers were given.
    return [await import_room(relay, wanted, is_trial=True) for wanted in rooms]


def _refuse_humans(rooms: Sequence[RoomImport], fresh: Sequence[CodeRecord]) -> None:
    """Refuse a code with a name that the human posts under in the same import."""
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
        relay.codes.check_name(code.peer, code.role)
        if relay.knows(code.room):
            await refuse_operators_name(relay, code.room, code.name)


async def import_room(
    relay: Relay, wanted: RoomImport, *, is_trial: bool = False
) -> Imported:
    """Import messages into a room under their own seqs.

    New messages wake polls like posted ones.

    Args:
        relay: The relay.
        wanted: The messages and their room.
        is_trial: Whether to decide only, and change nothing.

    Raises:
        RelayError: ``import_conflict``, when the room has another message under one
            of the numbers: then nothing of this was changed. ``room_quota``.
    """
    name = wanted.status.name
    live = await relay.live(name)
    known = await _known(live, wanted.messages)
    command = _command(wanted, known, is_trial=is_trial)
    imported = (await relay.ask(name, command)).expect(Imported)
    # The questions among them have looked for nobody: each peer does at its next poll.
    relay.presence.forget_calls(live.key)
    return imported


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
    """Return the stored messages with the same seqs that the room's tail lacks.

    They may be read before the room task decides: messages never change.
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
    """Return the codes that are neither held nor imported before."""
    here = {record.key_id for record in relay.codes}
    unknown = {each.key_id: each for each in records if each.key_id not in here}
    with translated():
        known = await relay.store.tallies([_code_tally(each) for each in unknown])
    return [each for key, each in unknown.items() if _code_tally(key) not in known]


async def count_new_codes(relay: Relay, records: Sequence[CodeRecord]) -> int:
    """Return the number of codes that an import would add."""
    return len(await _fresh(relay, records))


def _code_tally(key_id: str) -> str:
    return f"{_TALLY}code/{key_id}"


async def import_codes(relay: Relay, records: Sequence[CodeRecord]) -> int:
    """Import codes of another relay; return the number of new ones.

    A code that was imported before and revoked since stays revoked.

    Raises:
        RelayError: ``code_quota``; ``name_taken``, when the human has posted under
            the name of one in its room; or the store failed.
    """
    peers = {record.peer for record in records}
    with (
        relay.reservations.for_codes({peer.room for peer in peers}),
        relay.codes.reservations.for_agents(peers),
    ):
        return await _import_codes(relay, records)


async def _import_codes(relay: Relay, records: Sequence[CodeRecord]) -> int:
    await _refuse_operators_names(relay, await _fresh(relay, records))
    for record in records:
        if not await relay.has_room(record.room):
            await relay.ask(record.room, Open(OPERATOR_ACTOR))
    now = relay.clock.now()
    spelled = [
        attrs.evolve(
            record,
            room=relay.spelling(record.room),
            # Another code takes away nothing that the peer has stated.
            capabilities=record.capabilities
            or relay.codes.capabilities_of(record.peer, now),
        )
        for record in records
    ]
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
        new = await relay.codes.adopt(spelled, audits)
    for record in spelled:
        await call_peer(relay, record.peer, record.name)
    return new


async def import_audit(relay: Relay, rows: Sequence[Audit]) -> int:
    """Import audit rows, each once; return the number of new ones.

    Raises:
        RelayError: The store failed.
    """
    tallied = [attrs.evolve(row, tally=_audit_tally(row)) for row in rows]
    with translated(), shielded():
        return len(await relay.store.adopt(tallied, {}))


async def count_new_audit(relay: Relay, rows: Sequence[Audit]) -> int:
    """Return the number of audit rows that an import would add."""
    wanted = {_audit_tally(row) for row in rows}
    with translated():
        return len(wanted) - len(await relay.store.tallies(sorted(wanted)))


def _audit_tally(row: Audit) -> str:
    return f"{_TALLY}audit/{row.tally}"
