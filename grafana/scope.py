"""What a dashboard looks at: one agent, the chosen SLOs and segments. Every selector is built here."""

from __future__ import annotations

from dataclasses import dataclass

from grafana.panels import DATASOURCE, Json
from voice_slo import names
from voice_slo.promql import equals
from voice_slo.spec import SloFile

BUDGET = "budget"
"""Label that names a budget in one word: the SLO and its segment values, `task-completion · booking`."""


@dataclass(frozen=True, slots=True)
class Scope:
    """`segments`: every budget segment of the agent's SLOs, in the order of the file."""

    agent: str
    segments: tuple[str, ...]

    def series(self, name: str, *matchers: str) -> str:
        """The series of this agent under the chosen SLOs and segments. `matchers` are PromQL as it stands.

        An SLO without a segment stays in view whatever is chosen for it.
        """
        return f"{name}{{{','.join([self._of_agent(), _chosen_slos(), *self._chosen_segments(), *matchers])}}}"

    def per_slo(self, name: str, *matchers: str) -> str:
        """The same for series that have no segments, or must stay in view whatever segment is chosen."""
        return f"{name}{{{','.join([self._of_agent(), _chosen_slos(), *matchers])}}}"

    def alerts(self, series: str, *matchers: str) -> str:
        """Alert series of this agent; an alert without an SLO, or over all segments of one, stays in view."""
        chosen = [f'{names.SLO}=~"${{{names.SLO}}}|"', *self._chosen_segments()]
        return f"{series}{{{','.join([self._of_agent(), *chosen, *matchers])}}}"

    def whole_agent(self, name: str, *matchers: str) -> str:
        return f"{name}{{{','.join([self._of_agent(), *matchers])}}}"

    @property
    def info(self) -> str:
        return self.per_slo(names.INFO)

    @property
    def labels(self) -> str:
        """The labels of one budget, for `on` and `by`."""
        return ", ".join((names.AGENT, names.SLO, *self.segments))

    @property
    def legend(self) -> str:
        return " ".join(f"{{{{{label}}}}}" for label in (names.SLO, *self.segments))

    def budgets(self, expr: str) -> str:
        """`expr`, which has one series per budget, with the label `budget`; a segment an SLO lacks leaves no gap."""
        named = f'label_replace({expr}, "{BUDGET}", "$1", "{names.SLO}", "(.*)")'
        for segment in self.segments:
            joined = f'label_join({named}, "{BUDGET}", " · ", "{BUDGET}", "{segment}")'
            named = f'label_replace({joined}, "{BUDGET}", "$1", "{BUDGET}", "(.*) · ")'
        return named

    def variables(self) -> list[Json]:
        slo = self.whole_agent(names.INFO)
        counts = self.whole_agent(names.count("eligible"), _chosen_slos())
        return [
            _datasource_variable(),
            _query_variable(names.SLO, "SLO", f"label_values({slo}, {names.SLO})", ".+"),
            *(
                _query_variable(names.dashboard_variable(segment), segment, f"label_values({counts}, {segment})", ".*")
                for segment in self.segments
            ),
        ]

    def _chosen_segments(self) -> list[str]:
        return [f'{segment}=~"${{{names.dashboard_variable(segment)}}}|"' for segment in self.segments]

    def _of_agent(self) -> str:
        return equals(names.AGENT, self.agent)


def scope_of(slo_file: SloFile) -> Scope:
    found = [segment for slo in slo_file.slos for segment in slo.budget_by]
    return Scope(slo_file.agent, tuple(dict.fromkeys(found)))


def _chosen_slos() -> str:
    return f'{names.SLO}=~"${{{names.SLO}}}"'


def _datasource_variable() -> Json:
    return {
        "current": {},
        "hide": 0,
        "includeAll": False,
        "label": "Data source",
        "multi": False,
        "name": "datasource",
        "options": [],
        "query": "prometheus",
        "refresh": 1,
        "regex": "",
        "skipUrlSync": False,
        "type": "datasource",
    }


def _query_variable(name: str, label: str, query: str, all_value: str) -> Json:
    return {
        "allValue": all_value,
        "current": {"selected": True, "text": ["All"], "value": ["$__all"]},
        "datasource": dict(DATASOURCE),
        "definition": query,
        "hide": 0,
        "includeAll": True,
        "label": label,
        "multi": True,
        "name": name,
        "options": [],
        "query": {"query": query, "refId": f"Variable-{name}"},
        "refresh": 2,
        "regex": "",
        "skipUrlSync": False,
        "sort": 1,
        "type": "query",
    }
