"""Post a message to a room, as an agent or as the operator."""

from itertools import islice
from typing import Final

from argybargy.domain.access_codes import CodeRecord, Role
from argybargy.domain.message import Lease, Message, SenderKind
from argybargy.domain.names import peer_key, room_key
from argybargy.domain.room.answering import hint_for
from argybargy.domain.room.commands import Post, Posted
from argybargy.relay.relay import Relay
from argybargy.relay.room.delivery_report import DeliveryReport
from argybargy.system.values import frozen

KIND_OF_ROLE: Final = {Role.AGENT: SenderKind.AGENT, Role.PERSON: SenderKind.PERSON}


@frozen
class PostDraft:
    """A message to post, as received.

    Attributes:
        text: The text.
        to: The addressees, in any spelling.
        expects: The peer asked for an answer, in any spelling; ``None`` takes the
            default of the addressing.
        reply_to: The seq of the message that this one answers.
        idempotency_key: A key that makes a repeated post return the first message.
        read_to: The cursor after which the sender must have no unread messages;
            ``None`` posts in any case.
        choices: The answers that the question offers.
        choice: The choice that this answer takes, in any spelling.
        room: The room that an agent has named with it; the caller has chosen the room.
    """

    text: str
    to: tuple[str, ...]
    expects: str | None = None
    reply_to: int | None = None
    idempotency_key: str | None = None
    read_to: int | None = None
    choices: tuple[str, ...] = ()
    choice: str | None = None
    room: str | None = None

    @property
    def written(self) -> tuple[str, ...]:
        """All that its sender wrote and a reader may see."""
        return (
            self.text,
            *self.to,
            self.expects or "",
            self.idempotency_key or "",
            *self.choices,
            self.choice or "",
        )


@frozen
class PostOutcome:
    """The outcome of a post.

    Attributes:
        message: The stored message.
        is_duplicate: Whether an earlier post with the same key had stored it.
        delivery: How the addressees can be reached.
        hint: What to do about an answer that could belong to several questions.
        warning: Which addressees are unknown.
        is_kept: Whether the room still has the message.
        lease: The lease of the claim on it, if there is one.
    """

    message: Message
    is_duplicate: bool
    delivery: DeliveryReport
    hint: str | None = None
    warning: str | None = None
    is_kept: bool = True
    lease: Lease | None = None


async def post(
    relay: Relay,
    room: str,
    sender: str,
    draft: PostDraft,
    code: CodeRecord | None = None,
    *,
    may_create: bool = True,
) -> PostOutcome:
    """Post a message to a room. On return it is durable.

    Args:
        relay: The relay.
        room: The name of the room.
        sender: The name to post under.
        draft: The message.
        code: The code of the posting agent; ``None`` for the operator.
        may_create: Whether the post may create the room.

    Raises:
        RelayError: The post was refused; ``contains_secret`` when the text contains a
            code that would open a room.
    """
    relay.refuse_secrets(*draft.written)
    spell = await relay.speller(room)
    outcome = await relay.ask(
        room,
        Post(
            sender=sender,
            kind=SenderKind.OPERATOR if code is None else KIND_OF_ROLE[code.role],
            text=draft.text,
            to=tuple(dict.fromkeys(map(spell, draft.to))),
            expects=None if draft.expects is None else spell(draft.expects),
            reply_to=draft.reply_to,
            idempotency_key=draft.idempotency_key,
            other_agents=_other_agents(relay, room, sender),
            read_to=draft.read_to,
            choices=draft.choices,
            choice=draft.choice,
            may_create=may_create,
        ),
        code,
    )
    posted, report = outcome.expect(Posted), outcome.delivery
    assert report is not None  # every Posted has one
    return PostOutcome(
        posted.message,
        posted.is_duplicate,
        report,
        hint_for(posted.answers, spell),
        report.warning,
        posted.is_kept,
        posted.lease,
    )


def _other_agents(relay: Relay, room: str, sender: str) -> tuple[str, ...]:
    """Return two of the other agents of a room, or all if there are fewer."""
    names = relay.codes.live_names(room_key(room), relay.clock.now())
    return tuple(islice((name for name in names if name != peer_key(sender)), 2))


async def post_as(relay: Relay, code: CodeRecord, draft: PostDraft) -> PostOutcome:
    """Post a message as the agent that holds a code."""
    outcome = await post(relay, code.room, code.name, draft, code)
    now = relay.clock.now().steady_seconds
    relay.presence.record(code.peer, now).waiting_since = now
    return outcome
