"""Types of bodies about notifications; see :mod:`argybargy.web.codec.bodies`."""

from typing import Literal

from msgspec import Struct

from argybargy.relay.notifications.outbox import ChannelStatus
from argybargy.relay.notifications.registry import Notifications
from argybargy.web.codec.encode import timestamp


class ServiceRow(Struct, frozen=True):
    """A service that notifies the operator.

    `state` is `unused` until the first push. While it is `failing`, `since` and
    `reason` say since when and why. `given_up` counts pushes that it did not get.
    """

    service: str
    state: Literal["unused", "ok", "failing"]
    since: str | None
    reason: str
    waiting: int
    sent: int
    given_up: int
    last_sent: str | None


class NotificationsBody(Struct, frozen=True):
    """The services that notify the operator, and whether it is quiet hours."""

    services: list[ServiceRow]
    quiet: bool
    quiet_hours: str | None
    after_seconds: float


class TriedService(Struct, frozen=True):
    """The outcome of a test of one service; `reason` is empty if it has worked."""

    service: str
    ok: bool
    reason: str


class NotificationTestBody(Struct, frozen=True):
    """The outcome of a test of all services."""

    services: list[TriedService]


def notifications_body(notifications: Notifications) -> NotificationsBody:
    """Return the body of the state of the notifications."""
    rules = notifications.plan.rules
    return NotificationsBody(
        services=[_row(each) for each in notifications.statuses()],
        quiet=notifications.is_quiet(),
        quiet_hours=None if rules.quiet is None else str(rules.quiet),
        after_seconds=rules.after_seconds,
    )


def _row(status: ChannelStatus) -> ServiceRow:
    return ServiceRow(
        service=status.label,
        state=status.state.value,
        since=timestamp(status.since_ms),
        reason=status.reason,
        waiting=status.waiting,
        sent=status.sent,
        given_up=status.dropped,
        last_sent=timestamp(status.last_ms),
    )
