"""Ask and wait: post a question, and park until it has ended.

A question has ended when it was answered or withdrawn. A wait for that is parked like
a poll: it counts among the polls of its peer, the oldest of too many is displaced, and
the end of the code, the closing of the room and the draining of the relay wake it.
Messages do not: they could be many, and only the end of the question is asked for. One
kind does: a question that asks back, since its sender may wait for an answer as well.

The answer that is returned here is not acknowledged. The next poll delivers it like any
other message, so that the cursor law holds and a lost response loses nothing.

*Subscribe before reading*: an end that is published between the two leaves a token, and
the wait returns at once.
"""

from collections.abc import Callable

import attrs
import trio

from argybargy.domain.access_codes import CodeRecord
from argybargy.domain.addressing import default_asked
from argybargy.domain.errors import Problem, RelayError
from argybargy.domain.instant import Instant
from argybargy.domain.message import Message
from argybargy.domain.names import NOBODY, OPERATOR, PeerKey, peer_key
from argybargy.domain.room.answering import is_asking_back
from argybargy.domain.room.state import RoomStatus
from argybargy.relay.api.agent import Thread, admit_read, find_message, read_thread
from argybargy.relay.api.claim_renewal import renew_claims, renew_claims_nowait
from argybargy.relay.api.conditional_post import Unread, post_if_read
from argybargy.relay.api.poll import LONG_POLL_SECONDS
from argybargy.relay.api.poll_answer import DISPLACED_RETRY_SECONDS, DRAIN_RETRY_SECONDS
from argybargy.relay.api.posting import PostDraft, PostOutcome
from argybargy.relay.relay import Relay
from argybargy.relay.room.subscriptions import Subscription
from argybargy.relay.room.task import LiveRoom
from argybargy.system.values import frozen


@frozen
class Waited:
    """The outcome of a wait for the end of a question.

    Attributes:
        status: The room's name and whether it is closed.
        is_over: Whether there is nothing left to wait for: the question has ended, or
            the room is closed.
        has_parked: Whether the request parked, and no other took its place.
        retry_seconds: Pause before the next such wait; ``None`` without one.
    """

    status: RoomStatus
    is_over: bool
    has_parked: bool
    retry_seconds: int | None = None


@frozen
class Asked:
    """A question that was posted, and what has become of it.

    Attributes:
        posted: The outcome of the post.
        message: The question as it is now.
        answer: The answering message; ``None`` without one.
        waited: The outcome of the wait.
        members: The names of the room's members.
        asked_back: The latest message that asks back; ``None`` without one, or if the
            question has ended.
    """

    posted: PostOutcome
    message: Message
    answer: Message | None
    waited: Waited
    members: tuple[str, ...]
    asked_back: Message | None = None


@frozen
class AwaitedThread:
    """A message with its replies, after a wait for the end of its question.

    Attributes:
        thread: The message and its replies.
        answer: The answering message, if the reader may see it.
        waited: The outcome of the wait.
        asked_back: As in :class:`Asked`.
    """

    thread: Thread
    answer: Message | None
    waited: Waited
    asked_back: Message | None = None


async def ask_as(
    relay: Relay, code: CodeRecord, draft: PostDraft, wait_seconds: float
) -> Asked | Unread:
    """Post a question as an agent, and wait for its end.

    With a cursor in the draft it is not posted if the agent has unread messages.

    A repeated call with the same idempotency key waits on. Cancelling takes nothing
    back: the question stays posted.

    Raises:
        RelayError: As :func:`~argybargy.relay.api.conditional_post.post_if_read`;
            ``invalid_request`` if nobody else is asked; ``unauthorized`` if the code
            ends meanwhile.
    """
    expects = draft.expects or default_asked(draft.to)
    if peer_key(expects) in {NOBODY, code.peer.name}:
        raise RelayError.invalid(
            "expects_reply", "ask somebody: 'anyone', 'operator' or another peer"
        )
    draft = attrs.evolve(draft, expects=expects)
    posted = await post_if_read(relay, code, draft)
    if isinstance(posted, Unread):
        return posted
    live, seq = await relay.live(code.room), posted.message.seq
    after = live.room.head if posted.is_duplicate else seq
    back = _Back(live, posted.message, after, is_asker=True)
    waited = await _wait_as(
        relay, code, back, wait_seconds, is_counted=not posted.is_duplicate
    )
    # Retention may have dropped the question: then it is as it was posted.
    message = await find_message(relay, live, seq) or posted.message
    answer = await find_answer(relay, live, message, code.reads_as)
    asked_back = back.latest()
    _note_end(relay, code, has_heard=not (answer is None and asked_back is None))
    return Asked(posted, message, answer, waited, relay.members(live), asked_back)


