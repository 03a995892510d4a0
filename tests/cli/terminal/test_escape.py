"""Control characters in messages are escaped."""

import io
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from argybargy.cli.terminal.escape import escape, escape_lines
from argybargy.cli.terminal.output import Output


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain text, as it is", "plain text, as it is"),
        ("Grüße, 世界, 🦊", "Grüße, 世界, 🦊"),
        ("👩\u200d🚀", "👩\u200d🚀"),
        ("\x1b[31mred\x1b[0m", r"\x1b[31mred\x1b[0m"),
        ("a\rb\tc\0d", r"a\rb\tc\x00d"),
        ("one\ntwo", r"one\ntwo"),
        ("\x7f\x9b", r"\x7f\x9b"),
        ("abc\u202edcb\u2066x", r"abc\u202edcb\u2066x"),
        ("\u200f\u061c\ufeff", r"\u200f\u061c\ufeff"),
        ("\u2028\u2029", r"\u2028\u2029"),
        ("\U000e0041", r"\U000e0041"),
        ("\ud800", r"\ud800"),
        (r"C:\new", r"C:\new"),
    ],
)
def test_control_characters_are_shown_as_escapes(text: str, shown: str) -> None:
    assert escape(text) == shown


def test_line_breaks_are_kept() -> None:
    assert escape_lines("one\ntwo\x1b\n") == "one\ntwo\\x1b\n"


@given(st.text())
def test_no_control_character_is_printed(text: str) -> None:
    shown = escape(text)
    kinds = {unicodedata.category(c) for c in shown if c not in "\u200c\u200d"}
    assert kinds.isdisjoint({"Cc", "Cf", "Cs", "Zl", "Zp"})
    assert escape(shown) == shown


def test_a_line_break_in_a_cell_is_escaped() -> None:
    page = io.StringIO()
    Output(page, page).write_table(("NAME", "ROOM"), [("ann\nbob  forged", "build")])
    assert page.getvalue().splitlines() == [
        "NAME              ROOM",
        r"ann\nbob  forged  build",
    ]
