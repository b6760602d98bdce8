"""The series that an exporter shows of one SLO, as promtool reads them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from prometheus_rules.rule_tests.traffic import Traffic, absent, column, steady
from voice_slo import names, promql
from voice_slo.spec import Slo, SloFile

INSTANCE = "exporter-1"
_IDENTITY = "here"
"""The one value that every identity label of the scrape has in a test."""


@dataclass(frozen=True, slots=True)
class Series:
    selector: str
    values: str


@dataclass(frozen=True, slots=True)
class Exported:
    """One scrape target, scraped from step `first` to step `last`. `slo` is None for what is about the agent alone."""

    file: SloFile
    slo: Slo | None
    last: int
    first: int = 0
    instance: str = INSTANCE

    def counters(self, budget: Mapping[str, str], traffic: Traffic, born: int) -> list[Series]:
        """Of one budget, from the first step on; `born` in seconds of the test's time."""
        steps = self.last - self.first
        shown = {
            names.ELIGIBLE: column(traffic, "eligible", steps),
            names.GOOD: column(traffic, "good", steps),
            names.BAD_CALLERS: column(traffic, "callers", steps),
            names.CREATED: steady(born, steps),
        }
        return [self.series(metric, values, **budget) for metric, values in shown.items()]

    def by_event_time(self, budget: Mapping[str, str], traffic: Traffic) -> list[Series]:
        """What the period holds."""
        steps = self.last - self.first
        return [
            self.series(names.WINDOW_EVENTS, column(traffic, kind, steps), **budget, **{names.VERDICT: kind})
            for kind in ("eligible", "bad")
        ]

    def up(self) -> Series:
        """What an exporter shows of an agent as long as it runs."""
        return self.of_agent(names.CALLS_OPEN, steady(0, self.last - self.first))

    def series(self, metric: names.Metric, values: str, **labels: str) -> Series:
        assert self.slo is not None
        return self.of_agent(metric, values, **{names.SLO: self.slo.name, **labels})

    def of_agent(self, metric: names.Metric, values: str, **labels: str) -> Series:
        identity = dict.fromkeys(self.file.prometheus.identity_labels, _IDENTITY)
        whose = {names.AGENT: self.file.agent, **labels, **identity, "instance": self.instance, "job": "voice-slo"}
        matchers = ",".join(promql.equals(label, value) for label, value in whose.items())
        return Series(f"{metric.name}{{{matchers}}}", absent(self.first) + values)
