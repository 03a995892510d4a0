"""The poll: subscribe, read, park, read again.

The rules about cursors and pages are in `argybargy.domain.pages`. This module waits,
and decides which polls count toward the limit on reads:

- a poll that does not wait, one that asks for messages its peer was given before, and
  one in a closed room count at once, before anything is read for them;
- any other poll counts when it is answered, unless it parked until it was woken or its
  time was up, or it brings messages that its peer was not given before.

So a peer gets one uncounted answer for each event, whatever its polling pattern.

Two orders matter. *Subscribe before reading*: a message published between the read and
the wait leaves a token, and the wait returns at once. *Read status before rows*: a
reader that learns of the closing has received all messages from before it.
"""

from typing import Final

import attrs
import trio

from argybargy.domain.access_codes import CodeRecord
from argybargy.domain.addressing import NO_ADDRESSES
from argybargy.domain.answer_form import Digest, digested
from argybargy.domain.capabilities import addresses_of
from argybargy.domain.cursors import Since, starting_point
from argybargy.domain.errors import Problem, RelayError
from argybargy.domain.instant import Instant
from argybargy.domain.names import PeerKey
from argybargy.domain.pages import Page, read_after
from argybargy.domain.poll_budget import PollBudget, poll_budget
from argybargy.domain.room.state import RoomStatus
from argybargy.domain.seat import SeatLease
from argybargy.domain.wake_policy import Backlog, Wake, is_held_for
from argybargy.relay.access.presence import PresenceRecord
from argybargy.relay.api.agent import count_unread
from argybargy.relay.api.calls import call_peer
from argybargy.relay.api.claim_renewal import renew_claims, renew_claims_nowait
from argybargy.relay.api.poll_answer import PollAnswer, PollRequest
from argybargy.relay.relay import Relay
from argybargy.relay.room.subscriptions import Subscription
from argybargy.relay.room.task import LiveRoom
from argybargy.relay.store_errors import translated
from argybargy.system.values import define

__all__ = ["PollAnswer", "PollRequest", "poll"]

LONG_POLL_SECONDS: Final = 1.0
"""The shortest wait of a long poll; with less, a poll counts as an immediate read."""


async def poll(relay: Relay, code: CodeRecord, request: PollRequest) -> PollAnswer:
    """Return the new messages of a peer, waiting for one if asked to.

    Cancelling loses nothing: a poll takes no message out of the room, and only the
    cursor of the peer's next poll acknowledges this one's messages.

    Raises:
        RelayError: ``unauthorized``, when the code ends while the poll is parked;
            ``rate_limited``, for too many polls that neither park nor bring
            anything new; ``seat_taken``, when another ear listens for the peer.
    """
    live = await enter(relay, code)
    one = RoomPoll(relay, code, request, live)
    seat = one.take_seat()
    try:
        return await one.run(is_ear=seat is not None)
    except (RelayError, trio.Cancelled):
        if seat is not None:  # the poll was refused, or its client has left
            now = relay.clock.now().steady_seconds
            relay.presence.leave_seat(code.peer, seat, now)
        raise


async def enter(relay: Relay, code: CodeRecord) -> LiveRoom:
    """Return the room of a peer that begins a poll.

    The peer is called to questions that fit its capabilities, and its claims renewed.

    Raises:
        RelayError: The room could not be loaded, or has failed.
    """
    live = await relay.live(code.room)
    if code.capabilities:
        await call_peer(relay, code.peer, code.name)
    if live.room.leases:
        await renew_claims(code, live)
    return live


