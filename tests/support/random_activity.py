"""Random life in a relay: everything that can change what the operator sees."""

import random

import attrs
import trio
import trio.testing

from argybargy.domain.access_codes import CodeRecord
from argybargy.domain.errors import RelayError
from argybargy.domain.limits import Limits
from argybargy.domain.message import TO_ALL
from argybargy.domain.names import room_key
from argybargy.relay.access.invitation import Invitation
from argybargy.relay.api import agent, operator
from argybargy.relay.api.deletion import delete_room
from argybargy.relay.api.posting import PostDraft
from support.relay import RelayHarness

ROOMS = ("build", "Docs", "ops")
NAMES = ("alice", "Bob", "carol")

SMALL_LIMITS = Limits(
    posts_per_window=0,
    reads_per_window=0,
    claims_per_window=0,
    messages_per_room=8,
    tail_messages=4,
    lease_seconds=45,
    live_room_seconds=40.0,
    expired_code_seconds=200,
)
"""So small that a short life reaches every bound."""


@attrs.define
class Life:
    """Does one random thing after the other.

    Attributes:
        harness: Where.
        chance: What decides.
        nursery: Where polls are parked.
        guests: Who was let in.
    """

    harness: RelayHarness
    chance: random.Random
    nursery: trio.Nursery
    guests: list[CodeRecord] = attrs.field(factory=list)

    async def step(self) -> None:
        """Do something; being refused is part of life."""
        deeds = (
            (self._invite, 3),
            (self._revoke, 2),
            (self._post, 8),
            (self._claim, 4),
            (self._release, 1),
            (self._arrive, 3),
            (self._park, 2),
            (self._say, 2),
            (self._open_or_close, 2),
            (self._delete, 1),
            (self._wait, 4),
        )
        deed, *_ = self.chance.choices(
            [deed for deed, _ in deeds], [weight for _, weight in deeds]
        )
        try:
            await deed()
        except RelayError:
            return
        finally:
            # No two messages of different rooms within one millisecond, whatever became
            # of the deed; nobody cancels this life.
            await trio.sleep(0.002)

    async def settle(self) -> None:
        """Let whatever is under way come to its end."""
        await trio.testing.wait_all_tasks_blocked()

    def _guest(self) -> CodeRecord:
        return self.chance.choice(self.guests)

    def _room(self) -> str:
        return self.chance.choice(ROOMS)

    def _seq(self, room: str) -> int:
        card = self.harness.relay.overview.cards.get(room_key(room))
        return self.chance.randint(1, 1 + (card.summary.head if card else 0))

    async def _invite(self) -> None:
        lifetime = self.chance.choice([None, None, 20.0, 90.0])
        name = self.chance.choice(NAMES)
        invitation = Invitation(self._room(), name, lifetime_seconds=lifetime)
        (invited,) = await operator.invite(self.harness.relay, [invitation])
        self.guests.append(invited.record)

    async def _revoke(self) -> None:
        codes = list(self.harness.relay.codes)
        if codes:
            gone = self.chance.choice(codes)
            await operator.remove_codes(self.harness.relay, [gone])

    async def _post(self) -> None:
        if not self.guests:
            return
        who, chance = self._guest(), self.chance
        to = chance.choice([TO_ALL, TO_ALL, (chance.choice(NAMES),)])
        expects = chance.choice([None, "anyone", "anyone", chance.choice(NAMES)])
        reply_to = chance.choice([None, None, self._seq(who.room)])
        await self.harness.post(who, "hello", to, expects, reply_to)

    async def _claim(self) -> None:
        if self.guests:
            who = self._guest()
            await agent.claim(self.harness.relay, who, self._seq(who.room), None)

    async def _release(self) -> None:
        if self.guests:
            who = self._guest()
            await agent.release(self.harness.relay, who, self._seq(who.room))

    async def _arrive(self) -> None:
        if self.guests:
            who, relay = self._guest(), self.harness.relay
            if relay.codes.is_live(who, relay.clock.now()):
                relay.first_seen(who, relay.clock.now())

    async def _park(self) -> None:
        if self.guests:
            self.nursery.start_soon(self._poll, self._guest())

    async def _poll(self, who: CodeRecord) -> None:
        try:
            await self.harness.poll(who, None, wait=20)
        except RelayError:
            return

    async def _say(self) -> None:
        relay, room = self.harness.relay, self._room()
        if relay.knows(room):
            draft = PostDraft("go on", TO_ALL, self.chance.choice([None, "anyone"]))
            await operator.say(relay, room, "titus", draft)

    async def _open_or_close(self) -> None:
        relay, room = self.harness.relay, self._room()
        deed = self.chance.choice([operator.open_room, operator.close_room])
        await deed(relay, room, "titus")

    async def _delete(self) -> None:
        relay, room = self.harness.relay, self._room()
        await operator.close_room(relay, room, "titus")
        await delete_room(relay, room, "titus")

    async def _wait(self) -> None:
        await trio.sleep(self.chance.choice([0.1, 1, 5, 25, 61, 125]))
