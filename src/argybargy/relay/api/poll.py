"""The poll: subscribe, read, park, read again.

What one poll is asked and what it answers are values; the rules about cursors are
in ``domain/pages``. Here is the waiting, and which polls count toward the limit on
reads:

- a poll that would not wait, one for what its peer was given already, and one in a
  closed room count when they come, before anything is read for them;
- any other poll counts when it is answered, unless it parked until something
  happened or its time was up, or brings what its peer was not given yet.

So a peer is answered for free once for each thing that happens, however it asks.
"""

import contextlib
from typing import Final

import attrs
import trio

from argybargy.domain.access_codes import CodeRecord
from argybargy.domain.errors import Problem, RelayError
from argybargy.domain.instant import Instant
from argybargy.domain.pages import Page, read_after
from argybargy.domain.poll_budget import PollBudget, poll_budget
from argybargy.domain.room.commands import Renew
from argybargy.domain.room.state import RoomStatus
from argybargy.relay.relay import Relay
from argybargy.relay.room.subscriptions import Subscription
from argybargy.relay.room.task import LiveRoom
from argybargy.relay.store_errors import translated

PATIENT_SECONDS: Final = 1.0
"""A poll that waits for less counts as one that does not wait."""

DRAIN_RETRY_SECONDS: Final = 1
"""When a poll that a stopping relay sends home should come back."""

DISPLACED_RETRY_SECONDS: Final = 5
"""When a displaced poll should come back: at once it would only displace the next."""


@attrs.frozen
class PollRequest:
    """What a poll asks for.

    Attributes:
        since: The cursor; ``None`` stands for the last one acknowledged.
        wait_seconds: How long to park when there is nothing; 0 answers at once.
        limit: Most messages wanted.
    """

    since: int | None
    wait_seconds: float
    limit: int


@attrs.frozen
class PollAnswer:
    """What a poll says.

    Attributes:
        page: The messages, and how far they go.
        status: The room, open or closed.
        budget: How long to go on like this.
        since: The cursor that the page begins after.
        is_reset: Whether the cursor asked for lies beyond the head.
        is_draining: Whether the relay is about to stop.
        is_displaced: Whether a newer poll of the same peer took its place.
        members: The names of the room's members, for the hint about `anyone`.
    """

    page: Page
    status: RoomStatus
    budget: PollBudget
    since: int
    is_reset: bool
    is_draining: bool
    is_displaced: bool
    members: tuple[str, ...]

    @property
    def retry_seconds(self) -> int | None:
        """How long to pause before the next poll; ``None`` is not at all."""
        if self.is_draining:
            return DRAIN_RETRY_SECONDS
        if self.is_displaced and not self.page.messages:
            return DISPLACED_RETRY_SECONDS
        return None

    @property
    def gap(self) -> tuple[int, int] | None:
        """The seqs, both ends included, that retention took before they were read."""
        if self.since + 1 >= self.page.first:
            return None
        return self.since + 1, self.page.first - 1


async def poll(relay: Relay, code: CodeRecord, request: PollRequest) -> PollAnswer:
    """Deliver what is new for a peer, waiting for it if asked to.

    Cancelling leaves nothing behind: a poll takes nothing out of the room, and the
    reader's next cursor is its acknowledgement.

    Raises:
        RelayError: ``unauthorized``, when the code ends while the poll is parked;
            ``rate_limited``, for too many polls that neither park nor bring
            anything new.
    """
    live = await relay.live(code.room)
    if live.room.leases:
        await _renew_claims(code, live)
    one = _Poll(relay, code, request, live)
    one.find_start()
    if not one.is_patient():
        one.count()
    if not request.wait_seconds:
        return one.answer(await one.read(), None)
    with live.polls.subscribe(code.peer.name) as subscription:
        page = await one.read()
        if one.may_park(page, subscription):
            try:
                page = await one.park(subscription)
            finally:
                one.renew_nowait()
            if page.messages and subscription.woken_at is not None:
                waited = trio.current_time() - subscription.woken_at
                relay.counters.wake_seconds.observe(waited)
    return one.answer(page, subscription)


async def _renew_claims(code: CodeRecord, live: LiveRoom) -> None:
    """Let a poll renew what its peer has claimed, if the room has a hand free.

    While it is open, the poll holds on to it; see ``relay/room/lease_holders``. No
    read fails for want of a renewal. Where the room is set aside or stops, the poll
    that goes on will say so; where it is busy, the next poll renews as well.
    """
    if live.room.leases_of(code.name):
        with contextlib.suppress(RelayError):
            await live.ask(Renew(code.name))


