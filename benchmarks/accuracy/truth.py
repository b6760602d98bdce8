"""What really happened: the units themselves, counted over a period or a window.

`known` is the moment up to which a unit has to be judged to count: the truth of a figure is what had happened by the
scrape that it was made from. Counting starts with the birth that is in force, as for the exporter (a lost store and a
changed definition start over).
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from operator import attrgetter
from typing import NamedTuple

from benchmarks.accuracy.disturbances import HOUR
from benchmarks.accuracy.simulated import Budget
from benchmarks.accuracy.traffic import AUDIT_MOST, Unit

LATEST = AUDIT_MOST + HOUR
"""Seconds after which every unit is judged, retries included."""


class Counts(NamedTuple):
    eligible: int
    bad: int
    callers: int = 0


@dataclass(frozen=True, slots=True)
class Truth:
    budget: Budget
    judged: Sequence[float]
    sums: Sequence[Counts]
    at: Sequence[float]
    bad_sums: Sequence[int]
    by_time: Sequence[Unit]

    def period(self, seconds: int, end: float, known: float) -> Counts | None:
        """By event time, over (end - seconds, end]. None before the birth."""
        era = self.budget.era(known)
        if era is None:
            return None
        if era is not self.budget.eras[0]:
            return self._one_by_one(era.since, end - seconds, known)
        first, last = bisect_right(self.at, end - seconds), bisect_right(self.at, known)
        lately = bisect_right(self.at, known - LATEST, first, last)
        waiting = [unit for unit in self.by_time[lately:last] if unit.judged > known]
        bad = self.bad_sums[last] - self.bad_sums[first]
        return Counts(last - first - len(waiting), bad - sum(unit.bad for unit in waiting))

    def window(self, seconds: int, end: float, known: float) -> Counts | None:
        """As counters have it: by the moment of judging, over (end - seconds, known]."""
        era = self.budget.era(known)
        if era is None:
            return None
        first = bisect_right(self.judged, max(end - seconds, era.since - 1e-3))
        last = max(first, bisect_right(self.judged, known))
        return Counts(*(b - a for a, b in zip(self.sums[first], self.sums[last], strict=True)))

    def _one_by_one(self, since: float, start: float, known: float) -> Counts:
        first, last = bisect_right(self.judged, since), bisect_right(self.judged, known)
        inside = [unit for unit in self.budget.units[first:last] if unit.at > start]
        return Counts(len(inside), sum(unit.bad for unit in inside))


def of(budget: Budget) -> Truth:
    by_time = sorted(budget.units, key=attrgetter("at"))
    return Truth(
        budget,
        [unit.judged for unit in budget.units],
        list(accumulate((_counted(budget, unit) for unit in budget.units), _plus, initial=Counts(0, 0))),
        [unit.at for unit in by_time],
        list(accumulate((unit.bad for unit in by_time), initial=0)),
        by_time,
    )


def _counted(budget: Budget, unit: Unit) -> Counts:
    """What it adds to the counters: nothing where it precedes the birth of its series."""
    era = budget.era(unit.judged)
    if era is None or unit.at < era.created:
        return Counts(0, 0)
    return Counts(1, int(unit.bad), int(unit.caller))


def _plus(one: Counts, other: Counts) -> Counts:
    return Counts(one[0] + other[0], one[1] + other[1], one[2] + other[2])
