"""A conversation of two programs of different vendors, in one room of a real relay.

Each has a fake model of its own, which answers with the tool calls that a model would
make that does what it was told: the first asks, the second claims and answers, and the
room is closed. The relay, the files of `argybargy connect` and the programs are real.
"""

from pathlib import Path
from typing import Final

from harness.checks import WAKE_SECONDS, Outcome, Session, open_session
from harness.clients import CLAUDE, CODEX
from harness.formats import Step
from harness.world import ROOM, open_worlds

KEY: Final = "conversation"
TITLE: Final = f"{CLAUDE.title} and {CODEX.title} in one room"
VERSION: Final = f"{CLAUDE.version}, {CODEX.version}"
_QUESTION: Final = "QUESTION-OF-ONE"
_ANSWER: Final = "ANSWER-OF-THE-OTHER"
_LEAVE: Final = "leave: room closed"
_TOOLS: Final = "mcp__argybargy"


async def converse(programs: Path) -> list[Outcome]:
    """Let the two programs talk, and return what was seen of each step."""
    async with (
        open_worlds(programs, (CLAUDE.key, CODEX.key)) as (of_asker, of_answerer),
        open_session(of_asker, CLAUDE) as asker,
        open_session(of_answerer, CODEX) as answerer,
    ):
        for session in (asker, answerer):
            await session.turn("hello there")
        return [
            await _question(asker, answerer),
            await _answer(asker, answerer),
            await _closing(asker, answerer),
        ]


async def _question(asker: Session, answerer: Session) -> Outcome:
    """One program asks anyone; the question wakes the other, which claims it."""
    seq = 1 + max((each["seq"] for each in await asker.world.ann.read_all()), default=0)
    answerer.world.model.script.extend(
        (
            Step(tool="claim", arguments={"n": seq}, namespace=_TOOLS),
            Step(
                tool="post",
                arguments={"text": _ANSWER, "to": CLAUDE.key, "reply": seq},
                namespace=_TOOLS,
            ),
        )
    )
    command = f"argy ask {_QUESTION}"
    arguments = {"command": command, "description": "ask"}
    asker.world.model.script.append(Step(tool="Bash", arguments=arguments))
    await asker.tui.submit("ask them")
    is_heard = await _hears(answerer, _QUESTION)
    await answerer.wait_quiet()
    asked = [each for each in await asker.world.ann.read_all() if each["seq"] == seq]
    holder = asked[0]["claimed_by"] if asked else None
    seen = f"the other was woken: {is_heard}, claimed by {holder}"
    return Outcome("one asks anyone, the other claims", holder == CODEX.key, seen)


async def _answer(asker: Session, answerer: Session) -> Outcome:
    """The answer wakes the program that asked, and settles the question."""
    is_heard = await _hears(asker, _ANSWER)
    await asker.wait_quiet()
    states = [
        each["question"]["state"]
        for each in await asker.world.ann.read_all()
        if each["text"] == _QUESTION
    ]
    seen = f"the asker was woken: {is_heard}, the question is {' '.join(states)}"
    passed = is_heard and states == ["answered"]
    return Outcome("the answer wakes the asker", passed, seen)


async def _closing(asker: Session, answerer: Session) -> Outcome:
    """The operator closes the room, and both are told to leave."""
    await asker.world.relay.admin("POST", f"/admin/rooms/{ROOM}/close")
    told = [await _hears(each, _LEAVE) for each in (asker, answerer)]
    return Outcome("both are told to leave", all(told), f"told: {told}")


async def _hears(session: Session, text: str) -> bool:
    """Wait until a text is in a request of a program; return False if it is not."""
    model, looked = session.world.model, 0
    while True:
        if any(text in each.text for each in model.requests[looked:]):
            return True
        looked = len(model.requests)
        if not await model.wait_requests(looked + 1, WAKE_SECONDS):
            return False
