"""The response to a poll is encoded once for all who get the same answer."""

import attrs
import msgspec
import pytest

from argybargy.domain.answer_form import Digest
from argybargy.domain.pages import Page
from argybargy.domain.poll_budget import poll_budget
from argybargy.domain.room.state import RoomStatus
from argybargy.relay.api.poll_answer import PollAnswer
from argybargy.web.codec.encode import poll_body, poll_response
from support.room import Scene


def answer_of(page: Page) -> PollAnswer:
    return PollAnswer(
        page=page,
        status=RoomStatus("build"),
        budget=poll_budget(0, 0, 1_800, is_closed=False),
        since=0,
        is_reset=False,
        is_draining=False,
        is_displaced=False,
        members=("ann", "bob"),
    )


def page_with_a_message() -> Page:
    return Page((Scene().post("ann", to=""),), cursor=1, head=1, first=1)


def test_equal_answers_are_encoded_once() -> None:
    answer = answer_of(page_with_a_message())
    again = attrs.evolve(answer, budget=poll_budget(0, 0, 1_800, is_closed=False))
    assert poll_response(answer) is poll_response(again)


@pytest.mark.parametrize(
    "change",
    [
        {"budget": poll_budget(7, 9, 1_800, is_closed=False)},
        {"status": RoomStatus("build", closed_at_ms=7, closed_by="operator")},
        {"since": 0, "is_reset": True},
        {"is_draining": True},
        {"is_displaced": True},
        {"digest": Digest(first=2, last=3, counts=(("ann", 2),))},
        {"left": 4},
    ],
    ids="-".join,
)
def test_an_answer_that_differs_is_encoded_by_itself(
    change: dict[str, object],
) -> None:
    answer = answer_of(page_with_a_message())
    other = attrs.evolve(answer, **change)  # type: ignore[arg-type]
    for each in (answer, other, answer, other):
        expected = msgspec.json.encode(poll_body(each)) + b"\n"
        assert poll_response(each).body == expected


def test_the_hint_of_a_question_follows_the_members() -> None:
    page = Page((Scene().post("ann", to="", expects="anyone"),), 1, 1, 1)
    answer = answer_of(page)
    many = attrs.evolve(answer, members=("ann", "bob", "carol"))
    assert b'"expects_reply_resolved":"bob"' in poll_response(answer).body
    assert b'"expects_reply_resolved":"anyone"' in poll_response(many).body
