"""The tests of alerts about an SLO that is not shown, or is judged by another definition."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from prometheus_rules import enabled_alerts
from prometheus_rules.rule_tests import firing
from prometheus_rules.rule_tests.budgets import Budgets
from prometheus_rules.rule_tests.exported import Exported
from prometheus_rules.rule_tests.firing import Question
from prometheus_rules.rule_tests.traffic import Traffic, steady
from prometheus_rules.rule_tests.unit_test import Expected, Shown, UnitTest
from prometheus_rules.slo_series import FEWEST_SAMPLES, SCRAPE_LOOKBACK, SloSeries
from voice_slo import names
from voice_slo.spec import Slo, SloFile

_GONE_FOR, _DRIFTED_FOR, _SCRAPES = 600, 900, 30
"""Seconds."""
_STRANGE = "000000000000"
VANISHED, DRIFTED = "counts_vanished", "definition_drift"


@dataclass(frozen=True, slots=True)
class PresenceTests:
    file: SloFile
    slo: Slo
    step: int = 300

    def all(self) -> list[UnitTest]:
        return [*self._vanished(), *self._drifted()]

    def _vanished(self) -> Iterator[UnitTest]:
        """The look-back still sees the second of two scrapes for a while; from then on it takes ten minutes."""
        question = self._asked(VANISHED)
        if not question:
            return
        gone = (self._seen_for // self.step + 1) * self.step
        counts = Exported(self.file, self.slo, 1).counters(Budgets(self.slo).any(), Traffic(), -1)
        shown, at = Shown("the counts, for half a minute", counts), gone + _GONE_FOR
        up = Shown("the exporter is up", [Exported(self.file, self.slo, at // _SCRAPES).up()])
        expected = [question.expected(at - self.step, [], "not ten minutes yet"), question.expected(at, [{}])]
        name = "the exporter is up and shows no counts for ten minutes"
        yield self._test(VANISHED, name, [shown, up], expected, _SCRAPES)
        expected = [question.expected(at, [])]
        yield self._test(VANISHED, "no exporter is up: that is told by another alert", [shown], expected, _SCRAPES)

    @property
    def _seen_for(self) -> int:
        return max(SCRAPE_LOOKBACK, FEWEST_SAMPLES * self.file.prometheus.scrape_interval)

    def _drifted(self) -> Iterator[UnitTest]:
        question = self._asked(DRIFTED)
        if not question:
            return
        waits, steps = _DRIFTED_FOR, _DRIFTED_FOR // self.step
        strange = self._definition(_STRANGE, 2 * steps)
        expected = [question.expected(waits - self.step, []), question.expected(waits, [{}])]
        yield self._test(DRIFTED, "judged by another definition for 15 minutes", [strange], expected)
        known, old = self._definition(self.slo.definition, 2 * steps), self._definition(_STRANGE, 1, "pod-a")
        expected = [question.expected(at, []) for at in (self.step, waits, waits + 2 * self.step)]
        yield self._test(DRIFTED, "a rolling deploy, and the definition of the rules", [known, old], expected)

    def _definition(self, definition: str, last: int, instance: str = "pod-b") -> Shown:
        exported = Exported(self.file, self.slo, last, instance=instance)
        series = exported.series(names.DEFINITION_INFO, steady(1, last), definition=definition)
        return Shown("that of the rules" if definition != _STRANGE else "another definition", [series])

    def _asked(self, alert_class: str) -> Question | None:
        own = SloSeries(self.slo, self.file.prometheus, self.file.links)
        return firing.about(enabled_alerts.of_slo(own), alert_class, "all")

    def _test(
        self, about: str, name: str, shown: Sequence[Shown], expected: Sequence[Expected], sampled: int = 0
    ) -> UnitTest:
        return UnitTest(about, name, self.step, shown, expected, sampled=sampled)
