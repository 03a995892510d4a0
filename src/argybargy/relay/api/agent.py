"""What an agent can do in its room, apart from polling."""

import attrs

from argybargy.domain.access_codes import CodeRecord
from argybargy.domain.errors import Problem, RelayError
from argybargy.domain.instant import Instant
from argybargy.domain.limits import Limits
from argybargy.domain.message import Lease, Message, SenderKind
from argybargy.domain.names import PeerKey, fold
from argybargy.domain.pages import (
    HistoryPage,
    PageBuilder,
    count_after,
    look_back,
    replies_to,
)
from argybargy.domain.room.claims import check_claim
from argybargy.domain.room.commands import (
    Claim,
    ClaimGranted,
    Post,
    Posted,
    Release,
)
from argybargy.domain.room.state import Room, RoomStatus
from argybargy.domain.room.transition import Transition
from argybargy.domain.roster import LastSeen
from argybargy.relay.relay import Relay
from argybargy.relay.room.delivery_report import DeliveryReport
from argybargy.relay.room.task import LiveRoom
from argybargy.relay.store_errors import translated

MAX_REPLIES = 100
"""Replies shown with one message."""


@attrs.frozen
class PostDraft:
    """What somebody wants to say, as it was written.

    Attributes:
        text: What is said.
        to: The addressees, in any spelling.
        expects: Who should answer, in any spelling; ``None`` is the default.
        reply_to: The message this answers.
        idempotency_key: What makes it repeatable.
    """

    text: str
    to: tuple[str, ...]
    expects: str | None = None
    reply_to: int | None = None
    idempotency_key: str | None = None


@attrs.frozen
class PostOutcome:
    """What became of a post.

    Attributes:
        message: The message it is now.
        is_duplicate: Whether it already was.
        delivery: How the addressees will learn of it.
    """

    message: Message
    is_duplicate: bool
    delivery: DeliveryReport


@attrs.frozen
class History:
    """A look back into a room.

    Attributes:
        lookback: The messages.
        status: The room, open or closed.
        members: The names of its members.
    """

    lookback: HistoryPage
    status: RoomStatus
    members: tuple[str, ...]


@attrs.frozen
class Thread:
    """One message with its replies, as far as the reader may see them."""

    message: Message
    replies: tuple[Message, ...]
    members: tuple[str, ...]


@attrs.frozen
class Resumption:
    """What an agent needs to carry on that has lost its context.

    Attributes:
        code: Who it is.
        cursor: Its last acknowledged cursor.
        unread: How many messages wait beyond that.
        asked: Its questions that nobody has answered.
        claims: What it holds.
        status: The room, open or closed.
        members: The names of its members.
    """

    code: CodeRecord
    cursor: int
    unread: int
    asked: tuple[Message, ...]
    claims: tuple[Lease, ...]
    status: RoomStatus
    members: tuple[str, ...]


async def post(
    relay: Relay,
    room: str,
    sender: str,
    draft: PostDraft,
    code: CodeRecord | None = None,
) -> PostOutcome:
    """Say something in a room. On return it is durable.

    Args:
        relay: The relay.
        room: Where.
        sender: Under which name.
        draft: What.
        code: The code of the agent that speaks; without one it is the operator.

    Raises:
        RelayError: It was refused; ``contains_secret`` when the text gives away a
            code that would open a room.
    """
    written = (draft.text, *draft.to, draft.expects or "", draft.idempotency_key or "")
    relay.refuse_secrets(*written)
    spell = await relay.speller(room)
    outcome = await relay.ask(
        room,
        Post(
            sender=sender,
            kind=SenderKind.OPERATOR if code is None else SenderKind.AGENT,
            text=draft.text,
            to=tuple(dict.fromkeys(map(spell, draft.to))),
            expects=None if draft.expects is None else spell(draft.expects),
            reply_to=draft.reply_to,
            idempotency_key=draft.idempotency_key,
        ),
        code,
    )
    posted, report = outcome.expect(Posted), outcome.delivery
    assert report is not None  # every Posted has one
    return PostOutcome(posted.message, posted.is_duplicate, report)


async def post_as(relay: Relay, code: CodeRecord, draft: PostDraft) -> PostOutcome:
    """Say something as the agent that holds a code."""
    outcome = await post(relay, code.room, code.name, draft, code)
    now = relay.clock.now().steady_seconds
    relay.presence.record(code.peer, now).waiting_since = now
    return outcome


