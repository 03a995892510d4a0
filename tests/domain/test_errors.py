"""The table of refusals: stable codes, and complete sentences."""

import re
from string import Formatter
from typing import Final

import pytest

from argybargy.domain.errors import Problem, RelayError

FACTS: dict[Problem, dict[str, object]] = {
    Problem.BAD_REQUEST: {"problem": "That is not a lifetime."},
    Problem.ROOM_QUOTA: {"limit": 3},
    Problem.CODE_QUOTA: {"limit": 3},
    Problem.INVITE_QUOTA: {"limit": 3},
    Problem.WAKE_QUOTA: {"limit": 3},
    Problem.NOT_FOUND: {"seq": 3},
    Problem.ROOM_CLOSED: {"room": "hall", "closed_by": "ops", "closed_at": "noon"},
    Problem.ROOM_OPEN: {"room": "hall"},
    Problem.CLAIMED_BY_OTHER: {"seq": 3, "claimed_by": "bob", "expires_at": None},
    Problem.SEAT_TAKEN: {"held_by": "codex/1 queue", "held_until": "noon"},
    Problem.NOT_CLAIMABLE: {"seq": 3, "reason": "answered"},
    Problem.NOT_WITHDRAWABLE: {"seq": 3, "reason": "answered"},
    Problem.UNREAD_MESSAGES: {"read_to": 3},
    Problem.IMPORT_CONFLICT: {"room": "hall", "seq": 3},
    Problem.BODY_TOO_LARGE: {"limit_bytes": 3},
    Problem.URL_TOO_LONG: {"limit_bytes": 3},
    Problem.IDEMPOTENCY_CONFLICT: {"seq": 3},
    Problem.RATE_LIMITED: {
        "limit": 10,
        "what": "messages",
        "window_seconds": 10.0,
        "retry_after": 3,
    },
    Problem.AUTH_THROTTLED: {"retry_after": 3},
    Problem.HEADERS_TOO_LARGE: {"limit_bytes": 3, "limit_fields": 3},
    Problem.STORAGE_UNAVAILABLE: {"retry_after": 3},
    Problem.STORAGE_FULL: {"retry_after": 3},
    Problem.STORAGE_UNKNOWN: {"retry_after": 3},
    Problem.BUSY: {"retry_after": 3},
    Problem.DRAINING: {"retry_after": 3},
}
"""Placeholders of each problem's sentence; other problems have none."""


def test_codes_are_unique_and_fit_for_programs() -> None:
    codes = [problem.value.code for problem in Problem]
    assert len(set(codes)) == len(codes)
    assert all(code.isascii() and code.replace("_", "").islower() for code in codes)


def test_all_problems_differ() -> None:
    assert len(Problem.__members__) == len(list(Problem))


def test_problems_are_sorted_by_status() -> None:
    statuses = [problem.value.status for problem in Problem]
    assert statuses == sorted(statuses)
    assert all(400 <= status <= 599 for status in statuses)


NEXT_STEP: Final = re.compile(
    r"\b(?:Ask|Send|Revoke|[Ww]ait|Retry|[Tt]ry|Repeat|Use|[Aa]dd|Leave|Choose|Speak"
    r"|Close|Stay|Claim|Say|Stop|Import|Read|Correct|Shorten|Remove|End|Only an open"
    r"|see GET|GET /\S* lists)\b|'argybargy \w+' makes"
)


@pytest.mark.parametrize(
    "problem", [p for p in Problem if p is not Problem.BAD_REQUEST]
)
def test_every_sentence_says_what_to_do(problem: Problem) -> None:
    """All but that of `bad_request`, which names what is wrong with the request."""
    assert NEXT_STEP.search(problem.value.text)


@pytest.mark.parametrize("problem", Problem)
def test_every_sentence_can_be_filled_with_its_facts(problem: Problem) -> None:
    text = RelayError(problem, **FACTS.get(problem, {})).text
    assert text.endswith(".")
    assert "{" not in text


@pytest.mark.parametrize("problem", Problem)
def test_every_placeholder_of_a_sentence_is_in_the_table(
    problem: Problem,
) -> None:
    named = {name for _, name, _, _ in Formatter().parse(problem.value.text) if name}
    assert named <= set(FACTS.get(problem, {}))


def test_a_window_is_shown_without_needless_digits() -> None:
    error = RelayError(Problem.RATE_LIMITED, **FACTS[Problem.RATE_LIMITED])
    assert error.text == "At most 10 messages per 10 s. Wait 3 s."


def test_an_error_shows_its_code_and_its_sentence() -> None:
    error = RelayError(Problem.IDEMPOTENCY_CONFLICT, seq=7)
    assert str(error).startswith("idempotency_conflict: This Idempotency-Key was used ")


def test_invalid_fields_are_listed_one_by_one() -> None:
    error = RelayError.invalid_fields([("text", "is empty"), ("to", "is odd")])
    assert error.problem is Problem.INVALID_REQUEST
    assert error.facts["errors"] == [
        {"field": "text", "problem": "is empty"},
        {"field": "to", "problem": "is odd"},
    ]
    assert RelayError.invalid("to", "is odd").facts["errors"] == [
        {"field": "to", "problem": "is odd"}
    ]
