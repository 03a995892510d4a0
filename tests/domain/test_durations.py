import pytest

from argybargy.domain.durations import MAX_LIFETIME_SECONDS, parse_lifetime
from argybargy.domain.errors import Problem, RelayError


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("10m", 600),
        ("30m", 1_800),
        ("60m", 3_600),
        ("1h", 3_600),
        ("1d", 86_400),
        ("1w", 604_800),
        ("1mo", 2_592_000),
        ("8", 28_800),
        ("0.5", 1_800),
        ("1.5h", 5_400),
        ("5 min", 300),
        ("5mins", 300),
        ("1minute", 60),
        ("2minutes", 120),
        ("1hr", 3_600),
        ("2hrs", 7_200),
        ("1hour", 3_600),
        ("2 hours", 7_200),
        ("1day", 86_400),
        ("2 days", 172_800),
        ("1week", 604_800),
        ("2weeks", 1_209_600),
        ("1month", 2_592_000),
        ("2months", 5_184_000),
        ("  1D \n", 86_400),
        ("1Mo", 2_592_000),
        ("5 MIN", 300),
        ("100000m", 6_000_000),
        ("36500d", MAX_LIFETIME_SECONDS),
    ],
)
def test_a_lifetime_is_a_number_and_a_unit(text: str, seconds: float) -> None:
    assert parse_lifetime(text) == seconds


@pytest.mark.parametrize("text", [None, "", "  ", "never", "NEVER", "none", "0"])
def test_never_and_zero_mean_no_expiry(text: str | None) -> None:
    assert parse_lifetime(text) is None


@pytest.mark.parametrize(
    "text",
    [
        "0m",
        "0.0",
        "-1h",
        "+1h",
        "1s",
        "1y",
        "m",
        "h1",
        "1h30m",
        "1 h x",
        "1.h",
        ".5h",
        "1,5h",
        "1e3",
        "1_000",
        "nan",
        "inf",
        "٣h",
        "\uff11h",
        "forever",
        "36501d",
        "99999999999d",
        "9" * 400,
        "1\0h",
    ],
)
def test_invalid_lifetimes_are_refused_with_the_rule(text: str) -> None:
    with pytest.raises(RelayError) as caught:
        parse_lifetime(text)
    assert caught.value.problem is Problem.BAD_REQUEST
    assert "a number with m, h, d, w or mo" in caught.value.text
    assert "a bare number is hours; never or 0 means no expiry" in caught.value.text


@pytest.mark.parametrize("text", ["1M", " 30 M ", "1.5M"])
def test_a_capital_m_is_refused_with_its_two_possible_meanings(text: str) -> None:
    with pytest.raises(RelayError) as caught:
        parse_lifetime(text)
    number = text.strip().removesuffix("M").strip()
    assert caught.value.problem is Problem.BAD_REQUEST
    assert f"{number}m or {number}mo (a month is 30d)" in caught.value.text
