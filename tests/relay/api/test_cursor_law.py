"""The cursor law under all options of a poll, over random histories."""

import random
from typing import Final

import attrs
import pytest
import trio
import trio.testing

from argybargy.domain.access_codes import CodeRecord
from argybargy.domain.answer_form import AnswerForm
from argybargy.domain.cursors import Since
from argybargy.domain.limits import MAX_SEQ, Limits
from argybargy.domain.message import DAMPED, TO_ALL, Message
from argybargy.domain.wake_policy import Wake, WakePolicy
from argybargy.relay.api import operator
from argybargy.relay.api.poll import PollAnswer
from argybargy.relay.api.posting import PostDraft
from support.relay import ROOM, RelayHarness, open_harness

NAMES: Final = ("alice", "bob", "carol")
BASE: Final = Limits(
    posts_per_window=0, reads_per_window=0, claims_per_window=0, idle_seconds=0
)
HOLDS: Final = (0, 1, 7, 30, 600)


@attrs.define
class Reader:
    """A reader that draws options for each poll.

    Attributes:
        code: Its code.
        chance: What decides.
        uses_next: Whether it leaves its cursor to the relay.
        drops: Whether it loses answers, and then resumes.
        cursor: Its cursor, if it keeps one.
        heard: The seqs delivered whole, in order.
        counted: Beginning, end and number of messages of each digest.
        since: What it asks for next.
    """

    code: CodeRecord
    chance: random.Random
    uses_next: bool
    drops: bool
    cursor: int = 0
    heard: list[int] = attrs.field(factory=list)
    counted: list[tuple[int, int, int]] = attrs.field(factory=list)
    since: int | Since = 0

    async def follow(self, harness: RelayHarness, *, last: bool = False) -> PollAnswer:
        """Poll once with random options; without waiting for the last time."""
        chance = self.chance
        wait = 0 if last else chance.choice([0, 0.5, 3, 25])
        policy = WakePolicy(
            chance.choice(list(Wake)),
            chance.choice(HOLDS),
            chance.choice([0, 0, 0.4, 2]),
        )
        form = AnswerForm(chance.choice([None, 1, 9, 50]), chance.random() < 0.3)
        limit = chance.choice([1, 2, 100])
        answer = await harness.poll(self.code, self.since, wait, limit, policy, form)
        self._check(answer)
        if self.drops and not last and chance.random() < 0.3:
            self.since = Since.RESUME if self.uses_next else self.cursor
            return answer
        self._keep(answer)
        self.cursor = answer.page.cursor
        self.since = Since.NEXT if self.uses_next else self.cursor
        return answer

    def _check(self, answer: PollAnswer) -> None:
        page = answer.page
        assert answer.since <= page.cursor
        assert all(answer.since < each.seq <= page.cursor for each in page.messages)
        if not self.drops:
            assert answer.since == self.cursor
        if answer.left is not None:
            assert answer.left > 0

    def _keep(self, answer: PollAnswer) -> None:
        self.heard += [each.seq for each in answer.page.messages]
        if answer.digest is not None:
            count = sum(count for _, count in answer.digest.counts)
            self.counted.append((answer.since, answer.page.cursor, count))


async def _talk(
    harness: RelayHarness, codes: list[CodeRecord], chance: random.Random
) -> list[Message]:
    """Talk, and return all messages of the room, notices of the relay included."""
    said: list[Message] = []
    for _ in range(40):
        to = chance.choice([TO_ALL, TO_ALL, TO_ALL, (chance.choice(NAMES),)])
        expects = chance.choice(["none", "none", "none", "anyone", *NAMES])
        text = "x" * chance.choice([1, 5, 20])
        if chance.random() < 0.05:
            draft = PostDraft(text, TO_ALL)
            outcome = await operator.say(harness.relay, ROOM, "titus", draft)
        else:
            replied = chance.choice([None, None, said[-1] if said else None])
            reply_to = replied.seq if replied and replied.is_broadcast else None
            who = chance.choice(codes)
            outcome = await harness.post(who, text, to, expects, reply_to)
        said.append(outcome.message)
        await trio.sleep(chance.choice([0, 0, 0.1, 0.3, 5, 40]))
    history = await operator.history(harness.relay, ROOM, MAX_SEQ, 500)
    return list(history.lookback.messages)


@pytest.mark.parametrize("tail", [1, 5, 1_000])
@pytest.mark.parametrize("drops", [False, True], ids=["kept", "dropped"])
@pytest.mark.parametrize("seed", range(8))
async def test_every_message_is_delivered_once_and_in_order_under_all_options(
    autojump_clock: trio.testing.MockClock,
    seed: int,
    drops: bool,
    tail: int,
) -> None:
    chance, loop_turns = random.Random(seed), 1 if seed % 2 else 12
    limits = attrs.evolve(BASE, tail_messages=tail, loop_turns=loop_turns)
    async with open_harness(limits) as harness:
        codes = [await harness.guest(name) for name in NAMES]
        readers = [
            Reader(code, random.Random(chance.random()), chance.random() < 0.5, drops)
            for code in codes
        ]

        async def follow(reader: Reader) -> None:
            while True:
                await reader.follow(harness)
                await trio.sleep(reader.chance.choice([0.01, 1, 20]))

        async with trio.open_nursery() as nursery:
            for reader in readers:
                nursery.start_soon(follow, reader)
            said = await _talk(harness, codes, chance)
            await trio.sleep(chance.choice([0, 100]))
            nursery.cancel_scope.cancel()
        for reader in readers:
            while (await reader.follow(harness, last=True)).page.cursor < len(said):
                pass
            _judge(reader, said, is_exact=not drops)
        is_damped = any(each.event == DAMPED for each in said)
        assert is_damped == (seed in {1, 3, 5}), "some histories have loops"


def _judge(reader: Reader, said: list[Message], *, is_exact: bool) -> None:
    mine = [each.seq for each in said if each.is_for(reader.code.peer.name)]
    heard, counted = reader.heard, reader.counted
    assert set(heard) <= set(mine)
    if is_exact:
        assert heard == sorted(set(heard)), "doubled, or out of order"
        assert len(heard) + sum(count for *_, count in counted) == len(mine)
    # What was not delivered whole was counted in a range with nothing missing.
    for after, cursor, count in counted:
        inside = [seq for seq in mine if after < seq <= cursor]
        whole = [seq for seq in inside if seq in set(heard)]
        assert count + len(whole) >= len(inside)
    ranges = [(after, cursor) for after, cursor, _ in counted]
    skipped = [
        seq
        for seq in set(mine) - set(heard)
        if not any(after < seq <= cursor for after, cursor in ranges)
    ]
    assert skipped == []