async def claim(
    relay: Relay, code: CodeRecord, seq: int, lease_seconds: int | None
) -> Lease:
    """Take a question, or renew the claim on it.

    Raises:
        RelayError: Somebody else has it, or nobody may.
    """
    command = Claim(code.name, seq, lease_seconds)
    live, now = await relay.live(code.room), relay.clock.now()
    relay.request_limits.admit_claim(code.peer, now.steady_seconds)
    _refuse_early(live.room, command, now, relay.limits)
    outcome = await relay.ask(code.room, command, code)
    return outcome.expect(ClaimGranted).lease


def _refuse_early(room: Room, command: Claim, now: Instant, limits: Limits) -> None:
    """Refuse what the room as it stands would refuse anyway.

    Sixteen agents run for a question and one gets it. The rules are pure and the
    published room is a value, so the fifteen need not stand in the room's queue to
    be told no: no is right at this instant. A yes is only ever said by the room task.

    Raises:
        RelayError: The claim is lost, or was none.
    """
    if command.seq in room.messages and now.steady_seconds < room.next_lease_deadline:
        check_claim(Transition(room, now, limits), command)


async def release(relay: Relay, code: CodeRecord, seq: int) -> None:
    """Give a claimed question back.

    Raises:
        RelayError: Somebody else has it, or it is answered.
    """
    relay.request_limits.admit_claim(code.peer, relay.clock.now().steady_seconds)
    await relay.ask(code.room, Release(code.name, seq), code)


def _admit_read(relay: Relay, code: CodeRecord) -> None:
    relay.request_limits.admit_read(code.peer, relay.clock.now().steady_seconds)


async def history(relay: Relay, code: CodeRecord, before: int, limit: int) -> History:
    """Look back at what the peer may see below the seq `before`."""
    _admit_read(relay, code)
    live = await relay.live(code.room)
    reader, size = code.peer.name, relay.limits.poll_bytes
    found = look_back(live.room, reader, before, limit, size)
    if found is None:
        with translated():
            found = await relay.store.look_back(live.name, reader, before, limit, size)
    return History(found, live.room.status, relay.members(live))


async def _message(relay: Relay, live: LiveRoom, seq: int) -> Message | None:
    room = live.room
    if seq in room.messages or not room.first <= seq < room.tail_first:
        return room.messages.get(seq)
    with translated():
        return await relay.store.message(live.name, seq)


async def _count_unread(
    relay: Relay, live: LiveRoom, reader: PeerKey, cursor: int
) -> int:
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
    _admit_read(relay, code)
    live = await relay.live(code.room)
    reader = code.peer.name
    found = await _message(relay, live, seq)
    if found is None or not found.is_visible_to(reader):
        raise RelayError(Problem.NOT_FOUND)
    bounds = MAX_REPLIES, relay.limits.poll_bytes
    replies = replies_to(live.room, reader, seq, *bounds)
    if replies is None:
        with translated():
            replies = await relay.store.replies(live.name, reader, seq, *bounds)
    return Thread(found, replies, relay.members(live))


async def peers(relay: Relay, code: CodeRecord) -> list[tuple[LastSeen, str]]:
    """Return who is live in the room of a peer, each with its capabilities."""
    _admit_read(relay, code)
    room, now = code.peer.room, relay.clock.now()
    seen = relay.presence.seen(room, relay.parked_peers(room), now.steady_seconds)
    codes = relay.codes.live_codes(room, now)
    can = {fold(each.name): each.capabilities for each in codes}
    return [(each, can[key]) for key, each in seen.items() if key in can]


async def resume(relay: Relay, code: CodeRecord) -> Resumption:
    """Return what an agent needs that has lost its context."""
    _admit_read(relay, code)
    live = await relay.live(code.room)
    room, reader = live.room, code.peer.name
    cursor = live.cursors.get(reader, 0)
    # The oldest first, and no more than one answer may hold: the rest still count
    # as open, and come up as the first ones are answered.
    builder = PageBuilder(relay.limits.poll_messages, relay.limits.poll_bytes)
    for seq in room.questions.asked_by(reader):
        message = await _message(relay, live, seq)
        if message is not None and not builder.take(message):
            break
    return Resumption(
        code=code,
        cursor=cursor,
        unread=await _count_unread(relay, live, reader, cursor),
        asked=tuple(builder.messages),
        claims=tuple(room.leases_of(code.name)),
        status=room.status,
        members=relay.members(live),
    )
