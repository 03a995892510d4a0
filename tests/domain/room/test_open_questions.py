"""The index of open questions agrees with a full scan."""

from collections.abc import Iterable

import attrs
from hypothesis import given
from hypothesis import strategies as st

from argybargy.domain.addressing import answered
from argybargy.domain.message import Question
from argybargy.domain.names import PeerKey, peer_key
from argybargy.domain.room.questions import OpenQuestions
from support.room import UNHURRIED, Scene, post
from support.work_counters import count_calls

NAMES = ("anna", "bob", "carol", "operator")

names = st.sampled_from(NAMES)
audiences = st.none() | st.frozensets(names, max_size=3)
questions = st.builds(
    Question,
    seq=st.integers(1, 40),
    asker=names,
    expects=st.sampled_from([*NAMES, "anyone", "none"]),
    audience_keys=audiences,
)
speakers = st.frozensets(names, min_size=1, max_size=2)


def plainly_answered(
    asked: Iterable[Question],
    speaker: frozenset[PeerKey],
    audience: frozenset[PeerKey] | None,
    reply_to: int | None,
) -> list[int]:
    """Scan all questions by the rule."""
    put = {each.seq: each.asker for each in asked if each.is_put_to(speaker)}
    if reply_to is not None:
        return [reply_to] if reply_to in put else []
    return sorted(
        seq for seq, asker in put.items() if audience is None or asker in audience
    )


@given(
    st.lists(questions, unique_by=lambda question: question.seq),
    st.sets(st.integers(1, 40)),
    speakers,
    audiences,
    st.none() | st.integers(1, 40),
)
def test_the_index_of_questions_agrees_with_a_full_scan(
    asked: list[Question],
    closed: set[int],
    speaker: frozenset[PeerKey],
    audience: frozenset[PeerKey] | None,
    reply_to: int | None,
) -> None:
    made = OpenQuestions.of(asked)
    for seq in closed:
        made = made.discard(seq)
    left = [each for each in asked if each.seq not in closed]
    assert dict(made) == {each.seq: each for each in left}
    assert made == OpenQuestions.of(left)
    found = answered(made, speaker, audience, reply_to)
    assert found == plainly_answered(left, speaker, audience, reply_to)
    for asker in NAMES:
        seqs = sorted(each.seq for each in left if each.asker == asker)
        assert made.asked_by(peer_key(asker)) == seqs


@given(st.lists(questions, unique_by=lambda question: question.seq))
def test_closed_questions_leave_no_index_entries(asked: list[Question]) -> None:
    made = OpenQuestions.of(asked)
    for question in asked:
        made = made.discard(question.seq)
    empty = OpenQuestions()
    assert attrs.astuple(made, recurse=False) == attrs.astuple(empty, recurse=False)


def effort_of_a_post(open_questions: int) -> int:
    limits = attrs.evolve(UNHURRIED, open_questions_per_peer=open_questions + 1)
    scene = Scene(limits)
    for _ in range(open_questions):
        scene.post("eve", expects="ghost")
    return count_calls(lambda: scene.do(post("bob")))


def test_a_post_does_not_cost_more_with_many_questions_to_other_peers() -> None:
    few, many = effort_of_a_post(1), effort_of_a_post(1_500)
    assert many < few + 50


def test_the_oldest_open_question_of_a_peer_is_dropped_beyond_the_limit() -> None:
    scene = Scene(attrs.evolve(UNHURRIED, open_questions_per_peer=2))
    scene.post("anna", expects="ghost")
    for _ in range(3):
        scene.post("eve", expects="ghost")
    assert scene.open_questions == [1, 3, 4]
    scene.restart()
    assert scene.open_questions == [1, 3, 4]
