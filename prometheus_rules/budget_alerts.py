"""Alerts about what is left of a budget, and about two counts of it that should be equal."""

from __future__ import annotations

from prometheus_rules import alert_rule, alert_text
from prometheus_rules.alert_text import UNITS, figure
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
_ONE_PERCENT = "0.01"


def alerts(own: SloSeries) -> list[Alert]:
    return [*_low(own), *_exhausted(own), *([] if own.slo.calendar else _disagreeing(own))]


def _low(own: SloSeries) -> list[Alert]:
    scope, below = Scope("segment", own), own.slo.release_policy.freeze_below
    budget, remaining = own.series(names.ERROR_BUDGET_EVENTS), own.series(names.REMAINING_EVENTS)
    expr = f"{remaining} < {promql.number(below)} * {budget} - {SLACK}"
    left = Template(f"{alert_text.left_share()} of the {alert_text.budget_name(own.slo)} left")
    pace = alert_text.time_left(scope, _PACE, " at the pace of the last 6 hours")
    told = Template("{{ if gt $left 0.0 }}") + left + pace + "{{ else }}" + _spent(own) + "{{ end }}"
    description = alert_text.left(scope, told + alert_text.used(scope)) + alert_text.whose(scope)
    return _alert(
        own, alert_classes.BUDGET_LOW, f"{expr} {_judged(own)}",
        f"less than {percent(below)} of the error budget left",
        description + ". Risky changes may have to wait; nobody needs to get up",
    )  # fmt: skip


def _exhausted(own: SloSeries) -> list[Alert]:
    scope = Scope("segment", own)
    description = Template("") + _spent(own) + alert_text.used(scope) + alert_text.whose(scope)
    return _alert(
        own, alert_classes.BUDGET_EXHAUSTED, f"{own.series(names.REMAINING_EVENTS)} < -{SLACK} {_judged(own)}",
        "the error budget is spent", description + ". Releases wait until it recovers, but for fixes",
    )  # fmt: skip


def _spent(own: SloSeries) -> str:
    return f"the {alert_text.budget_name(own.slo)} is spent"


def _judged(own: SloSeries) -> str:
    """Budgets that are enforced and hold enough units to say anything."""
    return f"unless ({collecting(own)}) and {own.series(names.ENFORCED)} == 1"


def _disagreeing(own: SloSeries) -> list[Alert]:
    """Calls from before the counters began are counted by event time only; more in the counters is always wrong."""
    scope, slo = Scope("segment", own), own.slo
    differ = Template("the count by event time differs from the corrected counters by ")
    description = (
        differ + _difference(scope, "bad") + " failed and " + _difference(scope, "eligible")
        + f" judged {UNITS[slo.sli.unit]} of the {alert_text.budget_name(slo)}" + alert_text.whose(scope)
    )  # fmt: skip
    budget, eligible = own.series(names.ERROR_BUDGET_EVENTS), own.events("eligible", None)
    expr = f"({_beyond(own, 'bad', budget)})\nor ({_beyond(own, 'eligible', eligible)})"
    return _alert(own, alert_classes.COUNTS_DISAGREE, expr, "two counts of the same units differ", description, _HOUR)


def _difference(scope: Scope, kind: names.Kind) -> Template:
    return figure(
        scope,
        lambda matchers: scope.own.series(names.disagreement(kind), *matchers),
        f'{{{{ {VALUE} | printf "%+.0f" }}}}',
    )


def _beyond(own: SloSeries, kind: names.Kind, of: str) -> str:
    difference = own.series(names.disagreement(kind))
    old = f"{own.series(names.EVENTS_CREATED)} <= time() - {own.slo.period}"
    return (
        f"abs({difference}) > {FEWEST_EVENTS} and abs({difference}) > {_ONE_PERCENT} * {of}"
        f" and ({difference} < 0 or {old})"
    )


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
