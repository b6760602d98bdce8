"""The tests of one burn tier about all enforced budgets together: many quiet ones, and each edge of the sums."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from prometheus_rules.rule_tests.budgets import Budget
from prometheus_rules.rule_tests.firing import Question
from prometheus_rules.rule_tests.tier_edges import Edge, Where, edges
from prometheus_rules.rule_tests.tier_stories import OUTAGE, TierTests, asked, lumps
from prometheus_rules.rule_tests.tier_truth import Seen
from prometheus_rules.rule_tests.traffic import Traffic, failures
from prometheus_rules.rule_tests.unit_test import Expected, Shown, UnitTest
from voice_slo import names

_MOST_BUDGETS = 8
_MOST_FAILURES = 200


@dataclass(frozen=True, slots=True)
class TotalTests:
    """Beside the tests of the tier about one budget."""

    tier: TierTests

    def all(self) -> list[UnitTest]:
        enforced = self.tier.budgets.enforced(_MOST_BUDGETS)
        if not self.tier.tier.guarded or len(enforced) < 2:
            return []
        if (self.tier.short + 1) * self.tier.step >= self.tier.tier.long:
            return []
        quiet = self._many_quiet(enforced)
        return [*([quiet] if quiet else []), *self._edges(enforced)]

    @property
    def question(self) -> Question:
        return asked(self.tier.file, self.tier.slo, self.tier.tier, "all")

    def _many_quiet(self, enforced: Sequence[Budget]) -> UnitTest | None:
        """None of them fires alone. None where no number of failures is so."""
        targets = [self.tier.slo.target(budget) for budget in enforced]
        for units in range(1, _MOST_FAILURES):
            seen = [Seen(target, failures(units), failures(units)) for target in targets]
            if any(self.tier.of.fires(each) for each in seen):
                return None
            if self.tier.of.fires(*seen):
                return self._quiet(enforced, units)
        return None

    def _quiet(self, enforced: Sequence[Budget], units: int) -> UnitTest:
        traffic = Traffic().then(1, failures(units)).then(1)
        each = f"{units} of {units} {self.tier.units} fail"
        shown = [self.tier.shown(each, budget, traffic, 2) for budget in enforced]
        at, state = self.tier.step, self.tier.state
        expected = [
            self.question.expected(0, [], "before", state),
            self.tier.question.expected(at, [], "none of them alone", state),
            self.question.expected(at, [{}], "all of them together", state),
        ]
        return self._test(f"{len(enforced)} quiet budgets fail together", shown, expected)

    def _edges(self, enforced: Sequence[Budget]) -> Iterator[UnitTest]:
        """One budget fails, another, if possible with another objective, is served; a third is not enforced."""
        slo, failing = self.tier.slo, enforced[0]
        other = [b for b in enforced[1:] if slo.target(b).error_budget != slo.target(failing).error_budget]
        serving = next(iter(other), enforced[1])
        where = Where(self.tier.of, slo.target(failing), slo.target(serving))
        for edge in edges(where):
            if edge.condition != "short" or self.tier.short_fits:
                yield self._edge(edge, failing, serving)

    def _edge(self, edge: Edge, failing: Budget, serving: Budget) -> UnitTest:
        quiet = self.tier.quiet if edge.condition == "short" else 0
        last, lump = quiet + self.tier.short + 1, self.tier.short
        ignored = self.tier.budgets.never_enforced()[0]
        outage = Traffic(failures(OUTAGE), ((last, failures(OUTAGE)),))
        shown = [
            self.tier.shown(self.tier.edge_told(edge.condition, edge), failing, lumps(edge.failing, lump, quiet), last),
            self.tier.shown("the good ones", serving, lumps(edge.serving, lump, quiet), last),
            self.tier.shown("a total outage, not enforced", ignored, outage, last),
        ]
        at = (last - 1) * self.tier.step
        expected = [
            self.question.expected(at, [], "before the last failure", self.tier.state),
            self.question.expected(at + self.tier.step, [{}], "with it", self.tier.state),
        ]
        return self._test(f"the edge of {edge.condition} over two budgets", shown, expected)

    def _test(self, name: str, shown: list[Shown], expected: list[Expected]) -> UnitTest:
        about = f"{names.alert_class(self.tier.tier.name)} all"
        return UnitTest(about, f"{self.tier.tier.name} burn of all budgets: {name}", self.tier.step, shown, expected)
