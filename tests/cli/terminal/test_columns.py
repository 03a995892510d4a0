"""Width of wide and combining characters in terminal columns."""

import io

import pytest

from argybargy.cli.terminal.columns import columns_of, cut, fitted, padded, split_at
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


HEADS = ("NAME", "ROOM", "KEY ID", "EXPIRES", "CAPABILITIES")


def test_a_table_that_fits_is_left_alone() -> None:
    assert fitted(HEADS, [5, 5, 12, 7, 12], 80) == [5, 5, 12, 7, 12]


def test_text_is_narrowed_before_names_and_ids_are_not() -> None:
    assert fitted(HEADS, [20, 10, 12, 19, 60], 80) == [20, 10, 12, 19, 11]
    narrow = fitted(HEADS, [64, 40, 12, 19, 60], 80)
    assert narrow[2] == 12
    assert sum(narrow) + 2 * 4 == 80
    assert fitted(HEADS, [64, 64, 12, 19, 60], 20) == [8, 8, 12, 8, 8]


@pytest.mark.parametrize("columns", [55, 80, 120])
def test_every_row_fits_the_terminal(columns: int) -> None:
    data = io.StringIO()
    out = Output(data, io.StringIO(), columns=columns)
    cells = ("a-very-long-name-of-an-agent", "room", "0123456789ab", "never")
    out.write_table(HEADS, [(*cells, "able to do this and that, " * 5)])
    lines = data.getvalue().splitlines()
    assert columns - 2 <= max(map(len, lines)) <= columns
    assert "0123456789ab" in lines[1]


def test_a_quiet_table_has_no_headings() -> None:
    data = io.StringIO()
    Output(data, io.StringIO(), is_quiet=True).write_table(("NAME", "X"), [("a", "b")])
    assert data.getvalue() == "a  b\n"


def test_a_line_is_split_between_characters() -> None:
    assert split_at("abcd", 3) == ("abc", "d")
    assert split_at("漢字", 1) == ("漢", "字")
    assert split_at("e\u0301x", 1) == ("e\u0301", "x")
