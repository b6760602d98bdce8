"""The exporter's metrics about itself, as a collector for a prometheus-client registry."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from voice_slo import names

Labels = tuple[str, ...]


class Notes:
    """Increments that a running transaction will have caused if it commits."""

    def __init__(self) -> None:
        self._held: Counter[tuple[names.Metric, Labels]] = Counter()

    def inc(self, metric: names.Metric, *labels: str) -> None:
        self._held[metric, labels] += 1

    def take(self) -> list[tuple[tuple[names.Metric, Labels], int]]:
        held = list(self._held.items())
        self._held.clear()
        return held


class OwnMetrics:
    """Thread-safe values of `names.EXPORTER_METRICS`. They start at 0 with the process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._values: dict[names.Metric, dict[Labels, float]] = {m: {} for m in names.EXPORTER_METRICS}
        self._before: list[Callable[[], None]] = []

    def before_scrape(self, refresh: Callable[[], None]) -> None:
        """Have `refresh` called at each scrape, to set gauges that are read off something else."""
        self._before.append(refresh)

    def inc(self, metric: names.Metric, *labels: str, by: float = 1) -> None:
        with self._lock:
            values = self._values[metric]
            values[labels] = values.get(labels, 0) + by

    def show(self, metric: names.Metric, *labels: str) -> None:
        """Have the series there from now on, at 0 where nothing was counted yet."""
        self.inc(metric, *labels, by=0)

    def apply(self, notes: Notes) -> None:
        """What a transaction noted, once it has committed."""
        for (metric, labels), n in notes.take():
            self.inc(metric, *labels, by=n)

    def set(self, metric: names.Metric, *labels: str, value: float) -> None:
        with self._lock:
            self._values[metric][labels] = value

    def value(self, metric: names.Metric, *labels: str) -> float:
        with self._lock:
            return self._values[metric].get(labels, 0)

    def items(self, metric: names.Metric) -> list[tuple[Labels, float]]:
        with self._lock:
            return sorted(self._values[metric].items())

    def total(self, metric: names.Metric, *first: str) -> float:
        """The sum over all series whose labels begin with `first`."""
        return sum(value for labels, value in self.items(metric) if labels[: len(first)] == first)

    def collect(self) -> Iterator[Metric]:
        for refresh in self._before:
            refresh()
        with self._lock:
            held = [(metric, dict(values)) for metric, values in self._values.items()]
        for metric, values in held:
            family = CounterMetricFamily if metric.type == "counter" else GaugeMetricFamily
            made = family(metric.name, metric.help, labels=metric.labels)
            for labels, value in values.items():
                made.add_metric(labels, value)
            yield made
