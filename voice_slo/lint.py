"""Arithmetic of an SLO file that cannot work, or does other than it says. All of it is allowed; nothing is changed.

Traffic is taken as spread evenly, over the period and over the label sets.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from voice_slo import quantities
from voice_slo.burn_threshold import effective_factor, fewest_events
from voice_slo.spec import PrometheusSettings, Slo, SloFile, Target, Tier

FEWEST_BUDGET_EVENTS = 5
"""Under this, one bad call moves the budget by a fifth or more and the release state stays `collecting`."""
FEWEST_SAMPLES = 4
"""In a window: each edge may be off by a sample, and half a window is no figure to page on."""
LOWEST_PAGE = Decimal("1.5")
"""A pace at which a budget lasts two thirds of its period; nobody has to get up for that."""

Place = tuple[str | int, ...]
"""Keys and indexes from the root of the document."""


@dataclass(frozen=True, slots=True)
class Finding:
    """`places`: where it may stand, best first; the file need not have written each of them."""

    places: tuple[Place, ...]
    message: str
    severity: Literal["warning", "note"]


@dataclass(frozen=True, slots=True)
class Budget:
    """A target that some label sets of an SLO have. `row` is its index in `objectives`; None is the SLO's own."""

    slo: Slo
    row: int | None
    target: Target
    match: Mapping[str, tuple[str, ...]]

    @property
    def error_budget(self) -> Decimal:
        return self.target.error_budget

    def effective(self, tier: Tier) -> Decimal:
        """The factor at which the tier burns here."""
        return effective_factor(tier.factor(self.slo.period), self.error_budget)

    @property
    def place(self) -> Place:
        return ("slos", self.slo.name) if self.row is None else ("slos", self.slo.name, "objectives", self.row)


def budgets(slo: Slo) -> list[Budget]:
    """The targets in use: the rows of `objectives`, and the SLO's own where the rows leave label sets over."""
    found = [Budget(slo, index, row.target, row.match) for index, row in enumerate(slo.objectives)]
    if not found or any(not any(row.covers(labels) for row in slo.objectives) for labels in slo.label_sets()):
        found.append(Budget(slo, None, Target(slo.objective, slo.mode, slo.threshold, slo.sla), {}))
    return found


def findings(file: SloFile) -> Iterator[Finding]:
    """What to tell about a file that has no errors."""
    for slo in file.slos:
        yield from _windows(slo, file.prometheus)
        for budget in budgets(slo):
            # An objective of 100 % is told where it stands; every figure below would be 0.
            if budget.target.mode == "strict" and budget.error_budget:
                yield from _traffic(budget)
                yield from _factors(budget)


def label_set_count(slo: Slo) -> int:
    count = 1
    for name in slo.budget_by:
        count *= len(slo.segments[name].values)
    return count


def _tiers(slo: Slo) -> list[tuple[int, Tier]]:
    return [(index, tier) for index, tier in enumerate(slo.alerting.tiers) if tier.enabled]


def _windows(slo: Slo, prometheus: PrometheusSettings) -> Iterator[Finding]:
    intervals = {"scrape_interval": prometheus.scrape_interval, "evaluation_interval": prometheus.evaluation_interval}
    name = max(intervals, key=lambda key: intervals[key])
    for index, tier in _tiers(slo):
        if tier.short < FEWEST_SAMPLES * intervals[name]:
            window, interval = (quantities.prometheus_duration(s) for s in (tier.short, intervals[name]))
            yield Finding(
                (
                    ("slos", slo.name, "alerting", "tiers", index, "short"),
                    ("slos", slo.name, "alerting"),
                    ("alerting", "tiers", index, "short"),
                    ("prometheus", name),
                ),
                f"the short window of tier {tier.name}, {window}, has fewer than {FEWEST_SAMPLES} samples at a "
                f"{name} of {interval}",
                "warning",
            )


def _traffic(budget: Budget) -> Iterator[Finding]:
    slo = budget.slo
    if slo.expected_traffic is None:
        return
    sets = label_set_count(slo)
    rate = slo.expected_traffic / sets
    spread = "at the expected traffic" + (f", spread evenly over {sets} label sets" if sets > 1 else "")
    dead = [
        f"{tier.name} ({quantities.prometheus_duration(tier.long)} see {_figure(rate * tier.long)} events, "
        f"it takes {fewest} bad ones)"
        for _, tier in _tiers(slo)
        if rate * tier.long < (fewest := fewest_events(tier, budget.error_budget, slo.sli.unit))
    ]
    place = (*budget.place, "expected_traffic") if budget.row is None else budget.place
    if dead:
        subject = "tier" if len(dead) == 1 else "tiers"
        text = f"{subject} {', '.join(dead)} can never fire {spread}, not even when every event is bad"
        yield Finding((place,), text, "warning")
    allowed = rate * slo.period * budget.error_budget
    if allowed < FEWEST_BUDGET_EVENTS:
        yield Finding(
            (*_objective(budget), place),
            f"leaves an error budget of {_figure(allowed)} events in {quantities.prometheus_duration(slo.period)} "
            f"{spread}; under {FEWEST_BUDGET_EVENTS} there is nothing to judge: lower the objective, split the "
            "budget less, or write mode: observe",
            "warning",
        )


def _factors(budget: Budget) -> Iterator[Finding]:
    slo, capped = budget.slo, list[str]()
    for index, tier in _tiers(slo):
        asked, effective = tier.factor(slo.period), budget.effective(tier)
        own_tier: Place = ("slos", slo.name, "alerting", "tiers", index)
        if effective < asked:
            capped.append(f"{tier.name} burns at {factor(effective)} instead of {factor(asked)}")
        elif effective > asked:
            text = f"tier {tier.name} asks for {factor(asked)} the budget's pace and burns at 1x: less spends no budget"
            yield Finding((own_tier, *_objective(budget)), text, "note")
        if tier.severity == "page" and effective <= LOWEST_PAGE:
            text = f"tier {tier.name} pages at {factor(effective)} the budget's pace, which a ticket could wait for"
            yield Finding((own_tier, *_objective(budget)), text, "note")
    if capped:
        text = f"half of all events bad satisfies every tier, so with this error budget {', '.join(capped)}"
        yield Finding(_objective(budget), text, "note")


def _objective(budget: Budget) -> tuple[Place, ...]:
    return ((*budget.place, "objective"), ("slos", budget.slo.name, "objective"))


def factor(value: Decimal) -> str:
    """A burn factor for a person: `14.4x`."""
    return f"{_figure(value)}x"


def _figure(value: Decimal) -> str:
    """Two decimals, or what there is of a smaller number."""
    return quantities.plain(round(value, 2) or Decimal(f"{value:.1g}"))
