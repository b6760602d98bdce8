"""The tests of what is counted: replicas, restarts, births, lost and restored stores, silence. None of it may page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from prometheus_rules.rule_tests.budgets import Budget, Budgets
from prometheus_rules.rule_tests.exported import Exported
from prometheus_rules.rule_tests.firing import nothing
from prometheus_rules.rule_tests.recorded import Recorded, healthy
from prometheus_rules.rule_tests.traffic import Counts, Traffic
from prometheus_rules.rule_tests.unit_test import Expected, Shown, UnitTest
from voice_slo import names
from voice_slo.spec import Slo, SloFile

LONG_AGO = -100 * 86400
"""A birth outside every window."""
_OLD, _NEW = "pod-a", "pod-b"
_LIFETIME, _PERIOD, _LOST = 5000, 400, 10
"""Steps' worth of units: what an old store counted, what of it is in the period, and what an older copy lacks."""
IDLE = -2


@dataclass(frozen=True, slots=True)
class CountTests:
    file: SloFile
    slo: Slo
    step: int = 60

    def all(self) -> list[UnitTest]:
        return [
            self._restart(),
            self._new_birth("a rolling deploy with a changed definition: for six minutes both are scraped", 9, 3),
            self._new_birth("a lost store: a new pod counts from 0, and the look-back still sees the old one", 2, 4),
            self._restored(),
            self._silence(),
        ]

    @property
    def budget(self) -> Budget:
        return Budgets(self.slo).any()

    @property
    def recorded(self) -> Recorded:
        return Recorded(self.slo)

    @property
    def per_step(self) -> Counts:
        bad, units = healthy(self.slo, self.budget)
        return Counts(units, bad, bad)

    def _restart(self) -> UnitTest:
        """The window's start is the count of before the gap, for birth and store are the same."""
        per_step, gone, back, last = self.per_step, 4, 9, 19
        before = Traffic(per_step).then(gone, per_step)
        after = Traffic(per_step * (back + 1)).then(last - back, per_step)
        shown = [
            Shown("two replicas show the same store until minute 4", [
                *self._exported(gone, instance=_OLD).counters(self.budget, before, -1),
                *self._exported(gone, instance=_NEW).counters(self.budget, before, -1),
            ]),
            Shown("from minute 9 on one of them, with what came meanwhile", self._exported(
                last, first=back, instance="pod-c").counters(self.budget, after, -1)),
        ]  # fmt: skip
        expected = [
            *self._counted(2, Traffic(per_step).at(0) * 3, "replicas are not added up"),
            *self._counted(8, per_step * 5, "nothing is scraped, and the last counts hold"),
            *self._counted(12, per_step * 13, "nothing is lost and nothing counted twice"),
            *self._in_window("15m", last, per_step * 15),
            *self._in_window("5m", last, per_step * 5),
            *(nothing(minute * self.step) for minute in (2, 8, 12, last)),
            self.recorded.never_nan(last * self.step),
        ]
        return self._test("a restart on the same store, of two replicas", shown, expected)

    def _new_birth(self, name: str, until: int, since: int) -> UnitTest:
        """Old counts must not meet the new birth: they would all be of the last minutes."""
        per_step, last = self.per_step, 20
        born = since * self.step - self.step // 2
        old, new = Traffic(per_step * _LIFETIME).then(until, per_step), Traffic(per_step).then(last - since, per_step)
        before, after = self._exported(until, instance=_OLD), self._exported(last, since, _NEW)
        shown = [
            Shown("the old one, born long ago", [
                *before.counters(self.budget, old, LONG_AGO),
                *before.by_event_time(self.budget, Traffic(per_step * _PERIOD)),
            ]),
            Shown("the new one, which starts at 0", [
                *after.counters(self.budget, new, born), *after.by_event_time(self.budget, new)]),
        ]  # fmt: skip
        late = 12
        expected = [
            *self._counted(1, per_step * (_LIFETIME + 1)),
            self._of_period("bad", 1, _PERIOD),
            *self._counted(since + 2, per_step * 3, "only the newest birth counts"),
            self._of_period("bad", since + 2, 3),
            self._of_period("eligible", since + 2, 3),
            *self._in_window("5m", since + 2, per_step * 3),
            *self._in_window("5m", since + 4, per_step * 5, "what was recorded at its start is of the life before"),
            *self._in_window("15m", late, per_step * (late - since + 1)),
            *self._in_window("5m", late, per_step * 5),
            *(nothing(minute * self.step) for minute in (1, since, since + 2, since + 4, late, last)),
            self.recorded.never_nan(since * self.step),
        ]
        return self._test(name, shown, expected)

    def _restored(self) -> UnitTest:
        """Absent, never negative: a negative count would hide failures of other budgets in the sums."""
        per_step, back = self.per_step, 10
        traffic = Traffic(per_step * _LIFETIME).then(back - 1, per_step).then(1, per_step * -_LOST)
        told = "counts fall at minute 10, and the birth stays the same"
        shown = [Shown(told, self._exported(back).counters(self.budget, traffic, LONG_AGO))]
        expected = [
            *self._in_window("5m", back - 1, per_step * 5),
            *(self.recorded.gives(names.events(kind, "5m"), back * self.step) for kind in ("eligible", "bad")),
            nothing(back * self.step),
        ]
        return self._test("a store restored from an older copy: no count rather than a negative one", shown, expected)

    def _silence(self) -> UnitTest:
        zeros, last = Traffic(), 6
        exported = self._exported(last)
        counters = [*exported.counters(self.budget, zeros, -1), *exported.by_event_time(self.budget, zeros)]
        shown = [Shown("every counter at 0", counters)]
        expected = [
            *(each(n * self.step) for each in (nothing, self.recorded.never_nan) for n in (0, last)),
            self.recorded.gives(names.RELEASE_STATE, last * self.step, (self.budget, IDLE), told="idle, not healthy"),
            self.recorded.gives(names.REMAINING_RATIO, last * self.step),
        ]  # fmt: skip
        return self._test("no traffic at all", shown, expected)

    def _exported(self, last: int, first: int = 0, instance: str = _NEW) -> Exported:
        return Exported(self.file, self.slo, last, first, instance)

    def _counted(self, minute: int, counts: Counts, told: str = "") -> Iterator[Expected]:
        kinds: Sequence[tuple[names.Kind, int]] = (
            ("eligible", counts.eligible), ("bad", counts.bad), ("bad_callers", counts.callers),
        )  # fmt: skip
        for kind, value in kinds:
            yield self.recorded.gives(names.count(kind), minute * self.step, (self.budget, value), told=told)
            told = ""

    def _in_window(self, window: str, minute: int, counts: Counts, told: str = "") -> Iterator[Expected]:
        kinds: Sequence[tuple[names.Kind, int]] = (("eligible", counts.eligible), ("bad", counts.bad))
        for kind, value in kinds:
            yield self.recorded.gives(names.events(kind, window), minute * self.step, (self.budget, value), told=told)
            told = ""

    def _of_period(self, kind: names.Kind, minute: int, times: int) -> Expected:
        value = self.per_step.eligible if kind == "eligible" else self.per_step.bad
        return self.recorded.gives(names.events(kind, "period"), minute * self.step, (self.budget, value * times))

    def _test(self, name: str, shown: Sequence[Shown], expected: Sequence[Expected]) -> UnitTest:
        return UnitTest("counts", name, self.step, shown, sorted(expected, key=lambda each: each.at))
