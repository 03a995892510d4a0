"""Sessions of the dashboard: their end after a restart, and the names of devices."""

import attrs
import pytest

from argybargy.domain.instant import Instant
from argybargy.domain.sessions import (
    DEVICE_CHARS,
    SessionRecord,
    device_of,
    is_token_mark,
    latest_end_ms,
    mark_token,
)

RECORD = SessionRecord(bytes(32), "::1", "", 1_000, 101_000, 31_000, "00ff")


@pytest.mark.parametrize(
    ("wall_ms", "seconds"),
    [(0, 70), (31_000, 70), (500_000, 70)],
    ids=["clock behind", "clock right", "clock ahead"],
)
def test_a_stored_session_never_gets_back_the_time_that_it_was_used(
    wall_ms: int, seconds: int
) -> None:
    now = Instant(wall_ms, 0.0)
    assert latest_end_ms(RECORD, now) - now.counted_ms == seconds * 1_000


@pytest.mark.parametrize("used_ms", [-5, 999, 102_000])
def test_a_use_outside_the_session_counts_as_its_nearest_moment(used_ms: int) -> None:
    left_ms = latest_end_ms(attrs.evolve(RECORD, used_ms=used_ms), Instant(0, 0.0))
    assert left_ms == (0 if used_ms > 101_000 else 100_000)


def test_the_mark_of_a_token_changes_with_it_and_reveals_next_to_nothing() -> None:
    marks = {mark_token(f"token {number}") for number in range(100)}
    assert len(marks) > 95
    assert all(is_token_mark(mark) and len(mark) == 4 for mark in marks)
    assert mark_token("token 1") == mark_token("token 1")


_WEBKIT = "AppleWebKit/537.36 (KHTML, like Gecko)"
_LINUX = f"Mozilla/5.0 (X11; Linux x86_64) {_WEBKIT}"
_IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15"


@pytest.mark.parametrize(
    ("user_agent", "device"),
    [
        (f"{_LINUX} Chrome/124.0.0.0 Safari/537.36", "Chrome on Linux"),
        (f"{_LINUX} Chrome/124.0.0.0 Safari/537.36 Edg/124", "Edge on Linux"),
        (
            "Mozilla/5.0 (Windows NT 10.0; rv:125.0) Gecko/20100101 Firefox/125.0",
            "Firefox on Windows",
        ),
        (f"{_IPHONE} Version/17.5 Mobile/15E148 Safari/604.1", "Safari on iPhone"),
        (f"{_IPHONE} CriOS/124.0 Mobile/15E148 Safari/604.1", "Chrome on iPhone"),
        (
            "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 "
            "(KHTML, like Gecko) Version/17.5 Safari/605.1.15",
            "Safari on macOS",
        ),
        (
            f"Mozilla/5.0 (Linux; Android 14) {_WEBKIT} Chrome/124 Mobile Safari/537",
            "Chrome on Android",
        ),
        ("curl/8.5.0", "curl"),
        ("python-requests/2.31", "python-requests"),
        ("Mozilla/5.0", ""),
        ("", ""),
        ("\x1b[31mred", ""),
        ("é", ""),
    ],
)
def test_a_device_is_named_by_browser_and_system(user_agent: str, device: str) -> None:
    assert device_of(user_agent) == device


@pytest.mark.parametrize("word", ["a" * 10_000, "a b " * 1_000, "Linux " * 1_000])
def test_the_name_of_a_device_is_short_and_one_line(word: str) -> None:
    name = device_of(word)
    assert len(name) <= DEVICE_CHARS
    assert name.isprintable()
