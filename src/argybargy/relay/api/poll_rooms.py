"""The poll of several rooms with one code.

It is a poll in each of the rooms: all wait at the same time, and the first that has
news ends the others. Cancelling those loses nothing, since a poll takes no message out
of a room. The messages of all rooms then share one answer. The relay keeps the cursors,
so the cursor law holds in each room: what does not fit is after the cursor that the
next poll begins with.

A closed room ends a wait once. It is waited for further, in case it is reopened, unless
all rooms are closed: only then is the agent to leave.
"""

from collections.abc import Sequence
from contextlib import ExitStack

import attrs
import trio

from argybargy.domain.access_codes import CodeRecord
from argybargy.domain.cursors import Since
from argybargy.domain.errors import Problem, RelayError
from argybargy.domain.fair_pages import share
from argybargy.domain.pages import Page
from argybargy.domain.poll_budget import PollBudget
from argybargy.relay.api.agent import count_unread
from argybargy.relay.api.poll import RoomPoll, enter
from argybargy.relay.api.poll_answer import PollAnswer, PollRequest
from argybargy.relay.relay import Relay
from argybargy.relay.room.subscriptions import Subscription
from argybargy.system.values import define, frozen


@frozen
class RoomsAnswer:
    """The answer to a poll of several rooms.

    Attributes:
        rooms: The answer of each room, in the order of the code.
        newly_closed: The names of the rooms whose closing the agent was not told yet.
    """

    rooms: tuple[PollAnswer, ...]
    newly_closed: frozenset[str]

    @property
    def budget(self) -> PollBudget:
        """The budget of the room that the agent should poll for longest."""
        return max((each.budget for each in self.rooms), key=_patience)

    @property
    def is_closed(self) -> bool:
        """Whether all of the rooms are closed."""
        return all(each.status.is_closed for each in self.rooms)

    @property
    def retry_seconds(self) -> int | None:
        """Pause before the next poll, in seconds; ``None`` without one."""
        if any(each.page.messages for each in self.rooms):
            pauses = [each.retry_seconds for each in self.rooms if each.is_draining]
        else:
            pauses = [each.retry_seconds for each in self.rooms]
        return max(filter(None, pauses), default=None)


def _patience(budget: PollBudget) -> tuple[bool, bool, float]:
    """Order budgets: closed rooms first, then silent ones, then by the time left."""
    left = float("inf") if budget.seconds_left is None else budget.seconds_left
    return not budget.should_exit, budget.reason != "room_closed", left


async def poll_rooms(
    relay: Relay, codes: Sequence[CodeRecord], request: PollRequest
) -> RoomsAnswer:
    """Return the new messages of a peer in several rooms, waiting for one if asked to.

    Args:
        relay: The relay.
        codes: The records of one code in these rooms, at least one.
        request: The poll; the relay keeps its cursors.

    Raises:
        RelayError: As for a poll of one room; ``unauthorized`` when the code has ended
            in all of the rooms. Nothing counts as delivered.
    """
    assert isinstance(request.since, Since)
    lives = [await enter(relay, code) for code in codes]
    polls = [
        RoomPoll(relay, code, request, live)
        for code, live in zip(codes, lives, strict=True)
    ]
    if relay.is_shared:
        for one in polls:
            await one.confirm_start()
    for one in polls:
        one.find_start()
        if request.since is Since.RESUME:
            one.record.was_told_closed = False
    for one in polls:
        if not one.is_long_poll():
            one.count()
    whole = _RoomsPoll(relay, request, polls)
    if not request.wait_seconds:
        return await whole.finish(
            [await one.read() for one in polls], [None for _ in polls]
        )
    with ExitStack() as stack:
        subscriptions = [
            stack.enter_context(
                one.live.polls.subscribe(one.code.peer.name, request.policy)
            )
            for one in polls
        ]
        pages = await whole.wait(subscriptions)
    return await whole.finish(pages, subscriptions)


