"""The tests of the windows: each holds exactly what came in it, from whichever moment on it was counted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from prometheus_rules.rule_tests.budgets import Budget, Budgets
from prometheus_rules.rule_tests.exported import Exported
from prometheus_rules.rule_tests.recorded import Recorded
from prometheus_rules.rule_tests.traffic import Counts, Traffic
from prometheus_rules.rule_tests.unit_test import Expected, Shown, UnitTest
from prometheus_rules.windows import ALWAYS
from voice_slo import names, promql
from voice_slo.quantities import prometheus_duration
from voice_slo.spec import Slo, SloFile

LONG_AGO = -100 * 86400
_PER_STEP = Counts(3, 1, 1)
_SHOWN_WITHIN = 300
"""Seconds from a birth to the first record of it, at most; or longer where scrapes are rare."""
_AROUND = 100
_ALWAYS_SEEN = "always"
_KINDS: Sequence[tuple[names.Kind, str]] = (("eligible", "eligible"), ("bad", "bad"), ("bad_callers", "callers"))
"""Recorded as, and what of the counts it is."""


@dataclass(frozen=True, slots=True)
class Life:
    """One budget: scraped from step `first` on, `born` in seconds."""

    first: int
    born: int

    def counts(self, now: int, window: int, step: int, shown_within: int) -> Counts | None:
        """What came in the last `window` seconds, as of step `now`; None where nobody can know."""
        start = now - window // step
        if start >= self.first:
            return _PER_STEP * (now - start)
        if self.born > now * step - window - shown_within:
            return _PER_STEP * (now - self.first + 1)
        return None


@dataclass(frozen=True, slots=True)
class Window:
    """`series`: what is recorded of it, by the count that it holds."""

    seconds: int
    series: tuple[tuple[str, str], ...]


def windows(slo: Slo) -> list[Window]:
    """Of every length that something reads, and the period."""
    long = {15 * 60, *(tier.long for tier in slo.alerting.tiers if tier.enabled)}
    short = {tier.short for tier in slo.alerting.tiers if tier.enabled}
    found = []
    for seconds in sorted({*ALWAYS, *long, *short}):
        kinds = _KINDS if seconds in long else _KINDS[:2]
        name = prometheus_duration(seconds)
        found.append(Window(seconds, tuple((names.events(kind, name), of) for kind, of in kinds)))
    return found if slo.calendar else [*found, _period(slo)]


def _period(slo: Slo) -> Window:
    by_counters = [(name(kind), of) for kind, of in _KINDS[:2] for name in (_in_period, names.counted_period)]
    return Window(slo.period, tuple(by_counters))


def _in_period(kind: names.Kind) -> str:
    return names.events(kind, "period")


@dataclass(frozen=True, slots=True)
class WindowTests:
    """`windows`: whole numbers of steps."""

    file: SloFile
    slo: Slo
    windows: Sequence[Window]
    step: int

    def all(self) -> list[UnitTest]:
        return [self._exact()] if self.windows else []

    def _exact(self) -> UnitTest:
        """Then counts fall, as of a store that was restored from a copy: no window may be negative."""
        now = max(window.seconds for window in self.windows) // self.step + 1
        lives = self._lives(now)
        shown = []
        for name, life in lives.items():
            traffic = Traffic(_PER_STEP).then(now - life.first, _PER_STEP).then(1, _PER_STEP * -(now - life.first))
            exported = Exported(self.file, self.slo, now + 1, life.first)
            shown.append(Shown(self._told(name, life), exported.counters(self._budget(name), traffic, life.born)))
        expected = [each for window in self.windows for each in self._holds(window, lives, now)]
        expected.append(Expected((now + 1) * self.step, self._any(), [], "counts fell: no window is negative"))
        spelled = ", ".join(prometheus_duration(window.seconds) for window in self.windows)
        return UnitTest("windows", f"what came in {spelled}", self.step, shown, expected)

    def _lives(self, now: int) -> dict[str, Life]:
        lives = {_ALWAYS_SEEN: Life(0, LONG_AGO)}
        if Budgets(self.slo).case_label:
            for window in self.windows:
                steps, start = window.seconds // self.step, now * self.step - window.seconds - self._shown_within
                name = prometheus_duration(window.seconds)
                lives[f"first-seen-in-{name}"] = Life(now - steps + 1, start + _AROUND)
                lives[f"too-late-for-{name}"] = Life(now - steps + 1, start - _AROUND)
        return lives

    def _told(self, name: str, life: Life) -> str:
        if name == _ALWAYS_SEEN:
            return "born long ago and scraped all the time"
        when = f"{prometheus_duration(abs(life.born))} {'before' if life.born < 0 else 'after'} the first evaluation"
        known = "all of it came in the window" if name.startswith("first") else "what came before is not known"
        return f"born {when}, first scraped at {prometheus_duration(life.first * self.step)}: {known}"

    def _holds(self, window: Window, lives: Mapping[str, Life], now: int) -> list[Expected]:
        held = {
            name: counts for name, life in lives.items()
            if (counts := life.counts(now, window.seconds, self.step, self._shown_within))
        }  # fmt: skip
        return [
            Recorded(self.slo).gives(
                series, now * self.step, *((self._budget(name), getattr(counts, of)) for name, counts in held.items())
            )
            for series, of in window.series
        ]

    def _budget(self, name: str) -> Budget:
        budgets = Budgets(self.slo)
        return budgets.any() if name == _ALWAYS_SEEN else budgets.case(name) or {}

    def _any(self) -> str:
        series = "|".join(name for window in self.windows for name, _ in window.series)
        seen = [promql.equals(label, value) for label, value in Budgets(self.slo).any().items()]
        return Recorded(self.slo).selector("", f'__name__=~"{series}"', *seen)

    @property
    def _shown_within(self) -> int:
        every = self.file.prometheus
        return max(_SHOWN_WITHIN, every.scrape_interval + 2 * every.evaluation_interval)
