"""Scripted agents that follow the manual, and some that do not, on a virtual clock.

The table in docs/explanation/loops.md is made here: ``pytest
tests/web/test_obedience.py --update-snapshots`` writes it.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import attrs
import pytest
import trio
import trio.testing

from argybargy.domain.limits import Limits
from argybargy.domain.text_form import TextMessage, parse_messages
from support.web_app import Reply, Site, open_site

PAGE: Final = Path(__file__).parents[2] / "docs" / "explanation" / "loops.md"
BEGIN: Final = "<!-- obedience: made by tests/web/test_obedience.py -->\n"
END: Final = "<!-- /obedience -->\n"
MINUTES: Final = 15


@attrs.define
class Agent:
    """An agent that waits as the manual says, and takes a turn for what it hears.

    Attributes:
        site: The relay.
        name: Its name.
        code: Its access code.
        begins: What it posts before it waits; nothing by default.
        asks_back: Whether its answers ask again, which the manual does not say.
        query: Fields that it adds to its polls.
        turns: The number of polls that had news: each costs a turn of the model.
    """

    site: Site
    name: str
    code: str
    begins: dict[str, str] = attrs.field(factory=dict)
    asks_back: bool = False
    query: str = ""
    starts_at: float = 0
    turns: int = 0

    async def run(self) -> None:
        """Follow the manual until cancelled."""
        await trio.sleep(self.starts_at)
        if self.begins:
            await self._call("POST", "/messages?format=text", self.begins)
        while True:
            target = f"/messages?format=text&wait=25&since=next{self.query}"
            heard = (await self._call("GET", target)).body.decode().removesuffix("\n")
            if not heard:
                await trio.sleep(1)  # as the script of the manual does
                continue
            self.turns += 1
            await trio.sleep(2)  # a quick model
            for message in parse_messages(heard, self.name):
                await self._take_up(message)

    async def _take_up(self, message: TextMessage) -> None:
        if message.is_answered or message.is_withdrawn or message.holder:
            return
        if message.asks == "anyone":
            target = f"/messages/{message.seq}/claim?format=text"
            claimed = await self._call("POST", target)
            if not claimed.body.startswith(b"claimed"):
                return
        elif message.asks != self.name:
            return
        answer = {"to": message.sender, "reply_to": message.seq, "text": "Yes."}
        if self.asks_back:
            answer |= {"expects_reply": message.sender}
        reply = await self._call("POST", "/messages?format=text", answer)
        assert reply.body.startswith(b"ok ")

    async def _call(self, method: str, target: str, json: object = None) -> Reply:
        reply = await self.site.front.call(method, target, code=self.code, json=json)
        assert reply.status in {200, 409}
        return reply


@attrs.frozen
class Course:
    """What happened.

    Attributes:
        messages: The messages of agents.
        turns: The turns of all agents.
        dampings: The notices of dampings.
    """

    messages: int
    turns: int
    dampings: int


QUESTION: Final = {"to": "agent-1", "text": "May I delete the old bucket?"}


async def run(
    count: int,
    *,
    minutes: float = MINUTES,
    begins: Sequence[dict[str, str]] = (QUESTION,),
    asks_back: bool = False,
    query: str = "",
    loop_turns: int = Limits().loop_turns,
) -> Course:
    """Run some agents; the first ones begin with a message of their own."""
    async with open_site(Limits(loop_turns=loop_turns)) as site:
        agents = [
            Agent(
                site,
                f"agent-{number}",
                await site.code(f"agent-{number}"),
                begins[number] if number < len(begins) else {},
                asks_back,
                query,
                starts_at=number * 3.7,
            )
            for number in range(count)
        ]
        with trio.move_on_after(minutes * 60):
            async with trio.open_nursery() as nursery:
                for agent in agents:
                    nursery.start_soon(agent.run)
        history = await site.admin("GET", "/admin/rooms/build/history?limit=500")
        said = history.json["messages"]
        return Course(
            messages=sum(each["from_kind"] == "agent" for each in said),
            turns=sum(agent.turns for agent in agents),
            dampings=sum(each.get("event") == "damped" for each in said),
        )


def introductions(count: int) -> list[dict[str, str]]:
    """Return a greeting of each agent to all."""
    return [{"text": f"Hello, I am agent-{number}."} for number in range(count)]


async def test_one_question_between_two_obedient_agents_ends_with_its_answer(
    autojump_clock: trio.testing.MockClock,
) -> None:
    course = await run(2, minutes=1)
    assert course.messages <= 3
    assert course == Course(messages=2, turns=2, dampings=0)


@pytest.mark.parametrize("wake", ["all", "direct", "asks"])
async def test_two_agents_that_always_ask_back_are_damped(
    autojump_clock: trio.testing.MockClock, wake: str
) -> None:
    course = await run(2, asks_back=True, query=f"&wake={wake}")
    # 13 messages until the first damping, then one for each that ends: after 1, 2,
    # 4 and 8 minutes.
    assert 13 < course.messages <= 20
    assert course.dampings == 4
    free = await run(2, asks_back=True, query=f"&wake={wake}", loop_turns=0)
    assert free.messages > 200


async def test_twelve_introductions_wake_nobody_that_waits_for_questions(
    autojump_clock: trio.testing.MockClock,
) -> None:
    every = await run(12, begins=introductions(12))
    asks = await run(12, begins=introductions(12), query="&wake=asks")
    assert every.messages == asks.messages == 12
    assert asks.turns <= 12, "after ten minutes, each hears all of them at once"
    assert every.turns > 3 * asks.turns


async def test_the_page_has_the_table(
    autojump_clock: trio.testing.MockClock, request: pytest.FixtureRequest
) -> None:
    hello = introductions(12)
    courses = {
        "two obedient agents, one question": await run(2),
        "two that always ask back, not damped": await run(
            2, asks_back=True, loop_turns=0
        ),
        "two that always ask back": await run(2, asks_back=True),
        "twelve that introduce themselves": await run(12, begins=hello),
        "twelve that introduce themselves, `wake=asks`": await run(
            12, begins=hello, query="&wake=asks"
        ),
    }
    lines = [
        f"| in {MINUTES} minutes | messages | turns of a model |",
        "|---|---|---|",
        *(
            f"| {name} | {course.messages} | {course.turns} |"
            for name, course in courses.items()
        ),
    ]
    table = "\n".join([*lines, ""])
    page = PAGE.read_text()
    head, rest = page.split(BEGIN)
    shown, tail = rest.split(END)
    if request.config.getoption("--update-snapshots"):
        PAGE.write_text(f"{head}{BEGIN}{table}{END}{tail}")
        shown = table
    hint = "run: uv run pytest tests/web/test_obedience.py --update-snapshots"
    assert shown == table, hint
