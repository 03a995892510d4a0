"""One answer from the pages of several rooms, fair between the rooms."""

from collections.abc import Sequence

import attrs

from argybargy.domain.pages import Page


def share(
    pages: Sequence[Page], limit: int, max_bytes: int, begins: int
) -> tuple[Page, ...]:
    """Cut the pages of several rooms so that together they fit one answer.

    Each room in turn gives its next message until the answer is full, so a loud room
    takes no place from a silent one. A room whose next message does not fit gives no
    more. The first message of an answer always fits; the turns begin with another room
    in each answer, so every room comes to be the first.

    Args:
        pages: A page of each room, none longer than the answer may be.
        limit: Maximum messages of the answer.
        max_bytes: Maximum bytes of text in it, after the first message.
        begins: The place of the room that has the first turn.
    """
    taken = [0] * len(pages)
    turns = [(begins + place) % len(pages) for place in range(len(pages))]
    count, size = 0, 0
    while turns:
        left = []
        for place in turns:
            if taken[place] >= len(pages[place].messages) or count >= limit:
                continue
            total = size + pages[place].messages[taken[place]].text_bytes
            if count and total > max_bytes:
                continue
            taken[place] += 1
            count, size = count + 1, total
            left.append(place)
        turns = left
    return tuple(cut(page, kept) for page, kept in zip(pages, taken, strict=True))


def cut(page: Page, kept: int) -> Page:
    """Return a page with its first messages; it ends before the next one."""
    if kept >= len(page.messages):
        return page
    cursor = page.messages[kept].seq - 1
    return attrs.evolve(page, messages=page.messages[:kept], cursor=cursor)
