import pytest
from hypothesis import given
from hypothesis import strategies as st

from argybargy.domain.addressing import (
    default_asked,
    default_expects,
    is_asked,
    names_of_speaker,
    resolve_expects,
)
from argybargy.domain.message import TO_ALL, SenderKind
from argybargy.domain.names import ANYONE, peer_key
from support.room import addressees, message


@pytest.mark.parametrize(
    ("to", "asked"), [("", "none"), ("Bob", "Bob"), ("bob carol", "none")]
)
def test_only_a_single_addressee_is_asked_by_default(to: str, asked: str) -> None:
    assert default_expects(addressees(to)) == asked


@pytest.mark.parametrize(
    ("expects", "members", "resolved"),
    [
        ("anyone", ["Anna", "Bob"], "Bob"),
        ("anyone", ["bob"], "bob"),
        ("anyone", ["anna", "bob", "carol"], "anyone"),
        ("anyone", ["anna"], "anyone"),
        ("anyone", [], "anyone"),
        ("none", ["anna", "bob"], "none"),
        ("carol", ["anna", "bob"], "carol"),
    ],
)
def test_anyone_is_narrowed_when_only_one_other_could_answer(
    expects: str, members: list[str], resolved: str
) -> None:
    assert resolve_expects(expects, "ANNA", members) == resolved


@pytest.mark.parametrize(
    ("expects", "is_bob_asked"),
    [("anyone", True), ("bob", True), ("BOB", True), ("none", False), ("al", False)],
)
def test_the_expected_answerer_is_matched_in_any_spelling(
    expects: str, *, is_bob_asked: bool
) -> None:
    assert is_asked(message(expects=expects), peer_key("bob")) == is_bob_asked


def test_every_human_speaks_for_the_operator_and_no_agent_does() -> None:
    assert names_of_speaker("Grace", SenderKind.OPERATOR) == {"grace", "operator"}
    assert names_of_speaker("Anna", SenderKind.AGENT) == {"anna"}


@given(st.lists(st.sampled_from(["bob", "Cid", "dan"]), min_size=1, unique=True))
def test_a_question_asks_its_one_addressee_or_anyone(to: list[str]) -> None:
    assert default_asked(tuple(to)) == (to[0] if len(to) == 1 else ANYONE)
    assert default_asked(TO_ALL) == ANYONE
