"""Post only if the sender has read everything, and else give it what is unread.

The room task decides: it knows of every message that was stored before the post would
be. What the sender lacks is then read by an ordinary poll. It may return more than the
messages that refused the post, and none of those is missing.
"""

from argybargy.domain.access_codes import CodeRecord
from argybargy.domain.errors import Problem, RelayError
from argybargy.relay.api.poll import poll
from argybargy.relay.api.poll_answer import PollAnswer, PollRequest
from argybargy.relay.api.posting import PostDraft, PostOutcome, post_as
from argybargy.relay.relay import Relay
from argybargy.system.values import frozen


@frozen
class Unread:
    """A refused post, and the messages that its sender has not read.

    Attributes:
        refusal: The error, ``unread_messages``.
        answer: What a poll from the sender's cursor returns.
    """

    refusal: RelayError
    answer: PollAnswer


async def post_if_read(
    relay: Relay, code: CodeRecord, draft: PostDraft
) -> PostOutcome | Unread:
    """Post a message, unless the sender has unread messages after its cursor.

    A post with a cursor counts as an immediate read as well. The cursor counts as
    acknowledged when the post is refused.

    Raises:
        RelayError: The post was refused for another reason; ``rate_limited`` also when
            the sender may not read now. Nothing was posted.
    """
    if draft.read_to is not None:
        steady = relay.clock.now().steady_seconds
        relay.request_limits.admit_read(code.peer, steady)
    try:
        return await post_as(relay, code, draft)
    except RelayError as error:
        if error.problem is not Problem.UNREAD_MESSAGES or draft.read_to is None:
            raise
        refusal = error.with_traceback(None)
    request = PollRequest(draft.read_to, 0, relay.limits.poll_messages)
    return Unread(refusal, await poll(relay, code, request))
