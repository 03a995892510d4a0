"""Reading: which messages a poll or a look back delivers, and how far it got."""

from collections.abc import Iterable

import attrs

from argybargy.domain.limits import Limits
from argybargy.domain.message import Message
from argybargy.domain.names import PeerKey
from argybargy.domain.room.state import Room


@attrs.frozen
class Page:
    """What one read covers.

    The cursor law: a page holds every message for its reader whose seq is in
    ``(after, cursor]``, and nothing else. Rows and cursor come from one read.

    Attributes:
        messages: Oldest first.
        cursor: How far the read got.
        head: The newest seq at that time.
        first: The oldest seq kept at that time.
    """

    messages: tuple[Message, ...]
    cursor: int
    head: int
    first: int

    @property
    def has_more(self) -> bool:
        """Whether the page was cut short of the head."""
        return self.cursor < self.head

    def up_to(self, head: int) -> "Page":
        """Return the part of the page that goes no further than `head`."""
        if self.head <= head:
            return self
        kept = tuple(message for message in self.messages if message.seq <= head)
        return Page(kept, min(self.cursor, head), head, self.first)


@attrs.define
class PageBuilder:
    """Collects messages until a page is full. One message always fits.

    Attributes:
        limit: Most messages.
        max_bytes: Most bytes of text.
        messages: What was taken so far.
    """

    limit: int
    max_bytes: int
    messages: list[Message] = attrs.field(factory=list)
    _bytes: int = 0

    @property
    def newest_last(self) -> tuple[Message, ...]:
        """What was taken from the newest back, oldest first."""
        return tuple(reversed(self.messages))

    def take(self, message: Message) -> bool:
        """Add a message, or return False when the page is full without it."""
        messages, total = self.messages, self._bytes + message.text_bytes
        if len(messages) >= self.limit or (messages and total > self.max_bytes):
            return False
        self._bytes = total
        messages.append(message)
        return True

    def fill(self, messages: Iterable[Message]) -> tuple[Message, ...]:
        """Take messages until one does not fit; return all that was taken."""
        for message in messages:
            if not self.take(message):
                break
        return tuple(self.messages)


def read_after(
    room: Room, reader: PeerKey, after: int, limit: int, limits: Limits
) -> Page | None:
    """Read what a poll delivers to `reader`, from the tail alone.

    Args:
        room: The room.
        reader: The folded name of the peer.
        after: The reader's cursor, at most the head.
        limit: Most messages wanted.
        limits: What the relay allows.

    Returns:
        The page, or ``None`` when it begins before the tail and must be read from
        the store.
    """
    if after == room.head:
        return Page((), after, after, room.first)
    start = max(after + 1, room.first)
    if start < room.tail_first:
        return None
    builder = PageBuilder(limit, limits.poll_bytes)
    cursor = after
    for seq in range(start, room.head + 1):
        message = room.messages[seq]
        if message.is_for(reader) and not builder.take(message):
            break
        cursor = seq
    return Page(tuple(builder.messages), cursor, room.head, room.first)


@attrs.frozen
class HistoryPage:
    """A stretch of history.

    Attributes:
        messages: Oldest first, only what the reader may see.
        first: The oldest seq the room keeps.
        has_more: Whether there are older ones that the reader may see.
    """

    messages: tuple[Message, ...]
    first: int
    has_more: bool


def look_back(
    room: Room, reader: PeerKey | None, before: int, limit: int, max_bytes: int
) -> HistoryPage | None:
    """Read the newest messages below `before`, from the tail alone.

    Args:
        room: The room.
        reader: The folded name of the peer; ``None`` is the operator, who sees all.
        before: Only seqs below this.
        limit: Most messages wanted.
        max_bytes: Most bytes of text; one message always fits.

    Returns:
        ``None`` when the tail does not reach back far enough to tell.
    """
    messages, tail_first = room.messages, room.tail_first
    found: list[Message] = []
    total, has_more = 0, False
    # The rule of PageBuilder, written out: its call for each of 50 messages was a
    # quarter of the whole request.
    for seq in range(min(before - 1, room.head), room.first - 1, -1):
        if seq < tail_first:
            return None
        message = messages[seq]
        if message.is_broadcast or reader is None or message.is_visible_to(reader):
            total += message.text_bytes
            if len(found) >= limit or (found and total > max_bytes):
                has_more = True
                break
            found.append(message)
    found.reverse()
    return HistoryPage(tuple(found), room.first, has_more)


def replies_to(
    room: Room, reader: PeerKey, seq: int, limit: int, max_bytes: int
) -> tuple[Message, ...] | None:
    """Read the oldest replies to a message, from the tail alone.

    What the reader may not see takes nobody else's place.

    Args:
        room: The room.
        reader: The folded name of the peer.
        seq: The message.
        limit: Most replies wanted.
        max_bytes: Most bytes of text; one reply always fits.

    Returns:
        ``None`` when the tail does not reach back to the message.
    """
    if seq < room.tail_first:
        return None
    later = (room.messages[each] for each in range(seq + 1, room.head + 1))
    replies = (
        message
        for message in later
        if message.reply_to == seq and message.is_visible_to(reader)
    )
    return PageBuilder(limit, max_bytes).fill(replies)


def count_after(room: Room, reader: PeerKey, after: int) -> int | None:
    """Count what a poll would deliver after a cursor, if the tail reaches back."""
    start = max(after + 1, room.first)
    if start < room.tail_first:
        return None
    later = (room.messages[seq] for seq in range(start, room.head + 1))
    return sum(message.is_for(reader) for message in later)
