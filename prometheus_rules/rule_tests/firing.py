"""What is asked of Prometheus about an alert, and how it goes on from one evaluation to the next."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from prometheus_rules.enabled_alerts import EnabledAlert
from prometheus_rules.rule_tests.budgets import Budget
from prometheus_rules.rule_tests.unit_test import Expected
from voice_slo import names, promql

EVERYTHING = "ALERTS"
"""Every alert, be it pending or firing."""


@dataclass(frozen=True, slots=True)
class Question:
    """The series of one alert with all labels that route it. `segments`: those by which its alerts differ."""

    alert: str
    labels: Mapping[str, str]
    segments: tuple[str, ...] = ()

    def expr(self, state: str) -> str:
        matchers = {"alertname": self.alert, "alertstate": state, **self.labels}
        selected = ",".join(promql.equals(name, value) for name, value in matchers.items())
        return f"count by ({', '.join(self.segments)}) (ALERTS{{{selected}}})"

    def expected(self, at: int, budgets: Sequence[Budget], told: str = "", state: str = "firing") -> Expected:
        """Of exactly these budgets, at `at` seconds."""
        keyed = sorted(tuple((name, budget[name]) for name in self.segments) for budget in budgets)
        return Expected(at, self.expr(state), [(dict(labels), 1) for labels in keyed], told)


def about(alerts: Iterable[EnabledAlert], alert_class: str, scope: str) -> Question | None:
    """None where the SLO file has switched the class off, or it does not concern it."""
    found = (alert for alert in alerts if (alert.alert_class, alert.scope) == (alert_class, scope))
    return next((_question(alert) for alert in found), None)


def _question(alert: EnabledAlert) -> Question:
    labels = {
        names.ALERT_CLASS: alert.alert_class, "severity": alert.severity, "page_hours": alert.page_hours,
        names.SCOPE: alert.scope, "owner": alert.owner,
    }  # fmt: skip
    if alert.slo is None:
        return Question(alert.alert, labels)
    labels |= {names.SLO: alert.slo.name, names.AGENT: alert.slo.agent}
    return Question(alert.alert, labels, alert.slo.budget_by if alert.scope == "segment" else ())


def nothing(at: int, told: str = "") -> Expected:
    """No alert at all."""
    return Expected(at, EVERYTHING, [], told)


def firing(true: Sequence[bool], step: int, waits: int, keeps: int) -> list[bool]:
    """At each evaluation, of an alert whose expression is `true` there; `for` and `keep_firing_for` in seconds."""
    found: list[bool] = []
    since: int | None = None
    until = -1
    for n, holds in enumerate(true):
        if holds:
            since = n if since is None else since
            found.append((n - since) * step >= waits)
            until = n if found[-1] else until
        else:
            kept = bool(found) and found[-1] and (n - until - 1) * step < keeps
            found.append(kept)
            since = since if kept else None
    return found
