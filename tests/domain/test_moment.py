import pytest

from argybargy.domain.moment import format_timestamp


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
