"""Use cases of an agent in its room: claim, release, withdraw and read."""

from argybargy.domain.access_codes import CodeRecord
from argybargy.domain.capabilities import words_of
from argybargy.domain.errors import Problem, RelayError
from argybargy.domain.instant import Instant
from argybargy.domain.limits import Limits
from argybargy.domain.message import Lease, Message
from argybargy.domain.names import PeerKey
from argybargy.domain.pages import (
    HistoryPage,
    PageBuilder,
    count_after,
    look_back,
    replies_to,
)
from argybargy.domain.readers import readers_of
from argybargy.domain.room.claims import check_claim
from argybargy.domain.room.commands import (
    Claim,
    ClaimGranted,
    Command,
    Release,
    Withdraw,
)
from argybargy.domain.room.state import Room, RoomStatus
from argybargy.domain.room.transition import Transition
from argybargy.domain.roster import LastSeen
from argybargy.relay.access.capable import Capable
from argybargy.relay.api.posting import KIND_OF_ROLE
from argybargy.relay.relay import Relay
from argybargy.relay.room.task import LiveRoom
from argybargy.relay.store_errors import translated
from argybargy.system.values import frozen

MAX_REPLIES = 100
"""Maximum replies returned with one message."""


@frozen
class History:
    """A page of a room's history.

    Attributes:
        lookback: The messages.
        status: The room's name and whether it is closed.
        members: The names of the room's members.
    """

    lookback: HistoryPage
    status: RoomStatus
    members: tuple[str, ...]


@frozen
class Thread:
    """A message with those of its replies that the reader may see.

    Attributes:
        message: The message.
        replies: Its replies, oldest first.
        members: The names of the room's members.
        lease: The lease of the claim on the message, if there is one.
        read_by: The members that have read it.
    """

    message: Message
    replies: tuple[Message, ...]
    members: tuple[str, ...]
    lease: Lease | None = None
    read_by: tuple[str, ...] = ()


@frozen
class Resumption:
    """State that an agent needs to continue after it has lost its context.

    Attributes:
        code: The agent's code.
        cursor: Its last acknowledged cursor.
        unread: The number of messages after the cursor.
        asked: Its unanswered questions with the leases on them, oldest first, as many
            as one answer may hold.
        claims: The leases it holds, with their questions.
        status: The room's name and whether it is closed.
        members: The names of the room's members.
    """

    code: CodeRecord
    cursor: int
    unread: int
    asked: tuple[tuple[Message, Lease | None], ...]
    claims: tuple[ClaimGranted, ...]
    status: RoomStatus
    members: tuple[str, ...]


async def claim(
    relay: Relay, code: CodeRecord, seq: int, lease_seconds: int | None
) -> ClaimGranted:
    """Claim a question, or renew the claim.

    Raises:
        RelayError: Another peer holds the claim, or the message cannot be claimed.
    """
    command = Claim(code.name, seq, lease_seconds)
    live, now = await relay.live(code.room), relay.clock.now()
    relay.request_limits.admit_claim(code.peer, now.steady_seconds)
    if not relay.is_shared:
        capable = Capable(relay.codes, live.key, now)
        _refuse_early(live.room, capable.complete(command), now, relay.limits)
    outcome = await relay.ask(code.room, command, code)
    return outcome.expect(ClaimGranted)


def _refuse_early(room: Room, command: Command, now: Instant, limits: Limits) -> None:
    """Refuse a claim that the published room already refuses.

    When sixteen agents race for a question, fifteen lose. Most losers are refused here,
    by the same pure rules on the published room, and take no place in the inbox. The
    refusal is correct at this instant; only the room task grants a claim. Not where
    other nodes commit: the room may have changed there.

    Raises:
        RelayError: Another peer holds the claim, or the message cannot be claimed.
    """
    assert isinstance(command, Claim)
    if command.seq in room.messages and now.steady_seconds < room.next_lease_deadline:
        check_claim(Transition(room, now, limits), command)


async def release(relay: Relay, code: CodeRecord, seq: int) -> None:
    """Release a claim.

    Raises:
        RelayError: Another peer holds the claim, or the question is answered.
    """
    relay.request_limits.admit_claim(code.peer, relay.clock.now().steady_seconds)
    await relay.ask(code.room, Release(code.name, seq), code)


async def withdraw(relay: Relay, code: CodeRecord, seq: int, reason: str) -> None:
    """Withdraw a question of the agent. One that is withdrawn already is unchanged.

    Raises:
        RelayError: ``not_found``, ``not_withdrawable``, ``room_closed``,
            ``contains_secret`` or ``rate_limited``.
    """
    relay.refuse_secrets(reason)
    relay.request_limits.admit_claim(code.peer, relay.clock.now().steady_seconds)
    command = Withdraw(code.name, KIND_OF_ROLE[code.role], seq, reason)
    await relay.ask(code.room, command, code)


