"""Rules about a voice agent and none of its SLOs: sources that fell silent, and scheduled test calls."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from prometheus_rules import alert_rule, alert_text
from prometheus_rules.alert_text import number
from prometheus_rules.data_alerts import GONE_FOR, USUAL_WEEKS, most_samples, usual
from prometheus_rules.go_template import VALUE, Chosen, Template, label, with_result
from prometheus_rules.rule import Alert, Bundle, Record
from prometheus_rules.slo_series import SCRAPE_LOOKBACK, SHORT_LOOKBACK, look_back
from voice_slo import alert_classes, names, promql
from voice_slo.alert_classes import AlertClass
from voice_slo.quantities import prometheus_duration
from voice_slo.spec import SloFile, Synthetic

_HOUR = 3600
FAILURES_IN_A_ROW = 3
_MOST = Decimal("0.8")
"""Of the samples of the time in which a run may come."""
_INTERVALS = 2
"""Without a run for so many and the grace, none is to be expected any more."""


def sources(file: SloFile) -> list[Bundle]:
    """Events of each source in an hour, over all targets, and how often the hour was seen.

    The exporter's own counters start at 0 with the process, so a restart may add to the first and takes nothing away.
    """
    agent = _Agent(file)
    accepted, by = agent.series(names.ACCEPTED.name), agent.by(names.SOURCE)
    events = f"max_over_time({accepted}[1h]) - min_over_time({accepted}[1h])"
    return [[
        Record(names.SOURCE_EVENTS, f"sum by {by} ({events})"),
        Record(names.SOURCE_SCRAPES, f"max by {by} (count_over_time({accepted}[1h]))"),
    ]]  # fmt: skip


def alerts(file: SloFile) -> list[Bundle]:
    agent = _Agent(file)
    found = [*_exporter_down(agent), *_source_silent(agent), *(_synthetic_alerts(agent) if file.synthetics else [])]
    return [[alert] for alert in found]


@dataclass(frozen=True, slots=True)
class _Agent:
    file: SloFile

    @property
    def identity(self) -> tuple[str, ...]:
        return self.file.prometheus.identity_labels

    def chosen(self, *labels: str) -> Chosen:
        return Chosen(promql.equals(names.AGENT, self.file.agent), (*self.identity, *labels))

    def by(self, *labels: str) -> str:
        return f"({', '.join((names.AGENT, *self.identity, *labels))})"

    def series(self, metric: str, *matchers: str) -> str:
        return promql.agent_selector(metric, self.file.agent, *matchers)

    def of_flow(self, metric: names.Metric, within: int | None = None, *matchers: str) -> str:
        """The last value of each flow, up to `within` seconds back, or as far as failed scrapes have to be bridged."""
        series = self.series(metric.name, *matchers)
        return f"max by {self.by(names.FLOW)} (last_over_time({series}[{self.look_back(within)}]))"

    def look_back(self, within: int | None = None) -> str:
        return prometheus_duration(within) if within else look_back(SCRAPE_LOOKBACK, self.scrape)

    @property
    def scrape(self) -> int:
        return self.file.prometheus.scrape_interval

    def alert(
        self, kind: AlertClass, expr: str, summary: str, description: Template, segments: Sequence[str] = (),
        for_: int = 0,
    ) -> list[Alert]:  # fmt: skip
        """Without business hours in the SLO file every hour is one."""
        file = self.file
        kind = kind if file.business_hours else replace(kind, page_hours="always")
        annotations = {
            "summary": Template(f"{file.agent}: {summary}"),
            "description": description,
            **alert_rule.links(file.links, file.agent, "", kind.name, segments),
        }
        labels = {"owner": file.owner, names.SCOPE: "agent"}
        return alert_rule.of_class(kind, file.alerting, expr, labels, annotations, for_)


def _exporter_down(agent: _Agent) -> list[Alert]:
    """One for the agent: a dead exporter is one fault, whatever the number of SLOs."""
    name = agent.file.agent
    shown = agent.series(names.CALLS_OPEN.name)
    up = f"last_over_time({shown}[{agent.look_back()}])"
    expr = f"vector(1) unless on () {up}"
    if agent.identity:
        by = agent.by()
        expr = f"({expr})\nor (group by {by} (last_over_time({shown}[1d])) unless on {by} {up})"
    description = Template(
        f"nothing has shown {names.CALLS_OPEN.name} of {name} for 15 minutes or more: no exporter of it is scraped. Its"
        " burn alerts are blind, so silence means nothing now. What senders keep and repeat is counted later"
    )
    return agent.alert(
        alert_classes.EXPORTER_DOWN, expr, "no exporter is scraped", description, agent.identity, GONE_FOR
    )


def _source_silent(agent: _Agent) -> list[Alert]:
    events, seen = agent.series(names.SOURCE_EVENTS), agent.series(names.SOURCE_SCRAPES)
    expr = f"({events} == 0)\nand {seen} >= {most_samples(agent.scrape)}\nand {usual(events)}"

    def in_hour(ago: int) -> Template:
        def accepted(matchers: Sequence[str]) -> str:
            looks, offset = prometheus_duration(SHORT_LOOKBACK), prometheus_duration(ago)
            return f"last_over_time({agent.series(names.SOURCE_EVENTS, *matchers)}[{looks}] offset {offset})"

        return with_result(agent.chosen(names.SOURCE), accepted, number(VALUE))

    last, before = map(in_hour, USUAL_WEEKS)
    description = (
        Template(f"{{{{ {label(names.SOURCE)} }}}} sent nothing for an hour; at this hour there were ") + last
        + " events a week ago and " + before + " the week before. The exporter is up: look at the sender, its token,"
        f" and {names.REJECTED.name}"
    )  # fmt: skip
    return agent.alert(alert_classes.SOURCE_SILENT, expr, "a telemetry source is silent", description)


def _synthetic_alerts(agent: _Agent) -> list[Alert]:
    """How late a run may be is a constant of its schedule, so flows of one pace are one alternative."""
    missing, failing = [], []
    for (every, grace), schedules in _by_pace(agent.file.synthetics).items():
        late = overdue(every, grace)
        missing.append(_missing(agent, late, _flows(schedules)))
        critical = [schedule for schedule in schedules if schedule.critical]
        failing += [_failing(agent, late, _flows(critical))] if critical else []
    return [*(_failing_alert(agent, failing) if failing else []), *_missing_alert(agent, missing)]


def overdue(every: int, grace: int) -> int:
    """Seconds since the last run after which runs are missing, and failures are of the past."""
    return _INTERVALS * every + grace


def _by_pace(synthetics: Sequence[Synthetic]) -> Mapping[tuple[int, int], list[Synthetic]]:
    found: dict[tuple[int, int], list[Synthetic]] = {}
    for schedule in synthetics:
        found.setdefault((schedule.every, schedule.grace), []).append(schedule)
    return found


def _flows(schedules: Sequence[Synthetic]) -> str:
    return promql.one_of(names.FLOW, [schedule.flow for schedule in schedules])


def _failing(agent: _Agent, late: int, flows: str) -> str:
    failures = agent.of_flow(names.SYNTHETIC_FAILURES, None, flows)
    fresh = f"time() - {agent.of_flow(names.SYNTHETIC_LAST_RUN, None, flows)} < {late}"
    return f"({failures} >= {FAILURES_IN_A_ROW} and {fresh})"


def _failing_alert(agent: _Agent, cases: Sequence[str]) -> list[Alert]:
    description = (
        Template(f"{number('$value')} test calls of flow {{{{ {label(names.FLOW)} }}}} failed in a row")
        + _since_last(agent, ", the last ", " ago", "") + _due(agent)
    )  # fmt: skip
    return agent.alert(
        alert_classes.SYNTHETIC_FAILING, "\nor ".join(cases), "scheduled test calls of a critical flow fail",
        description, (names.FLOW,),
    )  # fmt: skip


def _missing(agent: _Agent, late: int, flows: str) -> str:
    """Not before the exporter has been seen for as long as a run may take: what it missed while down is unknown."""
    last, interval = names.SYNTHETIC_LAST_RUN, names.SYNTHETIC_INTERVAL
    old = f"time() - {agent.of_flow(last, None, flows)} > {late}"
    never = f"{agent.of_flow(interval, None, flows)} unless {agent.of_flow(last, late, flows)}"
    looks = max(late, 2 * agent.scrape)
    series = agent.series(interval.name, flows)
    seen = f"max by {agent.by(names.FLOW)} (count_over_time({series}[{prometheus_duration(looks)}]))"
    return f"((({old}) or ({never})) and {seen} >= {int(_MOST * looks / agent.scrape)})"


def _missing_alert(agent: _Agent, cases: Sequence[str]) -> list[Alert]:
    description = (
        Template(f"no test call of flow {{{{ {label(names.FLOW)} }}}}") + _since_last(agent, " for ", "", " yet")
        + _due(agent) + ". Nobody knows whether callers of this flow are served: look at the scheduler first"
    )  # fmt: skip
    return agent.alert(
        alert_classes.SYNTHETIC_MISSING, "\nor ".join(cases), "a scheduled test call does not come", description,
        (names.FLOW,),
    )  # fmt: skip


def _since_last(agent: _Agent, before: str, after: str, never: str) -> Template:
    def age(matchers: Sequence[str]) -> str:
        return f"time() - {agent.of_flow(names.SYNTHETIC_LAST_RUN, None, *matchers)}"

    told = Template(f"{{{{ $age := {VALUE} }}}}{before}{alert_text.duration('$age')}{after}")
    return with_result(agent.chosen(names.FLOW), age, told, otherwise=never)


def _due(agent: _Agent) -> Template:
    def interval(matchers: Sequence[str]) -> str:
        return agent.of_flow(names.SYNTHETIC_INTERVAL, None, *matchers)

    told = Template(f"{{{{ $every := {VALUE} }}}}; one is due every {alert_text.duration('$every')}")
    return with_result(agent.chosen(names.FLOW), interval, told)
