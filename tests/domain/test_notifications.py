"""The rules of notifications: when an event is due, and in which words."""

from functools import partial

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from argybargy.domain.access_codes import CODE_PATTERN, format_code
from argybargy.domain.names import room_key
from argybargy.domain.notifications import (
    AGAIN_MS,
    EVENTS_PER_PUSH,
    LINES_PER_PUSH,
    TEXT_CHARS,
    UNTOLD_MS,
    Candidate,
    Event,
    EventKey,
    EventKind,
    Moment,
    Notice,
    NotificationRules,
    due_events,
    excerpt,
    is_forgotten,
    summary,
)
from support.work_counters import count_calls

RULES = NotificationRules(after_seconds=120, urgent_words=("prod", "page me"))
QUESTION = Event(EventKind.QUESTION, 1, "build", "7", "ann", "May I?")
TO_ANYONE = attrs.evolve(QUESTION, is_to_anyone=True)
URGENT = attrs.evolve(QUESTION, is_urgent=True)
AGENT = Event(EventKind.AGENT, 1, "build", "ann")
LOOP = Event(EventKind.LOOP, 1, "build", "ann and bob")
STORAGE = Event(EventKind.STORAGE, 1, is_urgent=True)
STORAGE_END = Event(EventKind.STORAGE_END, 1, is_urgent=True)


def is_due(event: Event, seconds: float, moment: Moment, after: float = 120) -> bool:
    rules = attrs.evolve(RULES, after_seconds=after)
    return bool(due_events([Candidate(event, seconds)], rules, moment))


@pytest.mark.parametrize(
    ("event", "seconds"),
    [
        (QUESTION, 120),
        (TO_ANYONE, 120),
        (URGENT, 0),
        (AGENT, 300),
        (LOOP, 0),
        (STORAGE, 30),
        (STORAGE_END, 0),
    ],
)
def test_each_event_is_due_after_its_time(event: Event, seconds: float) -> None:
    assert is_due(event, seconds, Moment())
    assert not is_due(event, seconds - 0.1, Moment())


def test_a_question_to_anyone_waits_for_two_minutes_at_least() -> None:
    assert not is_due(TO_ANYONE, 119, Moment(), after=0)
    assert is_due(QUESTION, 0, Moment(), after=0)
    assert not is_due(TO_ANYONE, 599, Moment(), after=600)


@pytest.mark.parametrize(
    ("event", "seconds"),
    [(QUESTION, 600), (TO_ANYONE, 600), (URGENT, 120), (AGENT, 600), (STORAGE, 30)],
)
def test_before_the_operators_eyes_an_event_waits_longer(
    event: Event, seconds: float
) -> None:
    watching = Moment(is_watching=True)
    assert is_due(event, seconds, watching)
    assert not is_due(event, seconds - 1, watching)


def test_in_quiet_hours_only_urgent_events_are_due() -> None:
    quiet = Moment(is_quiet=True)
    found = due_events(
        [Candidate(event, 9_999) for event in (QUESTION, AGENT, LOOP, URGENT, STORAGE)],
        RULES,
        quiet,
    )
    assert set(found) == {URGENT, STORAGE}


def test_urgent_events_come_first_and_then_the_oldest() -> None:
    old, new = attrs.evolve(LOOP, at_ms=1), attrs.evolve(AGENT, at_ms=5)
    urgent = attrs.evolve(URGENT, at_ms=9)
    candidates = [Candidate(event, 9_999) for event in (new, urgent, old)]
    assert due_events(candidates, RULES, Moment()) == (urgent, old, new)


def test_a_push_has_a_bounded_number_of_events() -> None:
    many = [
        Candidate(attrs.evolve(QUESTION, subject=str(seq)), 999)
        for seq in range(1, EVENTS_PER_PUSH + 9)
    ]
    assert len(due_events(many, RULES, Moment())) == EVENTS_PER_PUSH


