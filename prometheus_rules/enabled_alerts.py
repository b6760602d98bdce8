"""Every alert that the rules of an SLO file may send, by the labels that routing and runbooks go by."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from voice_slo import alert_classes, names
from voice_slo.alert_classes import ALERT_CLASSES, AlertClass, PageHours
from voice_slo.spec import AlertPolicy, Severity, Slo, SloFile, Tier

Scope = Literal["segment", "all", "agent"]
"""Whether an alert is about one budget, a whole SLO, or the voice agent and none of its SLOs."""

_SCOPES: dict[alert_classes.About, Scope] = {"budget": "segment", "slo": "all", "agent": "agent"}


@dataclass(frozen=True, slots=True)
class EnabledAlert:
    """`slo` is None for what is about the agent, `tier` for what is no burn alert."""

    alert: str
    alert_class: str
    severity: Severity
    owner: str
    page_hours: PageHours
    scope: Scope
    slo: Slo | None = None
    tier: Tier | None = None


def of_file(slo_file: SloFile) -> list[EnabledAlert]:
    """Those of each SLO, in the order of the file, then those of the agent."""
    return [*(alert for slo in slo_file.slos for alert in of_slo(slo)), *of_agent(slo_file)]


def of_slo(slo: Slo) -> Iterator[EnabledAlert]:
    for tier in slo.alerting.tiers:
        if tier.enabled:
            yield _burn(slo, tier, "segment")
            if rolled_up(slo, tier):
                yield _burn(slo, tier, "all")
    for of_class in ALERT_CLASSES.values():
        if of_class.about != "agent" and _concerns(slo, of_class):
            yield from _graded(of_class, slo.alerting, slo.owner, slo)


def of_agent(slo_file: SloFile) -> Iterator[EnabledAlert]:
    for of_class in ALERT_CLASSES.values():
        if of_class.about == "agent" and _scheduled(slo_file, of_class):
            yield from _graded(of_class, slo_file.alerting, slo_file.owner, None)


def rolled_up(slo: Slo, tier: Tier) -> bool:
    """Whether the tier also looks at the sum of the SLO's enforced budgets: many that are each too quiet for it."""
    enforced = (labels for labels in slo.label_sets() if slo.enforced(labels))
    return tier.guarded and len(list(itertools.islice(enforced, 2))) == 2


def _burn(slo: Slo, tier: Tier, scope: Scope) -> EnabledAlert:
    alert, alert_class = names.burn_alert(tier.name), names.alert_class(tier.name)
    return EnabledAlert(alert, alert_class, tier.severity, slo.owner, "always", scope, slo, tier)


def _graded(of_class: AlertClass, policy: AlertPolicy, owner: str, slo: Slo | None) -> Iterator[EnabledAlert]:
    if of_class.name not in policy.disabled:
        severity = policy.severities.get(of_class.name, of_class.severity)
        scope = _SCOPES[of_class.about]
        yield EnabledAlert(of_class.alert, of_class.name, severity, owner, of_class.page_hours, scope, slo)


def _concerns(slo: Slo, of_class: AlertClass) -> bool:
    if of_class == alert_classes.COUNTS_DISAGREE:
        return not slo.calendar
    if of_class == alert_classes.UNKNOWN_SEGMENTS:
        return bool(slo.budget_by)
    return True


def _scheduled(slo_file: SloFile, of_class: AlertClass) -> bool:
    """Alerts on test calls are about those that the file schedules."""
    if of_class == alert_classes.SYNTHETIC_FAILING:
        return any(synthetic.critical for synthetic in slo_file.synthetics)
    return bool(slo_file.synthetics) or of_class != alert_classes.SYNTHETIC_MISSING
