"""One run: everything measured, whether it holds what is promised, and the page's results."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from benchmarks.accuracy import measure, report
from benchmarks.accuracy import peers as other_tools
from benchmarks.accuracy.checks import ANY_TIME, Check, checks, spread
from benchmarks.accuracy.cost import Cost, of_rule_sets
from benchmarks.accuracy.disturbances import DAY, Scale
from benchmarks.accuracy.lab import Lab, built
from benchmarks.accuracy.measure import COUNTERS, EVENT_TIME, Key, Outcome, WindowOutcome
from benchmarks.accuracy.prometheus_server import linked
from benchmarks.accuracy.truth import Truth

MOST = 1.0
"""% of the budget that a figure may be off."""


@dataclass(frozen=True, slots=True, repr=False)
class Results:
    lab: Lab
    checks: Sequence[Check]
    truths: dict[Key, Truth]
    budgets: Sequence[Outcome]
    windows: Sequence[WindowOutcome]
    retention: Sequence[Outcome]
    costs: Sequence[Cost]

    def problems(self) -> list[str]:
        """What breaks the promise: of the default form an error above 1 %, a median above 0, a NaN; a window that is
        not exact although its ends were recorded.
        """
        own = [each for each in self.budgets if each.form == EVENT_TIME]
        errors = [each.wrong for each in own if each.wrong is not None]
        found = [f"{_place(each)}: off by {each.wrong:.2f} % of the budget" for each in own if (each.wrong or 0) > MOST]
        found += [f"{_place(each)}: NaN" for each in own if each.shown is not None and each.wrong is None]
        found += [
            f"{_place(each)}: {each.off:+.0f} {each.kind} in {each.window}"
            for each in self.windows
            if each.recorded and each.off
        ]
        return found + ([f"median error {median(errors)} %"] if median(errors) > 1e-6 else [])

    def markdown(self, seconds: float) -> str:
        return "\n".join(self._parts(seconds))

    def _parts(self, seconds: float) -> Iterator[str]:
        scale, units = self.lab.scale, sum(len(budget.units) for budget in self.lab.budgets)
        bad = sum(unit.bad for budget in self.lab.budgets for unit in budget.units)
        yield (
            f"{scale.days} days, period of {scale.period_days} days, seed {scale.seed}: {units:,} units, {bad:,} bad,"
            f" {len(self.lab.budgets)} budgets, looked at {len(self.checks)} times.\n"
        )
        yield "### Error of the budget, in % of it: median / worst\n"
        yield report.by_situation(self.budgets)
        yield "### By size of the budget\n"
        yield report.by_size(self.budgets, self._eligible)
        yield "### With the age of the figure\n"
        yield report.by_age([each for each in self.budgets if each.budget.slo == "connection-success"])
        yield "### Windows of the alerts\n"
        yield report.of_windows(self.windows)
        yield "### Retention shorter than the period\n"
        yield report.of_retention(self.retention, _kept(scale))
        yield "### One evaluation of the whole rule set of the SLO\n"
        yield report.of_costs(self.costs)
        yield f"The run took {seconds / 60:.1f} minutes on 2 shared cores.\n"

    def _eligible(self, outcome: Outcome) -> int:
        """In 30 days, by what the budget had at the end."""
        scale = self.lab.scale
        counts = self.truths[measure.key_of(outcome.budget)].period(scale.period, scale.end, scale.end)
        return counts.eligible * 30 // scale.period_days if counts else 0


def run(scale: Scale, folder: Path, *, peers: bool = True, costs: bool = True, most: int | None = None) -> Results:
    """`most`: checks of each situation. The folder is left full of blocks."""
    tools = other_tools.peers(scale) if peers else []
    lab = built(scale, folder, tools)
    looks = spread(checks(scale, lab.disturbances), most) if most else checks(scale, lab.disturbances)
    true = measure.truths(lab)
    kept = linked(lab.event_time, folder / "kept"), linked(lab.counters, folder / "kept-counters")
    by_event_time = measure.ours(lab, lab.event_time, EVENT_TIME, looks)
    by_counters = measure.ours(lab, linked(lab.counters, folder / "counters-only"), COUNTERS, looks)
    budgets = [
        *measure.budget_outcomes(lab, EVENT_TIME, by_event_time, true, looks),
        *measure.budget_outcomes(lab, COUNTERS, by_counters, true, looks),
        *(outcome for tool in tools for outcome in measure.peer_outcomes(lab, tool, true, looks)),
    ]
    windows = list(measure.window_outcomes(lab, by_event_time, true, looks))
    retention = [
        outcome
        for form, data in zip((EVENT_TIME, COUNTERS), kept, strict=True)
        for outcome in _with_short_retention(lab, data, form, true, looks)
    ]
    cost = of_rule_sets(lab, tools, looks) if costs else []
    return Results(lab, looks, true, budgets, windows, retention, cost)


def _with_short_retention(
    lab: Lab, data: Path, form: str, true: dict[Key, Truth], looks: Sequence[Check]
) -> Iterator[Outcome]:  # fmt: skip
    """At the end, in a Prometheus that has thrown away what is older than half a period."""
    last = [look for look in looks if look.situation == ANY_TIME and look.at > lab.scale.end - 2 * DAY]
    evaluated = measure.ours(lab, data, form, last, f"--storage.tsdb.retention.time={_kept(lab.scale)}d")
    outcomes = measure.budget_outcomes(lab, form, evaluated, true, last)
    return (outcome for outcome in outcomes if outcome.budget.role == "plain")


def _kept(scale: Scale) -> int:
    return scale.period_days // 2


def _place(outcome: Outcome | WindowOutcome) -> str:
    labels = ", ".join(f"{name}={value}" for name, value in outcome.budget.labels)
    return f"{outcome.budget.agent} {outcome.budget.slo} {labels}, {outcome.check.situation} ({outcome.check.at:.0f})"
