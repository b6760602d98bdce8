"""Group `totals`: sums over the enforced budgets of an SLO, for the alerts about all of them together."""

from __future__ import annotations

from prometheus_rules.rule import Bundle, Record
from prometheus_rules.scope import Scope, summed_tiers
from prometheus_rules.slo_series import SloSeries, window_name
from voice_slo import names
from voice_slo.spec import Tier


def bundles(own: SloSeries) -> list[Bundle]:
    """None where no alert is about all budgets together."""
    tiers = summed_tiers(own)
    if not tiers:
        return []
    long, short = {tier.long for tier in tiers}, {tier.short for tier in tiers}
    return [
        *([_level(own, tier, tier.long), _level(own, tier, tier.short)] for tier in tiers),
        *(_window(own, seconds, long=seconds in long) for seconds in sorted(long | short)),
        [_total(own, "bad", None), _total(own, "allowed", None)],
    ]


def _window(own: SloSeries, seconds: int, *, long: bool) -> Bundle:
    kinds: tuple[names.TotalKind, ...] = ("eligible", "bad", "bad_callers", "allowed") if long else ("bad",)
    return [_total(own, kind, seconds) for kind in kinds]


def _total(own: SloSeries, kind: names.TotalKind, window: int | None) -> Record:
    each = Scope("segment", own)
    expr = f"({each.allowed(window)})" if kind == "allowed" else own.events(kind, window)
    return Record(names.total(kind, window_name(window)), _summed(own, expr))


def _level(own: SloSeries, tier: Tier, window: int) -> Record:
    return Record(
        names.level(tier.name, window_name(window)), _summed(own, f"({Scope('segment', own).level(tier, window)})")
    )


def _summed(own: SloSeries, expr: str) -> str:
    return f"sum by {own.by_slo} ({expr} and {own.series(names.ENFORCED)} == 1)"
