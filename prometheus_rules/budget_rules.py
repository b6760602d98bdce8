"""Group `budget`: objectives, the error budget in events, what is left of it, and the thresholds of the alerts."""

from __future__ import annotations

from decimal import Decimal

from prometheus_rules.burn import threshold
from prometheus_rules.rule import Bundle, Record
from prometheus_rules.slo_series import SloSeries
from voice_slo import names
from voice_slo.quantities import prometheus_duration
from voice_slo.spec import Target


def bundles(own: SloSeries) -> list[Bundle]:
    return [_budget(own), *([Record(names.threshold(tier.name), threshold(own, tier))] for tier in own.tiers())]


def _budget(own: SloSeries) -> Bundle:
    share = own.per_budget(_error_budget)
    allowed = f"({share}) * {own.events('eligible', None)}"
    remaining = f"{allowed} - {own.events('bad', None)}"
    return [
        Record(names.OBJECTIVE_RATIO, own.per_budget(_objective)),
        Record(names.ERROR_BUDGET_RATIO, share),
        Record(names.ERROR_BUDGET_EVENTS, allowed),
        Record(names.REMAINING_EVENTS, remaining),
        Record(names.REMAINING_RATIO, f"({remaining}) / ({allowed} > 0)"),
        Record(names.CONSUMED_RATIO, _consumed(own, allowed)),
        Record(names.ENFORCED, own.enforced()),
        Record(names.INFO, "vector(1)", _info(own)),
    ]


def _consumed(own: SloSeries, allowed: str) -> str:
    """What a segment used of the whole SLO's budget; over all segments it adds up to what the SLO used of it."""
    return f"{own.events('bad', None)} / on {own.by_slo} group_left () (sum by {own.by_slo} ({allowed}) > 0)"


def _objective(target: Target) -> Decimal:
    return target.objective


def _error_budget(target: Target) -> Decimal:
    return target.error_budget


def _info(own: SloSeries) -> dict[str, str]:
    slo = own.slo
    return {
        "title": slo.title or slo.name,
        "owner": slo.owner,
        "unit": slo.sli.unit,
        "sli": slo.sli.name,
        "period": prometheus_duration(slo.period),
        "definition": slo.definition,
    }
