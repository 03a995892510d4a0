"""Generated histories: all views agree with a plain model after each step."""

from collections.abc import Awaitable, Callable
from copy import deepcopy
from typing import Final, TypeVar

import pytest
import trio
import trio.testing
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)

from support.plain_questions import OPERATOR, PlainQuestions
from support.question_stage import AGENTS, LEASE_SECONDS, Stage, open_stage
from support.question_views import ROOM, Asked

Step = Callable[[Stage], Awaitable[object]]
EVERYBODY: Final = (*AGENTS, OPERATOR)
WHICH: Final = st.integers(0, 999)
Choice = TypeVar("Choice")


def _pick(choices: list[Choice], which: int) -> Choice | None:
    """Choose by number, so that nearly every number is a step."""
    return choices[which % len(choices)] if choices else None


class Histories(RuleBasedStateMachine):
    """The rules move the model and record steps; the relay takes them at the end.

    A state machine cannot wait. So the history is carried out when it is complete, in
    one run on virtual time, and compared with the model after each step.
    """

    def __init__(self) -> None:
        super().__init__()
        self.model = PlainQuestions(list(AGENTS))
        self.steps: list[tuple[str, Step, PlainQuestions]] = []

    def _step(self, name: str, step: Step) -> None:
        """Record a step, with the model after it."""
        self.steps.append((name, step, deepcopy(self.model)))

    def _speakers(self) -> list[str]:
        return [OPERATOR] if self.model.is_closed else [*self.model.live, OPERATOR]

    def _addressees(self, who: str) -> list[str]:
        return ["all", "all", *(each for each in EVERYBODY if each != who)]

    def _replies(self) -> list[tuple[str, Asked]]:
        """Return who may reply to what, questions that wait first."""
        return [
            (who, each)
            for who in self._speakers()
            for each in self.model.repliable(who)
            if each.asker != who
        ]

    @initialize()
    def begin(self) -> None:
        """Begin with questions, so that the first steps can be about them."""
        for who, to, asks in (
            ("alice", "all", "anyone"),
            ("bob", "carol", "carol"),
            (OPERATOR, "all", "anyone"),
        ):
            self._ask(who, to, asks)

    def _ask(self, who: str, to: str, asks: str, seq: int | None = None) -> None:
        self.model.ask(who, to, asks)
        self._step(
            f"{who} asks {asks}, to {to}, re {seq}",
            lambda it: it.ask(who, to, asks, seq),
        )

    @rule(by=WHICH, which=WHICH, other=WHICH)
    def ask(self, by: int, which: int, other: int) -> None:
        who = _pick(self._speakers(), by)
        assert who is not None
        to = _pick(self._addressees(who), which)
        assert to is not None
        named = [each for each in EVERYBODY if each != who]
        asks = _pick(["anyone", "anyone", *named], other) if to == "all" else to
        assert asks is not None
        self._ask(who, to, asks)

    @rule(by=WHICH, which=WHICH)
    def say(self, by: int, which: int) -> None:
        who = _pick(self._speakers(), by)
        assert who is not None
        to = _pick(self._addressees(who), which)
        assert to is not None
        self.model.say(who, to)
        self._step(f"{who} speaks to {to}", lambda it: it.say(who, to=to))

    @precondition(lambda self: self._replies())
    @rule(which=WHICH, other=WHICH, is_asking=st.booleans())
    def reply(self, which: int, other: int, *, is_asking: bool) -> None:
        chosen = _pick(self._replies(), which)
        assert chosen is not None
        who, asked = chosen
        to = _pick([*self._addressees(who), asked.asker], other)
        seq = asked.seq
        assert to is not None
        if is_asking:
            self._ask(who, to, "anyone" if to == "all" else to, seq)
            return
        self.model.say(who, to, seq)
        self._step(
            f"{who} replies to {seq}, to {to}",
            lambda it: it.say(who, to=to, reply_to=seq),
        )

    def _claims(self) -> list[tuple[str, int]]:
        return [
            (who, each.seq)
            for who in self._speakers()
            if who != OPERATOR
            for each in self.model.claimable(who)
        ]

    @precondition(lambda self: self._claims())
    @rule(which=WHICH)
    def claim(self, which: int) -> None:
        chosen = _pick(self._claims(), which)
        assert chosen is not None
        who, seq = chosen
        self.model.claim(who, seq)
        path = f"/messages/{seq}/claim"
        lease = {"lease_seconds": LEASE_SECONDS}
        self._step(
            f"{who} claims {seq}", lambda it: it.call(who, "POST", path, **lease)
        )

    @precondition(lambda self: self.model.held())
    @rule(which=WHICH)
    def release(self, which: int) -> None:
        asked = _pick(self.model.held(), which)
        assert asked is not None
        who, path = asked.shown.by, f"/messages/{asked.seq}/claim"
        assert who is not None
        self.model.free([asked])
        self._step(f"{who} releases", lambda it: it.call(who, "DELETE", path))

    @precondition(lambda self: self.model.held())
    @rule()
    def lapse(self) -> None:
        self.model.free(self.model.held())

        async def step(_: Stage) -> None:
            await trio.sleep(LEASE_SECONDS + 1)

        self._step("time passes", step)

    @precondition(lambda self: self.model.waiting())
    @rule(which=WHICH, is_operator=st.booleans())
    def withdraw(self, which: int, *, is_operator: bool) -> None:
        asked = _pick(self.model.waiting(), which)
        assert asked is not None
        who = OPERATOR if is_operator else asked.asker
        if who not in self._speakers():
            who = OPERATOR
        self.model.withdraw(who, asked.seq, "found it")
        path = f"/messages/{asked.seq}/question"
        reason = {"reason": "found it"}

        async def step(stage: Stage) -> None:
            if who == OPERATOR:
                path_here = f"/admin/rooms/{ROOM}{path}"
                reply = await stage.site.admin("DELETE", path_here, reason)
                assert reply.status == 200
            else:
                await stage.call(who, "DELETE", path, **reason)

        self._step(f"{who} withdraws {asked.seq}", step)

    @rule(which=st.integers(0, 11))
    def rarely(self, which: int) -> None:
        """Do what would otherwise fill the history."""
        names = ("revoke", "close_or_reopen", "close_or_reopen", "chatter", "restart")
        name = _pick([*names, "import_again"], which)
        if name == "revoke" and len(self.model.live) > 1:
            self.revoke(which // 6)
        elif name not in {None, "revoke"}:
            getattr(self, str(name))()

    def revoke(self, which: int) -> None:
        who = self.model.live[which % len(self.model.live)]
        self.model.revoke(who)

        async def step(stage: Stage) -> None:
            await stage.site.admin("POST", "/admin/revoke", {"target": who})
            del stage.world.codes[who]

        self._step(f"the code of {who} is revoked", step)

    def close_or_reopen(self) -> None:
        if self.model.is_closed:
            self.model.is_closed = False
            self._step("reopening", lambda it: it.operate("reopen"))
        else:
            self.model.close()
            self._step("closing", lambda it: it.operate("close"))

    def chatter(self) -> None:
        """Push messages out of the tail, and old ones out of the room."""
        for _ in range(15):
            self.model.say(OPERATOR)

        async def step(stage: Stage) -> None:
            for _ in range(15):
                await stage.say(OPERATOR, "chatter")

        self._step("chatter", step)

    def restart(self) -> None:
        self._step("a restart", lambda it: it.restart())

    def import_again(self) -> None:
        async def step(stage: Stage) -> None:
            lines = (await stage.site.admin("POST", "/admin/export")).body
            reply = await stage.site.front.call(
                "POST", "/admin/import", token=stage.site.token, body=lines
            )
            assert reply.status == 200, reply.body

        self._step("an import of its own export", step)

    def teardown(self) -> None:
        if self.steps:
            clock = trio.testing.MockClock(autojump_threshold=0)
            trio.run(self._carry_out, clock=clock)

    async def _carry_out(self) -> None:
        done = []
        async with open_stage() as stage:
            for name, step, model in self.steps:
                requests = {
                    seq: each.request for seq, each in stage.world.asked.items()
                }
                await step(stage)
                done.append(name)
                requests |= {
                    seq: each.request for seq, each in stage.world.asked.items()
                }
                stage.world.asked = deepcopy(model.asked)
                for seq, each in stage.world.asked.items():
                    each.request = requests[seq]
                live = await stage.site.house.relay.live(ROOM)
                assert live.room.head == model.head, done
                await stage.check("; ".join(done))


def test_all_views_agree_with_the_model_after_each_step_of_a_history() -> None:
    run_state_machine_as_test(
        Histories, settings=settings(max_examples=12, stateful_step_count=12)
    )


@pytest.mark.long
def test_all_views_agree_with_the_model_in_a_thousand_histories() -> None:
    run_state_machine_as_test(
        Histories, settings=settings(max_examples=1_000, stateful_step_count=15)
    )
