"""Cursors: where a poll begins, and what it acknowledges by that.

A poll acknowledges the messages up to the cursor at which it begins, and nothing else
ever does: an agent has read an answer when it comes back for the next one. An agent
without a memory of its own leaves the cursor to the relay. With ``next`` it reads on
from its last answer and thereby acknowledges that; with ``resume`` it reads again what
it has not acknowledged, for example after an answer was lost.

The *last answer* of a peer is the answer to the poll that it began last. The relay
keeps its cursor in memory only. So ``next`` may deliver messages twice, and skips none
unless the agent asks for the next answer after losing one:

======================================  ==============================================
``next`` comes after                    and begins
======================================  ==============================================
an answer                               where the answer ended
a poll that was cancelled or refused    where it would have begun without that poll
an answer that was lost on its way      where the answer ended: the relay cannot know.
                                        After a failed request, ask with ``resume``
a cancelled poll that came to the       where its answer ended, as after a lost answer:
relay only after the one in its place   an agent that cancels polls should keep a cursor
two polls at once, both answered        where the answer to the one begun last ended;
                                        what only the other one brought comes again
two polls at once, one answered         where the answered one ended, if it was begun
                                        last; else where they began. A poll
                                        whose client has left unnoticed thus takes
                                        nothing from the poll that replaced it
a cursor sent by the agent              where the answer to that poll ended
a restart of the relay, or a day        at the acknowledged cursor, as ``resume`` does
without a request
a restored backup (a cursor beyond the  at the head, and the answer says ``reset``
head)
the closing of the room                 where the last answer ended, as ever
======================================  ==============================================
"""

import enum

from argybargy.system.values import frozen


class Since(enum.Enum):
    """The cursors that the relay keeps for a peer, as named in ``since``."""

    RESUME = "resume"
    NEXT = "next"


@frozen
class StartingPoint:
    """The start of a poll.

    Attributes:
        since: The cursor to read after, which the poll acknowledges.
        is_reset: Whether the requested cursor was beyond the room's head.
    """

    since: int
    is_reset: bool


def starting_point(
    asked: int | Since, acknowledged: int, answered: int, head: int
) -> StartingPoint:
    """Return where a poll begins.

    Args:
        asked: The requested cursor.
        acknowledged: The cursor that the peer has acknowledged.
        answered: The cursor of its last answer; 0 if it is unknown.
        head: The newest seq of the room.
    """
    if asked is Since.RESUME:
        since = acknowledged
    elif asked is Since.NEXT:
        since = max(acknowledged, answered)
    else:
        since = asked
    return StartingPoint(min(since, head), since > head)
