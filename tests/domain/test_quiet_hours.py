"""Quiet hours, in several time zones and over midnight."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from argybargy.domain.quiet_hours import QuietHours


def wall_ms(text: str) -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


@pytest.mark.parametrize(
    ("hours", "at", "is_quiet"),
    [
        ((22, 7), "2026-11-30T21:59", False),
        ((22, 7), "2026-11-30T22:00", True),
        ((22, 7), "2026-11-30T00:00", True),
        ((22, 7), "2026-11-30T06:59", True),
        ((22, 7), "2026-11-30T07:00", False),
        ((12, 13), "2026-11-30T12:59", True),
        ((12, 13), "2026-11-30T13:00", False),
        ((0, 24), "2026-11-30T13:00", True),
    ],
)
def test_quiet_hours_include_their_start_and_not_their_end(
    hours: tuple[int, int], at: str, is_quiet: bool
) -> None:
    start, end = hours
    quiet = QuietHours(start * 60, end * 60, UTC)
    assert quiet.includes(wall_ms(at)) is is_quiet


def test_quiet_hours_follow_summer_time() -> None:
    quiet = QuietHours(22 * 60, 7 * 60, ZoneInfo("Europe/Berlin"))
    assert not quiet.includes(wall_ms("2026-01-15T20:30"))
    assert quiet.includes(wall_ms("2026-07-15T20:30"))


def test_without_a_zone_the_time_of_the_machine_counts() -> None:
    now = datetime.fromisoformat("2026-11-30T12:00").astimezone()
    minute = now.hour * 60 + now.minute
    quiet = QuietHours(minute, minute + 1)
    assert quiet.includes(round(now.timestamp() * 1000))
    assert not quiet.includes(round(now.timestamp() * 1000) + 60_000)
