"""Lines of the text form that are rare on a running relay."""

import pytest

from argybargy.domain.instant import Instant
from argybargy.domain.message import (
    TO_ALL,
    Lease,
    Message,
    Resolution,
    ResolutionKind,
    SenderKind,
)
from argybargy.domain.pages import Page
from argybargy.domain.poll_budget import poll_budget
from argybargy.domain.room.commands import ClaimGranted
from argybargy.domain.room.state import RoomStatus
from argybargy.relay.api.poll import PollAnswer
from argybargy.web.codec.text import Reader, claim_text, poll_text
from argybargy.web.ignored import NONE_IGNORED

NOW = Instant(wall_ms=1_764_000_000_000, steady_seconds=0.0)
QUESTION = Message(7, 0, "bob", SenderKind.AGENT, TO_ALL, "Who can?", "anyone")


def test_a_gap_is_printed_before_the_messages() -> None:
    answer = PollAnswer(
        page=Page((), cursor=40, head=60, first=41),
        status=RoomStatus("build"),
        budget=poll_budget(0, 0, 1_800, is_closed=False),
        since=11,
        is_reset=False,
        is_draining=True,
        is_displaced=False,
        members=(),
    )
    response = poll_text(Reader("ann", NOW), answer)
    assert response.body == b"gap 12-40\nmore: since=40\n"
    assert dict(response.headers)[b"retry-after"] == b"1"


@pytest.mark.parametrize(
    ("seconds", "line"),
    [
        (900, "claimed 7 until 16:15 UTC\n"),
        (86_400, "claimed 7 until 2025-11-25 16:00 UTC\n"),
        (None, "claimed 7\n"),
    ],
)
def test_a_claim_says_when_it_ends(seconds: int | None, line: str) -> None:
    lease = Lease.granted(7, "ann", 1, seconds, NOW)
    assert claim_text(ClaimGranted(lease, QUESTION), NONE_IGNORED).body.decode() == line


@pytest.mark.parametrize(
    ("seq", "line"), [(9, "answered 7 by your message 9\n"), (None, "answered 7\n")]
)
def test_a_claim_after_the_own_answer_says_that_it_is_given(
    seq: int | None, line: str
) -> None:
    end = Resolution(ResolutionKind.ANSWERED, "ann", 0, seq)
    lease = Lease.granted(7, "ann", 1, None, NOW)
    granted = ClaimGranted(lease, QUESTION.with_resolution(end))
    assert claim_text(granted, NONE_IGNORED).body.decode() == line
