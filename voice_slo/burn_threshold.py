"""From which share of bad events a burn tier is true, and how many events that takes at least.

Form: SRE workbook, chapter 5 (multi-window burn rates), with a cap, because ten times a budget of 20 % is more than all
events; the guard is the Wilson-Hilferty lower bound of a Poisson count.
"""

from __future__ import annotations

import math
from decimal import Decimal

from voice_slo.spec import Tier, Unit

MANY_PER_CALL: frozenset[Unit] = frozenset({"turn", "evaluation"})
"""Units of which one call has several; evaluations can be of its turns."""
SLOW = Decimal(3)
"""Up to this factor the guard counts events of every unit. Compared as callers a burn is 1 + redials times smaller than
it is; two redials on average leave nothing of three times the budget's pace.
"""
CLUSTER = 3
"""Over an hour or more, so many callers weigh as one where a call has many units: one caller who calls again and again,
each time with all units bad, has the weight of many (docs/benchmarks/alerts.md).
"""
HALF = Decimal("0.5")
"""Half of all events bad always satisfies the factor."""
_HOUR = 3600


def threshold(factor: Decimal, error_budget: Decimal) -> Decimal:
    """The share of bad events from which a tier burns: max(min(factor · B, 0.5), B), exact."""
    return max(min(factor * error_budget, HALF), error_budget)


def effective_factor(factor: Decimal, error_budget: Decimal) -> Decimal:
    """The factor that the threshold amounts to. Without an error budget there is none to speak of: `factor`."""
    share = threshold(factor, error_budget)
    return factor if share == factor * error_budget else share / error_budget


def counts_events(tier: Tier, unit: Unit, period: int) -> bool:
    """Whether the guard compares bad events with the budget, rather than the callers affected. `period` in seconds."""
    return unit in MANY_PER_CALL or tier.factor(period) <= SLOW


def callers_as_one(tier: Tier, unit: Unit) -> int:
    """How many affected callers the guard takes for one."""
    return CLUSTER if unit in MANY_PER_CALL and tier.long >= _HOUR else 1


def fewest_events(tier: Tier, error_budget: Decimal, unit: Unit) -> int:
    """Events in the long window with which the tier can fire: all of them bad, each of another caller."""
    asked = max(tier.min_bad_callers, tier.min_bad_events, 1)
    if tier.z is None:
        return asked
    return max(asked, _beyond_chance(float(tier.z), float(error_budget), callers_as_one(tier, unit)))


def _beyond_chance(z: float, error_budget: float, as_one: int) -> int:
    """The smallest n with (1 - 1/(9m) - z/(3·sqrt(m)))^3 > B for m = n / as_one, a quadratic in 1/sqrt(m)."""
    left = 1 - math.cbrt(error_budget)
    root = (-z / 3 + math.sqrt(z * z / 9 + 4 * left / 9)) * 9 / 2
    return math.floor(as_one / root**2) + 1
