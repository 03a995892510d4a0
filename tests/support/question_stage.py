"""A relay with agents and questions, for the comparison of all views."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Final

import attrs

from argybargy.domain.limits import Limits
from argybargy.store.memory.store import open_memory_store
from argybargy.store.protocol import Store
from argybargy.store.sqlite.store import open_sqlite_store
from support.question_views import ROOM, Asked, Shown, World, differences
from support.relay import SettableClocks
from support.web_app import Reply, Site, open_site

LIMITS: Final = Limits(
    posts_per_window=0,
    reads_per_window=0,
    claims_per_window=0,
    tail_messages=5,
    messages_per_room=45,
    open_questions_per_peer=6,
)
"""A short tail, so that many questions are read from the store."""
LEASE_SECONDS: Final = 60
AGENTS: Final = ("alice", "bob", "carol")


@attrs.define
class Stage:
    """A relay that can be restarted, and its world.

    Attributes:
        store: The store, which outlives the relay.
        world: The world.
        clocks: The clocks of the machine.
    """

    store: Store
    world: World
    clocks: SettableClocks
    _stack: AsyncExitStack
    asked_ever: int = 0

    @property
    def site(self) -> Site:
        return self.world.site

    async def stop(self) -> None:
        """Stop the relay."""
        await self._stack.aclose()

    async def restart(self) -> None:
        """Stop the relay, and start another one with the same store."""
        await self.stop()
        self._stack = AsyncExitStack()
        opened = open_site(LIMITS, store=self.store, clocks=self.clocks)
        self.world.site = await self._stack.enter_async_context(opened)
        self.world.follower = None

    async def call(self, who: str, method: str, path: str, **body: object) -> Reply:
        reply = await self.site.front.call(
            method, path, code=self.world.codes[who], json=body or None
        )
        assert reply.status == 200, reply.body
        return reply

    # -- events ----------------------------------------------------------------

    async def ask(
        self,
        who: str,
        to: str = "all",
        expects: str = "anyone",
        reply_to: int | None = None,
    ) -> int:
        """Ask, and return the number of the question."""
        number = self.asked_ever = self.asked_ever + 1
        body: dict[str, object] = {"text": f"who {number}?", "to": to}
        body |= {"expects_reply": expects, "reply_to": reply_to}
        headers = {"idempotency-key": f"key {body['text']}"}
        if who == "operator":
            body["room"] = ROOM
            reply = await self.site.admin("POST", "/admin/say", body, headers)
        else:
            code = self.world.codes[who]
            reply = await self.site.front.call(
                "POST", "/messages", code=code, json=body, headers=headers
            )
        message = reply.json["message"]
        readers = None if to == "all" else frozenset({who, to})
        asked = Asked(message["seq"], who, readers, expects, request=body)
        assert message["question"] == {"state": "open"}
        self.world.asked[asked.seq] = asked
        return asked.seq

    async def say(self, who: str, text: str = "a word", **fields: object) -> int:
        """Post something that asks nothing, and return its number."""
        fields = {"expects_reply": "none"} | fields
        if who == "operator":
            body = {"text": text, "room": ROOM, **fields}
            reply = await self.site.admin("POST", "/admin/say", body)
        else:
            reply = await self.call(who, "POST", "/messages", text=text, **fields)
        assert reply.status == 200, reply.body
        seq: int = reply.json["message"]["seq"]
        return seq

    async def claim(self, who: str, seq: int) -> None:
        path = f"/messages/{seq}/claim"
        await self.call(who, "POST", path, lease_seconds=LEASE_SECONDS)
        self.shows(seq, "claimed", who)

    async def operate(self, what: str) -> None:
        reply = await self.site.admin("POST", f"/admin/rooms/{ROOM}/{what}")
        assert reply.status == 200
        self.world.is_closed = what == "close"

    def shows(self, seq: int, *state: object) -> None:
        """Set the state that a question should have now."""
        self.world.asked[seq].shown = Shown(*state)  # type: ignore[arg-type]

    async def check(self, event: str) -> None:
        found = await differences(self.world)
        assert found == [], f"after {event}"


@asynccontextmanager
async def open_stage(directory: Path | None = None) -> AsyncIterator[Stage]:
    """Open a stage, over a store in memory or a database in `directory`."""
    async with AsyncExitStack() as outer:
        store: Store
        if directory is None:
            store = await outer.enter_async_context(open_memory_store(LIMITS))
        else:
            store = await outer.enter_async_context(
                open_sqlite_store(directory, LIMITS)
            )
        stack, clocks = AsyncExitStack(), SettableClocks()
        opened = open_site(LIMITS, store=store, clocks=clocks)
        site = await stack.enter_async_context(opened)
        stage = Stage(store, World(site), clocks, stack)
        outer.push_async_callback(stage.stop)
        for name in AGENTS:
            stage.world.codes[name] = await site.code(name, ROOM)
        yield stage
