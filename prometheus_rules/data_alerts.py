"""Alerts about the counts themselves: gone, silent, left out more than usual, or judged by another definition."""

from __future__ import annotations

from collections.abc import Sequence

from prometheus_rules import alert_rule, alert_text
from prometheus_rules.alert_text import UNITS, figure, number
from prometheus_rules.go_template import VALUE, Template, with_result
from prometheus_rules.rule import Alert
from prometheus_rules.scope import Scope
from prometheus_rules.slo_series import SloSeries, window_name
from prometheus_rules.windows import SHARE_WINDOWS
from voice_slo import alert_classes, names, promql
from voice_slo.alert_classes import AlertClass

_MINUTE, _HOUR, _DAY, _WEEK = 60, 3600, 86400, 7 * 86400
WEEKS_BEFORE = (_WEEK, 2 * _WEEK, 3 * _WEEK)
"""Three weeks agree on what is usual at this hour of this day."""
USUAL_EVENTS = 10
"""In the hour; with fewer, an hour without any is not rare."""
GONE_FOR = 10 * _MINUTE
_DRIFTED_FOR = 15 * _MINUTE
"""A rolling deploy shows both definitions for a while."""
_DAYS_UNITS, _WEEKS_UNITS = 20, 100
"""With fewer a share says nothing."""
_TIMES, _POINTS = 2, "0.05"
_JUDGED: names.Kind = "judged"
_SHARES: dict[names.Kind, str] = {
    "excluded": "exclusions", "unknown": "unknown verdicts", "unlabelled": "unknown segments",
}  # fmt: skip
_NOTHING = Template("")


def alerts(own: SloSeries) -> list[Alert]:
    return [*_exporter_down(own), *_vanished(own), *_no_traffic(own), *_shares(own), *_drift(own)]


def exporter_up(agent: str) -> str:
    """Present while a target is scraped that serves the agent."""
    return promql.agent_selector(names.CALLS_OPEN.name, agent)


def _exporter_down(own: SloSeries) -> list[Alert]:
    """Groups over all SLOs of the agent, so its summary names none."""
    agent = own.slo.agent
    return _alert(
        own, alert_classes.EXPORTER_DOWN, f"{_without_counts(own)} unless on ({names.AGENT}) {exporter_up(agent)}",
        f"no exporter of {agent} is scraped",
        Template(
            f"nothing has shown the counts of {alert_text.title(own.slo)} for 15 minutes or more, and no target with"
            f" {names.CALLS_OPEN.name} of {agent} is up. Calls are not judged and none of its burn alerts can fire;"
            " what senders keep and repeat is counted later"
        ),
        GONE_FOR,
    )  # fmt: skip


def _vanished(own: SloSeries) -> list[Alert]:
    return _alert(
        own, alert_classes.COUNTS_VANISHED,
        f"{_without_counts(own)} and on ({names.AGENT}) {exporter_up(own.slo.agent)}",
        "the exporter shows no counts of it",
        Template(
            "an exporter of the agent is up, but shows no counts of this SLO: it has not loaded the SLO file that the"
            " rules were made from, or the scrape drops the series"
        ),
        GONE_FOR,
    )  # fmt: skip


def _without_counts(own: SloSeries) -> str:
    who = f"({names.AGENT}, {names.SLO})"
    return f"group by {who} ({own.series(names.INFO)}) unless on {who} {own.count('eligible')}"


def _no_traffic(own: SloSeries) -> list[Alert]:
    scope, hour = Scope("segment", own), own.events("eligible", _HOUR)
    usual = "\nand ".join(f"{own.recorded(hour, ago)} >= {USUAL_EVENTS}" for ago in WEEKS_BEFORE)
    silent = promql.agent_selector(names.SOURCE_SILENT, own.slo.agent)
    expr = f"{hour} == 0\nand {usual}\nand {own.series(names.ENFORCED)} == 1\nunless on ({names.AGENT}) {silent} == 1"
    units = UNITS[own.slo.sli.unit]

    def in_hour(ago: int) -> Template:
        def eligible(matchers: Sequence[str]) -> str:
            return own.recorded(own.events("eligible", _HOUR, *matchers), ago)

        return figure(scope, eligible, number(VALUE))

    first, second, third = map(in_hour, WEEKS_BEFORE)
    description = (
        Template(f"no eligible {units} in the last hour; at this hour there were ") + first + ", " + second
        + " and " + third + " in the last three weeks" + alert_text.whose(scope)
        + ". Sources do send, so look at routing, the segment's name, and the conditions of `eligible`"
    )  # fmt: skip
    return _alert(
        own, alert_classes.NO_TRAFFIC, expr, "nothing eligible where there always is something", description,
        segments=own.slo.budget_by, scope="segment",
    )  # fmt: skip


