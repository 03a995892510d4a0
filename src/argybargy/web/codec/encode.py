"""Convert values to response bodies. Each message is encoded once and kept encoded.

A busy room delivers the same message to hundreds of agents, so its JSON is kept in the
message's `memo` and spliced into every body as ``msgspec.Raw``. It lives as long as the
message object itself.
"""

from collections.abc import Iterable, Sequence
from typing import Final, Literal, cast

import msgspec
from msgspec import UNSET, Raw, UnsetType

from argybargy.domain.access_codes import CodeRecord, Role
from argybargy.domain.addressing import resolve_expects
from argybargy.domain.answer_form import Digest
from argybargy.domain.instant import format_timestamp
from argybargy.domain.message import Lease, Message
from argybargy.domain.names import ANYONE
from argybargy.domain.poll_budget import PollBudget
from argybargy.domain.room.commands import ClaimGranted
from argybargy.domain.room.questions import question_state
from argybargy.domain.room.state import RoomStatus
from argybargy.onboarding.instructions import RESPONSE_RULE
from argybargy.relay.api.agent import History, Resumption, Thread
from argybargy.relay.api.poll import PollAnswer
from argybargy.relay.api.posting import PostOutcome
from argybargy.relay.room.delivery_report import (
    DeliveryReport,
    OperatorPresence,
    Reachability,
)
from argybargy.system.values import frozen
from argybargy.web.codec.bodies import (
    ClaimBody,
    DigestBody,
    Gap,
    HistoryBody,
    PollBody,
    PollBudgetBody,
    PostAnswer,
    PostedMessage,
    QuestionBody,
    ReadMessage,
    RoomStatusBody,
    ThreadBody,
)
from argybargy.web.codec.peer_bodies import HeldClaim, OperatorBody, ResumeBody
from argybargy.web.request import Response, json_response

_POLL: Final = "poll"
"""Key of the memo of a page."""


def timestamp(wall_ms: int | None) -> str | None:
    """Format a time in milliseconds since the epoch; ``None`` stays ``None``."""
    return None if wall_ms is None else format_timestamp(wall_ms)


def addressees(message: Message) -> str | list[str]:
    """Return one addressee as a string, and several as a list."""
    return message.to[0] if len(message.to) == 1 else list(message.to)


def guest_role(code: CodeRecord) -> Literal["person", "reader"] | UnsetType:
    """Return the role of a code for JSON, where agents have none."""
    match code.role:
        case Role.AGENT:
            return UNSET
        case Role.PERSON:
            return "person"
        case Role.READER:
            return "reader"


def posted_message(message: Message, lease: Lease | None = None) -> PostedMessage:
    """Convert a message for its sender, without ``expects_reply_resolved``.

    Args:
        message: The message.
        lease: The lease of the claim on it, to say until when.
    """
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
        question=question_body(message, lease),
        choices=list(message.choices) or UNSET,
        choice=UNSET if message.choice is None else message.choice,
    )


def question_body(
    message: Message, lease: Lease | None = None
) -> QuestionBody | UnsetType:
    """Return the state of a question; ``UNSET`` for a message that asks nothing.

    Args:
        message: The message.
        lease: The lease of the claim on it, to say until when.
    """
    found = question_state(message, lease)
    if found is None:
        return UNSET
    return QuestionBody(
        state=found.status.value,
        by=found.by or UNSET,
        seq=found.seq or UNSET,
        reason=found.reason or UNSET,
        until=timestamp(found.until_ms) or UNSET,
    )


