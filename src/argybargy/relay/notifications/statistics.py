"""Figures of the notifications, for the metrics."""

from argybargy.system.values import frozen


@frozen
class NotificationStatistics:
    """Figures of the notifications since the start.

    Attributes:
        sent: Pushes that a service has accepted, counted for each service.
        failed: Tries that failed.
        dropped: Pushes that a service did not get.
        waiting: Pushes that wait for a service.
        failing: Services that fail.
    """

    sent: int = 0
    failed: int = 0
    dropped: int = 0
    waiting: int = 0
    failing: int = 0
