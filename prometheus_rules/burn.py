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
    """>= keeps a page while no call arrives: a dead trunk has none.

    A long window of an hour or more stays bad long after the end. There it would start a page hours later, once calls
    stop for the night. Without an error budget any failure is too much, and none is not enough.
    """
    bad, level = scope.events("bad", tier.short), scope.level(tier, tier.short)
    if tier.long >= _HOUR:
        return f"{bad} > {level} + {SLACK}"
    reached = f"{bad} >= {level} - {SLACK}"
    if not scope.own.allows_nothing_somewhere:
        return reached
    return f"{reached} and ({bad} > 0 or {scope.events('eligible', tier.short)} == 0)"


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
    """More callers than chance explains; where a call has many units, its units, for callers could never outnumber B
    of them. Elsewhere a caller who calls again and again counts once, unless the tier is so slow that nothing would be
    left of its factor.
    """
    callers, slo = scope.events("bad_callers", tier.long), scope.own.slo
    events = burn_threshold.counts_events(tier, slo.sli.unit, slo.period)
    counted = scope.events("bad", tier.long) if events else callers
    as_one = burn_threshold.callers_as_one(tier, slo.sli.unit)
    drawn = f"{callers} / {as_one}" if as_one > 1 else callers
    bound = f"(1 - 1 / (9 * {drawn}) - {promql.number(z)} / (3 * sqrt({drawn}))) ^ 3"
    return f"{counted} * {bound} > {scope.allowed(tier.long)}"