def _shares(own: SloSeries) -> list[Alert]:
    units = UNITS[own.slo.sli.unit]
    lacking = f"of the {units} have no {' or no '.join(own.slo.budget_by)}"
    return [
        *_share(own, alert_classes.EXCLUSIONS_HIGH, "excluded", f"of the {units} are excluded", _top_exclusion(own)),
        *_share(own, alert_classes.UNKNOWN_VERDICTS, "unknown", f"of the {units} have the verdict unknown"),
        *(_share(own, alert_classes.UNKNOWN_SEGMENTS, "unlabelled", lacking) if own.slo.budget_by else []),
    ]


def _share(
    own: SloSeries, kind: AlertClass, counted: names.Kind, what: str, more: Template = _NOTHING
) -> list[Alert]:
    """day / all > 2 · week / all of the week + 0.05, multiplied out, with the week before the day."""
    day, all_day = own.events(counted, _DAY), own.events("judged", _DAY)
    week, all_week = (_week_before(own, each) for each in (counted, _JUDGED))
    expr = (
        f"{day} * {all_week} > ({_TIMES} * {week} + {_POINTS} * {all_week}) * {all_day}"
        f"\nand {all_day} >= {_DAYS_UNITS}\nand {all_week} >= {_WEEKS_UNITS}"
    )

    def of_day(matchers: Sequence[str]) -> str:
        return _percent(own.events(counted, _DAY, *matchers), own.events(_JUDGED, _DAY, *matchers))

    def of_week(matchers: Sequence[str]) -> str:
        return _percent(_week_before(own, counted, *matchers), _week_before(own, _JUDGED, *matchers))

    def absolute(matchers: Sequence[str]) -> str:
        return own.events(counted, _DAY, *matchers)

    description = (
        with_result(Scope("all", own).chosen, of_day, f"{number(VALUE)} % {what} in the last day")
        + with_result(Scope("all", own).chosen, absolute, f" ({number(VALUE)})")
        + with_result(Scope("all", own).chosen, of_week, f", {number(VALUE)} % in the week before")
        + more
    )
    return _alert(own, kind, expr, f"more {_SHARES[counted]} than usual", description)


def _percent(part: str, whole: str) -> str:
    return f"100 * {part} / ({whole} > 0)"


def _week_before(own: SloSeries, kind: names.Kind, *matchers: str) -> str:
    return own.recorded(own.events(kind, SHARE_WINDOWS[1], *matchers), _DAY)


def _top_exclusion(own: SloSeries) -> Template:
    by = f"({', '.join((*own.labels, names.REASON, names.VERDICT))})"

    def reasons(matchers: Sequence[str]) -> str:
        series = own.series(names.EXCLUDED.name, *matchers)
        now, before = f"max by {by} ({series})", f"max by {by} ({series} offset {window_name(_DAY)})"
        return f"topk(1, sum by ({names.REASON}) ({now} - ({before} or 0 * {now})) > 0)"

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
    subject = "" if kind is alert_classes.EXPORTER_DOWN else f"{alert_text.title(slo)} ({slo.agent}): "
    return alert_rule.of_class(
        kind, slo.alerting, expr, {"owner": slo.owner, names.SCOPE: scope},
        {
            "summary": Template(subject + summary),
            "description": description,
            **alert_rule.links(own.links, slo.agent, slo.name, kind.name, segments),
        },
        for_,
    )  # fmt: skip
