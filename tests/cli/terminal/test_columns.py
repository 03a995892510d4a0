"""Width of wide and combining characters in terminal columns."""

import io

import pytest

from argybargy.cli.terminal.columns import columns_of, cut, padded
from argybargy.cli.terminal.output import Output
from support.fake_operator import FakeCode, FakeOperator, spoken
from support.terminal import Terminal

WIDTHS = [
    ("", 0),
    ("plain", 5),
    ("日本語", 6),
    ("한국", 4),
    ("\u1112\u1161\u11ab", 2),
    ("e\u0301te\u0301", 3),
    ("ＡＢ", 4),
    ("ｱｲ", 2),
    ("क्षि", 2),
    ("👍🏽", 2),
    ("👩\u200d💻!", 3),
    ("🇩🇪", 2),
    ("❤\ufe0f", 2),
    ("☃", 1),
    ("a\u200bb", 2),
    ("می\u200cخواهم", 7),
    ("Grüße …", 7),
]


@pytest.mark.parametrize(("text", "columns"), WIDTHS)
def test_the_width_of_a_text_is_counted_in_columns(text: str, columns: int) -> None:
    assert columns_of(text) == columns
    assert columns_of(padded(text, 20)) == 20


@pytest.mark.parametrize(
    ("text", "most", "shown"),
    [
        ("日本語", 6, "日本語"),
        ("日本語です", 6, "日本…"),
        ("日本語です", 5, "日本…"),
        ("e\u0301e\u0301e\u0301", 2, "e\u0301…"),
        ("ab👩\u200d💻cd", 5, "ab👩\u200d💻…"),
        ("ab👩\u200d💻cd", 4, "ab…"),
        ("one two", 5, "one…"),
    ],
)
def test_a_cut_text_fits_and_splits_no_character(
    text: str, most: int, shown: str
) -> None:
    assert cut(text, most) == shown
    assert columns_of(shown) <= most


@pytest.mark.parametrize(("text", "_"), WIDTHS)
def test_a_cut_never_exceeds_its_width(text: str, _: int) -> None:
    for most in range(1, 12):
        assert columns_of(cut(text * 3, most)) <= most


@pytest.mark.parametrize("verb", ["codes", "waiting", "rooms"])
def test_a_table_fits_the_terminal(verb: str) -> None:
    codes = [FakeCode("0" * 12, "bo", "build", "日本語 e\u0301")]
    said = {"build": [spoken(1, "ビルドが失敗しました" * 9, expects="operator")]}
    terminal = Terminal(FakeOperator(codes=codes, said=said), columns=80)
    shown = terminal.type(verb).out.splitlines()
    assert max(map(columns_of, shown)) <= 80


def test_columns_are_aligned() -> None:
    stream = io.StringIO()
    rows = [("日本", "|"), ("plain", "|"), ("e\u0301", "|")]
    Output(stream, stream).write_table(("HEAD", "|"), rows)
    lines = stream.getvalue().splitlines()
    assert {columns_of(line.partition("|")[0]) for line in lines} == {7}
