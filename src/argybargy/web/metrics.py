"""The relay in numbers for Prometheus: a table of them, read when somebody asks.

Nothing here is told of a message or a poll. Whoever does the work counts it in plain
numbers of its own; a scrape looks at all of them once. So what is measured costs the
same whether anybody watches or not, and there is no label that grows with the rooms.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Final, Generic, TypeVar

import attrs
import trio
from prometheus_client import (
    CollectorRegistry,
    GCCollector,
    PlatformCollector,
    ProcessCollector,
)
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from argybargy import __version__
from argybargy.domain.errors import Problem
from argybargy.relay.relay import Relay
from argybargy.relay.statistics import (
    OverviewStatistics,
    RelayCounters,
    RelayStatistics,
)
from argybargy.store.protocol import WriterStatistics
from argybargy.system.histogram import Distribution

Source = TypeVar("Source")
Number = float | Mapping[str, float] | Distribution
"""One number, or one for each value of the label, or a histogram."""

PREFIX: Final = "argybargy_"
_LOST: Final = Problem.CLAIMED_BY_OTHER.value.code
_LIMITED: Final = Problem.RATE_LIMITED.value.code
_FAMILIES: Final[Mapping[str, Callable[..., Metric]]] = {
    "counter": CounterMetricFamily,
    "gauge": GaugeMetricFamily,
    "histogram": HistogramMetricFamily,
}


@attrs.frozen
class Measure(Generic[Source]):
    """One thing that is measured.

    Attributes:
        kind: ``counter``, ``gauge`` or ``histogram``.
        name: Without the prefix; a counter's ends in ``_total``.
        text: What it is, in a line.
        read: Takes it from where it is counted.
        label: What its numbers are told apart by, if there are several.
    """

    kind: str
    name: str
    text: str
    read: Callable[[Source], Number]
    label: str | None = None

    @property
    def full_name(self) -> str:
        """What it is called in a query, but for the suffixes of a histogram."""
        return PREFIX + self.name

    def empty(self) -> Metric:
        """Return its name and kind, without a number."""
        labels = [] if self.label is None else [self.label]
        return _FAMILIES[self.kind](self.full_name, self.text, labels=labels)

    def measured(self, source: Source) -> Metric:
        """Return it with its numbers as they are now."""
        family, number = self.empty(), self.read(source)
        if isinstance(number, Distribution):
            assert isinstance(family, HistogramMetricFamily)
            buckets = [(_bound(bound), count) for bound, count in number.cumulated()]
            family.add_metric([], buckets=buckets, sum_value=number.total)
            return family
        assert isinstance(family, CounterMetricFamily | GaugeMetricFamily)
        if isinstance(number, Mapping):
            for value, each in sorted(number.items()):
                family.add_metric([value], each)
        else:
            family.add_metric([], number)
        return family


def _bound(bound: float) -> str:
    return "+Inf" if bound == float("inf") else str(float(bound))


@attrs.frozen
class MeasureCollector(Collector, Generic[Source]):
    """Reads a table of measures, all from one look at their source.

    Attributes:
        measures: The table.
        look: Returns the source as it is now.
    """

    measures: Iterable[Measure[Source]]
    look: Callable[[], Source]

    def collect(self) -> Iterable[Metric]:
        """Read everything."""
        source = self.look()
        return [measure.measured(source) for measure in self.measures]

    def describe(self) -> Iterable[Metric]:
        """Name everything, and read nothing."""
        return [measure.empty() for measure in self.measures]


@attrs.frozen
class RelayNumbers:
    """What a relay knows of itself at one moment.

    Attributes:
        relay: Rooms, polls and codes.
        board: What the operator sees.
        tally: What has happened so far.
        writer: What was written.
        refusals: Refusals by the code of the error.
        streams: Clients of the operator that are pushed to.
        tasks: Tasks of the process.
        is_draining: Whether it is about to stop.
    """

    relay: RelayStatistics
    board: OverviewStatistics
    tally: RelayCounters
    writer: WriterStatistics
    refusals: Mapping[str, int]
    streams: int
    tasks: int
    is_draining: bool


RELAY_MEASURES: Final[tuple[Measure[RelayNumbers], ...]] = (
    Measure(
        "gauge",
        "build_info",
        "1, with the version of the relay.",
        lambda _: {__version__: 1},
        label="version",
    ),
    Measure(
        "counter",
        "messages_total",
        "Messages stored, those of the system included.",
        lambda it: it.tally.messages,
    ),
    Measure(
        "gauge",
        "parked_polls",
        "Polls that wait for a message.",
        lambda it: it.relay.parked_polls,
    ),
    Measure(
        "histogram",
        "wake_seconds",
        "From publishing a message to making the answer of a poll that it woke.",
        lambda it: it.tally.wake_seconds.statistics(),
    ),
    Measure(
        "gauge",
        "open_questions",
        "Unanswered questions in open rooms.",
        lambda it: it.board.questions,
    ),
    Measure(
        "gauge",
        "oldest_wait_seconds",
        "How long the question that waits longest has waited; 0 when none does.",
        lambda it: it.board.oldest_wait_seconds,
    ),
    Measure(
        "counter",
        "claims_total",
        "Claims, by what came of them: won or lost to another agent.",
        lambda it: {"won": it.tally.claims_won, "lost": it.refusals[_LOST]},
        label="result",
    ),
    Measure(
        "counter",
        "rate_limited_total",
        "Requests refused since their peer had made too many.",
        lambda it: it.refusals[_LIMITED],
    ),
    Measure(
        "counter",
        "refusals_total",
        "Requests refused by an endpoint, by the code of the error.",
        lambda it: it.refusals,
        label="error",
    ),
    Measure(
        "gauge",
        "streams",
        "Dashboards and the like that changes are pushed to.",
        lambda it: it.streams,
    ),
    Measure(
        "gauge",
        "rooms",
        "Rooms there are, by status.",
        lambda it: {"open": it.board.rooms_open, "closed": it.board.rooms_closed},
        label="status",
    ),
    Measure(
        "gauge",
        "live_rooms",
        "Rooms in memory.",
        lambda it: it.relay.live_rooms,
    ),
    Measure(
        "gauge",
        "agents_online",
        "Agents that were here within the online window, counted in each room.",
        lambda it: it.board.online,
    ),
    Measure("gauge", "codes", "Codes there are.", lambda it: it.relay.codes),
    Measure(
        "histogram",
        "commit_seconds",
        "How long a transaction took, with its sync to the disk.",
        lambda it: it.writer.commit_seconds,
    ),
    Measure(
        "histogram",
        "commit_batch",
        "How many writes were made durable by one transaction.",
        lambda it: it.writer.batch_jobs,
    ),
    Measure(
        "gauge",
        "writes_waiting",
        "Writes that wait for the next transaction.",
        lambda it: it.writer.waiting,
    ),
    Measure("gauge", "tasks", "Trio tasks of the process.", lambda it: it.tasks),
    Measure(
        "gauge",
        "draining",
        "1 once the relay was told to stop.",
        lambda it: it.is_draining,
    ),
)
"""Everything that is measured of a relay, in the order of the documentation."""


def _no_refusals() -> dict[str, int]:
    """Return a nought for every error: what is there from the start can be rated."""
    return {problem.value.code: 0 for problem in Problem}


@attrs.define(eq=False)
class Metrics:
    """All numbers of one relay, in a registry of its own.

    Attributes:
        relay: Whose.
        refusals: Refusals by the code of the error: endpoints count them here.
    """

    relay: Relay
    refusals: dict[str, int] = attrs.field(factory=_no_refusals)
    _registry: CollectorRegistry = attrs.field(factory=CollectorRegistry)

    def __attrs_post_init__(self) -> None:
        self.add(MeasureCollector(RELAY_MEASURES, self._look))
        ProcessCollector(registry=self._registry)
        PlatformCollector(registry=self._registry)
        GCCollector(registry=self._registry)

    def add(self, collector: Collector) -> None:
        """Measure something more."""
        self._registry.register(collector)

    def note_refusal(self, problem: Problem) -> None:
        """Count a request that was refused."""
        self.refusals[problem.value.code] += 1

    def render(self, accept: str) -> tuple[bytes, bytes]:
        """Return the page of numbers, and its media type.

        Args:
            accept: What the scraper understands: the text format of Prometheus, or
                OpenMetrics.
        """
        try:
            encode, media_type = choose_encoder(accept)
        except (TypeError, ValueError):  # a version that is no version
            encode, media_type = choose_encoder("")
        return encode(self._registry), media_type.encode("ascii")

    def _look(self) -> RelayNumbers:
        relay = self.relay
        return RelayNumbers(
            relay=relay.statistics(),
            board=relay.board.statistics(relay.clock.now()),
            tally=relay.tally,
            writer=relay.store.statistics(),
            refusals=self.refusals,
            streams=len(relay.watchers),
            tasks=trio.lowlevel.current_statistics().tasks_living,
            is_draining=relay.is_draining,
        )
