"""One SLO as its rules see it: the labels of a budget, its selectors, and constants that differ between budgets."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from voice_slo import names, promql
from voice_slo.quantities import prometheus_duration
from voice_slo.spec import NEVER_ENFORCED, Links, PrometheusSettings, Slo, SloFile, Target, Tier

FEWEST_SAMPLES = 4
"""A look-back holds at least so many, so that one failed scrape or evaluation leaves no gap."""
_MINUTE, _HOUR = 60, 3600
SCRAPE_LOOKBACK, SHORT_LOOKBACK, LONG_LOOKBACK = 5 * _MINUTE, 15 * _MINUTE, _HOUR
SHORT_WINDOW = 30 * _MINUTE


@dataclass(frozen=True, slots=True)
class SloSeries:
    slo: Slo
    prometheus: PrometheusSettings
    links: Links

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels that tell one budget from another, for `by` and `on`."""
        return (names.AGENT, names.SLO, *self.identity, *self.slo.budget_by)

    @property
    def identity(self) -> tuple[str, ...]:
        return self.prometheus.identity_labels

    @property
    def by(self) -> str:
        return f"({', '.join(self.labels)})"

    @property
    def by_slo(self) -> str:
        """For figures of the whole SLO."""
        return f"({', '.join((names.AGENT, names.SLO, *self.identity))})"

    def series(self, name: str, *matchers: str) -> str:
        return promql.selector(name, self.slo.agent, self.slo.name, *matchers)

    def count(self, kind: names.Kind, *matchers: str) -> str:
        return self.series(names.count(kind), *matchers)

    def events(self, kind: names.Kind, window: int | None, *matchers: str) -> str:
        """Events in the last `window` seconds; None: in the SLO's period."""
        return self.series(names.events(kind, window_name(window)), *matchers)

    def tiers(self) -> tuple[Tier, ...]:
        return tuple(tier for tier in self.slo.alerting.tiers if tier.enabled)

    def scraped(self, name: str, *matchers: str) -> str:
        """The last scraped value, as far back as failed scrapes have to be bridged."""
        return self.last_scraped(self.series(name, *matchers))

    def last_scraped(self, series: str) -> str:
        return f"last_over_time({series}[{look_back(SCRAPE_LOOKBACK, self._scrape)}])"

    @staticmethod
    def last(series: str, within: int) -> str:
        """The last recorded value of `series`, up to `within` seconds back."""
        return f"last_over_time({series}[{prometheus_duration(within)}])"

    def recorded(self, series: str, ago: int) -> str:
        """The last recorded value of `series` as of `ago` seconds before."""
        lookback = look_back(SHORT_LOOKBACK if ago <= SHORT_WINDOW else LONG_LOOKBACK, self._evaluation)
        return f"last_over_time({series}[{lookback}] offset {prometheus_duration(ago)})"

    def since(self, count: str, seconds: int, on: str = "", born: str = "") -> str:
        """`count` now less `count` at the start of the window, which is 0 where the series was born inside it.

        A value at the start holds only if it is of the same birth: just after a lost store or a changed definition,
        what was recorded last is still the count of the life before. Without a birth or such a value it is absent,
        never the lifetime count. `on`: the labels of its birth, where `count` has more. `born`: the birth where it is
        not that of the budget.
        """
        created, joined = born or self.series(names.EVENTS_CREATED), f"and on {on}" if on else "and"
        same_life = f"{self.recorded(count, seconds)} {joined} ({self.recorded(created, seconds)} == {created})"
        born_inside = f"0 * {count} {joined} {created} > time() - {seconds + self._shown_within}"
        return f"{count} - (({same_life}) or ({born_inside}))"

    def per_budget(self, value: Callable[[Target], Decimal]) -> str:
        """A constant of every budget that counts: the first row of `objectives:` that matches, else the SLO's own."""
        return self._constants([], value)

    def enforced(self) -> str:
        """1 where a budget pages and blocks; 0 in observe mode and for the values `other` and `unknown`."""
        never = [promql.one_of(label, NEVER_ENFORCED) for label in self.slo.budget_by]
        return self._constants(never, lambda target: Decimal(target.mode == "strict"))

    @property
    def allows_nothing_somewhere(self) -> bool:
        """Whether some budget has an objective of 100 %."""
        return any(not target.error_budget for target in (self.own_target, *(r.target for r in self.slo.objectives)))

    @property
    def own_target(self) -> Target:
        return Target(self.slo.objective, self.slo.mode, self.slo.threshold, self.slo.sla)

    def _constants(self, zero: Sequence[str], value: Callable[[Target], Decimal]) -> str:
        default = value(self.own_target)
        rows = [(_matchers(row.match), value(row.target)) for row in self.slo.objectives]
        while rows and rows[-1][1] == default:
            rows.pop()
        if zero and (rows or default):
            rows = [((matcher,), Decimal(0)) for matcher in zero] + rows
        return " or ".join(self._constant(matchers, constant) for matchers, constant in [*rows, ((), default)])

    def _constant(self, matchers: Sequence[str], value: Decimal) -> str:
        return f"(0 * {self.count('eligible', *matchers)} + {promql.number(value)})"

    @property
    def _scrape(self) -> int:
        return self.prometheus.scrape_interval

    @property
    def _shown_within(self) -> int:
        """Seconds from a birth to the first record of it, unless scrapes or evaluations fail for longer."""
        return max(SCRAPE_LOOKBACK, self._scrape + 2 * self._evaluation)

    @property
    def _evaluation(self) -> int:
        return self.prometheus.evaluation_interval


def look_back(usual: int, interval: int) -> str:
    """`usual` seconds, or more where samples are rarer."""
    return prometheus_duration(max(usual, FEWEST_SAMPLES * interval))


def of(slo_file: SloFile) -> list[SloSeries]:
    return [SloSeries(slo, slo_file.prometheus, slo_file.links) for slo in slo_file.slos]


def window_name(seconds: int | None) -> str:
    return "period" if seconds is None else prometheus_duration(seconds)


def _matchers(match: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    return tuple(promql.one_of(label, values) for label, values in match.items())
