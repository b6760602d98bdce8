"""Rules about a voice agent and none of its SLOs: sources that fell silent, and scheduled test calls."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from prometheus_rules import alert_rule, alert_text
from prometheus_rules.alert_text import number
from prometheus_rules.data_alerts import USUAL_EVENTS, WEEKS_BEFORE
from prometheus_rules.go_template import VALUE, Chosen, Template, label, with_result
from prometheus_rules.rule import Alert, Bundle, Record
from prometheus_rules.slo_series import SCRAPE_LOOKBACK, SHORT_LOOKBACK, look_back
from voice_slo import alert_classes, names, promql
from voice_slo.alert_classes import AlertClass
from voice_slo.quantities import prometheus_duration
from voice_slo.spec import SloFile

_HOUR = 3600
FAILURES_IN_A_ROW = 3
_INTERVALS = 2
"""Without a run for so many, none is to be expected any more."""


def sources(file: SloFile) -> list[Bundle]:
    """1 for a source that sent nothing for an hour, where the last three weeks each had some at this hour; else 0."""
    agent = _Agent(file)
    now = agent.accepted(0)
    usual = " and ".join(
        f"{agent.accepted(ago)} - {agent.accepted(ago + _HOUR)} >= {USUAL_EVENTS}" for ago in WEEKS_BEFORE
    )
    silent = f"0 * {now} + 1 and {now} == {agent.accepted(_HOUR)} and {usual}"
    return [[Record(names.SOURCE_SILENT, f"({silent}) or 0 * {now}")]]


def alerts(file: SloFile) -> list[Bundle]:
    agent = _Agent(file)
    found = [*_source_silent(agent), *(_synthetic_alerts(agent) if file.synthetics else [])]
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

    def accepted(self, ago: int, *matchers: str) -> str:
        """Events accepted per source, as of `ago` seconds before. It starts again at 0 with the process."""
        return f"sum by {self.by(names.SOURCE)} ({self.scraped(self.series(names.ACCEPTED.name, *matchers), ago)})"

    def of_flow(self, metric: names.Metric, *matchers: str, ago: int = 0) -> str:
        return f"max by {self.by(names.FLOW)} ({self.scraped(self.series(metric.name, *matchers), ago)})"

    def scraped(self, series: str, ago: int) -> str:
        """The last scraped value as of `ago` seconds before."""
        looks = look_back(SHORT_LOOKBACK if ago else SCRAPE_LOOKBACK, self.file.prometheus.scrape_interval)
        return f"last_over_time({series}[{looks}]{f' offset {prometheus_duration(ago)}' if ago else ''})"

    def alert(
        self, kind: AlertClass, expr: str, summary: str, description: Template, segments: Sequence[str] = ()
    ) -> list[Alert]:
        file = self.file
        annotations = {
            "summary": Template(f"{file.agent}: {summary}"),
            "description": description,
            **alert_rule.links(file.links, file.agent, "", kind.name, segments),
        }
        labels = {"owner": file.owner, names.SCOPE: "agent"}
        return alert_rule.of_class(kind, file.alerting, expr, labels, annotations)


def _source_silent(agent: _Agent) -> list[Alert]:

    def in_hour(ago: int) -> Template:
        return with_result(
            agent.chosen(names.SOURCE),
            lambda matchers: f"{agent.accepted(ago, *matchers)} - {agent.accepted(ago + _HOUR, *matchers)}",
            number(VALUE),
        )

    first, second, third = map(in_hour, WEEKS_BEFORE)
    description = (
        Template(f"{{{{ {label(names.SOURCE)} }}}} sent nothing for an hour; at this hour there were ") + first
        + ", " + second + " and " + third + " events in the last three weeks. The exporter is up: look at the sender,"
        " its token, and what is rejected"
    )  # fmt: skip
    expr = f"{agent.series(names.SOURCE_SILENT)} == 1"
    return agent.alert(alert_classes.SOURCE_SILENT, expr, "a telemetry source is silent", description)


def _synthetic_alerts(agent: _Agent) -> list[Alert]:
    """Runs are due as the exporter's own copy of the schedule says."""
    interval = agent.of_flow(names.SYNTHETIC_INTERVAL)
    age = f"time() - {agent.of_flow(names.SYNTHETIC_LAST_RUN)}"
    late = f"{age} > {_INTERVALS} * {interval}"
    longest = _INTERVALS * max(schedule.every for schedule in agent.file.synthetics)
    known = agent.of_flow(names.SYNTHETIC_INTERVAL, ago=longest)
    never = f"{interval} and {known} unless {agent.of_flow(names.SYNTHETIC_LAST_RUN)}"
    found = agent.alert(
        alert_classes.SYNTHETIC_MISSING, f"({late})\nor ({never})", "a scheduled test call does not come",
        Template(f"no test call of flow {{{{ {label(names.FLOW)} }}}}") + _since_last(agent, " for ", "", " yet")
        + _due(agent) + ". Nobody knows whether callers of this flow are served: look at the scheduler first",
        (names.FLOW,),
    )  # fmt: skip
    critical = [schedule.flow for schedule in agent.file.synthetics if schedule.critical]
    if not critical:
        return found
    flows = promql.one_of(names.FLOW, critical)
    failures = agent.of_flow(names.SYNTHETIC_FAILURES, flows)
    return [*agent.alert(
        alert_classes.SYNTHETIC_FAILING, f"{failures} >= {FAILURES_IN_A_ROW} unless {late}",
        "scheduled test calls of a critical flow fail",
        Template(f"{number('$value')} test calls of flow {{{{ {label(names.FLOW)} }}}} failed in a row")
        + _since_last(agent, ", the last ", " ago", "") + _due(agent),
        (names.FLOW,),
    ), *found]  # fmt: skip


def _since_last(agent: _Agent, before: str, after: str, never: str) -> Template:
    def age(matchers: Sequence[str]) -> str:
        return f"time() - {agent.of_flow(names.SYNTHETIC_LAST_RUN, *matchers)}"

    told = Template(f"{{{{ $age := {VALUE} }}}}{before}{alert_text.duration('$age')}{after}")
    return with_result(agent.chosen(names.FLOW), age, told, otherwise=never)


def _due(agent: _Agent) -> Template:
    def interval(matchers: Sequence[str]) -> str:
        return agent.of_flow(names.SYNTHETIC_INTERVAL, *matchers)

    told = Template(f"{{{{ $every := {VALUE} }}}}; one is due every {alert_text.duration('$every')}")
    return with_result(agent.chosen(names.FLOW), interval, told)