def admit_read(relay: Relay, code: CodeRecord) -> None:
    """Count an immediate read.

    Raises:
        RelayError: ``rate_limited``.
    """
    relay.request_limits.admit_read(code.peer, relay.clock.now().steady_seconds)


async def history(relay: Relay, code: CodeRecord, before: int, limit: int) -> History:
    """Return the messages below the seq `before` that the peer may see.

    Raises:
        RelayError: ``rate_limited``, or the store could not be read.
    """
    admit_read(relay, code)
    live = await relay.live(code.room)
    reader, size = code.reads_as, relay.limits.poll_bytes
    found = look_back(live.room, reader, before, limit, size)
    if found is None:
        with translated():
            found = await relay.store.look_back(live.name, reader, before, limit, size)
    return History(found, live.room.status, relay.members(live))


async def find_message(relay: Relay, live: LiveRoom, seq: int) -> Message | None:
    """Return a kept message, from memory or from the store.

    Raises:
        RelayError: The store could not be read.
    """
    room = live.room
    if seq in room.messages or not room.first <= seq < room.tail_first:
        return room.messages.get(seq)
    with translated():
        return await relay.store.message(live.name, seq)


async def count_unread(
    relay: Relay, live: LiveRoom, reader: PeerKey, cursor: int
) -> int:
    """Count the messages for a reader after a cursor.

    Raises:
        RelayError: The store could not be read.
    """
    count = count_after(live.room, reader, cursor)
    if count is not None:
        return count
    with translated():
        return await relay.store.count_unread(live.name, reader, cursor)


async def thread(relay: Relay, code: CodeRecord, seq: int) -> Thread:
    """Return one message with its replies.

    Raises:
        RelayError: ``not_found``, also when the peer may not see it.
    """
    admit_read(relay, code)
    return await read_thread(relay, await relay.live(code.room), code.reads_as, seq)


async def read_thread(
    relay: Relay, live: LiveRoom, reader: PeerKey | None, seq: int
) -> Thread:
    """Return one message with its replies, without counting the read.

    Args:
        relay: The relay.
        live: The room.
        reader: The reading peer; ``None`` for the operator, who sees all.
        seq: The message.

    Raises:
        RelayError: ``not_found``, also when the reader may not see it.
    """
    found = await find_message(relay, live, seq)
    if found is None and relay.is_shared:
        await live.confirm()
        found = await find_message(relay, live, seq)
    # Of the same room as the message: those under a lease are in memory.
    lease = live.room.leases.get(seq)
    if found is None or not (reader is None or found.is_visible_to(reader)):
        raise RelayError(Problem.NOT_FOUND)
    bounds = MAX_REPLIES, relay.limits.poll_bytes
    replies = replies_to(live.room, reader, seq, *bounds)
    if replies is None:
        with translated():
            replies = await relay.store.replies(live.name, reader, seq, *bounds)
    members = relay.members(live)
    read_by = readers_of(found, members, live.cursors, replies)
    return Thread(found, replies, members, lease, read_by)


async def peers(
    relay: Relay, code: CodeRecord, can: str | None = None
) -> list[tuple[LastSeen, CodeRecord]]:
    """Return the peers seen in the room of a peer, each with its newest valid code.

    Args:
        relay: The relay.
        code: The code of the asking peer.
        can: A capability that the peers must have; ``None`` returns all peers.
    """
    admit_read(relay, code)
    room, now = code.peer.room, relay.clock.now()
    seen = relay.presence.seen(room, relay.parked_peers(room), now.steady_seconds)
    held = {
        each.peer.name: each
        for each in relay.codes.live_codes(room, now)
        if can is None or can in words_of(each.capabilities)
    }
    return [(each, held[key]) for key, each in seen.items() if key in held]


async def resume(relay: Relay, code: CodeRecord) -> Resumption:
    """Return the state of an agent that has lost its context.

    Raises:
        RelayError: ``rate_limited``, or the store could not be read.
    """
    admit_read(relay, code)
    live = await relay.live(code.room)
    reader = code.peer.name
    cursor = await live.find_cursor(reader)
    room = live.room
    # The oldest first, as many as one answer may hold. The others follow when these
    # have been answered.
    builder = PageBuilder(relay.limits.poll_messages, relay.limits.poll_bytes)
    for seq in room.questions.asked_by(reader):
        message = await find_message(relay, live, seq)
        if message is not None and not builder.take(message):
            break
    return Resumption(
        code=code,
        cursor=cursor,
        unread=await count_unread(relay, live, code.reads_as, cursor),
        asked=tuple((each, room.leases.get(each.seq)) for each in builder.messages),
        claims=tuple(
            ClaimGranted(lease, room.messages[lease.seq])
            for lease in room.leases_of(code.name)
        ),
        status=room.status,
        members=relay.members(live),
    )
