"""The tests of what is left out or unknown more than usual: the shares of a day beside those of the week before."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from prometheus_rules import enabled_alerts
from prometheus_rules.rule_tests import firing
from prometheus_rules.rule_tests.budgets import Budgets
from prometheus_rules.rule_tests.exported import Exported, Series
from prometheus_rules.rule_tests.firing import Question
from prometheus_rules.rule_tests.traffic import Counts, Traffic, counter
from prometheus_rules.rule_tests.unit_test import Shown, UnitTest
from prometheus_rules.slo_series import SloSeries
from voice_slo import names
from voice_slo.burn_threshold import MANY_PER_CALL
from voice_slo.spec import UNKNOWN, Slo, SloFile

HALF_A_DAY, _DAY = 43200, 86400
EXCLUDED, UNKNOWN_VERDICTS, UNKNOWN_SEGMENTS = "exclusions_high", "unknown_verdicts", "unknown_segments"
_TURNS_A_CALL = 12
_FEWEST_OF_DAY, _FEWEST_OF_WEEK = 10, 100
_Z = 3.09


@dataclass(frozen=True, slots=True)
class Shares:
    """Of all units of the day and of the week before it, so many were left out; and as many unknown."""

    day: int
    out: int
    week: int
    out_before: int

    def jumped(self, turns: int) -> bool:
        """Whether over twice the share of the week and five points are beyond chance; so many `turns` weigh as one."""
        if self.out < _FEWEST_OF_DAY * turns or self.week < _FEWEST_OF_WEEK:
            return False
        cases = self.out / turns
        bound = self.out * (1 - 1 / (9 * cases) - _Z / (3 * math.sqrt(cases))) ** 3
        return bound * self.week * 20 > (40 * self.out_before + self.week) * self.day


@dataclass(frozen=True, slots=True)
class ShareTests:
    file: SloFile
    slo: Slo
    step: int = _DAY

    def all(self) -> list[UnitTest]:
        return [*self._edges(), self._young(), *self._reviewed()] if self._asked() else []

    @property
    def turns(self) -> int:
        return _TURNS_A_CALL if self.slo.sli.unit in MANY_PER_CALL else 1

    def _edges(self) -> Iterator[UnitTest]:
        usual = Shares(3000, 0, 2100, 105)
        tried = (replace(usual, out=out) for out in range(_FEWEST_OF_DAY * self.turns, usual.day // 3))
        share = next(shares for shares in tried if shares.jumped(self.turns))
        few = Shares(40 * self.turns, _FEWEST_OF_DAY * self.turns, 2100, 0)
        young = replace(few, week=_FEWEST_OF_WEEK)
        less = replace(share, out=share.out - 1)
        yield self._test("twice the share of the week and 5 points, not beyond chance", less)
        yield self._test("beyond chance with one unit more", share)
        yield self._test("one unit less than enough in a day", replace(few, out=few.out - 1))
        yield self._test("enough units in a day, after a week of none", few)
        yield self._test("one unit less than enough in the week before", replace(young, week=young.week - 1))
        yield self._test("enough units in the week before", young)

    def _young(self) -> UnitTest:
        """The old store has a week of few, and the new one a part of a day."""
        shares = Shares(3000, 900, 2100, 0)
        old = [s for each in self._shown(replace(shares, out=0, day=0), 0, 1, "pod-a", -1) for s in each.series]
        new = self._shown(Shares(0, 0, shares.day, shares.out), 1, 2, "pod-b", HALF_A_DAY - 60)
        shown = [Shown("a week of none", old), *(replace(each, told=f"new store: {each.told}") for each in new)]
        return self._made("a new store is younger than the day", shown, [])

    def _reviewed(self) -> Iterator[UnitTest]:
        reasons = sorted({outage.reason for outage in self.slo.outages})
        if reasons and any(alert_class == EXCLUDED for alert_class, _ in self._asked()):
            shares = Shares(3000, 900, 2100, 0)
            shown = self._shown(shares, 0, 2, "pod-b", -1, reasons[0])
            fires = [name for name, _ in self._asked() if name != EXCLUDED]
            yield self._made("what a declared outage excluded was reviewed", shown, fires)

    def _test(self, name: str, shares: Shares) -> UnitTest:
        fires = [alert_class for alert_class, _ in self._asked()] if shares.jumped(self.turns) else []
        told = f"{shares.out} of {shares.day} in the day, {shares.out_before} of {shares.week} in the week before"
        shown = self._shown(shares, 0, 2, "pod-b", -1)
        return self._made(f"{name}: {told}", shown, fires)

    def _made(self, name: str, shown: Sequence[Shown], fires: Sequence[str]) -> UnitTest:
        expected = [
            question.expected(_DAY, [{}] if alert_class in fires else []) for alert_class, question in self._asked()
        ]
        return UnitTest("shares", name, self.step, shown, expected, sampled=HALF_A_DAY)

    def _shown(
        self, shares: Shares, first: int, last: int, pod: str, born: int, reason: str = "test_call"
    ) -> list[Shown]:
        """All that the week had is shown first, and all of the day half a day later."""
        exported, budgets = Exported(self.file, self.slo, last, first, pod), Budgets(self.slo)
        some, strays = budgets.any(), int(bool(self.slo.budget_by))
        served = Traffic(Counts(shares.week - (2 + strays) * shares.out_before))
        served = served.then(1, Counts(shares.day - (2 + strays) * shares.out)).then(last - first - 1)

        def column(metric: names.Metric, **labels: str) -> Series:
            values = counter(shares.out_before, _lump(shares.out, last - first))
            return exported.series(metric, values, **some, **labels)

        unresolved = exported.series(names.UNKNOWN_RESOLVED, counter(0, [(last - first, 0)]), **some)
        shown = [
            Shown("judged", exported.counters(some, served, born)),
            Shown("excluded", [column(names.EXCLUDED, reason=reason, verdict="good")]),
            Shown("unknown verdicts", [column(names.UNKNOWN), unresolved]),
        ]
        if strays:
            stray = {**some, self.slo.budget_by[0]: UNKNOWN}
            lost = Traffic(Counts(shares.out_before)).then(1, Counts(shares.out)).then(last - first - 1)
            shown.append(Shown("judged, of an unknown segment", exported.counters(stray, lost, born)))
        return shown

    def _asked(self) -> list[tuple[str, Question]]:
        own = SloSeries(self.slo, self.file.prometheus, self.file.links)
        alerts = list(enabled_alerts.of_slo(own))
        classes = (EXCLUDED, UNKNOWN_VERDICTS, UNKNOWN_SEGMENTS)
        found = ((alert_class, firing.about(alerts, alert_class, "all")) for alert_class in classes)
        return [(alert_class, question) for alert_class, question in found if question]


def _lump(units: int, steps: int) -> list[tuple[int, int]]:
    return [(1, units), (steps - 1, 0)] if steps > 1 else [(steps, units)]
