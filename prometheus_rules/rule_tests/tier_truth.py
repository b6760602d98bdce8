"""When a burn tier is true, worked out from whole units by the definition in docs/rules.md, not from its expression.

Shares are compared as fractions; only the bound against chance needs a root.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from fractions import Fraction

from prometheus_rules.rule_tests.traffic import Counts
from voice_slo import burn_threshold
from voice_slo.spec import Target, Tier, Unit

HOUR = 3600


@dataclass(frozen=True, slots=True)
class Seen:
    """One budget over the tier's two windows."""

    target: Target
    long: Counts
    short: Counts


@dataclass(frozen=True, slots=True)
class TierOf:
    """A tier as an SLO has it: its factor depends on the SLO's period, its guard on what is counted."""

    tier: Tier
    period: int
    unit: Unit

    @property
    def strict(self) -> bool:
        """Reaching the threshold in the short window is enough only below an hour: silence must not end a page."""
        return self.tier.long >= HOUR

    def share(self, target: Target) -> Fraction:
        """T: the share of bad units from which it burns."""
        return Fraction(burn_threshold.threshold(self.tier.factor(self.period), target.error_budget))

    @property
    def counts_events(self) -> bool:
        """Whether the bound is of bad units rather than of callers."""
        return burn_threshold.counts_events(self.tier, self.unit, self.period)

    def fires(self, *seen: Seen) -> bool:
        """Of one budget, or of several together."""
        return not self.lacks(seen)

    def lacks(self, seen: Collection[Seen]) -> set[str]:
        """Which of its conditions do not hold."""
        long, short = (_sum([each.long for each in seen]), _sum([each.short for each in seen]))
        level, short_level = (
            sum((self.share(each.target) * counts.eligible for each, counts in pairs), Fraction(0))
            for pairs in ([(each, each.long) for each in seen], [(each, each.short) for each in seen])
        )
        held = {
            "factor": long.bad >= level and long.bad > 0,
            "short": self._short(short, short_level),
            "callers": long.callers >= self.tier.min_bad_callers,
            "events": long.bad >= self.tier.min_bad_events,
            "chance": self.tier.z is None or self.bound(long) > allowed(seen),
        }
        return {name for name, holds in held.items() if not holds}

    def bound(self, long: Counts) -> float:
        """The least that these units, or their callers, stand for: the Wilson-Hilferty bound of a Poisson count."""
        z = float(self.tier.z or 0)
        drawn = long.callers / burn_threshold.callers_as_one(self.tier, self.unit)
        counted = long.bad if self.counts_events else long.callers
        return counted * (1 - 1 / (9 * drawn) - z / (3 * math.sqrt(drawn))) ** 3 if drawn else -math.inf

    def _short(self, short: Counts, level: Fraction) -> bool:
        if self.strict:
            return short.bad > level
        return short.bad >= level and (level > 0 or short.bad > 0 or not short.eligible)


def allowed(seen: Collection[Seen]) -> float:
    """Bad units that the error budgets allow of the long window."""
    return float(sum((Fraction(each.target.error_budget) * each.long.eligible for each in seen), Fraction(0)))


def _sum(counts: Sequence[Counts]) -> Counts:
    return sum(counts, Counts())
