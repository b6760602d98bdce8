"""The rule file of one voice agent."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from prometheus_rules import agent_rules, alerts, budget_rules, counts, slo_series, state, totals, windows, yaml_text
from prometheus_rules.rule import Bundle, Group, groups
from prometheus_rules.slo_series import SloSeries
from voice_slo import names, promql
from voice_slo.spec import SloFile

PARTS: Sequence[tuple[str, Callable[[SloSeries], list[Bundle]]]] = (
    ("counts", counts.bundles),
    ("windows", windows.bundles),
    ("budget", budget_rules.bundles),
    ("totals", totals.bundles),
    ("state", state.bundles),
    ("alerts", alerts.bundles),
)
"""In the order in which figures flow; each part reads only what the parts before it recorded."""

SOURCES_PART, ALERTS_PART = "sources", "alerts"
"""Of the agent, beside its SLOs."""


def generate(slo_file: SloFile, version: str) -> dict[str, bytes]:
    """Path → content of every rule file of the agent. The same input gives the same bytes.

    Raises `promql.PromqlError` if an expression does not parse, which would be a defect here.
    """
    made = rule_groups(slo_file)
    for expr in {expr for group in made for expr in _shapes(group)}:
        promql.check(expr)
    text = _header(slo_file.path, version) + yaml_text.dump({"groups": [group.as_dict() for group in made]})
    return {rules_path(slo_file.agent): text.encode()}


def rules_path(agent: str) -> str:
    return f"prometheus_rules/generated/{agent}.rules.yaml"


def rule_groups(slo_file: SloFile) -> list[Group]:
    """Every group of the agent, in the order in which they should run."""
    agent, interval = slo_file.agent, slo_file.prometheus.evaluation_interval
    of_agent = {names.AGENT: agent}
    return [
        *groups(of_agent, SOURCES_PART, agent_rules.sources(slo_file), interval),
        *(
            group
            for own in slo_series.of(slo_file)
            for part, bundles in PARTS
            for group in groups({**of_agent, names.SLO: own.slo.name}, part, bundles(own), interval)
        ),
        *groups(of_agent, ALERTS_PART, agent_rules.alerts(slo_file), interval),
    ]


def _shapes(group: Group) -> Iterator[str]:
    """The group's expressions under one name for all SLOs: those that differ in nothing else are parsed once."""
    if names.SLO not in group.identity:
        own = any_slo = ""
    else:
        own, any_slo = (promql.of_slo(*who) for who in (group.identity.values(), ("agent", "slo")))
    for rule in group.rules:
        for expr in rule.expressions():
            yield expr.replace(own, any_slo) if own else expr


def _header(path: str, version: str) -> str:
    source = "".join(c if c.isprintable() else "?" for c in path)
    return f"# generated from {source} by voice-slo {version}, do not edit\n"
