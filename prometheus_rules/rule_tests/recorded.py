"""What is asked of Prometheus about a recorded series."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from prometheus_rules.rule_tests.budgets import Budget
from prometheus_rules.rule_tests.unit_test import Expected
from voice_slo import names, promql
from voice_slo.spec import Slo


@dataclass(frozen=True, slots=True)
class Recorded:
    slo: Slo

    def gives(self, series: str, at: int, *values: tuple[Budget, int], told: str = "") -> Expected:
        """Of exactly these budgets, at `at` seconds."""
        keyed = sorted((tuple((name, budget[name]) for name in self.slo.budget_by), value) for budget, value in values)
        samples = [(dict(labels), value) for labels, value in keyed]
        return Expected(at, f"sum by ({', '.join(self.slo.budget_by)}) ({self.selector(series)})", samples, told)

    def never_nan(self, at: int) -> Expected:
        every = self.selector("", f"__name__=~{promql.quoted(names.RECORDED_PREFIX + '.+')}")
        return Expected(at, f"count(abs(sum({every})) < +Inf)", [({}, 1)], "nothing recorded is NaN")

    def selector(self, series: str, *matchers: str) -> str:
        return promql.selector(series, self.slo.agent, self.slo.name, *matchers)


def healthy(slo: Slo, budget: Mapping[str, str]) -> tuple[int, int]:
    """Bad and all units of which a third of the error budget, or less, is used: no tier reaches its threshold."""
    allowed = slo.target(budget).error_budget
    return (1, int(3 / allowed) + 1) if allowed else (0, 3)


