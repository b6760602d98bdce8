"""Alerts about the counts themselves: gone, silent, left out more than usual, or judged by another definition."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from prometheus_rules import alert_rule, alert_text
from prometheus_rules.alert_text import UNITS, figure, number
from prometheus_rules.go_template import VALUE, Template, with_result
from prometheus_rules.rule import Alert
from prometheus_rules.scope import Scope
from prometheus_rules.slo_series import SloSeries
from prometheus_rules.windows import SHARE_WINDOWS
from voice_slo import alert_classes, burn_threshold, names, promql
from voice_slo.alert_classes import AlertClass
from voice_slo.quantities import prometheus_duration
from voice_slo.spec import Unit

_MINUTE, _HOUR, _DAY, _WEEK = 60, 3600, 86400, 7 * 86400
USUAL_EVENTS = 10
"""In an hour; where there were fewer, an hour without any is not rare."""
USUAL_WEEKS, VETO_WEEK = (_WEEK, 2 * _WEEK), 3 * _WEEK
"""Two weeks agree on what is usual, and a third may say no: a Prometheus that keeps 15 days does not know it."""
AROUND = 2 * _HOUR
"""Seconds looked at around the same moment of an earlier week: clocks may have been changed meanwhile."""
GONE_FOR = 10 * _MINUTE
_DRIFTED_FOR = 15 * _MINUTE
"""A rolling deploy shows both definitions for a while."""
_MOST = Decimal("0.9")
"""Of an hour's samples; with fewer the hour was not seen."""
_DAYS_UNITS = 10
WEEKS_UNITS = 100
"""With fewer a share says nothing."""
_TIMES, _POINTS, SHARES_Z = 2, "0.05", "3.09"
_TURNS_A_CALL = 12
"""Turns of one call share its fate: a dozen of them weigh as one."""
_COUNTED: names.Kind = "counted"
_SHARES: dict[names.Kind, str] = {
    "excluded": "exclusions", "unknown_verdict": "unknown verdicts", "unknown_segment": "unknown segments",
}  # fmt: skip
_NOTHING = Template("")


def alerts(own: SloSeries) -> list[Alert]:
    return [*_vanished(own), *_no_traffic(own), *_shares(own), *_drift(own)]


def usual(series: str) -> str:
    """Conditions: each of the last weeks had some around this hour."""
    weeks = [f"min_over_time({_weeks_ago(series, week)}) >= {USUAL_EVENTS}" for week in USUAL_WEEKS]
    return "\nand ".join(weeks) + f"\nunless min_over_time({_weeks_ago(series, VETO_WEEK)}) < {USUAL_EVENTS}"


def _weeks_ago(series: str, ago: int) -> str:
    return f"{series}[{prometheus_duration(AROUND)}] offset {prometheus_duration(ago - AROUND // 2)}"


def most_samples(interval: int) -> int:
    """How many samples of an hour at `interval` seconds show that the hour was seen."""
    return int(_MOST * _HOUR / interval)


def _vanished(own: SloSeries) -> list[Alert]:
    return _alert(
        own, alert_classes.COUNTS_VANISHED,
        f"{_without_counts(own)} and on ({names.AGENT}) {exporter_up(own)}",
        "the exporter shows no counts of it",
        Template(
            "an exporter of the agent is up, but shows no counts of this SLO: it has not loaded the SLO file that the"
            " rules were made from, or the scrape drops the series"
        ),
        GONE_FOR,
    )  # fmt: skip


def exporter_up(own: SloSeries) -> str:
    """Present while a target is scraped that serves the agent."""
    calls_open = promql.agent_selector(names.CALLS_OPEN.name, own.slo.agent)
    return f"max by ({names.AGENT}) ({own.last_scraped(calls_open)})"


def _without_counts(own: SloSeries) -> str:
    who = f"({names.AGENT}, {names.SLO})"
    return f"group by {who} ({own.series(names.INFO)}) unless on {who} {own.count('eligible')}"


def _no_traffic(own: SloSeries) -> list[Alert]:
    """Nothing in an hour that was seen whole, by counters that are older than it."""
    scope, hour, units = Scope("segment", own), own.events("eligible", _HOUR), UNITS[own.slo.sli.unit]
    scrapes = f"max by {own.by} (count_over_time({own.series(names.ELIGIBLE.name)}[1h]))"
    seen = f"{scrapes} >= {most_samples(own.prometheus.scrape_interval)}"
    expr = "\nand ".join((
        f"({hour} == 0)", f"{own.series(names.EVENTS_CREATED)} <= time() - {_HOUR}", seen,
        f"{own.series(names.ENFORCED)} == 1", usual(hour),
    ))  # fmt: skip

    def in_hour(ago: int) -> Template:
        def eligible(matchers: Sequence[str]) -> str:
            return own.recorded(own.events("eligible", _HOUR, *matchers), ago)

        return figure(scope, eligible, number(VALUE))

    last, before = map(in_hour, USUAL_WEEKS)
    description = (
        Template(f"no eligible {units} in the last hour; at this hour there were ") + last + " a week ago and " + before
        + " the week before" + alert_text.whose(scope) + ". If no source is silent, look at routing, at a flow that was"
        " renamed (it counts as other), and at the calendar: it may be a holiday"
    )  # fmt: skip
    return _alert(
        own, alert_classes.NO_TRAFFIC, expr, "nothing eligible where there always is something", description,
        segments=own.slo.budget_by, scope="segment",
    )  # fmt: skip


