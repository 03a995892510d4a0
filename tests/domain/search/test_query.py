"""Parsing of search queries, and excerpts of results."""

import re
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from argybargy.domain.errors import RelayError
from argybargy.domain.limits import Limits
from argybargy.domain.names import peer_key, room_key
from argybargy.domain.search.query import Query, parse_search
from argybargy.domain.search.snippet import SNIPPET_CHARS, snippet
from argybargy.domain.search.tokens import tokens_of

LIMITS = Limits()
MINUTE_MS = 60_000

anything = st.text(st.characters(), max_size=80) | st.lists(
    st.sampled_from(
        [
            *("from:", "to:", "room:", "is:open", "before:2026-01-31", "-", '"', " "),
            *("word", "NOT", "OR", "(", ")", "*", "^", ":", "\\", "é", "\0", "ﬁ", "🤔"),
        ]
    ),
    max_size=12,
).map("".join)


def forms(text: str) -> list[str]:
    return [word.form for word in tokens_of(text)]


def problem_with(text: str) -> str:
    with pytest.raises(RelayError) as caught:
        parse_search(text, LIMITS)
    errors = cast("list[dict[str, str]]", caught.value.facts["errors"])
    assert [error["field"] for error in errors] == ["q"]
    return errors[0]["problem"]


@given(anything)
def test_any_text_is_parsed_or_refused_with_a_sentence(text: str) -> None:
    try:
        query = parse_search(text, LIMITS)
    except RelayError:
        assert problem_with(text)
        return
    assert query != Query()
    for term in (*query.terms, *query.excluded):
        assert term.forms
        assert re.fullmatch(r"[^ \"]+", "".join(term.forms))


@given(st.text(st.characters(), max_size=600), st.text(max_size=3))
def test_marks_are_in_order_and_within_the_line(text: str, more: str) -> None:
    words = " ".join(forms(text)[:3])
    try:
        query = parse_search(f"{more} {words[:100]}", LIMITS)
    except RelayError:
        return
    shown = snippet(text, query.terms)
    assert len(shown.text) <= SNIPPET_CHARS + 2
    assert shown.text.removeprefix("…")[:1] in {"", " ", *text, "…"}
    edges = [edge for mark in shown.marks for edge in mark]
    assert edges == sorted(edges)
    assert all(0 <= begin < end <= len(shown.text) for begin, end in shown.marks)


@given(st.text(st.characters(), max_size=60))
def test_words_have_their_positions_in_the_text(text: str) -> None:
    words = list(tokens_of(text))
    places = [place for word in words for place in (word.start, word.end)]
    assert places == sorted(places)
    for word in words:
        assert forms(text[word.start : word.end]) == [word.form]


@pytest.mark.parametrize(
    ("text", "terms", "excluded"),
    [
        ("deploy red", [("deploy",), ("red",)], []),
        ('"Deploy  RED" -it', [("deploy", "red")], [("it",)]),
        ('-"a b" c', [("c",)], [("a", "b")]),
        ("foo-bar's", [("foo", "bar", "s")], []),
        ("--json - x", [("json",), ("x",)], []),
        ('say "unclosed', [("say",), ("unclosed",)], []),
        ("http://x from", [("http", "x"), ("from",)], []),
        ("🤔 x", [("x",)], []),
    ],
)
def test_words_phrases_and_exclusions_are_parsed(
    text: str, terms: list[tuple[str, ...]], excluded: list[tuple[str, ...]]
) -> None:
    query = parse_search(text, LIMITS)
    assert [term.forms for term in query.terms] == terms
    assert [term.forms for term in query.excluded] == excluded


@pytest.mark.parametrize(
    ("text", "prefixes"),
    [
        ("aa bb", [False, True]),
        ('aa "bb"', [False, False]),
        ("aa from:bob bb", [False, True]),
        ("aa -bb", [False]),
        ("aa from:bob", [True]),
        ("aa b", [False, False]),
        ("aa-b", [False]),
        ("aa 7", [False, False]),
        ("aa é", [False, False]),
        ("aa 你", [False, True]),
    ],
)
def test_the_last_word_is_a_prefix(text: str, prefixes: list[bool]) -> None:
    query = parse_search(text, LIMITS)
    assert [term.is_prefix for term in query.terms] == prefixes