@pytest.mark.parametrize(
    ("text", "is_urgent"),
    [
        ("PROD is down", True),
        ("is it prod?", True),
        ("please page me now", True),
        ("a new product", False),
        ("pages", False),
        ("", False),
    ],
)
def test_urgent_is_what_the_operators_words_say(text: str, is_urgent: bool) -> None:
    assert RULES.is_urgent(text) is is_urgent
    assert not NotificationRules().is_urgent(text)


@given(st.text(max_size=600), st.integers(0, 300))
def test_an_excerpt_is_one_short_line_without_codes_and_control_characters(
    text: str, at: int
) -> None:
    code = format_code("0" * 32)
    shown = excerpt(text[:at] + code + text[at:])
    assert len(shown) <= TEXT_CHARS
    assert CODE_PATTERN.search(shown) is None
    assert "argy_a1_" not in excerpt("x" * 190 + code)
    assert not any(ord(each) < 32 or ord(each) == 127 for each in shown)


def test_an_excerpt_of_a_long_hostile_text_is_cheap_and_full() -> None:
    code = format_code("0" * 32)
    for text in (
        "\x1b" * 100_000,
        code * 2_000,
        "@all " * 20_000,
        "\n" * 100_000 + code,
    ):
        assert count_calls(partial(excerpt, text)) < 2_000
    assert len(excerpt(code * 2_000)) == TEXT_CHARS
    assert excerpt("\n" * 100_000 + code) == "argy_…"


def test_an_excerpt_calls_nobody_and_has_no_markup() -> None:
    shown = excerpt("@everyone <!channel> <@U123> ann@example.com a < b\n\x1b[31m")
    assert "@everyone" not in shown
    assert "<!" not in shown
    assert "<@" not in shown
    assert "ann@example.com a < b" in shown
    assert "\\u{1b}[31m" in shown


def test_a_summary_names_a_few_and_counts_the_rest() -> None:
    events = [
        attrs.evolve(QUESTION, subject=str(seq)) for seq in range(LINES_PER_PUSH + 3)
    ]
    title, text = summary(events)
    assert title == f"{LINES_PER_PUSH + 3} things wait for you"
    lines = text.split("\n")
    assert lines[0] == "build #0: ann asks you"
    assert lines[-1] == "and 3 more"
    assert len(lines) == LINES_PER_PUSH + 1


def test_titles_say_what_has_happened() -> None:
    titles = [
        event.title
        for event in (QUESTION, TO_ANYONE, AGENT, LOOP, STORAGE, STORAGE_END)
    ]
    assert titles == [
        "build #7: ann asks you",
        "build #7: ann asks anyone",
        "build: ann is not listening",
        "build: a loop of ann and bob was damped",
        "The relay cannot store messages",
        "The relay stores messages again",
    ]


def notice(event: Event, told_ms: int | None = 1_000) -> Notice:
    return Notice("0" * 32, event.key, 0, told_ms)


def test_a_notice_is_kept_as_long_as_its_event_lasts() -> None:
    assert not is_forgotten(notice(QUESTION), {QUESTION.key}, 2**40)
    assert is_forgotten(notice(QUESTION), set(), 1_001)


@pytest.mark.parametrize("event", [AGENT, LOOP])
def test_the_same_agent_and_pair_are_told_about_once_an_hour(event: Event) -> None:
    assert not is_forgotten(notice(event), set(), 1_000 + AGAIN_MS - 1)
    assert is_forgotten(notice(event), set(), 1_000 + AGAIN_MS)
    assert is_forgotten(notice(event), set(), 999)  # the clock was set back


def test_a_loop_that_was_not_told_is_kept_for_a_day() -> None:
    assert not is_forgotten(notice(LOOP, None), set(), UNTOLD_MS - 1)
    assert is_forgotten(notice(LOOP, None), set(), UNTOLD_MS)


def test_an_event_is_known_by_its_kind_room_and_subject() -> None:
    shouted = attrs.evolve(QUESTION, room="BUILD", text="other", at_ms=9)
    key = EventKey(EventKind.QUESTION, room_key("build"), "7")
    assert shouted.key == QUESTION.key == key