async def await_thread(
    relay: Relay, code: CodeRecord, seq: int, wait_seconds: float
) -> AwaitedThread:
    """Return a message with its replies, once its question has ended.

    Raises:
        RelayError: ``not_found``, also when the peer may not see it; ``rate_limited``;
            ``unauthorized`` if the code ends meanwhile.
    """
    live = await relay.live(code.room)
    if seq > live.room.head:
        await live.confirm()
    is_long = wait_seconds >= LONG_POLL_SECONDS and _is_open(live, seq)
    if not is_long:
        admit_read(relay, code)
    found = await find_message(relay, live, seq)
    if found is None or not found.is_visible_to(code.reads_as):
        if is_long:
            admit_read(relay, code)
        raise RelayError(Problem.NOT_FOUND)
    if live.room.leases:
        await renew_claims(code, live)
    is_asker = found.agent_key == code.peer.name
    back = _Back(live, found, live.room.head, is_asker=is_asker)
    waited = await _wait_as(relay, code, back, wait_seconds, is_counted=not is_long)
    thread = await read_thread(relay, live, code.reads_as, seq)
    answer = await find_answer(relay, live, thread.message, code.reads_as)
    has_heard = waited.has_parked and (answer is not None or back.has_come())
    _note_end(relay, code, has_heard=has_heard)
    return AwaitedThread(thread, answer, waited, back.latest())


async def await_thread_as_operator(
    relay: Relay,
    room: str,
    seq: int,
    wait_seconds: float,
    is_allowed: Callable[[Instant], bool],
) -> AwaitedThread:
    """Return a message with all its replies, once its question has ended.

    The waits of all operators in a room count as those of one peer.

    Args:
        relay: The relay.
        room: The name of the room.
        seq: The message.
        wait_seconds: How long to wait; 0 does not wait.
        is_allowed: Tells whether the operator may still wait.

    Raises:
        RelayError: ``room_not_found`` or ``not_found``.
    """
    if not await relay.has_room(room):
        raise RelayError(Problem.ROOM_NOT_FOUND)
    live = await relay.live(room)
    found = await find_message(relay, live, seq)
    if found is None:
        raise RelayError(Problem.NOT_FOUND)
    is_asker = found.asker_key == OPERATOR
    back = _Back(live, found, live.room.head, is_asker=is_asker)
    with live.polls.subscribe(OPERATOR, question=seq) as subscription:
        await park_until_ended(relay, back, subscription, wait_seconds, is_allowed)
    waited = outcome_of(relay, live, subscription)
    thread = await read_thread(relay, live, None, seq)
    answer = await find_answer(relay, live, thread.message, None)
    return AwaitedThread(thread, answer, waited, back.latest())


@frozen
class _Back:
    """The messages that ask back about a question.

    Only those of the room's tail are found. A wait ends for those that come during it:
    one that ended for an older one again and again would not wait.

    Attributes:
        live: The room.
        question: The question, as it was when the wait began.
        after: The newest seq when the wait began.
        is_asker: Whether the asker waits; others are not asked anything.
    """

    live: LiveRoom
    question: Message
    after: int
    is_asker: bool

    def has_come(self) -> bool:
        """Tell whether one has come since the wait began."""
        return self._latest_after(self.after) is not None

    def latest(self) -> Message | None:
        """Return the latest one; ``None`` if there is none, or the question ended."""
        if not _is_open(self.live, self.question.seq):
            return None
        return self._latest_after(self.question.seq)

    def _latest_after(self, after: int) -> Message | None:
        if not self.is_asker:
            return None
        room = self.live.room
        question = room.messages.get(self.question.seq, self.question)
        oldest = max(after + 1, room.tail_first, room.first)
        for seq in range(room.head, oldest - 1, -1):
            message = room.messages[seq]
            if is_asking_back(message, question):
                return message
        return None


