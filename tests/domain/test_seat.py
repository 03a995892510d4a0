"""Seats, and the line in which an ear says what it is."""

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from argybargy.domain.seat import (
    EAR_CHARS,
    SEAT_SLACK_SECONDS,
    Ear,
    Listening,
    SeatLease,
    Waker,
)

CODEX = Ear("codex", "0.171.0", Waker.QUEUE, "019a2f60-4c1b")
SPOOL = attrs.evolve(CODEX, waker=Waker.SPOOL)


def test_an_ear_is_read_from_its_line() -> None:
    assert Ear.parse("codex/0.171.0 queue 019a2f60-4c1b") == CODEX
    assert CODEX.label == "codex/0.171.0 queue"
    assert "019a2f60" not in CODEX.label


@pytest.mark.parametrize(
    "line",
    [
        "",
        "codex",
        "codex/1 queue",
        "codex queue s",
        "codex/1 shout s",
        "codex/1  queue s",
        "codex/1 queue s ",
        " codex/1 queue s",
        "codex/1 queue s t",
        "codex/1\tqueue\ts",
        "codex/1 queue s\n",
        "Codex/1 queue s",
        "codex/ queue s",
        "/1 queue s",
        "codex/1 queue s\u00e9",
        "codex/1 queue \u0661",
        "c" * EAR_CHARS + "/1 queue s",
    ],
)
def test_another_line_is_no_ear(line: str) -> None:
    assert Ear.parse(line) is None


def test_the_longest_line_has_120_characters() -> None:
    line = "codex/1 queue "
    assert Ear.parse(line + "s" * (EAR_CHARS - len(line))) is not None
    assert Ear.parse(line + "s" * (EAR_CHARS - len(line) + 1)) is None


@given(st.text(max_size=130))
def test_any_line_is_an_ear_or_none(line: str) -> None:
    ear = Ear.parse(line)
    if ear is not None:
        assert line == f"{ear.label} {ear.session}"


@given(st.floats(0, 25), st.floats(0, 1_000), st.floats(0, 1_000))
def test_a_seat_is_held_for_two_polls_or_until_it_is_left(
    wait: float, now: float, later: float
) -> None:
    seat = SeatLease.of_poll(CODEX, wait, SeatLease(CODEX, 0).policy, now)
    assert seat.is_live(now + 2 * wait)
    assert not seat.is_live(now + 2 * wait + SEAT_SLACK_SECONDS)
    left = seat.left_alone(now + later)
    assert left.until <= seat.until
    assert not left.is_live(now + later + SEAT_SLACK_SECONDS)


@pytest.mark.parametrize(
    ("seat", "is_parked", "is_online", "listening"),
    [
        (SeatLease(CODEX, 5.0), True, True, Listening.WAKES_NOW),
        (SeatLease(CODEX, 5.0), False, True, Listening.WAKES_NOW),
        (SeatLease(SPOOL, 5.0), True, True, Listening.NEXT_TURN),
        (SeatLease(CODEX, 4.0), True, True, Listening.PARKED),
        (SeatLease(CODEX, 4.0), False, True, Listening.ONLINE),
        (SeatLease(CODEX, 4.0), False, False, Listening.NOT_LISTENING),
        (None, True, True, Listening.PARKED),
        (None, False, True, Listening.ONLINE),
        (None, False, False, Listening.NOT_LISTENING),
    ],
)
def test_how_soon_an_agent_hears(
    seat: SeatLease | None, *, is_parked: bool, is_online: bool, listening: Listening
) -> None:
    found = Listening.of(seat, 4.0, is_parked=is_parked, is_online=is_online)
    assert found is listening


@pytest.mark.parametrize(
    ("seat", "is_parked", "listening"),
    [
        (SeatLease(CODEX, 5.0), False, Listening.WAKES_NOW),
        (None, True, Listening.PARKED),
        (None, False, Listening.NEXT_TURN),
    ],
)
@pytest.mark.parametrize("is_online", [False, True])
def test_a_called_agent_without_a_poll_hears_at_its_next_turn(
    seat: SeatLease | None, *, is_parked: bool, is_online: bool, listening: Listening
) -> None:
    found = Listening.of(
        seat, 4.0, is_parked=is_parked, is_online=is_online, is_called=True
    )
    assert found is listening
