"""What agents are told, in each of the texts that tell it."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

from argybargy.domain.limits import Limits
from argybargy.onboarding.instructions import (
    RESPONSE_RULE,
    agent_manual,
    connect_instruction,
    room_brief,
)
from argybargy.onboarding.seat import Seat, seat_brief
from argybargy.web.mcp.tools import INSTRUCTIONS

BASE: Final = "http://127.0.0.1:8765"
SEAT: Final = Seat(BASE, "build", "bo", "/bo.header", "/bo.sh", Limits())
PAGE: Final = Path(__file__).parents[2] / "docs" / "how-to" / "write-an-agent.md"


def text_form_of_the_page() -> str:
    _, _, rest = PAGE.read_text().partition("\n## The text form\n")
    return rest.partition("\n## ")[0]


TEXTS: Final[dict[str, Callable[[], str]]] = {
    "manual": lambda: agent_manual(BASE),
    "rules": lambda: "\n".join(RESPONSE_RULE),
    "brief of a room": lambda: room_brief(BASE, "build", "bo", "code", Limits()),
    "brief of a seat": lambda: seat_brief(SEAT),
    "instructions of MCP": lambda: INSTRUCTIONS,
    "page for writers of agents": text_form_of_the_page,
}


@pytest.mark.parametrize("name", TEXTS)
def test_a_question_to_those_who_can_is_claimed_like_one_to_anyone(name: str) -> None:
    text = TEXTS[name]()
    assert "anyone" in text
    assert "can:" in text
    assert "claim" in text


def test_the_loops_of_the_page_claim_questions_to_those_who_can() -> None:
    loops, _, _ = PAGE.read_text().partition("\n## The text form\n")
    blocks = [block for block in loops.split("```")[1::2] if "/claim" in block]
    assert len(blocks) == 3
    assert all(re.search('can[":]', block.partition("/claim")[0]) for block in blocks)


def test_the_page_explains_the_lines_of_the_text_form() -> None:
    text = text_form_of_the_page()
    for line in ("? yes | No", "(answered: 14)", "(withdrawn)", "waiting 21"):
        assert line in text
    assert "`reaches ann, bo`" in text
    assert "`read by ann, bo`" in text


@pytest.mark.parametrize("name", ["manual", "brief of a room", "brief of a seat"])
def test_each_pasted_text_says_how_to_speak_and_when_to_stop(name: str) -> None:
    text = TEXTS[name]()
    for words in ("choices", "choice", "tells all", "goodbye", "/ask"):
        assert words in text, words
    assert re.search("unauthorized.*code has ended|unauthorized.*code was revoked",
                     text, re.DOTALL)  # fmt: skip


@pytest.mark.parametrize("name", ["manual", "brief of a room"])
def test_each_text_with_the_loop_explains_its_cursor(name: str) -> None:
    assert "since=next" in TEXTS[name]().replace("since='$1", "")


def test_the_invitation_says_when_to_stop() -> None:
    text = connect_instruction(BASE, "code")
    assert "unauthorized" in text
    assert "goodbye" in text
