"""Pages of messages for polls, history and replies, read from the tail."""

from collections.abc import Iterable

import attrs

from argybargy.domain.message import Message
from argybargy.domain.names import PeerKey
from argybargy.domain.room.state import Room
from argybargy.system.values import define, frozen


@frozen
class Page:
    """The result of one poll.

    The cursor law: a page holds exactly the messages for its reader whose seq is in
    ``(after, cursor]``. Messages and cursor come from one value of the room.

    Attributes:
        messages: The messages, oldest first.
        cursor: The last seq covered.
        head: The newest seq of the room at that time.
        first: The oldest seq within retention at that time.
        is_held_back: Whether the messages after the cursor are held back.
        memo: A cache for encoders, which lives as long as the page. Not part of the
            value.
    """

    messages: tuple[Message, ...]
    cursor: int
    head: int
    first: int
    is_held_back: bool = False
    memo: dict[str, object] = attrs.field(
        factory=dict, init=False, eq=False, repr=False
    )

    @property
    def has_more(self) -> bool:
        """Whether there are messages after the page to read now."""
        return self.cursor < self.head and not self.is_held_back

    def held_back(self) -> "Page":
        """Return an empty page that ends before the first message of this one."""
        if not self.messages:
            return self
        cursor = self.messages[0].seq - 1
        return Page((), cursor, self.head, self.first, is_held_back=True)

    def up_to(self, head: int) -> "Page":
        """Return the part of the page up to `head`."""
        if self.head <= head:
            return self
        kept = tuple(message for message in self.messages if message.seq <= head)
        return Page(kept, min(self.cursor, head), head, self.first)


@define
class PageBuilder:
    """A builder that takes messages until a page is full. One message always fits.

    Attributes:
        limit: Maximum messages.
        max_bytes: Maximum bytes of text.
        messages: The messages so far.
    """

    limit: int
    max_bytes: int
    messages: list[Message] = attrs.field(factory=list)
    _bytes: int = 0

    @property
    def newest_last(self) -> tuple[Message, ...]:
        """The messages in reverse order, for a builder filled from the newest."""
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
        """Take messages until one does not fit; return all messages of the builder."""
        for message in messages:
            if not self.take(message):
                break
        return tuple(self.messages)


def read_after(
    room: Room, reader: PeerKey, after: int, limit: int, max_bytes: int
) -> Page | None:
    """Read the messages that a poll delivers to `reader`, from the tail alone.

    Args:
        room: The room.
        reader: The reading peer.
        after: The reader's cursor, at most the head.
        limit: Maximum messages.
        max_bytes: Maximum bytes of text; one message always fits.

    Returns:
        The page, or ``None`` when it begins before the tail and must be read from
        the store.
    """
    if after == room.head:
        return Page((), after, after, room.first)
    start = max(after + 1, room.first)
    if start < room.tail_first:
        return None
    builder = PageBuilder(limit, max_bytes)
    cursor = after
    for seq in range(start, room.head + 1):
        message = room.messages[seq]
        if message.is_for(reader) and not builder.take(message):
            break
        cursor = seq
    return Page(tuple(builder.messages), cursor, room.head, room.first)


@frozen
class HistoryPage:
    """A page of history.

    Attributes:
        messages: Messages visible to the reader, oldest first.
        first: The oldest seq within retention.
        has_more: Whether there are older messages visible to the reader.
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
        reader: The reading peer; ``None`` means the operator, who sees all messages.
        before: Upper bound of seqs, exclusive.
        limit: Maximum messages.
        max_bytes: Maximum bytes of text; one message always fits.

    Returns:
        The page; ``None`` when the tail is too short and the store must be read.
    """
    messages, tail_first = room.messages, room.tail_first
    found: list[Message] = []
    total, has_more = 0, False
    # PageBuilder.take() inlined: calling it for 50 messages took a quarter of the
    # time of a whole request.
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
    room: Room, reader: PeerKey | None, seq: int, limit: int, max_bytes: int
) -> tuple[Message, ...] | None:
    """Read the oldest replies to a message, from the tail alone.

    Replies invisible to the reader do not count towards the limits.

    Args:
        room: The room.
        reader: The reading peer; ``None`` for the operator, who sees all.
        seq: The message.
        limit: Maximum replies.
        max_bytes: Maximum bytes of text; one reply always fits.

    Returns:
        The replies; ``None`` when the message is older than the tail.
    """
    if seq < room.tail_first:
        return None
    later = (room.messages[each] for each in range(seq + 1, room.head + 1))
    replies = (
        message
        for message in later
        if message.reply_to == seq and (reader is None or message.is_visible_to(reader))
    )
    return PageBuilder(limit, max_bytes).fill(replies)


def count_after(room: Room, reader: PeerKey, after: int) -> int | None:
    """Count the messages that polls would deliver after a cursor.

    Returns:
        ``None`` when the cursor is older than the tail.
    """
    start = max(after + 1, room.first)
    if start < room.tail_first:
        return None
    later = (room.messages[seq] for seq in range(start, room.head + 1))
    return sum(message.is_for(reader) for message in later)


def has_unread_in_tail(room: Room, reader: PeerKey, after: int) -> bool:
    """Tell whether the tail has a message for a reader after a cursor.

    Takes as long as there are messages after the cursor that are not for the reader.
    """
    seqs = range(room.head, max(after, room.tail_first - 1), -1)
    return any(room.messages[seq].is_for(reader) for seq in seqs)
