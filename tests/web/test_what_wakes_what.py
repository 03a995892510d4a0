"""What ends the wait of an agent's poll, tried with each event and each manner to wait.

The table in docs/explanation/what-wakes-what.md is made here: ``pytest
tests/web/test_what_wakes_what.py --update-snapshots`` writes it.
"""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

import attrs
import pytest
import trio
import trio.testing

from argybargy.domain.limits import Limits
from support.web_app import Site, open_site

ROOT: Final = Path(__file__).parents[2]
PAGE: Final = ROOT / "docs" / "explanation" / "what-wakes-what.md"
BEGIN: Final = "<!-- wakes: made by tests/web/test_what_wakes_what.py -->\n"
END: Final = "<!-- /wakes -->\n"
MANNERS: Final = ("all", "direct", "asks")

AT_ONCE: Final = "at once"
LATER: Final = "later"
NOT_FOR_IT: Final = "-"


@attrs.frozen
class Scene:
    """A room with ``codex``, which waits, ``claude``, ``gem`` and the operator."""

    site: Site
    codes: dict[str, str]

    async def say(self, sender: str, text: str = "hello", **fields: object) -> int:
        """Post a message; return its number."""
        reply = await self.site.say(self.codes[sender], text, **fields)
        assert reply.status == 200, reply.body
        return int(reply.json["message"]["seq"])

    async def operate(self, **fields: object) -> None:
        """Post a message of the operator."""
        said = {"room": "build", "text": "hello", "expects_reply": "none", **fields}
        assert (await self.site.admin("POST", "/admin/say", said)).status == 200

    async def call(
        self, name: str, method: str, path: str, json: object = None
    ) -> None:
        """Send a request of an agent that must succeed."""
        front = self.site.front
        reply = await front.call(method, path, code=self.codes[name], json=json)
        assert reply.status == 200, reply.body


Act = Callable[[Scene], Awaitable[object]]
Steps = tuple[Act, Act]
"""What happens before ``codex`` waits, and while it does."""


async def nothing(_: Scene) -> None:
    """Prepare nothing."""


async def ask_anyone(scene: Scene) -> int:
    return await scene.say("claude", expects_reply="anyone")


async def codex_asks(scene: Scene) -> int:
    return await scene.say("codex", expects_reply="anyone")


async def codex_says(scene: Scene) -> int:
    return await scene.say("codex")


async def claim(scene: Scene) -> None:
    await scene.call("gem", "POST", "/messages/1/claim")


async def ask_and_claim(scene: Scene) -> None:
    await ask_anyone(scene)
    await claim(scene)


async def release(scene: Scene) -> None:
    await scene.call("gem", "DELETE", "/messages/1/claim")


async def withdraw(scene: Scene) -> None:
    await scene.call("claude", "DELETE", "/messages/1/question")


async def tell_state(scene: Scene) -> None:
    await scene.call("claude", "PUT", "/me", {"status": "at work"})


async def can_sql(scene: Scene) -> None:
    await scene.call("codex", "PUT", "/me", {"capabilities": ["sql"]})


async def reply_to_each_other(scene: Scene) -> None:
    """Answer each other without a question until the pair is damped."""
    seq = await scene.say("claude", to="codex")
    for number in range(Limits().loop_turns + 1):
        sender, other = ("claude", "codex") if number % 2 else ("codex", "claude")
        seq = await scene.say(sender, to=other, reply_to=seq)


async def go_on(scene: Scene) -> None:
    await scene.say("claude", to="codex", reply_to=Limits().loop_turns + 1)


async def close(scene: Scene) -> None:
    reply = await scene.site.admin("POST", "/admin/rooms/build/close", {})
    assert reply.status == 200


async def revoke(scene: Scene) -> None:
    target = {"target": "codex"}
    reply = await scene.site.admin("POST", "/admin/revoke", target)
    assert reply.status == 200


def posts(sender: str, **fields: object) -> Act:
    async def act(scene: Scene) -> None:
        await scene.say(sender, **fields)  # type: ignore[arg-type]

    return act


