"""The tests of silence where there always was something, weeks later: of a budget, and of a source of telemetry.

Weeks are not walked through. The hour that matters is shown in each of them: by a store that was born in it, or by a
source that sent something in it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from prometheus_rules import enabled_alerts
from prometheus_rules.rule_tests import firing
from prometheus_rules.rule_tests.budgets import Budget, Budgets
from prometheus_rules.rule_tests.exported import Exported, Series
from prometheus_rules.rule_tests.firing import Question
from prometheus_rules.rule_tests.unit_test import Shown, UnitTest
from prometheus_rules.slo_series import SloSeries
from voice_slo import names
from voice_slo.spec import Slo, SloFile

HALF_A_WEEK = 84 * 3600
_HOUR, _WEEK = 3600, 7 * 86400
NOW = 3 * _WEEK + HALF_A_WEEK
"""Late enough that a source can have sent something before the first of the weeks."""
_USUAL = 10
"""Units in the hour, a week ago and two weeks ago."""
NO_TRAFFIC, SOURCE_SILENT = "no_traffic", "source_silent"
_JUST_OLD, _JUST_YOUNG = _HOUR + 60, _HOUR - 60


@dataclass(frozen=True, slots=True)
class Hours:
    """Units in this hour, by weeks ago. `born`: seconds before now. `seen`: share of the scrapes that succeeded."""

    name: str
    told: str
    weeks: Mapping[int, int]
    now: int = 0
    born: int = _JUST_OLD
    seen: float = 1.0
    fires: bool = False


_ALWAYS = {1: _USUAL, 2: _USUAL, 3: _USUAL}
HOURS = (
    Hours("silent", "nothing now; ten in this hour of each of the last three weeks", _ALWAYS, fires=True),
    Hours("two-weeks", "a Prometheus that keeps 15 days knows two weeks", {1: _USUAL, 2: _USUAL}, fires=True),
    Hours("third-week-few", "nine three weeks ago", {**_ALWAYS, 3: _USUAL - 1}),
    Hours("last-week-few", "nine a week ago", {**_ALWAYS, 1: _USUAL - 1}),
    Hours("second-week-few", "nine two weeks ago", {**_ALWAYS, 2: _USUAL - 1}),
    Hours("one-week", "one week alone says nothing", {1: _USUAL}),
    Hours("one-now", "one unit in the hour", _ALWAYS, now=1),
    Hours("young", "counters that are younger than the hour", _ALWAYS, born=_JUST_YOUNG),
    Hours("half-seen", "scraped in too little of the hour", _ALWAYS, seen=0.85),
    Hours("mostly-seen", "scraped in most of the hour", _ALWAYS, seen=0.95, fires=True),
)


@dataclass(frozen=True, slots=True)
class NoTrafficTests:
    file: SloFile
    slo: Slo

    def all(self) -> list[UnitTest]:
        question = self._asked()
        if not question or not Budgets(self.slo).example() or HALF_A_WEEK % self.sampled or _HOUR % self.sampled:
            return []
        if Budgets(self.slo).case_label:
            return [self._test(question, "an hour without traffic, where there always is some", HOURS)]
        return [self._test(question, f"an hour without traffic: {case.told}", [case]) for case in HOURS]

    @property
    def sampled(self) -> int:
        return self.file.prometheus.scrape_interval

    def _asked(self) -> Question | None:
        own = SloSeries(self.slo, self.file.prometheus, self.file.links)
        return firing.about(enabled_alerts.of_slo(own), NO_TRAFFIC, "segment")

    def _test(self, question: Question, name: str, cases: Sequence[Hours]) -> UnitTest:
        budgets = Budgets(self.slo)
        pairs: list[tuple[Budget, Hours]] = [(budgets.case(case.name) or budgets.any(), case) for case in cases]
        pairs += [(budget, HOURS[0]) for budget in budgets.never_enforced()] if len(cases) > 1 else []
        shown = [Shown(f"{case.name}: {case.told}", self._shows(budget, case)) for budget, case in pairs]
        fires = [budget for budget, case in pairs if case.fires and self.slo.enforced(budget)]
        return UnitTest(NO_TRAFFIC, name, HALF_A_WEEK, shown, [question.expected(NOW, fires)], sampled=self.sampled)

    def _shows(self, budget: Budget, hours: Hours) -> list[Series]:
        exported = Exported(self.file, self.slo, 0)
        counts = [*_in_weeks(hours), *((at, hours.now) for at in _scrapes(hours, self.sampled))]
        births = [*((at, at - _HOUR // 2) for at, _ in _in_weeks(hours))]
        births += [(at, NOW - hours.born) for at in _scrapes(hours, self.sampled)]
        return [
            exported.series(names.ELIGIBLE, notation(counts, self.sampled), **budget),
            exported.series(names.GOOD, notation(counts, self.sampled), **budget),
            exported.series(names.BAD_CALLERS, notation([(at, 0) for at, _ in counts], self.sampled), **budget),
            exported.series(names.CREATED, notation(births, self.sampled), **budget),
        ]


@dataclass(frozen=True, slots=True)
class SourceTests:
    file: SloFile

    def all(self) -> list[UnitTest]:
        found = firing.about(enabled_alerts.of_agent(self.file), SOURCE_SILENT, "agent")
        if not found or HALF_A_WEEK % self.sampled or _HOUR % self.sampled:
            return []
        question = replace(found, segments=(names.SOURCE,))
        cases = [case for case in HOURS if case.born == _JUST_OLD]
        shown = [Shown(f"{case.name}: {case.told}", [self._shows(case)]) for case in cases]
        fires = [{names.SOURCE: case.name} for case in cases if case.fires]
        expected = [question.expected(NOW, fires)]
        name = "a source that is silent for an hour, where it always sends"
        return [UnitTest(SOURCE_SILENT, name, HALF_A_WEEK, shown, expected, sampled=self.sampled)]

    @property
    def sampled(self) -> int:
        return self.file.prometheus.scrape_interval

    def _shows(self, hours: Hours) -> Series:
        """In the earlier weeks a scrape before and one after what was sent."""
        before = [(at - _HOUR // 2, 0) for at, _ in _in_weeks(hours)]
        now = list(_scrapes(hours, self.sampled))
        values = [*before, *_in_weeks(hours), *((at, hours.now if at == NOW else 0) for at in now)]
        exported = Exported(self.file, None, 0)
        return exported.of_agent(names.ACCEPTED, notation(sorted(values), self.sampled), **{names.SOURCE: hours.name})


def _in_weeks(hours: Hours) -> list[tuple[int, int]]:
    return sorted((NOW - weeks * _WEEK, units) for weeks, units in hours.weeks.items())


def _scrapes(hours: Hours, every: int) -> Iterator[int]:
    """The moments at which the last hour was scraped: its later part, and the hour before, which counts for nothing."""
    return iter(range(NOW - int(hours.seen * _HOUR / every) * every + every, NOW + 1, every))


def notation(samples: Sequence[tuple[int, int]], every: int) -> str:
    """Moments, ascending, and values."""
    parts: list[str] = []
    last = -every
    run: list[int] = []
    for at, value in samples:
        if missing := (at - last) // every - 1:
            parts += [*_runs(run), f"_x{missing}"]
            run = []
        run.append(value)
        last = at
    return " ".join([*parts, *_runs(run)])


def _runs(values: Sequence[int]) -> Iterator[str]:
    """`7x3` for four times 7."""
    n = 0
    while n < len(values):
        same = n
        while same + 1 < len(values) and values[same + 1] == values[n]:
            same += 1
        yield f"{values[n]}x{same - n}" if same > n else str(values[n])
        n = same + 1
