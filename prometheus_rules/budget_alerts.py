"""Alerts about what is left of a budget, and about two counts of it that should be equal."""

from __future__ import annotations

from dataclasses import replace

from prometheus_rules import alert_rule, alert_text
from prometheus_rules.alert_text import UNITS, figure, number
from prometheus_rules.burn import SLACK
from prometheus_rules.go_template import VALUE, Template
from prometheus_rules.rule import Alert
from prometheus_rules.scope import Scope
from prometheus_rules.slo_series import SloSeries
from prometheus_rules.state import FEWEST_EVENTS, collecting
from voice_slo import alert_classes, names, promql
from voice_slo.alert_classes import AlertClass
from voice_slo.quantities import percent

_HOUR = 3600
_PACE = 6 * _HOUR
_KEEP_FIRING = 2 * _HOUR
"""Near its edge a budget moves with every call."""
_ABANDONED_CALLS_SETTLE = 6 * _HOUR
"""Before that the two counts may differ by calls that are still open."""
_ONE_PERCENT = "0.01"


def alerts(own: SloSeries) -> list[Alert]:
    return [*_low(own), *_exhausted(own), *([] if own.slo.calendar else _disagreeing(own))]


def _low(own: SloSeries) -> list[Alert]:
    scope, below = Scope("segment", own), own.slo.release_policy.freeze_below
    budget, remaining = own.series(names.ERROR_BUDGET_EVENTS), own.series(names.REMAINING_EVENTS)
    expr = f"{remaining} < {promql.number(below)} * {budget} - {SLACK} and {remaining} >= -{SLACK}"
    left = Template(f"{alert_text.left_share()} of the {alert_text.budget_name(own.slo)} left")
    pace = alert_text.time_left(scope, _PACE, " at the pace of the last 6 hours")
    description = alert_text.left(scope, left + pace + alert_text.used(scope)) + alert_text.whose(scope)
    found = _alert(
        own, alert_classes.BUDGET_LOW, f"{expr} {_judged(own)}",
        f"less than {percent(below)} of the error budget left",
        description + ". Nothing to do tonight; risky changes may have to wait",
    )  # fmt: skip
    return [replace(alert, keep_firing=_KEEP_FIRING) for alert in found]


def _exhausted(own: SloSeries) -> list[Alert]:
    scope = Scope("segment", own)
    spent = Template(f"the {alert_text.budget_name(own.slo)} is spent")
    until = "the month ends" if own.slo.calendar else "failures leave the period"
    found = _alert(
        own, alert_classes.BUDGET_EXHAUSTED, f"{own.series(names.REMAINING_EVENTS)} < -{SLACK} {_judged(own)}",
        "the error budget is spent",
        spent + alert_text.used(scope) + alert_text.whose(scope) + f". Releases but for fixes wait until {until}",
    )  # fmt: skip
    return [replace(alert, keep_firing=_KEEP_FIRING) for alert in found]


def _judged(own: SloSeries) -> str:
    """Budgets that are enforced and hold enough units to say anything."""
    return f"unless ({collecting(own)}) and {own.series(names.ENFORCED)} == 1"


def _disagreeing(own: SloSeries) -> list[Alert]:
    """Both counts hold the same units, but for those that outages took out or put back.

    Such a correction leaves the period later than its unit, so it may be in the counts or not: an interval. Calls from
    before the counters began are counted by event time only. An evaluation counts when it comes, not when its call
    was, so more in the counters means nothing where an SLI waits for one.
    """
    budget, eligible = own.series(names.ERROR_BUDGET_EVENTS), own.events("eligible", None)
    cases = [*_beyond(own, "bad", budget), *_beyond(own, "eligible", eligible)]
    scope, units = Scope("segment", own), UNITS[own.slo.sli.unit]
    description = (
        Template("by event time ") + _told(scope, names.events("bad", "period")) + " of "
        + _told(scope, names.events("eligible", "period")) + f" {units} of the period failed, by the counters "
        + _told(scope, names.counted_period("bad")) + " of " + _told(scope, names.counted_period("eligible"))
        + ", and outages took out " + _told(scope, names.counted_period("taken_out")) + alert_text.whose(scope)
        + ". Burn alerts read the counters, the budget reads event time"
    )  # fmt: skip
    return _alert(
        own, alert_classes.COUNTS_DISAGREE, "\nor ".join(f"({case})" for case in cases),
        "two counts of the same units differ", description, _ABANDONED_CALLS_SETTLE,
    )  # fmt: skip


def _beyond(own: SloSeries, kind: names.Kind, of: str) -> list[str]:
    """More in the counters, and less in them, by over 1 % of `of` and over 5 units."""
    event_time, counted = own.events(kind, None), own.series(names.counted_period(kind))
    out, back = (own.series(names.counted_period(turned)) for turned in ("taken_out", "put_back"))
    old = f"{own.series(names.EVENTS_CREATED)} <= time() - {own.slo.period}"
    more, less = f"{counted} - {out} - {event_time}", f"{event_time} - {counted} - {back}"
    cases = [] if own.slo.sli.settles == "quality" else [(more, "")]
    return [
        f"{surplus} > {FEWEST_EVENTS} and {surplus} > {_ONE_PERCENT} * {of}{only}"
        for surplus, only in [*cases, (less, f" and {old}")]
    ]


def _told(scope: Scope, series: str) -> Template:
    return figure(scope, lambda matchers: scope.own.series(series, *matchers), number(VALUE))


def _alert(
    own: SloSeries, kind: AlertClass, expr: str, summary: str, description: Template, for_: int = 0
) -> list[Alert]:
    slo = own.slo
    return alert_rule.of_class(
        kind, slo.alerting, expr, {"owner": slo.owner, names.SCOPE: "segment"},
        {
            "summary": Template(f"{alert_text.title(slo)} ({slo.agent}): {summary}"),
            "description": description,
            **alert_rule.links(own.links, slo.agent, slo.name, kind.name, slo.budget_by),
        },
        for_,
    )  # fmt: skip
