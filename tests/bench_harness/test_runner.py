"""Turns, rounds, and turns that a busy machine spoils."""

from collections.abc import Callable, Iterator

import attrs
import pytest
import trio
from trio.testing import MockClock

from argybargy.torture.client.connection import Address
from bench.load import Bench
from bench.machine import BusyMachine, Machine, Reading
from bench.result import Result
from bench.rows import Row
from bench.runner import ATTEMPTS, Plan, Subject, attached, measure
from bench.server import Server
from bench.sizes import SMOKE


@attrs.define
class Diary:
    """Rows that only note whose turn it is.

    Attributes:
        turns: Labels in the order of the turns.
        others: Busy seconds of other processes so far.
        loads: Load of the others in each turn; after the last, none.
    """

    turns: list[str] = attrs.field(factory=list)
    others: float = 0.0
    loads: Iterator[float] = attrs.field(factory=lambda: iter(()))

    def subject(self, label: str) -> Subject:
        # Nothing listens there: these rows send nothing.
        server = Server(Address("127.0.0.1", 1), "token")
        return Subject(label, label, lambda: attached(server))

    def row(self, name: str) -> Row:
        async def run(bench: Bench) -> Result:
            self.turns.append(f"{name} {bench.command}")
            await trio.sleep(1)
            self.others += next(self.loads, 0.0)
            return Result(name, operations=len(self.turns))

        return Row(name, run)

    def read(self) -> Reading:
        return Reading(trio.current_time(), self.others, 0.0)

    def plan(self, rows: str, rounds: int = 1, *, anyway: bool = False) -> Plan:
        machine = Machine(frozenset({0}), self.read)
        return Plan([self.row(name) for name in rows], SMOKE, rounds, machine, anyway)


async def test_servers_take_turns_in_every_round_of_a_row(
    autojump_clock: MockClock,
) -> None:
    noted = Diary()
    subjects = [noted.subject("A"), noted.subject("B")]
    ours, others = await measure(subjects, noted.plan("xy", rounds=2))
    assert noted.turns == (["x A", "x B", "x A", "x B", "y A", "y B", "y A", "y B"])
    assert [[each.operations for each in rounds] for rounds in ours.rounds] == [
        *([1, 3], [5, 7])
    ]
    assert [result.operations for result in others.results] == [3, 7]


async def test_a_turn_under_load_is_repeated(autojump_clock: MockClock) -> None:
    noted = Diary(loads=iter([0.0, 0.9, 0.02]))
    subjects = [noted.subject("A"), noted.subject("B")]
    _, others = await measure(subjects, noted.plan("x"))
    assert noted.turns == ["x A", "x B", "x B"]
    assert others.results[0].operations == 3
    assert others.results[0].others == pytest.approx(0.02)


async def test_a_row_that_is_always_under_load_ends_the_run(
    autojump_clock: MockClock,
) -> None:
    noted = Diary(loads=iter([0.9] * 9))
    with pytest.raises(BusyMachine, match=r"90% of core 0 during the row x.* 3"):
        await measure([noted.subject("A")], noted.plan("xy"))
    assert noted.turns == ["x A"] * ATTEMPTS


async def test_what_is_measured_anyway_has_the_load_beside_it(
    autojump_clock: MockClock,
) -> None:
    noted = Diary(loads=iter([0.9, 0.0]))
    plan = noted.plan("x", rounds=2, anyway=True)
    (found,) = await measure([noted.subject("A")], plan)
    assert noted.turns == ["x A", "x A"]
    assert [each.others for each in found.rounds[0]] == [pytest.approx(0.9), 0.0]


async def test_nothing_starts_on_a_busy_machine_unless_told_to(
    autojump_clock: MockClock,
) -> None:
    noted = Diary()
    busy = Machine(frozenset({0}), _always_busy())
    plan = attrs.evolve(noted.plan("x"), machine=busy)
    with pytest.raises(BusyMachine, match="--anyway"):
        await measure([noted.subject("A")], plan)
    assert noted.turns == []
    await measure([noted.subject("A")], attrs.evolve(plan, is_busy_accepted=True))
    assert noted.turns == ["x A"]


def _always_busy() -> Callable[[], Reading]:
    return lambda: Reading(trio.current_time(), trio.current_time(), 0.0)
