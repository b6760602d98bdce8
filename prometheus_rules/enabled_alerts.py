"""Every alert that the rules of an SLO file may send, by the labels that routing and runbooks go by."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from prometheus_rules import slo_series
from prometheus_rules.scope import scopes
from prometheus_rules.slo_series import SloSeries
from voice_slo import alert_classes, names, sources
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
    return [*(alert for own in slo_series.of(slo_file) for alert in of_slo(own)), *of_agent(slo_file)]


def of_slo(own: SloSeries) -> Iterator[EnabledAlert]:
    """Those of one class follow each other: they differ in nothing but their scope."""
    slo = own.slo
    for tier in own.tiers():
        for scope in scopes(own, tier):
            yield _burn(slo, tier, scope.name)
    for of_class in ALERT_CLASSES.values():
        if of_class.about != "agent" and _concerns(slo, of_class):
            yield from _graded(of_class, slo.alerting, slo.owner, of_class.page_hours, slo)


def of_agent(slo_file: SloFile) -> Iterator[EnabledAlert]:
    """Without business hours in the SLO file every hour is one."""
    for of_class in ALERT_CLASSES.values():
        if of_class.about == "agent" and _scheduled(slo_file, of_class):
            hours = of_class.page_hours if slo_file.business_hours else "always"
            yield from _graded(of_class, slo_file.alerting, slo_file.owner, hours, None)


def identity(slo_file: SloFile, alert: EnabledAlert) -> dict[str, str]:
    """The labels that tell it from other alerts, with the first value for a segment, flow or source of several."""
    labels = {"alertname": alert.alert, names.ALERT_CLASS: alert.alert_class, names.AGENT: slo_file.agent}
    if alert.slo:
        labels[names.SLO] = alert.slo.name
        return labels | (next(alert.slo.label_sets(), {}) if alert.scope == "segment" else {})
    if alert.alert_class == alert_classes.EXPORTER_DOWN.name:
        return labels
    if alert.alert_class == alert_classes.SOURCE_SILENT.name:
        return labels | {names.SOURCE: sources.NATIVE}
    missing = alert.alert_class == alert_classes.SYNTHETIC_MISSING.name
    return labels | {names.FLOW: next(each.flow for each in slo_file.synthetics if each.critical or missing)}


def _burn(slo: Slo, tier: Tier, scope: Scope) -> EnabledAlert:
    alert, alert_class = names.burn_alert(tier.name), names.alert_class(tier.name)
    return EnabledAlert(alert, alert_class, tier.severity, slo.owner, "always", scope, slo, tier)


def _graded(
    of_class: AlertClass, policy: AlertPolicy, owner: str, page_hours: PageHours, slo: Slo | None
) -> Iterator[EnabledAlert]:
    if of_class.name not in policy.disabled:
        severity = policy.severities.get(of_class.name, of_class.severity)
        scope = _SCOPES[of_class.about]
        yield EnabledAlert(of_class.alert, of_class.name, severity, owner, page_hours, scope, slo)


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
