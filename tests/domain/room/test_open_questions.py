"""The index of open questions agrees with a full scan."""

import attrs
from hypothesis import given
from hypothesis import strategies as st

from argybargy.domain.message import Question, Resolution, ResolutionKind
from argybargy.domain.names import peer_key
from argybargy.domain.room.questions import (
    OpenQuestions,
    QuestionState,
    QuestionStatus,
    question_state,
)
from argybargy.domain.room.withdrawing import SURPLUS
from support.room import UNHURRIED, Scene, message, post
from support.work_counters import count_calls

NAMES = ("anna", "bob", "carol", "operator")

names = st.sampled_from(NAMES)
questions = st.builds(
    Question,
    seq=st.integers(1, 40),
    asker=names,
    expects=st.sampled_from([*NAMES, "anyone", "none"]),
    audience_keys=st.none() | st.frozensets(names, max_size=3),
)


@given(
    st.lists(questions, unique_by=lambda question: question.seq),
    st.sets(st.integers(1, 40)),
)
def test_the_index_finds_what_a_look_at_every_question_finds(
    asked: list[Question], ended: set[int]
) -> None:
    made = OpenQuestions.of(asked)
    for seq in ended:
        made = made.discard(seq)
    left = [each for each in asked if each.seq not in ended]
    assert dict(made) == {each.seq: each for each in left}
    assert made == OpenQuestions.of(left)
    for asker in map(peer_key, NAMES):
        mine = {each.seq: each for each in left if each.asker == asker}
        assert made.asked_by(asker) == sorted(mine)
        assert made.count_of(asker) == len(mine)
        assert {each.seq: each for each in made.of_asker(asker)} == mine


def test_the_state_of_a_question_is_decided_by_its_end_then_by_its_claim() -> None:
    asked = message(4, expects="anyone")
    claimed = asked.with_claim("bob", 1)
    end = Resolution(ResolutionKind.ANSWERED, "bob", 0, 7)
    gone = Resolution(ResolutionKind.WITHDRAWN, "anna", 0, reason="found it")
    unknown = Resolution(ResolutionKind.ANSWERED, "", 0)
    assert question_state(message(4)) is None
    assert question_state(message(4, "anna", expects="ANNA")) is None
    assert question_state(asked) == QuestionState(QuestionStatus.OPEN)
    assert question_state(claimed) == QuestionState(QuestionStatus.CLAIMED, "bob")
    for ended, state in (
        (end, QuestionState(QuestionStatus.ANSWERED, "bob", 7)),
        (gone, QuestionState(QuestionStatus.WITHDRAWN, "anna", reason="found it")),
        (unknown, QuestionState(QuestionStatus.ANSWERED)),
    ):
        assert question_state(asked.with_resolution(ended)) == state
        assert question_state(claimed.with_resolution(ended)) == state


def test_a_claimed_question_says_until_when() -> None:
    scene = Scene()
    lease = scene.claim("bob", scene.ask(), 10)
    state = question_state(scene.message(1), lease)
    assert state is not None
    assert state.until_ms == scene.now.wall_ms + 10_000


@given(st.lists(questions, unique_by=lambda question: question.seq))
def test_nothing_is_left_of_questions_that_have_ended(asked: list[Question]) -> None:
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


def test_of_too_many_open_questions_of_one_peer_the_oldest_is_withdrawn() -> None:
    scene = Scene(attrs.evolve(UNHURRIED, open_questions_per_peer=2))
    scene.post("anna", expects="ghost")
    for _ in range(3):
        scene.post("eve", expects="ghost")
    assert scene.open_questions == [1, 3, 4]
    state = question_state(scene.message(2))
    assert state == QuestionState(QuestionStatus.WITHDRAWN, "system", reason=SURPLUS)
    assert scene.newest.seq == 4
    scene.restart()
    assert scene.open_questions == [1, 3, 4]


def test_the_holder_of_a_withdrawn_question_is_told() -> None:
    scene = Scene(attrs.evolve(UNHURRIED, open_questions_per_peer=1))
    scene.claim("bob", scene.ask())
    scene.ask()
    assert (scene.newest.event, scene.newest.reply_to) == ("withdrawn", 1)
    assert not scene.room.leases
    assert scene.message(1).claimed_by is None
