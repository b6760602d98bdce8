"""The rule groups of one voice agent, in the order in which figures flow."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from prometheus_rules import agent_rules, alerts, budget_rules, counts, slo_series, state, totals, windows
from prometheus_rules.rule import Bundle, Group, groups
from prometheus_rules.slo_series import SloSeries
from voice_slo import names
from voice_slo.spec import SloFile

PARTS: Sequence[tuple[str, Callable[[SloSeries], list[Bundle]]]] = (
    ("counts", counts.bundles),
    ("windows", windows.bundles),
    ("budget", budget_rules.bundles),
    ("totals", totals.bundles),
    ("state", state.bundles),
    ("settled", alerts.settled),
    ("alerts", alerts.bundles),
)
"""In the order in which figures flow; each part reads only what the parts before it recorded."""

SOURCES_PART, ALERTS_PART = "sources", "alerts"
"""Of the agent, beside its SLOs."""
BEFORE: Sequence[tuple[str, Callable[[SloFile], list[Bundle]]]] = ((SOURCES_PART, agent_rules.sources),)
"""What the parts of its SLOs read."""
AFTER: Sequence[tuple[str, Callable[[SloFile], list[Bundle]]]] = ((ALERTS_PART, agent_rules.alerts),)


def rule_groups(slo_file: SloFile) -> list[Group]:
    """Every group of the agent, in the order in which they should run."""
    interval = slo_file.prometheus.evaluation_interval
    of_agent = {names.AGENT: slo_file.agent}

    def about_the_agent(parts: Sequence[tuple[str, Callable[[SloFile], list[Bundle]]]]) -> list[Group]:
        return [group for part, made in parts for group in groups(of_agent, part, made(slo_file), interval)]

    about_slos = [
        group
        for own in slo_series.of(slo_file)
        for part, made in PARTS
        for group in groups({**of_agent, names.SLO: own.slo.name}, part, made(own), interval)
    ]
    return [*about_the_agent(BEFORE), *about_slos, *about_the_agent(AFTER)]