@define
class RoomPoll:
    """State of one poll of one room.

    Mutable state: the peer's record, where the page begins, the poll's number, whether
    it was counted, its digest, and the status of the room as of the last read. Also the
    time of the beginning or of the last wake-up: an instant costs 2 us, and a poll that
    was woken used to ask for ten.
    """

    relay: Relay
    code: CodeRecord
    request: PollRequest
    live: LiveRoom
    since: int = 0
    number: int = 0
    is_reset: bool = False
    is_counted: bool = False
    digest: Digest | None = None
    now: Instant = attrs.field(init=False)
    record: PresenceRecord = attrs.field(init=False)
    status: RoomStatus = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        """Note when the poll begins."""
        self.now = self.relay.clock.now()

    @property
    def max_bytes(self) -> int:
        """The most bytes of text in the answer, after the first message."""
        most, wanted = self.relay.limits.poll_bytes, self.request.form.max_bytes
        return most if wanted is None else min(wanted, most)

    @property
    def addresses(self) -> frozenset[PeerKey]:
        """The addresses ``can:WORD`` of the peer's capabilities, as they are now."""
        capabilities = self.relay.codes.capabilities_of(self.code.peer, self.now)
        return addresses_of(capabilities)

    async def run(self, *, is_ear: bool) -> PollAnswer:
        """Read, wait if asked to, and return the answer.

        Raises:
            RelayError: As :func:`poll`.
        """
        request, polls = self.request, self.live.polls
        if self.relay.is_shared:
            await self.confirm_start()
        self.find_start()
        if not self.is_long_poll():
            self.count()
        if not request.wait_seconds:
            return await self.finish(await self.read(), None)
        name = self.code.peer.name
        with polls.subscribe(name, request.policy, is_ear=is_ear) as subscription:
            page = await self.wait(subscription)
        return await self.finish(page, subscription)

    def take_seat(self) -> SeatLease | None:
        """Take the seat of the peer for an ear, before anything is acknowledged.

        Raises:
            RelayError: ``seat_taken``; a refused poll counts as a read.
        """
        request, now = self.request, self.now
        if request.ear is None:
            return None
        seat = SeatLease.of_poll(
            request.ear, request.wait_seconds, request.policy, now.steady_seconds
        )
        try:
            self.relay.presence.take_seat(self.code.peer, seat, now)
        except RelayError:
            self.count()
            raise
        return seat

    async def confirm_start(self) -> None:
        """Make sure of a room that looks closed, or older than the cursor.

        Another node may have opened it again, or have delivered the later messages:
        then the peer must neither leave nor start anew.

        Raises:
            RelayError: The store could not be read.
        """
        room, asked = self.live.room, self.request.since
        if isinstance(asked, Since):
            asked = await self.live.find_cursor(self.code.peer.name)
        if asked > room.head or room.status.is_closed:
            await self.live.confirm()

    def find_start(self) -> None:
        """Determine the cursor to read after, and acknowledge it."""
        peer, head = self.code.peer, self.live.room.head
        steady = self.now.steady_seconds
        self.record = record = self.relay.presence.record(peer, steady)
        known = self.live.cursors.get(peer.name, 0)
        start = starting_point(self.request.since, known, record.answered, head)
        self.since, self.is_reset = start.since, start.is_reset
        record.polls += 1
        self.number = record.polls
        if self.since > known or known > head:
            self.live.cursors[peer.name] = self.since
            self.relay.write_behind.acknowledge(peer, self.since)
            self.relay.hooks.acknowledge(peer, self.since)

    def is_long_poll(self) -> bool:
        """Tell whether the poll may end uncounted."""
        return (
            self.request.wait_seconds >= LONG_POLL_SECONDS
            and self.since >= self._given()
            and not self.live.room.status.is_closed
        )

    def _given(self) -> int:
        """Return the highest seq that the peer was given or has acknowledged.

        At most the head, which is lower after a room was restored from a backup.
        """
        known = self.live.cursors.get(self.code.peer.name, 0)
        return min(max(self.record.given, known), self.live.room.head)

    def count(self) -> None:
        """Count the poll toward the limit on reads.

        Raises:
            RelayError: ``rate_limited``.
        """
        steady = self.now.steady_seconds
        self.relay.request_limits.admit_read(self.code.peer, steady)
        self.is_counted = True

    def count_late(self, page: Page, subscription: Subscription | None) -> None:
        """Count the poll if it neither parked nor brings new messages.

        Of several simultaneous polls for the same messages, the first is answered
        with new ones; the others count.

        Raises:
            RelayError: ``rate_limited``.
        """
        if not (self.is_counted or self.is_free(page, subscription)):
            self.count()

    def is_free(self, page: Page, subscription: Subscription | None) -> bool:
        """Tell whether the poll has parked, or brings new messages."""
        has_parked = (
            subscription is not None
            and subscription.is_parked
            and not subscription.is_displaced
        )
        has_news = bool(page.messages or self.digest)
        return has_parked or (has_news and self.since >= self._given())

    async def read(self) -> Page:
        """Return a page from the room's tail, or from one snapshot of the store.

        The store may be a commit ahead of the published room. Rows beyond the head
        are cut off: a cursor beyond it would be taken for one of another relay.
        """
        room = self.live.room
        self.status, reader = room.status, self.code.reads_as
        limit, size = self.request.limit, self.max_bytes
        if self.request.form.is_digest:
            # What is counted fills no page: all of the tail fits.
            page = read_after(room, reader, self.since, room.head, room.tail_bytes)
            limit, size = self.relay.limits.poll_messages, self.relay.limits.poll_bytes
        else:
            shared = self.live.shared_page
            page = shared.read_after(room, reader, self.since, limit, size)
        if page is not None:
            return page
        with translated():
            page = await self.relay.store.page(
                self.live.name, reader, self.since, limit, size
            )
        return page.up_to(self.live.room.head)

    def may_park(self, page: Page, subscription: Subscription) -> bool:
        """Tell whether the poll should park, or go on parking.

        Raises:
            RelayError: The room has failed.
        """
        return self.may_wait(subscription) and not page.messages

    def may_wait(self, subscription: Subscription) -> bool:
        """Tell whether nothing but messages and time can end the wait.

        Raises:
            RelayError: The room has failed.
        """
        self.live.check()
        return not (
            subscription.is_displaced
            or self.relay.is_draining
            or self.status.is_closed
            or not self.relay.codes.is_live(self.code, self.now)
        )

    async def wait(self, subscription: Subscription) -> Page:
        """Wait as asked to; return what there is then."""
        ends_at = self.now.steady_seconds + self._park_seconds()
        if not self.request.policy.is_default:
            try:
                return await self.park_patiently(subscription, ends_at)
            finally:
                renew_claims_nowait(self.code, self.live)
        page = await self.read()
        if self.may_park(page, subscription) or self.wakes_nobody(page):
            try:
                if not page.messages:
                    page = await self.park(subscription, ends_at)
                if self.wakes_nobody(page):
                    page = await self.park_patiently(subscription, ends_at)
            finally:
                renew_claims_nowait(self.code, self.live)
            if page.messages and subscription.woken_at is not None:
                waited = trio.current_time() - subscription.woken_at
                self.relay.counters.wake_seconds.observe(waited)
        return page

    def wakes_nobody(self, page: Page) -> bool:
        """Tell whether the page has messages, but none that ends the wait now.

        Even a poll that waits for every message is not woken by a damped pair.
        """
        if not page.messages:
            return False
        room, reader = self.live.room, self.code.reads_as
        wake, now = self.request.policy.wake, self.now
        # A poll that every message wakes is woken by calls of any capability.
        addresses = NO_ADDRESSES if wake is Wake.ALL else self.addresses
        return all(
            is_held_for(room, message, reader, wake, now, addresses=addresses)
            for message in page.messages
        )

    async def park(self, subscription: Subscription, ends_at: float) -> Page:
        """Park until there is a reason to answer or the time is up; read last.

        A token says only that something was published, perhaps nothing for this
        reader, so the poll reads and parks again until the same time. Then it reads
        once more: a message may have come together with the end of the wait.
        """
        self.live.polls.park(subscription)
        while True:
            await self.wait_until(subscription, ends_at)
            self.now = self.relay.clock.now()
            page = await self.read()
            is_over = self.now.steady_seconds >= ends_at
            if is_over or not self.may_park(page, subscription):
                return page

    async def wait_until(self, subscription: Subscription, at: float) -> None:
        """Wait for a token, until a time on the steady clock at most."""
        number = self.relay.waits.set(subscription, at)
        try:
            await subscription.wait_woken()
        finally:
            self.relay.waits.clear(number)

    async def park_patiently(self, subscription: Subscription, ends_at: float) -> Page:
        """Park until messages are due by the wake policy, or the wait is over.

        If the wait ends before they are due, the page ends before them: the next poll
        begins there. A reader that is told to leave is given them, since it may never
        come back.
        """
        policy, reader = self.request.policy, self.code.reads_as
        backlog = Backlog(self.since)
        while True:
            self.now = now = self.relay.clock.now()
            self.status = self.live.room.status
            backlog = backlog.looked_through(
                self.live.room, reader, policy.wake, now, self.addresses
            )
            due = backlog.seconds_left(policy, now)
            left = ends_at - trio.current_time()
            may_wait = self.may_wait(subscription)
            if may_wait and min(due, left) > 0 and not await self._is_full(backlog):
                if not subscription.is_parked:
                    self.live.polls.park(subscription)
                at = trio.current_time() + min(due, left)
                await self.wait_until(subscription, at)
                continue
            page = await self.read()
            if page.messages or left <= 0 or not may_wait:
                break
            # None of the scanned messages was for the reader, or retention took them.
            backlog = Backlog(page.cursor)
        is_told_to_leave = self.status.is_closed or self._budget(now).should_exit
        if due <= 0 or backlog.has_ended or is_told_to_leave:
            return page
        return page.held_back()

    async def _is_full(self, backlog: Backlog) -> bool:
        """Tell whether the messages that have ended the wait fill a page already."""
        return backlog.has_ended and (await self.read()).has_more

    def _park_seconds(self) -> float:
        left = self.relay.codes.seconds_left(self.code, self.now)
        return max(0.0, min(self.request.wait_seconds, left))

    async def finish(self, page: Page, subscription: Subscription | None) -> PollAnswer:
        """Return the answer in the requested form.

        Raises:
            RelayError: As :meth:`answer`, or the store could not be read.
        """
        form, live, reader = self.request.form, self.live, self.code.reads_as
        left = None
        if form.is_digest:
            page, self.digest = digested(
                page,
                live.room,
                reader,
                self.request.limit,
                self.max_bytes,
                addresses=self.addresses,
            )
        if form.max_bytes is not None and page.has_more:
            left = await count_unread(self.relay, live, reader, page.cursor)
        return self.answer(page, subscription, left)

    def answer(
        self, page: Page, subscription: Subscription | None, left: int | None
    ) -> PollAnswer:
        """Return the answer, unless the code has ended during the wait.

        Raises:
            RelayError: ``unauthorized``, ``rate_limited``, or the room has failed.
        """
        self.live.check()
        now = self.now
        if not self.relay.codes.is_live(self.code, now):
            raise RelayError(Problem.UNAUTHORIZED)
        self.count_late(page, subscription)
        relay, record, steady = self.relay, self.record, now.steady_seconds
        record.seen_at = steady
        record.given = max(self._given(), page.cursor)
        if self.number == record.polls:  # see the table in `domain.cursors`
            record.answered = page.cursor
        if page.messages or self.digest:
            record.waiting_since = steady
        return PollAnswer(
            page=page,
            status=self.status,
            budget=self._budget(now),
            since=self.since,
            is_reset=self.is_reset,
            is_draining=relay.is_draining,
            is_displaced=subscription is not None and subscription.is_displaced,
            members=relay.members(self.live),
            digest=self.digest,
            left=left,
        )

    def _budget(self, now: Instant) -> PollBudget:
        steady = now.steady_seconds
        return poll_budget(
            steady - self.record.waiting_since,
            steady - self.live.room.quiet_since,
            self.relay.limits.idle_seconds,
            is_closed=self.status.is_closed,
        )