@attrs.define
class _Poll:
    """One poll while it lasts."""

    relay: Relay
    code: CodeRecord
    request: PollRequest
    live: LiveRoom
    since: int = 0
    is_reset: bool = False
    is_counted: bool = False
    status: RoomStatus = attrs.field(init=False)

    def find_start(self) -> None:
        """Settle where to read on, and take the cursor as an acknowledgement."""
        asked, peer = self.request.since, self.code.peer
        known = self.live.cursors.get(peer.name, 0)
        since = known if asked is None else asked
        head = self.live.room.head
        self.is_reset = since > head
        self.since = min(since, head)
        if self.since > known or known > head:
            self.live.cursors[peer.name] = self.since
            self.relay.write_behind.acknowledge(peer, self.since)

    def is_patient(self) -> bool:
        """Tell whether the poll may turn out to be free of the limit on reads."""
        return (
            self.request.wait_seconds >= PATIENT_SECONDS
            and self.since >= self._given()
            and not self.live.room.status.is_closed
        )

    def _given(self) -> int:
        """Return up to which seq the peer was answered, or says that it was.

        Never beyond the head: a room that was read again may have a lower one.
        """
        steady = self.relay.clock.now().steady_seconds
        seat = self.relay.presence.record(self.code.peer, steady)
        known = self.live.cursors.get(self.code.peer.name, 0)
        return min(max(seat.given, known), self.live.room.head)

    def count(self) -> None:
        """Count the poll toward the limit on reads.

        Raises:
            RelayError: ``rate_limited``.
        """
        steady = self.relay.clock.now().steady_seconds
        self.relay.request_limits.admit_read(self.code.peer, steady)
        self.is_counted = True

    def count_late(self, page: Page, subscription: Subscription | None) -> None:
        """Count the poll if it neither parked nor brings anything new.

        Many that came together may all have looked new; one of them is.

        Raises:
            RelayError: ``rate_limited``.
        """
        has_parked = (
            subscription is not None
            and subscription.is_parked
            and not subscription.is_displaced
        )
        is_new = bool(page.messages) and self.since >= self._given()
        if not (self.is_counted or has_parked or is_new):
            self.count()

    async def read(self) -> Page:
        """Read rows and cursor in one piece: from the tail, or from one snapshot.

        The status is taken before the rows: who is told that the room is closed has
        been told all that was said before. And the store may be a commit ahead of
        the room: what is not published yet is left for the next read, which would
        take a cursor beyond the head for a foreign one.
        """
        self.status = self.live.room.status
        limits, limit = self.relay.limits, self.request.limit
        reader = self.code.peer.name
        page = read_after(self.live.room, reader, self.since, limit, limits)
        if page is not None:
            return page
        with translated():
            page = await self.relay.store.page(
                self.live.name, reader, self.since, limit, limits.poll_bytes
            )
        return page.up_to(self.live.room.head)

    def may_park(self, page: Page, subscription: Subscription) -> bool:
        """Tell whether there is anything to wait for, and nothing against it.

        Raises:
            RelayError: The room was set aside: nothing will be said in it.
        """
        self.live.check()
        return not (
            page.messages
            or subscription.is_displaced
            or self.relay.is_draining
            or self.status.is_closed
            or self._is_revoked(self.relay.clock.now())
        )

    def _is_revoked(self, now: Instant) -> bool:
        return not self.relay.codes.is_live(self.code, now)

    def renew_nowait(self) -> None:
        """Let the leases of the peer last for a term from the end of its poll.

        Also when the client has left: until then it was there. The room task gets
        to it while nobody waits, so that no wake-up is slower for it; the poll is
        subscribed until the command is in the inbox, so that no lease runs out in
        between. A full inbox takes no renewal: the next poll brings another.
        """
        if self.live.room.leases_of(self.code.name):
            with contextlib.suppress(RelayError):
                self.live.tell(Renew(self.code.name))

    async def park(self, subscription: Subscription) -> Page:
        """Wait until the page is worth answering, or the time is up; read last."""
        self.live.polls.park(subscription)
        with trio.move_on_after(self._park_seconds()):
            while True:
                await subscription.wait_woken()
                page = await self.read()
                if not self.may_park(page, subscription):
                    return page
        return await self.read()

    def _park_seconds(self) -> float:
        left = self.relay.codes.seconds_left(self.code, self.relay.clock.now())
        return max(0.0, min(self.request.wait_seconds, left))

    def answer(self, page: Page, subscription: Subscription | None) -> PollAnswer:
        """Say what came of it, unless the code has ended meanwhile.

        Raises:
            RelayError: ``unauthorized``, ``rate_limited``, or the room was set aside.
        """
        self.live.check()
        now = self.relay.clock.now()
        if self._is_revoked(now):
            raise RelayError(Problem.UNAUTHORIZED)
        self.count_late(page, subscription)
        relay, room, steady = self.relay, self.live.room, now.steady_seconds
        seat = relay.presence.record(self.code.peer, steady)
        seat.seen_at = steady
        seat.given = max(self._given(), page.cursor)
        if page.messages:
            seat.waiting_since = steady
        return PollAnswer(
            page=page,
            status=self.status,
            budget=poll_budget(
                steady - seat.waiting_since,
                steady - room.quiet_since,
                relay.limits.idle_seconds,
                is_closed=self.status.is_closed,
            ),
            since=self.since,
            is_reset=self.is_reset,
            is_draining=relay.is_draining,
            is_displaced=subscription is not None and subscription.is_displaced,
            members=relay.members(self.live),
        )
