"""The page that all readers at one cursor of a room get.

A message to everybody wakes all of its polls at once, and most of them stand at the
same cursor. Their page is read once, and its encoding kept with it (see `Page.memo`):
a broadcast to 200 polls reads and encodes one page instead of 200.
"""

from argybargy.domain.names import PeerKey
from argybargy.domain.pages import Page, read_after
from argybargy.domain.room.state import Room
from argybargy.system.values import define, frozen


@frozen
class _Kept:
    """A page, with what it was read from and for whom it is wrong."""

    room: Room
    after: int
    limit: int
    max_bytes: int
    page: Page
    senders: frozenset[PeerKey | None]


@define(eq=False)
class SharedPage:
    """The last page of a room that was the same for all of its readers.

    Mutable state: that page, and the value of the room that it was read from.
    """

    _kept: _Kept | None = None

    def read_after(
        self, room: Room, reader: PeerKey, after: int, limit: int, max_bytes: int
    ) -> Page | None:
        """Return the page of a poll; arguments and result as for `pages.read_after`."""
        kept = self._kept
        if (
            kept is not None
            and kept.room is room
            and kept.after == after
            and kept.limit == limit
            and kept.max_bytes == max_bytes
            and reader not in kept.senders
        ):
            return kept.page
        page = read_after(room, reader, after, limit, max_bytes)
        if page is not None and _is_same_for_all(room, after, page):
            senders = frozenset(message.agent_key for message in page.messages)
            self._kept = _Kept(room, after, limit, max_bytes, page, senders)
        return page


def _is_same_for_all(room: Room, after: int, page: Page) -> bool:
    """Tell whether every reader but the senders of its messages gets this page.

    It reaches the head, and holds all messages up to there, each of them to everybody.
    """
    scanned = page.cursor - max(after, room.first - 1)
    return (
        page.cursor == room.head
        and len(page.messages) == scanned > 0
        and all(message.is_broadcast for message in page.messages)
    )
