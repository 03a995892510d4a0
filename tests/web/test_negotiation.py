"""The preference of an Accept header is that which Werkzeug reads."""

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from werkzeug.datastructures import MIMEAccept
from werkzeug.http import parse_accept_header

from argybargy.web.negotiation import prefers_text

RANGES = st.sampled_from(
    [
        *("text/plain", "TEXT/Plain", "text/*", "*/*", "application/json"),
        *("application/*", "text/html", "text", "*", "*/plain", ""),
    ]
)
QUALITIES = st.sampled_from(
    ["0", "0.0", "0.3", "0.30", "0.7", "1", "1.0", "1.5", "2", "-1", "x", "", ".5"]
)
PARAMETERS = st.one_of(
    QUALITIES.map(lambda quality: f"q={quality}"),
    st.sampled_from(["charset=utf-8", "version=1", "charset = UTF-8"]),
)
SPACES = st.sampled_from(["", " ", "  "])


@st.composite
def items(draw: st.DrawFn) -> str:
    parameters = draw(st.lists(PARAMETERS, max_size=2))
    between = [f"{draw(SPACES)};{draw(SPACES)}{each}" for each in parameters]
    return draw(SPACES) + draw(RANGES) + "".join(between)


def by_werkzeug(accept: str) -> bool:
    """Tell whether a header prefers text, with parameters other than ``q`` removed."""
    types = re.sub(r";\s*+(?!q\s*=)[^;,]*", "", accept)
    accepted = parse_accept_header(types, MIMEAccept)
    return accepted["text/plain"] > accepted["application/json"]


@given(st.lists(items(), max_size=4).map(",".join))
@example("text/plain, */*;q=0.1")
@example("application/json;q=0.5, text/*;q=0.5")
def test_it_is_what_werkzeug_reads(accept: str) -> None:
    assert prefers_text(accept) == by_werkzeug(accept)


@pytest.mark.parametrize(
    ("accept", "prefers"),
    [
        ("text/plain", True),
        ("text/plain; charset=utf-8", True),
        ("text/plain;Q=0.1, application/json", False),
        ("*/*", False),
        ("text/plain, application/json", False),
        ("text/*;q=0.9, */*;q=0.8", True),
        ("text/plain;q=0", False),
        ("text/plain; q=0.1, application/json;q=0.5", False),
        ("text/plain;q=zero", False),
        ("", False),
    ],
)
def test_it_compares_the_most_specific_ranges(accept: str, prefers: bool) -> None:
    assert prefers_text(accept) is prefers
