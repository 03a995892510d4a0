"""Exposition of the metrics in the formats of Prometheus.

It is apart from the tables because prometheus-client takes long to import: a relay
starts without it.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final

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

from argybargy.system.histogram import Distribution
from argybargy.system.values import frozen
from argybargy.web.metrics import Measure, MeasureTable, Metrics, Number

_FAMILIES: Final[Mapping[str, Callable[..., Metric]]] = {
    "counter": CounterMetricFamily,
    "gauge": GaugeMetricFamily,
    "histogram": HistogramMetricFamily,
}


def render_metrics(metrics: Metrics, accept: str) -> tuple[bytes, bytes]:
    """Return all metrics in exposition format, and their media type.

    Args:
        metrics: Metrics of a relay; those of the process are added.
        accept: Accept field of the scraper: Prometheus text format or OpenMetrics.
    """
    try:
        encode, media_type = choose_encoder(accept)
    except (TypeError, ValueError):  # a malformed version in Accept
        encode, media_type = choose_encoder("")
    # Collectors hold no numbers between two scrapes, so they are cheap to make again.
    registry = CollectorRegistry()
    for table in metrics.tables:
        registry.register(_TableCollector(table))
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    GCCollector(registry=registry)
    return encode(registry), media_type.encode("ascii")


@frozen
class _TableCollector(Collector):
    """Collector of a table of metrics."""

    table: MeasureTable[Any]

    def collect(self) -> Iterator[Metric]:
        """Read the table, and yield every metric with its samples."""
        for measure, number in zip(self.table.measures, self.table.read(), strict=True):
            yield _family(measure, number)

    def describe(self) -> Iterable[Metric]:
        """Return every metric without samples, so that registering reads nothing."""
        return [_empty(measure) for measure in self.table.measures]


def _empty(measure: Measure[Any]) -> Metric:
    labels = [] if measure.label is None else [measure.label]
    return _FAMILIES[measure.kind](measure.full_name, measure.text, labels=labels)


def _family(measure: Measure[Any], number: Number) -> Metric:
    """Return a metric with its samples."""
    family = _empty(measure)
    if isinstance(number, Distribution):
        assert isinstance(family, HistogramMetricFamily)
        buckets = [(_bound(bound), count) for bound, count in number.cumulative()]
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
