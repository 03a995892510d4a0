import pytest

from argybargy.domain.instant import Era, Instant, format_timestamp, parse_timestamp


@pytest.mark.parametrize(
    ("wall_ms", "text"),
    [
        (0, "1970-01-01T00:00:00.000+00:00"),
        (1_700_000_000_001, "2023-11-14T22:13:20.001+00:00"),
        (4_102_444_800_000, "2100-01-01T00:00:00.000+00:00"),
    ],
)
def test_a_timestamp_is_rfc_3339_in_utc_to_the_millisecond(
    wall_ms: int, text: str
) -> None:
    assert format_timestamp(wall_ms) == text


@pytest.mark.parametrize(
    "text",
    ["9999-12-31T23:59:59-23:59", "0001-01-01T00:00:00+23:59", "yesterday", ""],
)
def test_a_timestamp_that_cannot_be_formatted_is_invalid(text: str) -> None:
    with pytest.raises(ValueError, match=r"time|iso"):
        parse_timestamp(text)


@pytest.mark.parametrize(
    ("text", "rendered"),
    [
        ("0001-01-01", "0001-01-01T00:00:00.000+00:00"),
        ("9999-12-31T23:59:59.999Z", "9999-12-31T23:59:59.999+00:00"),
        ("2020-02-01T01:00:00+02:00", "2020-01-31T23:00:00.000+00:00"),
    ],
)
def test_a_timestamp_is_parsed_with_its_offset(text: str, rendered: str) -> None:
    assert format_timestamp(parse_timestamp(text)) == rendered


ERAS = (Era(1_000, 2_000, 0), Era(2_000, 3_000, 50_000))


@pytest.mark.parametrize(
    ("stored_ms", "counted_ms"),
    [
        (3_400, 3_400),  # since the clock was set back
        (1_500, 1_500),  # of this process, before any step
        (52_500, 2_500),  # when it was ahead
        (500, 500),  # before this process
        (99_000, 3_500),  # ahead of everything: it has passed
    ],
)
def test_a_stored_time_is_converted_by_the_clock_of_its_time(
    stored_ms: int, counted_ms: int
) -> None:
    now = Instant(3_500, 5.0, 0, ERAS)
    assert now.counted(stored_ms) == counted_ms
