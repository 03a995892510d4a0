"""Formatting of times and texts for people."""

from datetime import date, timedelta, timezone

import pytest

from argybargy.cli.terminal.formatting import LocalTimes, excerpt, wrapped

EAST = timezone(timedelta(hours=2))


@pytest.mark.parametrize(
    ("timestamp", "shown"),
    [
        ("2026-01-02T03:04:05.678+00:00", "05:04:05"),
        ("2026-01-01T22:30:00+00:00", "00:30:00"),
        ("2026-01-01T21:30:00+00:00", "2026-01-01 23:30:00"),
        ("2026-01-02T22:00:00Z", "2026-01-03 00:00:00"),
        ("soon", "soon"),
        (None, "never"),
    ],
)
def test_a_time_is_local_with_a_date_unless_it_is_today(
    timestamp: str | None, shown: str
) -> None:
    times = LocalTimes(EAST, lambda: date(2026, 1, 2))
    assert times.show(timestamp) == shown


def test_an_excerpt_fits_and_ends_in_an_ellipsis_if_cut() -> None:
    assert excerpt("one\n two", 7) == "one two"
    assert excerpt("one\n two", 6) == "one t…"
    assert excerpt("one two", 5) == "one…"
    assert excerpt("\x1b[2J", 7) == r"\x1b[2J"


def test_a_paragraph_is_wrapped_between_words_and_indented() -> None:
    text = "--to STR: Whom\nto say-it-to"
    assert wrapped(text, 12, "  ", "    ").split("\n") == [
        "  --to STR:",
        "    Whom to",
        "    say-it-to",
    ]
