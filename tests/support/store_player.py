"""A minimal room task for store tests: decides by the real rules, and commits."""

from collections.abc import Iterable

import attrs

from argybargy.domain.instant import Instant
from argybargy.domain.limits import Limits
from argybargy.domain.message import TO_ALL, Message, SenderKind
from argybargy.domain.room.commands import Command, CommandResult, Post, Posted
from argybargy.domain.room.commit import make_nonce
from argybargy.domain.room.decide import decide, decide_expired_leases
from argybargy.domain.room.state import Room
from argybargy.domain.room.writes import Audit
from argybargy.store.protocol import Store

LIMITS = Limits(posts_per_window=0, claims_per_window=0)
START_MS = 1_700_000_000_000
START = Instant(START_MS, 100.0)


@attrs.define
class Player:
    """Drives one room of a store with commands."""

    store: Store
    room: Room
    limits: Limits = LIMITS
    now: Instant = START
    node: str = "here"
    commits: int = 0
    most_rooms: int = 0

    @classmethod
    def of(
        cls,
        store: Store,
        name: str = "lab",
        limits: Limits = LIMITS,
        node: str = "here",
    ) -> "Player":
        return cls(store, Room.new(name, START), limits, node=node)

    def pass_seconds(self, seconds: int) -> None:
        wall, steady = self.now.wall_ms, self.now.steady_seconds
        self.now = Instant(wall + seconds * 1000, steady + seconds)

    async def do(self, *commands: Command) -> CommandResult:
        """Commit the decisions on all commands as one batch; return the last answer."""
        version = self.room.version
        decisions = [decide_expired_leases(self.room, self.now, self.limits)]
        for command in commands:
            room = decisions[-1].room
            decisions.append(decide(room, command, self.now, self.limits))
        writes = [write for decision in decisions for write in decision.writes]
        self.commits += 1
        nonce = make_nonce(self.node, self.commits)
        await self.store.commit(
            decisions[-1].room,
            version,
            writes,
            nonce=nonce,
            most_rooms=self.most_rooms if self.room.is_empty else 0,
        )
        self.room = attrs.evolve(decisions[-1].room, version=version + 1)
        return decisions[-1].answer

    async def say(
        self, sender: str, text: str = "hi", to: str = "all", **more: object
    ) -> Message:
        answer = await self.do(post(sender, text, to, **more))
        assert isinstance(answer, Posted)
        return answer.message


def post(sender: str, text: str = "hi", to: str = "all", **more: object) -> Post:
    addressees = TO_ALL if to == "all" else tuple(to.split(","))
    plain = Post(sender=sender, kind=SenderKind.AGENT, text=text, to=addressees)
    return attrs.evolve(plain, **more)  # type: ignore[arg-type]


def texts(messages: Iterable[Message]) -> list[str]:
    return [message.text for message in messages]


def audit(action: str, tally: str = "", detail: str = "") -> Audit:
    return Audit(START_MS, action, "operator", "lab", detail, tally)