def _shares(own: SloSeries) -> list[Alert]:
    units = UNITS[own.slo.sli.unit]
    lacking = f"of the {units} have no declared {' or '.join(own.slo.budget_by)}"
    return [
        *_share(own, alert_classes.EXCLUSIONS_HIGH, "excluded", f"of the {units} are excluded", _top_exclusion(own)),
        *_share(own, alert_classes.UNKNOWN_VERDICTS, "unknown_verdict", f"of the {units} have the verdict unknown"),
        *(_share(own, alert_classes.UNKNOWN_SEGMENTS, "unknown_segment", lacking) if own.slo.budget_by else []),
    ]


def _share(
    own: SloSeries, kind: AlertClass, counted: names.Kind, what: str, more: Template = _NOTHING
) -> list[Alert]:
    """day / all > 2 · week / all of the week + 0.05, multiplied out, where chance does not explain the day.

    The bound is the one of the burn alerts. The week is the one before the day.
    """
    day, all_day = own.events(counted, _DAY), own.events(_COUNTED, _DAY)
    week, all_week = (_week_before(own, each) for each in (counted, _COUNTED))
    weigh = _weight(own.slo.sli.unit)
    cases = day if weigh == 1 else f"({day} / {weigh})"
    bound = f"{day} * (1 - 1 / (9 * {cases}) - {SHARES_Z} / (3 * sqrt({cases}))) ^ 3"
    expr = (
        f"({day} >= {fewest_of_day(own.slo.sli.unit)})\nand {all_week} >= {WEEKS_UNITS}"
        f"\nand {own.series(names.SLO_CREATED)} <= time() - {_DAY}"
        f"\nand {bound} * {all_week} > ({_TIMES} * {week} + {_POINTS} * {all_week}) * {all_day}"
    )

    def of_day(matchers: Sequence[str]) -> str:
        return _percent(own.events(counted, _DAY, *matchers), own.events(_COUNTED, _DAY, *matchers))

    def of_week(matchers: Sequence[str]) -> str:
        return _percent(_week_before(own, counted, *matchers), _week_before(own, _COUNTED, *matchers))

    def absolute(matchers: Sequence[str]) -> str:
        return own.events(counted, _DAY, *matchers)

    description = (
        with_result(Scope("all", own).chosen, of_day, f"{number(VALUE)} % {what} in the last day")
        + with_result(Scope("all", own).chosen, absolute, f" ({number(VALUE)})")
        + with_result(Scope("all", own).chosen, of_week, f", {number(VALUE)} % in the week before")
        + more
    )
    return _alert(own, kind, expr, f"more {_SHARES[counted]} than usual", description)


def fewest_of_day(unit: Unit) -> int:
    """Left out or unknown units in the day from which their share is looked at."""
    return _DAYS_UNITS * _weight(unit)


def _weight(unit: Unit) -> int:
    return _TURNS_A_CALL if unit in burn_threshold.MANY_PER_CALL else 1


def _percent(part: str, whole: str) -> str:
    return f"100 * {part} / ({whole} > 0)"


def _week_before(own: SloSeries, kind: names.Kind, *matchers: str) -> str:
    return own.recorded(own.events(kind, SHARE_WINDOWS[1], *matchers), _DAY)


def _top_exclusion(own: SloSeries) -> Template:
    by = f"({', '.join((*own.labels, names.REASON, names.VERDICT))})"

    def reasons(matchers: Sequence[str]) -> str:
        series = own.series(names.EXCLUDED.name, *matchers)
        now, before = f"max by {by} ({series})", f"max by {by} ({own.recorded(series, _DAY)})"
        known = f"0 * {now} and on {own.by} {own.events('eligible', _DAY)}"
        return f"topk(1, sum by ({names.REASON}) ({now} - ({before} or ({known}))) > 0)"

    reason = f'{{{{ . | first | label "{names.REASON}" }}}}'
    return with_result(Scope("all", own).chosen, reasons, f". Mostly {reason} ({number(VALUE)})")


def _drift(own: SloSeries) -> list[Alert]:
    def other(matchers: Sequence[str]) -> str:
        return own.series(names.DEFINITION_INFO.name, f"definition!={promql.quoted(own.slo.definition)}", *matchers)

    description = Template("the exporter judges by definition ") + with_result(
        Scope("all", own).chosen, other, '{{ . | first | label "definition" }}'
    )
    return _alert(
        own, alert_classes.DEFINITION_DRIFT, f"max by {own.by_slo} ({other([])})",
        "exporter and rules were made from different SLO files",
        description + f", the rules were made for {own.slo.definition}. Reload the exporter, or generate anew",
        _DRIFTED_FOR,
    )  # fmt: skip


def _alert(
    own: SloSeries, kind: AlertClass, expr: str, summary: str, description: Template, for_: int = 0,
    segments: Sequence[str] = (), scope: str = "all",
) -> list[Alert]:  # fmt: skip
    slo = own.slo
    return alert_rule.of_class(
        kind, slo.alerting, expr, {"owner": slo.owner, names.SCOPE: scope},
        {
            "summary": Template(f"{alert_text.title(slo)} ({slo.agent}): {summary}"),
            "description": description,
            **alert_rule.links(own.links, slo.agent, slo.name, kind.name, segments),
        },
        for_,
    )  # fmt: skip
