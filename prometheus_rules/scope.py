"""What one burn alert is about: each enforced budget, or all enforced budgets of an SLO together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Literal

from prometheus_rules.go_template import Chosen
from prometheus_rules.slo_series import SloSeries, window_name
from voice_slo import names, promql
from voice_slo.spec import Slo, Tier

Name = Literal["segment", "all"]


@dataclass(frozen=True, slots=True)
class Scope:
    """Expressions over one budget (`segment`) or over the recorded totals of the enforced budgets (`all`).

    `matchers` select budgets, as an alert's text does with its own labels. Windows in seconds; None is the period.
    """

    name: Name
    own: SloSeries

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels of an alert that tell which budgets it is about, beside agent and SLO."""
        return (*self.own.identity, *(self.own.slo.budget_by if self.name == "segment" else ()))

    @property
    def chosen(self) -> Chosen:
        return Chosen(promql.of_slo(self.own.slo.agent, self.own.slo.name), self.labels)

    def events(self, kind: Literal["eligible", "bad", "bad_callers"], window: int | None, *matchers: str) -> str:
        if self.name == "segment":
            return self.own.events(kind, window, *matchers)
        return self._total(kind, window, *matchers)

    def allowed(self, window: int | None, *matchers: str) -> str:
        """Bad events that the error budget allows of what was eligible."""
        if self.name == "segment":
            share = self.own.series(names.ERROR_BUDGET_RATIO, *matchers)
            return f"{share} * {self.own.events('eligible', window, *matchers)}"
        return self._total("allowed", window, *matchers)

    def level(self, tier: Tier, window: int, *matchers: str) -> str:
        """Bad events from which the tier burns."""
        if self.name == "segment":
            share = self.own.series(names.threshold(tier.name), *matchers)
            return f"{share} * {self.own.events('eligible', window, *matchers)}"
        return self.own.series(names.level(tier.name, window_name(window)), *matchers)

    def enforced(self) -> list[str]:
        """Conditions that leave out what never alerts; totals have left it out already."""
        return [f"({self.own.series(names.ENFORCED)} == 1)"] if self.name == "segment" else []

    def _total(self, kind: names.TotalKind, window: int | None, *matchers: str) -> str:
        return self.own.series(names.total(kind, window_name(window)), *matchers)


def scopes(own: SloSeries, tier: Tier) -> Sequence[Scope]:
    """A guard that asks for several callers in one budget misses a total outage of many quiet ones: their sum shows it.

    A tier without a guard fires on each of them, and one budget alone is its own sum.
    """
    each = Scope("segment", own)
    return [each, Scope("all", own)] if tier.guarded and _several_enforced(own.slo) else [each]


def summed_tiers(own: SloSeries) -> list[Tier]:
    return [tier for tier in own.tiers() if len(scopes(own, tier)) > 1]


def _several_enforced(slo: Slo) -> bool:
    enforced = (labels for labels in slo.label_sets() if slo.enforced(labels))
    return len(list(islice(enforced, 2))) == 2
