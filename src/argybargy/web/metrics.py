"""Metrics: tables of them, read from counters at each scrape.

The relay, store and server count in plain integers of their own and never call this
module; a scrape reads all of them once. Counting thus costs the same with or without
Prometheus, whose package only :mod:`argybargy.web.exposition` imports. No label has a
value for each room or agent, so the number of series is bounded.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Generic, TypeVar

import attrs
import trio

from argybargy import __version__
from argybargy.domain.errors import Problem
from argybargy.relay.notifications.statistics import NotificationStatistics
from argybargy.relay.relay import Relay
from argybargy.relay.statistics import (
    OverviewStatistics,
    RelayCounters,
    RelayStatistics,
)
from argybargy.store.protocol import WriterStatistics
from argybargy.system.histogram import Distribution
from argybargy.system.values import define, frozen

Source = TypeVar("Source")
Number = float | Mapping[str, float] | Distribution
"""A number, a number for each value of the label, or a histogram."""

PREFIX: Final = "argybargy_"
_LOST: Final = Problem.CLAIMED_BY_OTHER.value.code
_LIMITED: Final = Problem.RATE_LIMITED.value.code


@frozen
class Measure(Generic[Source]):
    """One metric, and how to read it.

    Attributes:
        kind: ``counter``, ``gauge`` or ``histogram``.
        name: Name without the prefix; that of a counter ends in ``_total``.
        text: Help text, one line.
        read: Reads its value from the source.
        label: Name of the label; None for a metric with one series.
    """

    kind: str
    name: str
    text: str
    read: Callable[[Source], Number]
    label: str | None = None

    @property
    def full_name(self) -> str:
        """Name in Prometheus, without the suffixes of a histogram."""
        return PREFIX + self.name


@frozen
class MeasureTable(Generic[Source]):
    """Table of metrics, all read from one snapshot.

    Attributes:
        measures: The metrics.
        look: Takes the snapshot.
    """

    measures: Sequence[Measure[Source]]
    look: Callable[[], Source]

    def read(self) -> list[Number]:
        """Take a snapshot, and return the value of every metric in order."""
        source = self.look()
        return [measure.read(source) for measure in self.measures]


@frozen
class RelayNumbers:
    """Snapshot of a relay's statistics.

    Attributes:
        relay: Rooms, polls and codes.
        board: Overview: rooms by status, open questions and agents online.
        tally: Counters since the start.
        writer: Statistics of the store's writer.
        refusals: Errors by code.
        streams: Open operator streams.
        tasks: Trio tasks.
        is_draining: Whether the relay is stopping.
        nodes: The names of the relays on the same store, this one included.
        is_leading: Whether this relay does what one of them does for all.
        notifications: Figures of the notifications.
    """

    relay: RelayStatistics
    board: OverviewStatistics
    tally: RelayCounters
    writer: WriterStatistics
    refusals: Mapping[str, int]
    streams: int
    tasks: int
    is_draining: bool
    notifications: NotificationStatistics
    nodes: Sequence[str]
    is_leading: bool


RELAY_MEASURES: Final[tuple[Measure[RelayNumbers], ...]] = (
    Measure(
        "gauge",
        "build_info",
        "Always 1; the label has the version of the relay.",
        lambda _: {__version__: 1},
        label="version",
    ),
    Measure(
        "counter",
        "messages_total",
        "Messages stored, system messages included.",
        lambda it: it.tally.messages,
    ),
    Measure(
        "gauge",
        "parked_polls",
        "Polls waiting for a message.",
        lambda it: it.relay.parked_polls,
    ),
    Measure(
        "histogram",
        "wake_seconds",
        "From publishing a message to building the response of a poll that it woke.",
        lambda it: it.tally.wake_seconds.statistics(),
    ),
    Measure(
        "counter",
        "conflicts_total",
        "Commits decided again, because another relay on the store came first.",
        lambda it: it.tally.conflicts,
    ),
    Measure(
        "histogram",
        "turn_seconds",
        "Waits for another relay on the store, whose turn it was to commit to a room.",
        lambda it: it.tally.turn_seconds.statistics(),
    ),
    Measure(
        "gauge",
        "open_questions",
        "Unanswered questions in open rooms.",
        lambda it: it.board.questions,
    ),
    Measure(
        "gauge",
        "questions",
        "Unanswered questions of agents in open rooms, by state.",
        lambda it: {
            "open": it.board.questions - it.board.claimed,
            "claimed": it.board.claimed,
        },
        label="state",
    ),
    Measure(
        "gauge",
        "oldest_wait_seconds",
        "Age of the oldest unanswered question; 0 without one.",
        lambda it: it.board.oldest_wait_seconds,
    ),
    Measure(
        "counter",
        "claims_total",
        "Claims, by result: won, or lost to another agent.",
        lambda it: {"won": it.tally.claims_won, "lost": it.refusals[_LOST]},
        label="result",
    ),
    Measure(
        "counter",
        "nudges_total",
        "Calls of wake hooks, by result: delivered or failed.",
        lambda it: {
            "delivered": it.tally.nudges_sent,
            "failed": it.tally.nudges_failed,
        },
        label="result",
    ),
    Measure(
        "counter",
        "notifications_total",
        "Pushes to the operator, by result: sent, a try that failed, or given up.",
        lambda it: {
            "sent": it.notifications.sent,
            "failed": it.notifications.failed,
            "given_up": it.notifications.dropped,
        },
        label="result",
    ),
    Measure(
        "gauge",
        "notifications_waiting",
        "Pushes that wait for a service.",
        lambda it: it.notifications.waiting,
    ),
    Measure(
        "gauge",
        "notification_services_failing",
        "Services that do not accept pushes.",
        lambda it: it.notifications.failing,
    ),
    Measure(
        "counter",
        "rate_limited_total",
        "Requests refused by the rate limit of their peer.",
        lambda it: it.refusals[_LIMITED],
    ),
    Measure(
        "counter",
        "refusals_total",
        "Requests refused by an endpoint, by error code.",
        lambda it: it.refusals,
        label="error",
    ),
    Measure(
        "gauge",
        "streams",
        "Open operator streams, such as dashboards.",
        lambda it: it.streams,
    ),
    Measure(
        "gauge",
        "rooms",
        "Rooms, by status.",
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
        "Agents seen within the online window, counted in each room.",
        lambda it: it.board.online,
    ),
    Measure("gauge", "codes", "Access codes.", lambda it: it.relay.codes),
    Measure(
        "histogram",
        "commit_seconds",
        "Duration of a transaction, its sync to the disk included.",
        lambda it: it.writer.commit_seconds,
    ),
    Measure(
        "histogram",
        "commit_batch",
        "Writes in one transaction.",
        lambda it: it.writer.batch_jobs,
    ),
    Measure(
        "gauge",
        "writes_waiting",
        "Writes waiting for the next transaction.",
        lambda it: it.writer.waiting,
    ),
    Measure("gauge", "tasks", "Trio tasks of the process.", lambda it: it.tasks),
    Measure(
        "gauge",
        "draining",
        "1 while the relay is stopping.",
        lambda it: it.is_draining,
    ),
    Measure(
        "gauge",
        "nodes",
        "Relays on the same store that this one knows of, itself included, by name.",
        lambda it: {name: it.nodes.count(name) for name in it.nodes},
        label="node",
    ),
    Measure(
        "gauge",
        "leading",
        "1 if this relay does what one of the relays on a store does for all: it "
        "sweeps, notifies and calls wake hooks.",
        lambda it: it.is_leading,
    ),
)
"""All metrics of a relay, in the order of the documentation."""


def _no_refusals() -> dict[str, int]:
    """Start every counter at 0, so that ``rate()`` works from the first scrape."""
    return {problem.value.code: 0 for problem in Problem}


@define(eq=False)
class Metrics:
    """All metrics of one relay.

    Attributes:
        relay: The relay.
        refusals: Errors by code, counted by the endpoints; one entry for each code.
        tables: Tables of metrics: the relay's, and those that `add` appended.
    """

    relay: Relay
    refusals: dict[str, int] = attrs.field(factory=_no_refusals)
    tables: tuple[MeasureTable[Any], ...] = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self.tables = (MeasureTable(RELAY_MEASURES, self._look),)

    def add(self, table: MeasureTable[Any]) -> None:
        """Append another table, such as the HTTP server's."""
        self.tables = (*self.tables, table)

    def note_refusal(self, problem: Problem) -> None:
        """Count an error response."""
        self.refusals[problem.value.code] += 1

    def _look(self) -> RelayNumbers:
        relay = self.relay
        return RelayNumbers(
            relay=relay.statistics(),
            board=relay.overview.statistics(relay.clock.now()),
            tally=relay.counters,
            writer=relay.store.statistics(),
            refusals=self.refusals,
            streams=len(relay.watchers),
            tasks=trio.lowlevel.current_statistics().tasks_living,
            is_draining=relay.is_draining,
            notifications=relay.notifications.statistics(),
            nodes=[each.name for each in (relay.nodes.me, *relay.nodes.others)],
            is_leading=relay.nodes.is_leading,
        )
