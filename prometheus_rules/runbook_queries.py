"""Queries that a runbook hands out ready to paste: of one SLO over all its budgets, or of one voice agent."""

from __future__ import annotations

from dataclasses import dataclass

from prometheus_rules.slo_series import SloSeries, window_name
from voice_slo import names, promql
from voice_slo.quantities import prometheus_duration

_HOUR, _DAY = 3600, 86400


@dataclass(frozen=True, slots=True)
class AgentQueries:
    """Windows are in seconds."""

    agent: str

    def up(self) -> str:
        return self._series(names.CALLS_OPEN.name)

    def accepted(self, window: int) -> str:
        return f"sum by ({names.SOURCE}) ({_moved(self._series(names.ACCEPTED.name), window)})"

    def rejected(self, window: int) -> str:
        """Of every agent of the exporter: what was rejected may belong to none."""
        return f"sum by ({names.SOURCE}, {names.REASON}) ({_moved(names.REJECTED.name, window)}) > 0"

    def failures_in_a_row(self) -> str:
        return f"{self._series(names.SYNTHETIC_FAILURES.name)} > 0"

    def minutes_since_last_run(self) -> str:
        return f"(time() - {self._series(names.SYNTHETIC_LAST_RUN.name)}) / 60"

    def runs(self, window: int) -> str:
        return f"sum by ({names.FLOW}, result) ({_moved(self._series(names.SYNTHETIC_RUNS.name), window)}) > 0"

    def _series(self, name: str) -> str:
        return promql.agent_selector(name, self.agent)


@dataclass(frozen=True, slots=True)
class SloQueries:
    """Windows are in seconds."""

    own: SloSeries

    def burn_rates(self, window: int) -> str:
        """Of the budgets that can alert, the fastest first."""
        burn = self.own.series(names.burn_rate(window_name(window)))
        return f"sort_desc({burn} and {self.own.series(names.ENFORCED)} == 1)"

    def failed(self, window: int) -> str:
        return f"sort_desc({self.own.events('bad', window)} > 0)"

    def callers(self, window: int) -> str:
        return f"sort_desc({self.own.events('bad_callers', window)} > 0)"

    def eligible(self, window: int) -> str:
        return f"sort_desc({self.own.events('eligible', window)})"

    def reasons(self, window: int) -> str:
        return f"sort_desc({_moved(self.own.count('bad_reason'), window)} > 0)"

    def reason_shares(self) -> str:
        """Of the failures of the period. Of a calendar month only the last day is known by reason."""
        if self.own.slo.calendar:
            return f"sort_desc({self.own.events('bad_reason', _DAY)} > 0)"
        return f"sort_desc({self.own.series(names.REASON_RATIO)} > 0)"

    def slices(self, window: int) -> str:
        """Failures by what has no budget of its own, such as the agent's version."""
        bad = self.own.series(names.SLICES.name, promql.equals(names.VERDICT, "bad"))
        return f"topk(5, sum by ({names.DIMENSION}, {names.SLICE_VALUE}) ({_moved(bad, window)}) > 0)"

    def left(self) -> str:
        return f"sort({self.own.series(names.REMAINING_EVENTS)})"

    def hours_left(self) -> str:
        return f"sort({self.own.series(names.EXHAUSTION_SECONDS)} / {_HOUR})"

    def release_state(self) -> str:
        return self.own.series(names.RELEASE_STATE)

    def counted(self) -> str:
        return self.own.count("eligible")

    def shown(self) -> str:
        """The exporter's own series, as Prometheus has them."""
        return self.own.series(names.ELIGIBLE.name)

    def excluded(self) -> str:
        by = f"{names.REASON}, {names.VERDICT}"
        return f"sort_desc(sum by ({by}) ({_moved(self.own.series(names.EXCLUDED.name), _DAY)}) > 0)"

    def unknown(self) -> str:
        by = f"by ({', '.join(self.own.slo.budget_by)}) " if self.own.slo.budget_by else ""
        return f"sort_desc(sum {by}({_moved(self.own.series(names.UNKNOWN.name), _DAY)}) > 0)"

    def awaiting(self) -> str:
        return f"{self.own.series(names.AWAITING.name)} > 0"

    def definitions(self) -> str:
        return self.own.series(names.DEFINITION_INFO.name)

    def by_event_time(self) -> str:
        return self.own.series(names.WINDOW_EVENTS.name)

    def corrected(self) -> str:
        return f"{self.own.series(names.CORRECTED.name)} > 0"

    def days_since_birth(self) -> str:
        return f"(time() - {self.own.series(names.EVENTS_CREATED)}) / {_DAY}"

    def late(self) -> str:
        return _moved(self.own.series(names.LATE_UNITS.name), _DAY)


def _moved(counter: str, window: int) -> str:
    """Whole units; a series that was not there at the start had none."""
    return f"{counter} - ({counter} offset {prometheus_duration(window)} or 0 * {counter})"
