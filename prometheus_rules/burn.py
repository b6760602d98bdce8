"""When a burn tier is true. Events decide how large a failure is, distinct callers whether it can be chance.

Form and figures: SRE workbook, chapter 5 (multi-window burn rates), multiplied out so that nothing is divided by the
traffic; the guard is the Wilson-Hilferty lower bound of a Poisson count.
"""

from __future__ import annotations

from decimal import Decimal

from prometheus_rules.scope import Scope
from prometheus_rules.slo_series import SloSeries
from voice_slo import burn_threshold, promql
from voice_slo.spec import Target, Tier

SLACK = "1e-9"
"""Far below one event: 0.07 * 100 is 7.000000000000001 in floats, and 7 of 100 have to count as 7 %."""
_HOUR = 3600


def threshold(own: SloSeries, tier: Tier) -> str:
    """T, the share of bad events from which the tier burns: max(min(f·B, 0.5), B).

    Half of all events bad always satisfies the factor, which for lax objectives could never be reached.
    """
    factor = tier.factor(own.slo.period)

    def share(target: Target) -> Decimal:
        return burn_threshold.threshold(factor, target.error_budget)

    return own.per_budget(share)


def burning(scope: Scope, tier: Tier) -> str:
    """True (with the bad events of the long window as value) for each that the tier fires on."""
    bad, level = scope.events("bad", tier.long), scope.level(tier, tier.long)
    conditions = [
        f"({bad} >= {level} - {SLACK} and {bad} > 0)",
        f"({_short_window(scope, tier)})",
        *(f"({guard})" for guard in _guards(scope, tier)),
        *scope.enforced(),
    ]
    return "\nand ".join(conditions)


def _short_window(scope: Scope, tier: Tier) -> str:
    """>= keeps a page while no call arrives (a dead trunk has none); from an hour up it would only delay the end."""
    bad, level = scope.events("bad", tier.short), scope.level(tier, tier.short)
    if tier.short < _HOUR:
        return f"{bad} >= {level} - {SLACK}"
    return f"{bad} > {level} + {SLACK}"


def _guards(scope: Scope, tier: Tier) -> list[str]:
    guards = []
    if tier.min_bad_callers:
        guards.append(f"{scope.events('bad_callers', tier.long)} >= {tier.min_bad_callers}")
    if tier.min_bad_events:
        guards.append(f"{scope.events('bad', tier.long)} >= {tier.min_bad_events}")
    if tier.z is not None:
        guards.append(_beyond_chance(scope, tier, tier.z))
    return guards


def _beyond_chance(scope: Scope, tier: Tier, z: Decimal) -> str:
    bad, callers = scope.events("bad", tier.long), scope.events("bad_callers", tier.long)
    bound = f"(1 - 1 / (9 * {callers}) - {promql.number(z)} / (3 * sqrt({callers}))) ^ 3"
    return f"{bad} * {bound} > {scope.allowed(tier.long)}"
