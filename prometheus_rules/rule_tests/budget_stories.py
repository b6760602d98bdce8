"""The tests of what is left of a budget: release states and alerts at their edges, how they last, and two counts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from prometheus_rules import enabled_alerts
from prometheus_rules.rule_tests import firing
from prometheus_rules.rule_tests.budget_edges import (
    COLLECTING,
    EXHAUSTED,
    Holding,
    holdings,
)
from prometheus_rules.rule_tests.budgets import Budget, Budgets
from prometheus_rules.rule_tests.exported import Exported, Series
from prometheus_rules.rule_tests.firing import Question
from prometheus_rules.rule_tests.recorded import Recorded
from prometheus_rules.rule_tests.traffic import Counts, Traffic, failures, good
from prometheus_rules.rule_tests.unit_test import Expected, Shown, UnitTest
from prometheus_rules.slo_series import SloSeries
from voice_slo import names
from voice_slo.spec import Slo, SloFile

LONG_AGO = -100 * 86400
HALF_AN_HOUR = 1800
LOW, SPENT, DISAGREE = "budget_low", "budget_exhausted", "counts_disagree"
_KEPT = 5
"""Steps that an alert about a budget outlasts it: two hours and one evaluation."""
_LONG = 13
"""Steps of more than six hours."""


@dataclass(frozen=True, slots=True)
class BudgetTests:
    file: SloFile
    slo: Slo
    step: int = HALF_AN_HOUR

    def all(self) -> list[UnitTest]:
        return [
            *self._states(), self._not_enforced(), self._state_lasts(), self._gone(), self._born_again(),
            *self._kept(), *self._disagree(),
        ]  # fmt: skip

    @property
    def budgets(self) -> Budgets:
        return Budgets(self.slo)

    @property
    def budget(self) -> Budget:
        return self.budgets.any()

    @property
    def recorded(self) -> Recorded:
        return Recorded(self.slo)

    def asked(self, alert_class: str) -> Question | None:
        alerts = enabled_alerts.of_slo(SloSeries(self.slo, self.file.prometheus, self.file.links))
        return firing.about(alerts, alert_class, "segment")

    def holding(self, like: str) -> Holding:
        """`more-left`, `watch-edge` … or where the objective allows nothing the nearest to it."""
        target = self.slo.target(self.budget)
        found = {each.name: each for each in holdings(target, self.slo.release_policy)}
        instead = "five-failed" if like in ("overspent", "low-quiet") else "allows-nothing"
        return found.get(like) or found[instead]

    # States

    def _states(self) -> Iterator[UnitTest]:
        held = list(holdings(self.slo.target(self.budget), self.slo.release_policy))
        if self.budgets.case_label:
            yield self._held("every edge of the release states", held)
        else:
            yield from (self._held(f"release state: {each.told}", [each]) for each in held)

    def _held(self, name: str, held: Sequence[Holding]) -> UnitTest:
        strict = bool(self.budgets.example())
        budgets = [self.budgets.case(each.name) or self.budget for each in held]
        pairs = list(zip(budgets, held, strict=True))
        shown = [Shown(f"{each.name}: {each.told}", self._shows(budget, each, 0)) for budget, each in pairs]
        expected = [
            self.recorded.gives(names.RELEASE_STATE, 0, *((budget, each.state) for budget, each in pairs)),
            *self._alerts(0, [b for b, each in pairs if each.low and strict], LOW),
            *self._alerts(0, [b for b, each in pairs if each.spent and strict], SPENT),
        ]
        return UnitTest(names.RELEASE_STATE, name, self.step, shown, expected)

    def _shows(self, budget: Budget, held: Holding, last: int, born: int = -1) -> list[Series]:
        exported = Exported(self.file, self.slo, last)
        period = exported.by_event_time(budget, Traffic(Counts(held.eligible, held.bad)))
        return [*exported.counters(budget, Traffic(self._now(held)), born), *period]

    def _now(self, held: Holding) -> Counts:
        """A little more than the budget allows, of one caller, so that no guard is passed."""
        if not held.burning:
            return Counts()
        share = Fraction(self.slo.target(self.budget).error_budget)
        units = 3 * share.denominator // share.numerator
        return Counts(units - (3 * share.denominator % share.numerator == 0), 3, 1)

    def _alerts(self, at: int, budgets: Sequence[Budget], alert_class: str, told: str = "") -> list[Expected]:
        question = self.asked(alert_class)
        return [question.expected(at, budgets, told)] if question else []

    def _not_enforced(self) -> UnitTest:
        """Shown, and silent, however much is spent."""
        spent = self.holding("overspent")
        everything = replace(spent, eligible=10 * spent.eligible, bad=10 * spent.eligible)
        others = self.budgets.never_enforced()
        shown = [Shown("all failed, not enforced", self._shows(budget, everything, 0)) for budget in others]
        enforced = [self.budgets.example() or {}] if self.budgets.example() else []
        shown += [Shown("all failed, enforced", self._shows(budget, everything, 0)) for budget in enforced]
        expected = [*self._alerts(0, enforced, SPENT), *self._alerts(0, [], LOW)]
        return UnitTest(SPENT, "a spent budget is told if it is enforced", self.step, shown, expected)

    def _state_lasts(self) -> UnitTest:
        """The worst of the last hour."""
        worse, better = self.holding("watch-edge"), self.holding("more-left")
        traffic = Traffic(Counts(worse.eligible, worse.bad)).then(1, Counts(0, better.bad - worse.bad)).then(3)
        exported = Exported(self.file, self.slo, 4)
        shown = [Shown("at the edge first, then one failure less", [
            *exported.counters(self.budget, Traffic(), -1), *exported.by_event_time(self.budget, traffic),
        ])]  # fmt: skip
        expected = [
            self._state(names.RELEASE_STATE, 0, worse.state), self._state(names.RELEASE_STATE_RAW, 1, better.state),
            self._state(names.RELEASE_STATE, 1, worse.state), self._state(names.RELEASE_STATE, 3, better.state),
        ]  # fmt: skip
        return UnitTest(names.RELEASE_STATE, "a state is the worst of the last hour", self.step, shown, expected)

    def _gone(self) -> UnitTest:
        shown = [Shown("scraped once", self._shows(self.budget, self.holding("more-left"), 0))]
        expected = [
            self._state(names.RELEASE_STATE, 0, self.holding("more-left").state),
            self.recorded.gives(names.RELEASE_STATE, self.step, told="unknown is no state at all"),
        ]
        return UnitTest(names.RELEASE_STATE, "without counts there is no state", self.step, shown, expected)

    def _born_again(self) -> UnitTest:
        """There is nothing to judge by yet, so the state before the birth holds until there is."""
        before, after = self.holding("overspent"), self.holding("small")
        old, new = Exported(self.file, self.slo, 0, 0, "pod-a"), Exported(self.file, self.slo, 3, 1, "pod-b")
        few = Traffic(Counts(after.eligible, 0))
        healthy = self.holding("more-left")
        more = few.then(1).then(1, Counts(healthy.eligible))
        shown = [
            Shown("overspent", [
                *old.counters(self.budget, Traffic(), LONG_AGO),
                *old.by_event_time(self.budget, Traffic(Counts(before.eligible, before.bad)))]),
            Shown("a new store, which collects until its budget holds five units", [
                *new.counters(self.budget, Traffic(), self.step - 60), *new.by_event_time(self.budget, more)]),
        ]  # fmt: skip
        expected = [
            self._state(names.RELEASE_STATE, 0, EXHAUSTED),
            self._state(names.RELEASE_STATE_RAW, 1, COLLECTING),
            self._state(names.RELEASE_STATE, 2, EXHAUSTED, "of before the birth"),
            self._state(names.RELEASE_STATE_RAW, 3, healthy.state),
        ]
        return UnitTest(names.RELEASE_STATE, "a new birth keeps the state before it", self.step, shown, expected)

    def _state(self, series: str, n: int, state: int, told: str = "") -> Expected:
        return self.recorded.gives(series, n * self.step, (self.budget, state), told=told)

    # Alerts that last, and two counts

    def _kept(self) -> Iterator[UnitTest]:
        for alert_class, like in ((LOW, "low-quiet"), (SPENT, "overspent")):
            held, fine = self.holding(like), self.holding("more-left")
            told = held.low if alert_class == LOW else held.spent
            if not told or not self.asked(alert_class) or not self.budgets.example():
                continue
            before, after = Counts(held.eligible, held.bad), Counts(fine.eligible, fine.bad)
            traffic = Traffic(before).then(1, after - before)
            exported = Exported(self.file, self.slo, _KEPT)
            shown = [Shown(f"{held.told}; half an hour later {fine.told}", [
                *exported.counters(self.budget, Traffic(), -1), *exported.by_event_time(self.budget, traffic),
            ])]  # fmt: skip
            expected = [
                *self._alerts(0, [self.budget], alert_class),
                *self._alerts(self.step, [self.budget], alert_class, "held"),
                *self._alerts((_KEPT - 1) * self.step, [self.budget], alert_class, "held for the last time"),
                *self._alerts(_KEPT * self.step, [], alert_class),
            ]  # fmt: skip
            yield UnitTest(alert_class, f"{alert_class} keeps firing for 2 hours", self.step, shown, expected)

    def _disagree(self) -> Iterator[UnitTest]:
        """By event time, and by counters that were born inside the period; all for longer than six hours."""
        if self.slo.calendar or not self.asked(DISAGREE):
            return
        healthy = self.holding("more-left")
        period = Counts(healthy.eligible, min(healthy.bad, healthy.eligible))
        cases = list(self._disagreements(period))
        if self.budgets.case_label:
            yield self._differ("two counts of the same units", period, cases)
        else:
            yield from (self._differ(f"two counts of the same units: {case[0]}", period, [case]) for case in cases)

    def _disagreements(self, period: Counts) -> Iterator[tuple[str, str, Counts, int, bool]]:
        """Name, words, what the counters have more, units that an outage took out, and whether it is told."""
        allowed = Fraction(self.slo.target(self.budget).error_budget) * period.eligible
        told = self.slo.sli.settles == "operational"
        bad, units = max(5, int(allowed / 100)), max(5, period.eligible // 100)
        yield "equal", "no difference", Counts(), 0, False
        yield "bad-edge", f"{bad} more bad ones in the counters", Counts(0, bad), 0, False
        yield "bad-over", f"{bad + 1} more bad ones", Counts(0, bad + 1), 0, told
        yield "eligible-edge", f"{units} more eligible ones", good(units), 0, False
        yield "eligible-over", f"{units + 1} more eligible ones", good(units + 1), 0, told
        yield "taken-out", "all of it was taken out by an outage", failures(bad + units), bad + units, False

    def _differ(self, name: str, period: Counts, cases: Sequence[tuple[str, str, Counts, int, bool]]) -> UnitTest:
        shown, told = [], []
        exported = Exported(self.file, self.slo, _LONG)
        for case, words, more, out, differs in cases:
            budget = self.budgets.case(case) or self.budget
            counters = exported.counters(budget, Traffic(period + more), -1)
            series = [*counters, *exported.by_event_time(budget, Traffic(period))]
            if out:
                labels = {**budget, names.FROM: "bad", names.TO: "excluded", names.REASON: "external_outage"}
                series.append(exported.series(names.CORRECTED, f"{out}x{_LONG}", **labels))
            shown.append(Shown(f"{case}: {words}", series))
            told += [budget] if differs else []
        before, at = (_LONG - 2) * self.step, (_LONG - 1) * self.step
        expected = [*self._alerts(before, [], DISAGREE, "not before six hours"), *self._alerts(at, told, DISAGREE)]
        return UnitTest(DISAGREE, name, self.step, shown, expected)