async def find_answer(
    relay: Relay, live: LiveRoom, message: Message, reader: PeerKey | None
) -> Message | None:
    """Return the message that answered a question, if the reader may see it.

    Args:
        relay: The relay.
        live: The room.
        message: The question.
        reader: The reader; ``None`` for the operator, who sees all messages.

    Raises:
        RelayError: The store could not be read.
    """
    end = message.resolution
    if end is None or end.seq is None:
        return None
    answer = await find_message(relay, live, end.seq)
    if answer is None or (reader is not None and not answer.is_visible_to(reader)):
        return None
    return answer


async def _wait_as(
    relay: Relay,
    code: CodeRecord,
    back: _Back,
    wait_seconds: float,
    *,
    is_counted: bool,
) -> Waited:
    """Wait as an agent. A wait that does not park counts as an immediate read.

    Raises:
        RelayError: ``unauthorized``, ``rate_limited``, or the room has failed.
    """

    def is_live(now: Instant) -> bool:
        return relay.codes.is_live(code, now)

    live, seq = back.live, back.question.seq
    seconds = min(wait_seconds, relay.codes.seconds_left(code, relay.clock.now()))
    with live.polls.subscribe(code.peer.name, question=seq) as subscription:
        try:
            await park_until_ended(relay, back, subscription, seconds, is_live)
        finally:
            renew_claims_nowait(code, live)
    if not is_live(relay.clock.now()):
        raise RelayError(Problem.UNAUTHORIZED)
    waited = outcome_of(relay, live, subscription)
    if not (is_counted or (waited.has_parked and seconds >= LONG_POLL_SECONDS)):
        admit_read(relay, code)
    return waited


async def park_until_ended(
    relay: Relay,
    back: _Back,
    subscription: Subscription,
    seconds: float,
    is_allowed: Callable[[Instant], bool],
) -> None:
    """Park until a question has ended, or there is another reason to respond.

    Args:
        relay: The relay.
        back: The room, the question, and what asks back about it.
        subscription: A subscription that waits for the question, within its block.
        seconds: How long to park; 0 does not park.
        is_allowed: Tells whether the waiting client may still wait.

    Raises:
        RelayError: The room has failed.
    """
    live = back.live

    def may_wait() -> bool:
        live.check()
        return not (
            subscription.is_displaced
            or relay.is_draining
            or not _is_open(live, subscription.question)
            or not is_allowed(relay.clock.now())
            or back.has_come()
        )

    if seconds <= 0 or not may_wait():
        return
    live.polls.park(subscription)
    with trio.move_on_after(seconds):
        while may_wait():
            await subscription.wait_woken()


def outcome_of(relay: Relay, live: LiveRoom, subscription: Subscription) -> Waited:
    """Return the outcome of a wait.

    Raises:
        RelayError: The room has failed.
    """
    live.check()
    is_over = not _is_open(live, subscription.question)
    retry_seconds = None
    if not is_over and relay.is_draining:
        retry_seconds = DRAIN_RETRY_SECONDS
    elif not is_over and subscription.is_displaced:
        retry_seconds = DISPLACED_RETRY_SECONDS
    has_parked = subscription.is_parked and not subscription.is_displaced
    return Waited(live.room.status, is_over, has_parked, retry_seconds)


def _is_open(live: LiveRoom, seq: int | None) -> bool:
    """Tell whether the end of a question can be waited for."""
    return seq in live.room.questions and not live.room.status.is_closed


def _note_end(relay: Relay, code: CodeRecord, *, has_heard: bool) -> None:
    """Note the end of a wait, as that of a poll: an answer is a received message."""
    now = relay.clock.now().steady_seconds
    record = relay.presence.record(code.peer, now)
    record.seen_at = now
    if has_heard:
        record.waiting_since = now
