"""Work counters: measure work in calls or lines of Python, and not in seconds.

A busy machine counts the same, so a test with a budget never fails on a slow day.
"""

import gc
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
"""Lines of the relay's code, calls included, that a machine with two cores of 2020 runs
in a millisecond. The order of magnitude is what matters: the faults that these tests
are for exceed the budget a hundredfold."""
BUDGET_MS = 20
BUDGET_LINES = BUDGET_MS * LINES_PER_MS
_TESTS = str(Path(__file__).parents[1])

Tracer = Callable[[FrameType, str, Any], Any]


def count_calls(work: Callable[[], object]) -> int:
    """Run `work` and return its number of calls, those into C included.

    The garbage collector waits meanwhile: it would count finalizers and the callbacks
    of other libraries (Hypothesis registers some) as calls of `work`.
    """
    calls = 0

    def note(_frame: FrameType, event: str, _argument: object) -> None:
        nonlocal calls
        calls += event in {"call", "c_call"}

    before = sys.getprofile()
    collects = gc.isenabled()
    gc.disable()
    sys.setprofile(note)
    try:
        work()
    finally:
        sys.setprofile(before)
        if collects:
            gc.enable()
    return calls


@attrs.define(eq=False)
class CallMeter(Instrument):
    """Counts calls within each step of a task: nothing else runs meanwhile.

    Attributes:
        most: The calls of the longest step.
    """

    most: int = 0
    _calls: int = 0

    def before_task_step(self, _task: trio.lowlevel.Task) -> None:
        """Start counting."""
        self._calls = 0
        sys.setprofile(self._count)

    def after_task_step(self, _task: trio.lowlevel.Task) -> None:
        """Keep the count if it is the highest."""
        sys.setprofile(None)
        self.most = max(self.most, self._calls)

    def _count(self, _frame: FrameType, event: str, _what: object) -> None:
        self._calls += event in {"call", "c_call"}


@contextmanager
def measured_calls() -> Iterator[CallMeter]:
    """Count the calls in steps of all tasks, from the next step on."""
    meter = CallMeter()
    trio.lowlevel.add_instrument(meter)
    try:
        yield meter
    finally:
        trio.lowlevel.remove_instrument(meter)
        sys.setprofile(None)


@attrs.define(eq=False)
class LineMeter(Instrument):
    """Counts lines within each step of a task, those of tests excepted.

    What loads a module is not counted: it depends on what ran before. A call into C
    counts as a line, however long it takes; its input is bounded by the limits of the
    relay. Counting stops at several times the budget, because it makes a step ten times
    as slow.

    Attributes:
        lines: The lines of the longest step since :meth:`reset`.
        where: The function with most of them.
    """

    lines: int = 0
    where: str = ""
    _current: dict[CodeType, int] = attrs.field(factory=dict)
    _count: int = 0
    _outer: Any = None
    _loads: bool = False

    def reset(self) -> None:
        """Forget the longest step."""
        self.lines, self.where = 0, ""

    def before_task_step(self, _task: trio.lowlevel.Task) -> None:
        """Start counting."""
        self._current, self._count, self._loads = {}, 0, False
        self._outer = sys.gettrace()
        sys.settrace(self._enter)

    def after_task_step(self, _task: trio.lowlevel.Task) -> None:
        """Keep the count if it is the highest."""
        sys.settrace(self._outer)
        if self._count > self.lines:
            self.lines = self._count
            code = max(self._current, key=self._current.__getitem__)
            self.where = f"{Path(code.co_filename).name} {code.co_qualname}"

    def _enter(self, frame: FrameType, _event: str, _value: object) -> Tracer | None:
        """Count the lines of a frame, unless it is a test's."""
        if self._loads or frame.f_code.co_filename.startswith(_TESTS):
            return None
        if frame.f_code.co_name == "<module>":
            self._loads = True
            return self._leave_module
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

    def _leave_module(self, _frame: FrameType, event: str, _value: object) -> Tracer:
        """Count again once the module is loaded."""
        self._loads = event != "return"
        return self._leave_module


@contextmanager
def measured_lines() -> Iterator[LineMeter]:
    """Count the lines in steps of all tasks, from the next step on.

    The garbage collector waits meanwhile, as in :func:`count_calls`.
    """
    meter = LineMeter()
    collects = gc.isenabled()
    gc.disable()
    trio.lowlevel.add_instrument(meter)
    try:
        yield meter
    finally:
        trio.lowlevel.remove_instrument(meter)
        if collects:
            gc.enable()
