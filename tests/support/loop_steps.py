"""Counts the work between two checkpoints of Trio, in lines of Python.

Not by a clock: a busy machine counts the same. Calls into C count as a line, however
long they take. What goes into those of the relay is bounded where it comes in: a body
by ``body_bytes``, an answer by ``poll_bytes`` and the tail, and what is sorted by the
rooms, codes and messages of one room; a test fills all of these.
"""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import attrs
import trio
from trio.abc import Instrument

LINES_PER_MS = 4_000
"""A loop of plain statements runs 7 million lines a second on a machine with two cores
of 2020, the code of the relay with its calls about 4 million. The order of magnitude is
what counts: a fault that this is for takes 100 times the budget."""
BUDGET_MS = 20
BUDGET_LINES = BUDGET_MS * LINES_PER_MS
_TESTS = str(Path(__file__).parents[1])

Tracer = Callable[[FrameType, str, Any], Any]


@attrs.define(eq=False)
class StepMeter(Instrument):
    """Counts lines, step by step, of all tasks of a run.

    A step that is over the budget several times is not counted to its end, since
    counting makes it ten times as slow.

    Attributes:
        lines: Of the longest step since :meth:`reset`.
        where: The function that had most of them.
    """

    lines: int = 0
    where: str = ""
    _current: dict[CodeType, int] = attrs.field(factory=dict)
    _count: int = 0
    _outer: Any = None

    def reset(self) -> None:
        """Begin anew."""
        self.lines, self.where = 0, ""

    def before_task_step(self, _task: trio.lowlevel.Task) -> None:
        """Begin to count."""
        self._current, self._count = {}, 0
        self._outer = sys.gettrace()
        sys.settrace(self._enter)

    def after_task_step(self, _task: trio.lowlevel.Task) -> None:
        """Keep the count if there was none as large."""
        sys.settrace(self._outer)
        if self._count > self.lines:
            self.lines = self._count
            code = max(self._current, key=self._current.__getitem__)
            self.where = f"{Path(code.co_filename).name} {code.co_qualname}"

    def _enter(self, frame: FrameType, _event: str, _value: object) -> Tracer | None:
        """Count the lines of a frame, unless it is a test's."""
        if frame.f_code.co_filename.startswith(_TESTS):
            return None
        code, current = frame.f_code, self._current
        current.setdefault(code, 0)

        def count(frame: FrameType, event: str, _value: object) -> Tracer | None:
            if event == "line":
                current[code] += 1
                self._count += 1
                if self._count > 4 * BUDGET_LINES:
                    sys.settrace(None)
                    frame.f_trace = None
                    return None
            return count

        return count


@contextmanager
def metered() -> Iterator[StepMeter]:
    """Count the steps of the current run within a block."""
    meter = StepMeter()
    trio.lowlevel.add_instrument(meter)
    try:
        yield meter
    finally:
        trio.lowlevel.remove_instrument(meter)
