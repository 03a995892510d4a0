"""Equality of words, and their positions in a text."""

import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from argybargy.domain.limits import Limits
from argybargy.domain.search import tokens
from argybargy.domain.search.query import parse_search
from argybargy.domain.search.snippet import snippet
from argybargy.domain.search.tokens import line_of, tokens_of

# A word with marks from each script, composed and decomposed.
composing = st.sampled_from(
    [
        *(
            "é",
            "ё",
            "й",
            "ά",
            "が",
            "パ",
            "한",
            "각",
            "क़",
            "ড়",
            "ொ",
            "ཱི",
            "ဦ",
            "אּ",
            "≠",
            "Ǻ",
        ),
        *(
            "\u0301",
            "\u0323",
            "\u093c",
            "\u3099",
            "\u1161",
            "\u11ab",
            "a",
            "=",
            " ",
            "-",
        ),
    ]
)
texts = st.lists(composing | st.characters(), max_size=24).map("".join)


@given(texts)
@example("Café Ёлка が 한 क़")
def test_whole_characters_and_letters_with_marks_are_the_same_words(text: str) -> None:
    whole, apart = (unicodedata.normalize(form, text) for form in ("NFC", "NFD"))
    assert [word.form for word in tokens_of(whole)] == [
        word.form for word in tokens_of(apart)
    ]
    assert line_of(whole) == line_of(apart)


@given(texts)
def test_the_indexed_line_of_a_text_has_its_words(text: str) -> None:
    assert line_of(text).split() == [word.form for word in tokens_of(text)]


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("a cafe\u0301 b", ["a", "cafe\u0301", "b"]),
        ("\u1112\u1161\u11ab, \u304b\u3099!", ["\u1112\u1161\u11ab", "\u304b\u3099"]),
        ("x=\u0338y", ["x", "y"]),
        ("и\u0306-ы\u0301", ["и\u0306", "ы\u0301"]),
        ("e\u0301e\u0301 e\u0301", ["e\u0301e\u0301", "e\u0301"]),
    ],
)
def test_words_with_combining_marks_keep_their_positions(
    text: str, pieces: list[str]
) -> None:
    assert [text[word.start : word.end] for word in tokens_of(text)] == pieces


def test_the_marks_of_an_excerpt_are_positions_in_the_text() -> None:
    text = "le cafe\u0301 est fini"
    shown = snippet(text, parse_search("caf\u00e9 fin", Limits()).terms)
    assert shown.text == text
    assert [text[begin:end] for begin, end in shown.marks] == ["cafe\u0301", "fini"]


def test_every_composing_character_is_known() -> None:
    for code in range(0x110000):
        parts = unicodedata.decomposition(chr(code)).split()
        is_pair = len(parts) == 2 and not parts[0].startswith("<")
        if is_pair and unicodedata.normalize("NFC", chr(code)) == chr(code):
            assert tokens._joins(chr(int(parts[1], 16))), hex(code)


def test_long_runs_of_marks_are_put_in_order_a_few_at_a_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sizes: list[int] = []
    normalize = unicodedata.normalize

    def spy(form: str, text: str) -> str:
        sizes.append(sum(map(bool, map(unicodedata.combining, text))))
        return normalize(form, text)  # type: ignore[arg-type]  # one of the forms

    monkeypatch.setattr(unicodedata, "normalize", spy)
    text = "a" + "\u0301\u0327" * 3_999 + " b"
    assert list(tokens_of(text))[-1].form == "b"
    assert line_of(text)
    assert max(sizes) <= 31
