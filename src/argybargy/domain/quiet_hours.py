"""Quiet hours: the time of day in which the operator is told urgent things only."""

from datetime import UTC, datetime, tzinfo
from typing import Final

import attrs

from argybargy.system.values import frozen

MINUTES_OF_DAY: Final = 24 * 60


@frozen
class QuietHours:
    """A time of each day.

    Attributes:
        start: Its first minute, counted from midnight.
        end: The minute after it. Before `start`, it lasts over midnight.
        zone: The time zone; ``None`` is that of the machine.
        text: The hours as written.
    """

    start: int
    end: int
    zone: tzinfo | None = None
    text: str = attrs.field(default="", eq=False)

    def __str__(self) -> str:
        return self.text

    def includes(self, wall_ms: int) -> bool:
        """Tell whether a time lies in the quiet hours.

        Args:
            wall_ms: The time, in milliseconds since 1970 UTC.
        """
        # `astimezone` with None takes the zone of the machine, summer time included.
        moment = datetime.fromtimestamp(wall_ms / 1000, UTC).astimezone(self.zone)
        minute = moment.hour * 60 + moment.minute
        if self.start <= self.end:
            return self.start <= minute < self.end
        return minute >= self.start or minute < self.end
