"""From values to bytes. A message is encoded once, however many read it."""

from collections.abc import Iterable, Sequence
from typing import cast

import msgspec
from msgspec import UNSET, Raw

from argybargy.domain.addressing import resolve_expects
from argybargy.domain.instant import format_timestamp
from argybargy.domain.message import Lease, Message
from argybargy.domain.names import ANYONE
from argybargy.domain.poll_budget import PollBudget
from argybargy.domain.room.state import RoomStatus
from argybargy.relay.api.agent import History, PostOutcome, Thread
from argybargy.relay.api.poll import PollAnswer
from argybargy.relay.room.delivery_report import DeliveryReport
from argybargy.web.codec.bodies import (
    ClaimBody,
    Gap,
    HeldClaim,
    HistoryBody,
    PollBody,
    PollBudgetBody,
    PostAnswer,
    PostedMessage,
    ReadMessage,
    RoomStatusBody,
    ThreadBody,
)


def timestamp(wall_ms: int | None) -> str | None:
    """Render a time that there may not be."""
    return None if wall_ms is None else format_timestamp(wall_ms)


def addressees(message: Message) -> str | list[str]:
    """Render one name as a string, as it always was, and several as a list."""
    return message.to[0] if len(message.to) == 1 else list(message.to)


def posted_message(message: Message) -> PostedMessage:
    """Return a message as its sender is told of it."""
    return PostedMessage(
        seq=message.seq,
        ts=format_timestamp(message.at_ms),
        from_=message.sender,
        to=addressees(message),
        text=message.text,
        expects_reply=message.expects,
        claimed_by=message.claimed_by,
        reply_to=message.reply_to,
        from_kind=message.kind.value,
        event=message.event or UNSET,
    )


def encode_message(message: Message, members: Sequence[str]) -> bytes:
    """Return a message as members of a room read it, encoded once for all of them.

    What may differ between two reads, the hint who is meant by ``anyone``, is the
    key under which the bytes are kept.
    """
    expects = key = message.expects
    if expects == ANYONE:
        expects = resolve_expects(expects, message.sender, members)
        key = f"{ANYONE}: {expects}"
    encoded = message.memo.get(key)
    if encoded is None:
        head = msgspec.json.encode(posted_message(message))[:-1]
        encoded = b'%b,"expects_reply_resolved":"%b"}' % (head, expects.encode())
        message.memo.clear()
        message.memo[key] = encoded
    return encoded


def encode_messages(
    messages: Iterable[Message], members: Sequence[str]
) -> list[ReadMessage]:
    """Return messages, encoded, where a body takes messages.

    Most of them are found under what they expect, which is never ``anyone`` itself.
    """
    encoded = [
        message.memo.get(message.expects) or encode_message(message, members)
        for message in messages
    ]
    return cast("list[ReadMessage]", Raw(b"[%b]" % b",".join(encoded)))


def poll(answer: PollAnswer) -> bytes:
    """Encode what a poll delivers."""
    page, budget = answer.page, answer.budget
    return msgspec.json.encode(
        PollBody(
            messages=encode_messages(page.messages, answer.members),
            cursor=page.cursor,
            first_seq=page.first,
            more=page.has_more,
            room=room_status(answer.status),
            room_closed=answer.status.is_closed,
            should_exit=budget.should_exit,
            exit_reason=budget.reason,
            poll_budget=poll_budget(budget),
            gap=Gap(*answer.gap) if answer.gap else UNSET,
            reset=answer.is_reset or UNSET,
            retry_after=answer.retry_seconds or UNSET,
        )
    )


def history(room: str, history: History) -> bytes:
    """Encode a look back."""
    found = history.lookback
    return msgspec.json.encode(
        HistoryBody(
            room=room,
            messages=encode_messages(found.messages, history.members),
            room_status=room_status(history.status),
            first_seq=found.first,
            more=found.has_more,
        )
    )


def thread(thread: Thread) -> bytes:
    """Encode one message with its replies."""
    message = Raw(encode_message(thread.message, thread.members))
    replies = encode_messages(thread.replies, thread.members)
    return msgspec.json.encode(ThreadBody(cast("ReadMessage", message), replies))


def room_status(status: RoomStatus) -> RoomStatusBody:
    """Return a room's status as it is read."""
    return RoomStatusBody(
        name=status.name,
        status="closed" if status.is_closed else "open",
        closed_at=status.closed_at,
        closed_by=status.closed_by,
    )


def poll_budget(budget: PollBudget) -> PollBudgetBody:
    """Return a budget as it is read."""
    return PollBudgetBody(
        waited_seconds=budget.waited_seconds,
        room_quiet_seconds=budget.room_quiet_seconds,
        idle_seconds=budget.idle_seconds,
        max_idle_seconds=budget.max_idle_seconds,
        seconds_left=budget.seconds_left,
        should_exit=budget.should_exit,
        reason=budget.reason,
    )


def post_answer(outcome: PostOutcome, ignored: list[str]) -> bytes:
    """Encode what became of a post."""
    return msgspec.json.encode(
        PostAnswer(
            ok=True,
            message=posted_message(outcome.message),
            delivery=delivery(outcome.delivery),
            duplicate=outcome.is_duplicate or UNSET,
            ignored=ignored or UNSET,
        )
    )


def delivery(told: DeliveryReport) -> dict[str, str | dict[str, int]]:
    """Return how the addressees learn of a post."""
    if told.counts is not None:
        return {"all": {reach.value: count for reach, count in told.counts}}
    return {name: reach.value for name, reach in told.to}


def claim(lease: Lease, ignored: list[str]) -> bytes:
    """Encode a claim that was won."""
    return msgspec.json.encode(
        ClaimBody(
            won=True,
            claimed_by=lease.holder,
            seq=lease.seq,
            fence=lease.fence,
            lease_seconds=lease.seconds,
            expires_at=timestamp(lease.expires_ms),
            ignored=ignored or UNSET,
        )
    )


def held_claim(lease: Lease) -> HeldClaim:
    """Return a claim as its holder reads it."""
    return HeldClaim(lease.seq, lease.fence, lease.seconds, timestamp(lease.expires_ms))
