"""Answer a question of which the operator was notified."""

import attrs

from argybargy.domain.errors import Problem, RelayError
from argybargy.domain.message import Message
from argybargy.domain.names import OPERATOR, RoomKey
from argybargy.domain.room.writes import Audit
from argybargy.relay.api.agent import find_message
from argybargy.relay.api.operator import OPERATOR_ACTOR, say
from argybargy.relay.api.posting import PostDraft
from argybargy.relay.relay import Relay
from argybargy.relay.room.task import LiveRoom
from argybargy.relay.store_errors import translated
from argybargy.system.values import frozen


@frozen
class NotifiedQuestion:
    """An open question of which the operator was notified.

    Attributes:
        room: The name of the room.
        message: The question.
    """

    room: str
    message: Message


async def find_notified_question(
    relay: Relay, notice_id: str
) -> NotifiedQuestion | None:
    """Return the question of a notice.

    Returns:
        ``None`` if it needs no answer any more: it was answered or withdrawn, or its
        room is closed or deleted.

    Raises:
        RelayError: The room could not be loaded, or the notices not be read.
    """
    key = relay.notifications.question_of(notice_id)
    if key is None and not relay.nodes.may_be_leading:
        # The leading node may have told of it just now.
        with translated():
            await relay.notifications.reread()
        key = relay.notifications.question_of(notice_id)
    if key is None or not await relay.has_room(key.room):
        return None
    return await _find_open(relay, key.room, int(key.subject))


async def _find_open(relay: Relay, room: RoomKey, seq: int) -> NotifiedQuestion | None:
    live = await relay.live(room)
    found = await _find_open_in(relay, live, seq)
    if found is None and relay.is_shared:
        await live.confirm()  # this node may not have heard of the question yet
        found = await _find_open_in(relay, live, seq)
    return found


async def _find_open_in(
    relay: Relay, live: LiveRoom, seq: int
) -> NotifiedQuestion | None:
    if live.room.status.is_closed or not live.room.exists:
        return None
    message = await find_message(relay, live, seq)
    if message is None or not message.is_open:
        return None
    return NotifiedQuestion(live.room.name, message)


async def answer_notified(
    relay: Relay, notice_id: str, draft: PostDraft
) -> NotifiedQuestion:
    """Answer the question of a notice as the operator, once.

    A second call with the same draft stores nothing, as with any idempotency key.

    Args:
        relay: The relay.
        notice_id: The id of the notice.
        draft: The text and the choice of the answer; the rest is filled in.

    Raises:
        RelayError: ``not_found`` if the question needs no answer any more, or the
            answer was refused.
    """
    found = await find_notified_question(relay, notice_id)
    if found is None:
        raise RelayError(Problem.NOT_FOUND)
    question = found.message
    draft = attrs.evolve(
        draft,
        to=(question.sender,),
        reply_to=question.seq,
        idempotency_key=f"answer-{notice_id}",
    )
    await say(relay, found.room, OPERATOR, draft, may_create=False)
    now = relay.clock.now()
    detail = f"answered {question.seq} by a link"
    relay.write_behind.note(
        Audit(now.wall_ms, "answer_link", OPERATOR_ACTOR, found.room, detail)
    )
    return found
