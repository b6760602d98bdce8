"""When a burn tier is true. Events decide how large a failure is, distinct callers whether it can be chance.

Form and figures: SRE workbook, chapter 5 (multi-window burn rates), multiplied out so that nothing is divided by the
traffic; the guard is the Wilson-Hilferty lower bound of a Poisson count.
"""

from __future__ import annotations

from decimal import Decimal

from prometheus_rules.slo_series import SloSeries
from voice_slo import burn_threshold, names, promql
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


def burning(own: SloSeries, tier: Tier) -> str:
    """True (with the bad events of the long window as value) for every enforced budget on which the tier fires."""
    bad, eligible = own.events("bad", tier.long), own.events("eligible", tier.long)
    level = own.series(names.threshold(tier.name))
    conditions = [
        f"({bad} >= {level} * {eligible} - {SLACK} and {bad} > 0)",
        f"({_short_window(own, tier, level)})",
        *(f"({guard})" for guard in _guards(own, tier)),
        f"({own.series(names.ENFORCED)} == 1)",
    ]
    return "\nand ".join(conditions)


def _short_window(own: SloSeries, tier: Tier, level: str) -> str:
    """>= keeps a page while no call arrives (a dead trunk has none); from an hour up it would only delay the end."""
    bad, eligible = own.events("bad", tier.short), own.events("eligible", tier.short)
    if tier.short < _HOUR:
        return f"{bad} >= {level} * {eligible} - {SLACK}"
    return f"{bad} > {level} * {eligible} + {SLACK}"


def _guards(own: SloSeries, tier: Tier) -> list[str]:
    guards = []
    if tier.min_bad_callers:
        guards.append(f"{own.events('bad_callers', tier.long)} >= {tier.min_bad_callers}")
    if tier.min_bad_events:
        guards.append(f"{own.events('bad', tier.long)} >= {tier.min_bad_events}")
    if tier.z is not None:
        guards.append(_beyond_chance(own, tier, tier.z))
    return guards


def _beyond_chance(own: SloSeries, tier: Tier, z: Decimal) -> str:
    bad, callers = own.events("bad", tier.long), own.events("bad_callers", tier.long)
    allowed = f"{own.series(names.ERROR_BUDGET_RATIO)} * {own.events('eligible', tier.long)}"
    return f"{bad} * (1 - 1 / (9 * {callers}) - {promql.number(z)} / (3 * sqrt({callers}))) ^ 3 > {allowed}"
