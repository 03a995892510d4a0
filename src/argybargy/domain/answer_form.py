"""The form of an answer to a poll: how much text, and what is counted instead."""

from collections import Counter
from typing import Final

import attrs

from argybargy.domain.addressing import NO_ADDRESSES
from argybargy.domain.message import Message
from argybargy.domain.names import NOBODY, PeerKey
from argybargy.domain.pages import Page, PageBuilder
from argybargy.domain.room.state import Room
from argybargy.domain.wake_policy import Wake, ends_wait, replied_message
from argybargy.system.values import frozen


@frozen
class AnswerForm:
    """The wishes of a poll about its answer.

    Attributes:
        max_bytes: Maximum bytes of text, one message always fits; ``None`` for as many
            as the relay allows.
        is_digest: Whether messages for information are counted instead of delivered.
    """

    max_bytes: int | None = None
    is_digest: bool = False


WHOLE: Final = AnswerForm()


@frozen
class Digest:
    """The messages of a page that were counted instead of delivered.

    Attributes:
        first: The first of their seqs.
        last: The last of their seqs.
        counts: Their number by sender, as spelled.
    """

    first: int
    last: int
    counts: tuple[tuple[str, int], ...]


def is_whole_in_digest(
    message: Message,
    room: Room,
    reader: PeerKey,
    addresses: frozenset[PeerKey] = NO_ADDRESSES,
) -> bool:
    """Tell whether a digest gives a message whole.

    It does so for questions, and for all messages that end a wait for direct messages.
    """
    if message.expects != NOBODY:
        return True
    replied_to = replied_message(room, message)
    return ends_wait(message, replied_to, reader, Wake.DIRECT, addresses)


def digested(
    page: Page,
    room: Room,
    reader: PeerKey,
    limit: int,
    max_bytes: int,
    *,
    addresses: frozenset[PeerKey] = NO_ADDRESSES,
) -> tuple[Page, Digest | None]:
    """Count the messages of a page that are for information only.

    The page and the digest together cover what the cursor covers.

    Args:
        page: The messages in `room` for the reader.
        room: The room.
        reader: The reading peer.
        limit: Maximum messages given whole.
        max_bytes: Maximum bytes of their text; one message always fits.
        addresses: The addresses ``can:WORD`` of the reader's capabilities.

    Returns:
        The page of the messages given whole, which ends before the first that does not
        fit, and the digest of the others up to there; ``None`` if there are none.
    """
    builder, counts = PageBuilder(limit, max_bytes), Counter[str]()
    first, last, cursor = 0, 0, page.cursor
    for message in page.messages:
        if not is_whole_in_digest(message, room, reader, addresses):
            first, last = first or message.seq, message.seq
            counts[message.sender] += 1
        elif not builder.take(message):
            cursor = message.seq - 1
            break
    whole = attrs.evolve(page, messages=tuple(builder.messages), cursor=cursor)
    if not counts:
        return whole, None
    return whole, Digest(first, last, tuple(sorted(counts.items())))