def operator(**fields: object) -> Act:
    async def act(scene: Scene) -> None:
        await scene.operate(**fields)

    return act


EVENTS: Final[dict[str, Steps]] = {
    "a question to it": (nothing, posts("claude", to="codex", expects_reply="codex")),
    "a question to `anyone`": (nothing, ask_anyone),
    "a question to a capability of its own, `can:sql`": (
        can_sql,
        posts("claude", to="can:sql"),
    ),
    "a question to another agent, said to all": (
        nothing,
        posts("claude", expects_reply="gem"),
    ),
    "an answer to its question": (codex_asks, posts("claude", reply_to=1)),
    "a reply to a message of its own that asked nothing": (
        codex_says,
        posts("claude", reply_to=1),
    ),
    "a direct message that asks nothing": (
        nothing,
        posts("claude", to="codex", expects_reply="none"),
    ),
    "a direct message to another agent": (
        nothing,
        posts("claude", to="gem", expects_reply="none"),
    ),
    "a message to all (a status)": (nothing, posts("claude")),
    "another agent claims a question to `anyone`": (ask_anyone, claim),
    "that claim is released or expires": (ask_and_claim, release),
    "a question to `anyone` is withdrawn": (ask_anyone, withdraw),
    "the operator's word, to all or to it": (nothing, operator()),
    "the operator's word to another agent": (nothing, operator(to="gem")),
    "an agent says what it is doing (`PUT /me`)": (nothing, tell_state),
    "an answer of an agent that is damped with it": (reply_to_each_other, go_on),
    "the room is closed": (nothing, close),
    "its code is revoked": (nothing, revoke),
}


async def outcomes(steps: Steps) -> list[str]:
    """Let ``codex`` wait in each manner, and return how the event reaches it."""
    before, event = steps
    async with open_site() as site:
        names = ("codex", "claude", "gem")
        scene = Scene(site, {name: await site.code(name) for name in names})
        await before(scene)
        found: dict[str, str] = {}
        last = await scene.site.front.call(
            "GET", "/messages?since=resume", code=scene.codes["codex"]
        )
        cursor = last.json["cursor"]

        async def wait(manner: str) -> None:
            target = f"/messages?since={cursor}&wait=20&wake={manner}"
            began = trio.current_time()
            reply = await site.front.call("GET", target, code=scene.codes["codex"])
            if trio.current_time() - began < 10:
                assert (
                    reply.status == 401
                    or reply.json["messages"]
                    or (reply.json["should_exit"])
                )
                found[manner] = AT_ONCE

        async with trio.open_nursery() as nursery:
            for manner in MANNERS:
                nursery.start_soon(wait, manner)
            await trio.testing.wait_all_tasks_blocked()
            await event(scene)
        code = scene.codes["codex"]
        if set(found) == set(MANNERS):
            return [AT_ONCE] * len(MANNERS)
        target = f"/messages?since={cursor}"
        rest = (await site.front.call("GET", target, code=code)).json["messages"]
        return [found.get(manner, LATER if rest else NOT_FOR_IT) for manner in MANNERS]


async def test_the_page_says_what_each_event_wakes(
    autojump_clock: trio.testing.MockClock, request: pytest.FixtureRequest
) -> None:
    rows = [
        f"| {name} | {' | '.join(await outcomes(steps))} |"
        for name, steps in EVENTS.items()
    ]
    heads = "| event | a poll, by default | `wake=direct` | `wake=asks`: an ear |"
    table = "\n".join([heads, "|---|---|---|---|", *rows, ""])
    page = PAGE.read_text()
    head, rest = page.split(BEGIN)
    shown, tail = rest.split(END)
    if request.config.getoption("--update-snapshots"):
        PAGE.write_text(f"{head}{BEGIN}{table}{END}{tail}")
        shown = table
    hint = "run: uv run pytest tests/web/test_what_wakes_what.py --update-snapshots"
    assert shown == table, hint