def test_repeated_terms_count_once() -> None:
    query = parse_search("red " * 40 + '"a b" "A  b" -x -X', LIMITS)
    assert [term.forms for term in query.terms] == [("red",), ("a", "b")]
    assert [term.forms for term in query.excluded] == [("x",)]


def test_a_query_may_have_the_maximum_number_of_terms() -> None:
    words = [f"w{number}" for number in range(LIMITS.search_phrases)]
    query = parse_search(" ".join(words), LIMITS)
    assert [term.forms for term in query.terms] == [(word,) for word in words]
    assert parse_search(f'"{" ".join("abcdefghijklmnopqrst")}"', LIMITS).terms


def test_filters_are_read_in_any_spelling() -> None:
    query = parse_search('FROM:Ann to:"bob" Room:LAB is:Open', LIMITS)
    assert query == Query(
        sender=peer_key("ann"),
        addressee=peer_key("bob"),
        room=room_key("lab"),
        is_open=True,
    )


@pytest.mark.parametrize(
    ("time", "ms"),
    [
        ("1970-01-02", 24 * 60 * MINUTE_MS),
        ("1970-01-01T00:01", MINUTE_MS),
        ("1970-01-01t00:01:00.500z", MINUTE_MS + 500),
        ("1970-01-01T01:01+01:00", MINUTE_MS),
        ("0001-01-01T00:00+14:00", -62_135_647_200_000),
    ],
)
def test_before_takes_a_day_or_a_time(time: str, ms: int) -> None:
    assert parse_search(f"before:{time}", LIMITS).before_ms == ms


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "at least one word"),
        ("  ", "at least one word"),
        ('""', "at least one word"),
        ("!?", "at least one word"),
        ("🤔", "at least one word"),
        ("-word", "at least one word"),
        ("room:lab", "at least one word"),
        ("x" * 201, "at most 200 characters"),
        ("a b c d e f g h i j k l m n o p q", "at most 16 different words"),
        ("a b c d e f g h -i -j -k -l -m -n -o -p -q", "at most 16 different words"),
        ("from: x", "from: takes a name"),
        ("to:b*b", "to: takes a name"),
        ('room:"a b"', "room: takes a name"),
        ("from:a from:b", "say from: once"),
        ("is:closed", "is: takes 'open'"),
        ("before:", "before: takes a day"),
        ("before:7", "before: takes a day"),
        ("before:2026-02-30", "before: takes a day"),
        ("before:٢٠٢٦-01-01", "before: takes a day"),
    ],
)
def test_an_invalid_query_is_refused_without_repeating_it(
    text: str, problem: str
) -> None:
    assert problem in problem_with(text)


def test_a_short_text_is_shown_whole_on_one_line() -> None:
    shown = snippet("one\ntwo\tTwo", parse_search("two", LIMITS).terms)
    assert shown.text == "one two Two"
    assert shown.marks == ((4, 7), (8, 11))


def test_a_long_text_is_cut_around_the_match() -> None:
    text = "lorem ipsum " * 50 + "the needle here " + "dolor sit " * 50
    shown = snippet(text, parse_search("needle", LIMITS).terms)
    ((begin, end),) = shown.marks
    assert shown.text[begin:end] == "needle"
    assert shown.text.startswith("…")
    assert shown.text.endswith("…")
    assert "the needle here" in shown.text


def test_marks_that_overlap_are_one() -> None:
    shown = snippet("a b c d", parse_search('"a b" "b c" d', LIMITS).terms)
    assert [shown.text[begin:end] for begin, end in shown.marks] == ["a b c", "d"]


def test_a_phrase_is_marked_up_to_the_end_of_the_line() -> None:
    text = "x" * 190 + " one two three " + "y " * 200
    shown = snippet(text, parse_search('"one two three" x', LIMITS).terms)
    ((begin, end),) = shown.marks
    assert shown.text[begin:end] == "one two three"
    text = "w " + "x" * 190 + " one two three " + "y " * 200
    shown = snippet(text, parse_search('w "one two three"', LIMITS).terms)
    assert [shown.text[begin:end] for begin, end in shown.marks] == ["w", "one two"]


def test_markup_is_text_like_any_other() -> None:
    text = "<img src=x onerror=alert(1)> &amp; \x1b[2J \u202e"
    assert snippet(text, parse_search("alert", LIMITS).terms).text == text
