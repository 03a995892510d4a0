"""The parameters of a poll, and its answer."""

from typing import Final

from argybargy.domain.answer_form import WHOLE, AnswerForm, Digest
from argybargy.domain.cursors import Since
from argybargy.domain.pages import Page
from argybargy.domain.poll_budget import PollBudget
from argybargy.domain.room.state import RoomStatus
from argybargy.domain.seat import Ear
from argybargy.domain.wake_policy import WAKE_AT_ONCE, WakePolicy
from argybargy.system.values import frozen

DRAIN_RETRY_SECONDS: Final = 1
"""Pause before the next poll, for a client of a draining relay."""

DISPLACED_RETRY_SECONDS: Final = 5
"""Pause before the next poll of a displaced one: without it, two clients with the
same code would displace each other all the time."""


@frozen
class PollRequest:
    """The parameters of a poll.

    Attributes:
        since: The cursor to read after, or which of those that the relay keeps.
        wait_seconds: How long to park without messages; 0 answers at once.
        limit: The most messages wanted.
        policy: What ends the wait.
        form: The form of the answer.
        ear: The program that polls, if it holds the seat of its agent.
    """

    since: int | Since
    wait_seconds: float
    limit: int
    policy: WakePolicy = WAKE_AT_ONCE
    form: AnswerForm = WHOLE
    ear: Ear | None = None


@frozen
class PollAnswer:
    """The answer to a poll.

    Attributes:
        page: The messages, and the cursor after them.
        status: The room's name and whether it is closed.
        budget: Advice on how long to keep polling.
        since: The cursor that the page begins after.
        is_reset: Whether the requested cursor was beyond the room's head.
        is_draining: Whether the relay is about to stop.
        is_displaced: Whether a newer poll of the same peer has taken this one's place.
        members: The names of the room's members, for the hint about `anyone`.
        digest: The messages that were counted instead; ``None`` without any.
        left: The number of messages after the page; ``None`` if it is not cut, or was
            not limited by the poll.
    """

    page: Page
    status: RoomStatus
    budget: PollBudget
    since: int
    is_reset: bool
    is_draining: bool
    is_displaced: bool
    members: tuple[str, ...]
    digest: Digest | None = None
    left: int | None = None

    @property
    def retry_seconds(self) -> int | None:
        """Pause before the next poll, in seconds; ``None`` without one."""
        if self.is_draining:
            return DRAIN_RETRY_SECONDS
        is_empty = not self.page.messages and self.digest is None
        if self.is_displaced and is_empty:
            return DISPLACED_RETRY_SECONDS
        return None

    @property
    def gap(self) -> tuple[int, int] | None:
        """First and last seq that retention dropped unread; ``None`` without a gap."""
        if self.since + 1 >= self.page.first:
            return None
        return self.since + 1, self.page.first - 1
