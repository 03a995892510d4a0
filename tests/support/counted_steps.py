"""Measuring work by counting it, where a clock would say how busy the machine is."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

import attrs
import trio
from trio.abc import Instrument


@attrs.define(eq=False)
class StepMeter(Instrument):
    """Counts the calls within each step of a task: nothing else runs meanwhile.

    Attributes:
        most: The most calls of any step.
    """

    most: int = 0
    _calls: int = 0

    def before_task_step(self, _task: trio.lowlevel.Task) -> None:
        self._calls = 0
        sys.setprofile(self._count)

    def after_task_step(self, _task: trio.lowlevel.Task) -> None:
        sys.setprofile(None)
        self.most = max(self.most, self._calls)

    def _count(self, _frame: FrameType, event: str, _what: object) -> None:
        self._calls += event in {"call", "c_call"}


@contextmanager
def measured_steps() -> Iterator[StepMeter]:
    """Measure the steps of all tasks from the next one on."""
    meter = StepMeter()
    trio.lowlevel.add_instrument(meter)
    try:
        yield meter
    finally:
        trio.lowlevel.remove_instrument(meter)
        sys.setprofile(None)