def encode_message(message: Message, members: Sequence[str]) -> bytes:
    """Return a message as JSON, from its memo if it was encoded before.

    Only the field ``expects_reply_resolved`` of a question to ``anyone`` may change
    between two reads, as members join and leave. The memo has one entry, whose key
    is the resolved name: bytes made for other members are replaced.
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


def encode_leased(
    message: Message, members: Sequence[str], lease: Lease | None
) -> bytes:
    """Return a message as JSON, with the end of the claim on it.

    The memo is without that end: renewals move it, and an encoded message is kept
    until its claim or the end of its question changes. A quotation mark in a text is
    escaped, so no text can look like the field that is replaced here.
    """
    encoded = encode_message(message, members)
    if lease is None or lease.expires_ms is None:
        return encoded
    before, after = (
        b'"question":' + msgspec.json.encode(question_body(message, each))
        for each in (None, lease)
    )
    return encoded.replace(before, after, 1)


def encode_messages(
    messages: Iterable[Message], members: Sequence[str]
) -> list[ReadMessage]:
    """Return a JSON list of messages, typed as the list that a body declares."""
    # Read the memo here to save a call for each message: a plain key is the message's
    # `expects`. Questions to anyone have another key and take the call.
    encoded = [
        message.memo.get(message.expects) or encode_message(message, members)
        for message in messages
    ]
    return cast("list[ReadMessage]", Raw(b"[%b]" % b",".join(encoded)))


def read_message(
    message: Message, members: Sequence[str], lease: Lease | None = None
) -> ReadMessage:
    """Return one message as JSON, typed as the message that a body declares."""
    return cast("ReadMessage", Raw(encode_leased(message, members, lease)))


@frozen
class _EncodedPoll:
    """The response to a poll, with what it was made of beside the page."""

    made_of: tuple[object, ...]
    response: Response


def poll_response(answer: PollAnswer) -> Response:
    """Return the response to a poll, made once for all who get the same answer.

    A page of messages is shared by all polls that stand at one cursor of a room. They
    differ in little else, and that rarely: a broadcast to 200 polls makes one or two
    bodies, and saves 12 us of each delivery.
    """
    page = answer.page
    if not page.messages or answer.digest is not None or answer.left is not None:
        return json_response(poll_body(answer))
    made_of = (
        answer.since,
        answer.budget,
        answer.is_reset,
        answer.is_draining,
        answer.is_displaced,
        answer.status,
        answer.members,
    )
    kept = page.memo.get(_POLL)
    if isinstance(kept, _EncodedPoll) and kept.made_of == made_of:
        return kept.response
    response = json_response(poll_body(answer))
    page.memo[_POLL] = _EncodedPoll(made_of, response)
    return response


def poll_body(answer: PollAnswer) -> PollBody:
    """Return the body of a poll."""
    page, budget = answer.page, answer.budget
    return PollBody(
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
        left=UNSET if answer.left is None else answer.left,
        digest=UNSET if answer.digest is None else digest_body(answer.digest),
    )


def digest_body(digest: Digest) -> DigestBody:
    """Convert a digest."""
    return DigestBody(digest.first, digest.last, dict(digest.counts))


def history_body(room: str, history: History) -> HistoryBody:
    """Return the body of a history page."""
    found = history.lookback
    return HistoryBody(
        room=room,
        messages=encode_messages(found.messages, history.members),
        room_status=room_status(history.status),
        first_seq=found.first,
        more=found.has_more,
    )


def thread_body(thread: Thread) -> ThreadBody:
    """Return the body of a message with its replies."""
    return ThreadBody(
        read_message(thread.message, thread.members, thread.lease),
        encode_messages(thread.replies, thread.members),
        list(thread.read_by),
    )


def room_status(status: RoomStatus) -> RoomStatusBody:
    """Convert the status of a room."""
    return RoomStatusBody(
        name=status.name,
        status="closed" if status.is_closed else "open",
        closed_at=status.closed_at,
        closed_by=status.closed_by,
    )


def poll_budget(budget: PollBudget) -> PollBudgetBody:
    """Convert a poll budget."""
    return PollBudgetBody(
        waited_seconds=budget.waited_seconds,
        room_quiet_seconds=budget.room_quiet_seconds,
        idle_seconds=budget.idle_seconds,
        max_idle_seconds=budget.max_idle_seconds,
        seconds_left=budget.seconds_left,
        should_exit=budget.should_exit,
        reason=budget.reason,
    )


def post_answer(outcome: PostOutcome) -> PostAnswer:
    """Return the body of a post."""
    message = posted_message(outcome.message, outcome.lease)
    if not outcome.is_kept:
        message = msgspec.structs.replace(message, question=UNSET)
    return PostAnswer(
        ok=True,
        message=message,
        delivery=delivery(outcome.delivery),
        duplicate=outcome.is_duplicate or UNSET,
        hint=outcome.hint or UNSET,
        warning=outcome.warning or UNSET,
        receipts=receipts(outcome.delivery),
    )


def receipts(report: DeliveryReport) -> dict[str, str] | UnsetType:
    """Convert the receipts of a post; ``UNSET`` if it names nobody."""
    return {name: str(receipt) for name, receipt in report.receipts} or UNSET


def delivery(report: DeliveryReport) -> dict[str, str | dict[str, int]]:
    """Convert a delivery report: by addressee, or counted for a message to all."""
    if report.counts is not None:
        return {"all": {reach.value: count for reach, count in report.counts}}
    return {name: reach.value for name, reach in report.to}


def operator_body(operator: OperatorPresence) -> OperatorBody:
    """Convert the presence of the operator."""
    match operator.reach:
        case Reachability.WATCHING:
            return OperatorBody("watching")
        case Reachability.NOTIFIED:
            return OperatorBody("notified", timestamp(operator.notified_ms) or UNSET)
        case _:
            return OperatorBody("away")


def claim_body(granted: ClaimGranted) -> ClaimBody:
    """Return the body of a claim that was granted."""
    lease = granted.lease
    return ClaimBody(
        won=True,
        claimed_by=lease.holder,
        seq=lease.seq,
        fence=lease.fence,
        lease_seconds=lease.seconds,
        expires_at=timestamp(lease.expires_ms),
        question=question_body(granted.message, lease),
    )


def held_claim(held: ClaimGranted) -> HeldClaim:
    """Convert a claim for its holder."""
    lease = held.lease
    return HeldClaim(
        lease.seq,
        lease.fence,
        lease.seconds,
        timestamp(lease.expires_ms),
        question_body(held.message, lease),
    )


def resume_body(found: Resumption, capabilities: str) -> ResumeBody:
    """Return the body of the state that an agent continues from.

    Args:
        found: The state.
        capabilities: What the agent can do, as last stated.
    """
    code = found.code
    return ResumeBody(
        name=code.name,
        room=code.room,
        capabilities=capabilities,
        expires=timestamp(code.expires_ms),
        cursor=found.cursor,
        unread=found.unread,
        open_questions=[
            read_message(message, found.members, lease)
            for message, lease in found.asked
        ],
        claims=[held_claim(held) for held in found.claims],
        room_status=room_status(found.status),
        response_rule=list(RESPONSE_RULE),
    )