@define
class _RoomsPoll:
    """State of one poll of several rooms.

    Mutable state: whether there is news, and the page of each room whose wait is over.
    """

    relay: Relay
    request: PollRequest
    polls: Sequence[RoomPoll]
    has_news: bool = False
    _pages: dict[int, Page] = attrs.field(factory=dict)

    async def wait(self, subscriptions: Sequence[Subscription]) -> list[Page]:
        """Wait in all rooms until one has news; return a page of each.

        With news, every room gives all that it has. Without, what the wake policy holds
        back stays held back.
        """
        async with trio.open_nursery() as nursery:
            for place, subscription in enumerate(subscriptions):
                nursery.start_soon(
                    self._wait_in, place, subscription, nursery.cancel_scope
                )
        pages = []
        for place, one in enumerate(self.polls):
            page = self._pages.get(place)
            if page is None or self.has_news:
                page = await one.read()
                page = page if self.has_news else page.held_back()
            pages.append(page)
        return pages

    async def _wait_in(
        self, place: int, subscription: Subscription, others: trio.CancelScope
    ) -> None:
        """Wait in one room, and end the waits in the others when it has news."""
        one = self.polls[place]
        ends_at = trio.current_time() + self.request.wait_seconds
        page = await self._page_of_closed(one, subscription, ends_at)
        if page is None:
            left = max(0.0, ends_at - trio.current_time())
            one.request = attrs.evolve(self.request, wait_seconds=left)
            one.now = self.relay.clock.now()
            page = await one.wait(subscription)
        self._pages[place] = page
        is_closing = one.status.is_closed and not one.record.was_told_closed
        if page.messages or is_closing:
            self.has_news = True
        if self.has_news or subscription.is_displaced:
            others.cancel()

    async def _page_of_closed(
        self, one: RoomPoll, subscription: Subscription, ends_at: float
    ) -> Page | None:
        """Wait in a closed room while another one is open; ``None`` if it is open."""
        page = None
        with trio.move_on_at(ends_at):
            while one.live.room.status.is_closed:
                page = await one.read()
                may_wait = (
                    one.record.was_told_closed
                    and not page.messages
                    and not subscription.is_displaced
                    and self._may_wait(one)
                )
                if not may_wait:
                    return page
                if not subscription.is_parked:
                    one.live.polls.park(subscription)
                await subscription.wait_woken()
            return None
        return page

    def _may_wait(self, one: RoomPoll) -> bool:
        """Tell whether a closed room may still be reopened for this poll to see."""
        relay = self.relay
        return (
            not relay.is_draining
            and relay.codes.is_live(one.code, relay.clock.now())
            and any(not each.live.room.status.is_closed for each in self.polls)
        )

    async def finish(
        self, pages: Sequence[Page], subscriptions: Sequence[Subscription | None]
    ) -> RoomsAnswer:
        """Return the answer.

        All that can be refused is refused before the first room notes what it has
        answered, with no checkpoint in between: no room counts a page as answered that
        is not sent.

        Raises:
            RelayError: ``unauthorized``, ``rate_limited``, or a room has failed.
        """
        begins = self.polls[0].number
        shared = share(
            pages, self.request.limit, self.polls[0].max_bytes, begins % len(pages)
        )
        lefts = [
            await self._left(one, page)
            for one, page in zip(self.polls, shared, strict=True)
        ]
        now = self.relay.clock.now()
        for one in self.polls:
            one.now = now  # most of the waits were cancelled: they have seen no end
        answers, closed = [], set()
        kept = [
            each
            for each in zip(self.polls, shared, subscriptions, lefts, strict=True)
            if self.relay.codes.is_live(each[0].code, now)
        ]
        if not kept:
            raise RelayError(Problem.UNAUTHORIZED)
        is_free = any(one.is_free(page, parked) for one, page, parked, _ in kept)
        for one, page, parked, _ in kept:
            one.live.check()
            one.is_counted = one.is_counted or is_free
            one.count_late(page, parked)
            one.is_counted = True
        for one, page, parked, left in kept:
            answer = one.answer(page, parked, left)
            if answer.status.is_closed and not one.record.was_told_closed:
                closed.add(answer.status.name)
            one.record.was_told_closed = answer.status.is_closed
            answers.append(answer)
        return RoomsAnswer(tuple(answers), frozenset(closed))

    async def _left(self, one: RoomPoll, page: Page) -> int | None:
        if self.request.form.max_bytes is None or not page.has_more:
            return None
        return await count_unread(self.relay, one.live, one.code.reads_as, page.cursor)
