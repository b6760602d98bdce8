"""The tests of alerts about a voice agent and none of its SLOs: a dead exporter, and scheduled test calls."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from prometheus_rules import enabled_alerts
from prometheus_rules.agent_rules import overdue
from prometheus_rules.rule_tests import firing
from prometheus_rules.rule_tests.exported import Exported, Series
from prometheus_rules.rule_tests.firing import Question
from prometheus_rules.rule_tests.traffic import steady
from prometheus_rules.rule_tests.unit_test import Shown, UnitTest
from prometheus_rules.slo_series import FEWEST_SAMPLES, SCRAPE_LOOKBACK
from voice_slo import names
from voice_slo.spec import SloFile, Synthetic

DOWN, FAILING, MISSING = "exporter_down", "synthetic_failing", "synthetic_missing"
_GONE_FOR = 600
_IN_A_ROW = 3
_MOST_SEEN = 0.8


@dataclass(frozen=True, slots=True)
class AgentTests:
    """`step`: a minute, or more where test calls come rarely."""

    file: SloFile
    step: int

    def all(self) -> list[UnitTest]:
        return [*self._down(), *self._synthetics()]

    @property
    def scrape(self) -> int:
        return self.file.prometheus.scrape_interval

    def exported(self, last: int, first: int = 0) -> Exported:
        return Exported(self.file, None, last, first)

    def asked(self, alert_class: str, *segments: str) -> Question | None:
        found = firing.about(enabled_alerts.of_agent(self.file), alert_class, "agent")
        return replace(found, segments=segments) if found else None

    def _down(self) -> Iterator[UnitTest]:
        question = self.asked(DOWN)
        if not question or self.step != 60:
            return
        seen = max(SCRAPE_LOOKBACK, FEWEST_SAMPLES * self.scrape)
        since = (seen + 30) // 60 * 60 + 60
        back = since + 2 * _GONE_FOR
        up = [
            Shown("up for half a minute", [self.exported(1).up()]),
            Shown("up again", [replace(self.exported(back // 30 + 2, back // 30), instance="exporter-2").up()]),
        ]
        alerts = 1 + bool(self.file.prometheus.identity_labels)
        expected = [
            question.expected(since + _GONE_FOR - 60, []),
            replace(question.expected(since + _GONE_FOR, [{}]), samples=[({}, alerts)]),
            replace(question.expected(back - 60, [{}], "as long as it takes"), samples=[({}, alerts)]),
            question.expected(back, []),
        ]
        yield UnitTest(DOWN, "no exporter is scraped for ten minutes", self.step, up, expected, sampled=30)

    # Scheduled test calls

    def _synthetics(self) -> Iterator[UnitTest]:
        failing, missing = self.asked(FAILING, names.FLOW), self.asked(MISSING, names.FLOW)
        schedules = self.file.synthetics
        if not schedules:
            return
        at = self._moment()
        critical = [schedule for schedule in schedules if schedule.critical]
        for failures in (_IN_A_ROW - 1, _IN_A_ROW):
            fires = critical if failures >= _IN_A_ROW else []
            asked = [(failing, fires, []), (missing, [], schedules)]
            name = f"{failures} failed runs in a row; when the last is too old, they are missing"
            yield self._test(name, [self._runs(each, failures, at) for each in schedules], at, asked)
        never = [Shown(f"no run of schedule {n}", self._known(each, 0, at)) for n, each in enumerate(schedules, 1)]
        yield self._test("a run that never came", never, at, [(failing, [], []), (missing, schedules, schedules)])
        yield from (self._back(each, share, at, failing, missing) for each in schedules[:1] for share in (0.7, 0.9))

    def _back(
        self, schedule: Synthetic, share: float, at: int, failing: Question | None, missing: Question | None
    ) -> UnitTest:
        """What did not come while nothing was scraped may have been passed over."""
        since = at - int(share * self._late(schedule)) // self.scrape * self.scrape
        fires = [schedule] if share > _MOST_SEEN else []
        shown = [Shown("known for a part of the time", self._known(schedule, since, at))]
        name = f"an exporter that is back for {share * 100:.0f} % of the time in which a run has to come"
        return self._test(name, shown, at, [(failing, [], []), (missing, fires, fires)])

    def _moment(self) -> int:
        """When the longest time in which a run has to come has been seen whole."""
        longest = max(self._late(schedule) for schedule in self.file.synthetics)
        return (longest // self.step + 2) * self.step

    def _late(self, schedule: Synthetic) -> int:
        return overdue(schedule.every, schedule.grace)

    def _runs(self, schedule: Synthetic, failures: int, at: int) -> Shown:
        """The last run came so that it is too old half a step after `at`."""
        last = at - self._late(schedule) + self.step // 2
        samples = (at + self.step) // self.scrape
        exported = self.exported(samples)
        series = [
            *self._known(schedule, 0, at),
            exported.of_agent(names.SYNTHETIC_LAST_RUN, steady(last, samples), **{names.FLOW: schedule.flow}),
        ]
        flow = {names.FLOW: schedule.flow}
        series[1] = exported.of_agent(names.SYNTHETIC_FAILURES, steady(failures, samples), **flow)
        return Shown(f"{failures} failed, {'critical' if schedule.critical else 'not critical'}", series)

    def _known(self, schedule: Synthetic, since: int, at: int) -> list[Series]:
        first, last = since // self.scrape, (at + self.step) // self.scrape
        exported, flow = self.exported(last, first), {names.FLOW: schedule.flow}
        return [
            exported.of_agent(names.SYNTHETIC_INTERVAL, steady(schedule.every, last - first), **flow),
            exported.of_agent(names.SYNTHETIC_FAILURES, steady(0, last - first), **flow),
        ]

    def _test(
        self, name: str, shown: Sequence[Shown], at: int,
        asked: Sequence[tuple[Question | None, Sequence[Synthetic], Sequence[Synthetic]]],
    ) -> UnitTest:  # fmt: skip
        """`asked`: which fire at `at`, and which a step later."""
        expected = [
            question.expected(moment, [{names.FLOW: schedule.flow} for schedule in fires])
            for question, *both in asked if question
            for moment, fires in zip((at, at + self.step), both, strict=True)
        ]  # fmt: skip
        return UnitTest(MISSING, name, self.step, shown, expected, sampled=self.scrape)
