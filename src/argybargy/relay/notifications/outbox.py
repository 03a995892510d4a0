"""Outboxes: the pushes of one service, sent one after the other, with retries.

A push that fails is tried again after 10, 30, 90, 270 and 810 seconds, while later ones
wait behind it, and is then given up. The queue is bounded: when it is full, the oldest
push in it is dropped. What has failed is logged when it begins and when it ends, not
for each try; the state of the service shows it meanwhile.
"""

import enum
from collections import deque
from collections.abc import Callable
from typing import Final

import attrs
import trio

from argybargy.relay.clock import Clock
from argybargy.relay.notifications.push import Channel, ChannelError, Push
from argybargy.relay.wake_slot import WakeSlot
from argybargy.system.logs import get_logger
from argybargy.system.values import define, frozen

log = get_logger(__name__)

QUEUE_PUSHES: Final = 32
"""Maximum pushes that wait for one service; one more drops the oldest."""
SEND_SECONDS: Final = 30.0
"""Longest time of one try."""
PAUSES: Final = (10.0, 30.0, 90.0, 270.0, 810.0)
"""Seconds before each further try of a push."""


class ChannelState(enum.Enum):
    """The state of a service."""

    UNUSED = "unused"
    OK = "ok"
    FAILING = "failing"


@frozen
class ChannelStatus:
    """The state of a service, for the operator.

    Attributes:
        label: The name of the service.
        state: What the last try has shown.
        since_ms: Since when it fails; ``None`` if it does not.
        reason: Why the last try failed; empty if it did not.
        waiting: The pushes that wait for it.
        sent: The pushes that it has accepted since the start.
        dropped: The pushes that were given up since the start.
        last_ms: When it last accepted one; ``None`` for never.
    """

    label: str
    state: ChannelState = ChannelState.UNUSED
    since_ms: int | None = None
    reason: str = ""
    waiting: int = 0
    sent: int = 0
    dropped: int = 0
    last_ms: int | None = None


@frozen
class OutboxReports:
    """Callbacks of an outbox about its pushes.

    Attributes:
        accepted: Called with each push that the service has accepted.
        is_current: Tells whether a push is still of use.
    """

    accepted: Callable[[Push], None]
    is_current: Callable[[Push], bool]


@define(eq=False)
class Outbox:
    """The pushes of one service.

    Mutable state: the queue, and the status.

    Attributes:
        channel: The service.
        clock: The relay's clock.
        reports: Called about pushes.
        failures: Tries that failed since the start.
    """

    channel: Channel
    clock: Clock
    reports: OutboxReports
    failures: int = 0
    _status: ChannelStatus = attrs.field()
    _queue: deque[Push] = attrs.field(factory=deque)
    _slot: WakeSlot = attrs.field(factory=WakeSlot)

    @_status.default
    def _first_status(self) -> ChannelStatus:
        return ChannelStatus(self.channel.label)

    @property
    def status(self) -> ChannelStatus:
        """The state of the service."""
        return attrs.evolve(self._status, waiting=len(self._queue))

    def put(self, push: Push) -> None:
        """Queue a push; if the queue is full, the oldest one is dropped."""
        if len(self._queue) >= QUEUE_PUSHES:
            self._queue.popleft()
            self._drop()
        self._queue.append(push)
        self._slot.wake()

    def clear(self) -> None:
        """Forget the queued pushes; one that is being sent is not tried again."""
        self._queue.clear()

    async def run(self) -> None:
        """Send the queued pushes, until cancelled."""
        while True:
            while self._queue:
                push = self._queue[0]
                await self._deliver(push)
                # A full queue may have dropped it meanwhile.
                if self._queue and self._queue[0] is push:
                    self._queue.popleft()
            await self._slot.wait_woken()  # until there is a push

    async def _deliver(self, push: Push) -> None:
        """Send a push, with retries while it is of use."""
        for pause in (*PAUSES, None):
            if push not in self._queue or not self.reports.is_current(push):
                return
            before = self._status
            reason = await self.try_once(push)
            self._log_change(before, reason)
            if reason is None:
                self.reports.accepted(push)
                return
            if pause is not None:
                await trio.sleep(pause)
        log.warning("notification given up", service=self.channel.label)
        self._drop()

    async def try_once(self, push: Push) -> str | None:
        """Send a push once; return the reason of a failure, and note the outcome."""
        reason = await send_once(self.channel, push)
        if reason is None:
            self._note_success()
        else:
            self._note_failure(reason)
        return reason

    def _log_change(self, before: ChannelStatus, reason: str | None) -> None:
        """Log that the service has begun to fail, or accepts pushes again."""
        was_failing = before.state is ChannelState.FAILING
        if reason is not None and not was_failing:
            log.warning("notifications fail", service=before.label, reason=reason)
        if reason is None and was_failing:
            log.info("notifications are accepted again", service=before.label)

    def _note_success(self) -> None:
        before, now_ms = self._status, self.clock.now().wall_ms
        self._status = attrs.evolve(
            before,
            state=ChannelState.OK,
            since_ms=None,
            reason="",
            sent=before.sent + 1,
            last_ms=now_ms,
        )

    def _note_failure(self, reason: str) -> None:
        before = self._status
        self.failures += 1
        since_ms = before.since_ms
        if before.state is not ChannelState.FAILING:
            since_ms = self.clock.now().wall_ms
        self._status = attrs.evolve(
            before, state=ChannelState.FAILING, since_ms=since_ms, reason=reason
        )

    def _drop(self) -> None:
        self._status = attrs.evolve(self._status, dropped=self._status.dropped + 1)


async def send_once(channel: Channel, push: Push) -> str | None:
    """Send a push once, within :data:`SEND_SECONDS`.

    Returns:
        The reason of a failure; ``None`` if the service has accepted the push.
    """
    try:
        with trio.fail_after(SEND_SECONDS):
            await channel.send(push)
    except ChannelError as error:
        return str(error)
    except trio.TooSlowError:
        return "no answer in time"
    return None
