"""The accuracy benchmark on a few budgets and days: the simulated exporter is ours, and the rules are exact on it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

from benchmarks.accuracy import exposition, results
from benchmarks.accuracy.disturbances import DAY, HOUR, START, Scale, Span, laid_out
from benchmarks.accuracy.measure import COUNTERS, EVENT_TIME
from benchmarks.accuracy.results import Results
from benchmarks.accuracy.simulated import Budget, Era, budgets
from benchmarks.accuracy.traffic import LATE, Unit, units
from exporter import counts as c
from exporter.ledger import Times
from tests.ledgers import SECOND, Desk, event
from tests.slo_texts import one
from tests.tools import tool
from voice_slo.events import Event
from voice_slo.spec import SloFile

SMALL = Scale(days=3, period_days=2, flows=4)
AUDITS = """version: voice-slo/v1
agent: front-desk
owner: voice-platform
period: 2d
budget_by: [flow]
segments: {flow: [booking]}
slos:
  turn-latency: {sli: turn_latency, threshold: THRESHOLD, objective: 99%}
"""
AT_ONCE = Times(operational=0, quality=0, abandoned=0)
"""A call is judged as soon as it has ended, as a unit of the simulation is."""


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Results:
    for name in ("prometheus", "promtool"):
        tool(name)
    return results.run(SMALL, tmp_path_factory.mktemp("accuracy"), peers=False, costs=False, most=1)


def test_budgets_are_exact_through_every_disturbance(found: Results) -> None:
    assert found.problems() == []
    own = [each for each in found.budgets if each.form == EVENT_TIME]
    assert {each.budget.role for each in own} == {"plain", "audited", "born", "redefined", "store lost"}
    assert {each.check.situation for each in own} >= {
        "any time", "idle night", "after a restart", "after a Prometheus outage", "in a scrape gap", "after a birth",
        "after a lost store", "after a changed definition", "period starts in a Prometheus outage with an incident",
    }  # fmt: skip
    assert sum(each.wrong is not None for each in own) > 200


def test_figures_are_absent_only_while_nothing_is_scraped(found: Results) -> None:
    """For longer than a scrape is looked back for; a fifth of these checks are inside gaps and crash loops."""
    own = [each for each in found.budgets if each.form == EVENT_TIME]
    assert {each.check.situation for each in own if each.shown is None} <= {
        "in a crash loop", "in a scrape gap", "after a crash loop", "after a scrape gap", "after a changed definition",
    }  # fmt: skip


def test_the_benchmark_would_notice(found: Results) -> None:
    """Without the counts by event time, failures in an outage at the start of the period cannot be placed."""
    where = "period starts in a Prometheus outage with an incident"
    counters = [each for each in found.budgets if each.form == COUNTERS and each.check.situation == where]
    assert max(each.wrong or 0 for each in counters) > 10


def test_windows_are_whole_units_unless_they_begin_or_end_where_nothing_was_recorded(found: Results) -> None:
    seen = [each for each in found.windows if each.off is not None]
    whole = [each.off for each in seen if each.recorded]
    assert len(whole) > 1000
    assert set(whole) == {0.0}
    assert any(each.off for each in seen if not each.recorded)


def test_with_a_short_retention_nothing_is_guessed(found: Results) -> None:
    by_event_time = [each for each in found.retention if each.form == EVENT_TIME]
    counters = [each for each in found.retention if each.form == COUNTERS]
    assert by_event_time
    assert max(each.wrong or 0 for each in by_event_time) < 1e-6
    assert {each.shown for each in counters} == {None}


def test_the_same_seed_gives_the_same_calls() -> None:
    first, again = (budgets(SMALL, laid_out(SMALL)) for _ in range(2))
    assert first == again
    other = replace(SMALL, seed=2)
    assert first != budgets(other, laid_out(other))


def test_the_simulated_exporter_shows_what_ours_shows(tmp_path: Path) -> None:
    """The same units through the real ledger, a third audited late, with a definition that changes on the way."""
    changed = START + 1.5 * DAY
    made = _units_of_callers(Random(4))
    eras = [Era(START, START), Era(changed, changed)]
    budget = Budget("front-desk", "turn-latency", (("flow", "booking"),), "audited", eras, made)
    times = [*range(START + HOUR, SMALL.end, HOUR)]
    simulated = _simulated(budget, times)
    assert simulated == dict(_real(tmp_path, made, times, changed))
    assert len(simulated) == len(times)


def _units_of_callers(rng: Random) -> list[Unit]:
    """Every bad unit is another caller's, so that each is a caller affected unless it comes late."""
    made = units(rng, Span(START, SMALL.end), 8, [], [], audited=True)
    return [_failing(unit, rng.random() < 0.3) for unit in made]


def _failing(unit: Unit, bad: bool) -> Unit:
    return unit._replace(bad=bad, caller=bad and unit.judged - unit.at <= LATE)


Shown = tuple[float, ...]


def _simulated(budget: Budget, times: Sequence[int]) -> dict[int, Shown]:
    """Scrape → eligible, good, callers, birth, bad, and eligible and bad by event time."""
    by_time: dict[int, list[float]] = {}
    for series in exposition.series(SMALL, laid_out(SMALL), budget, times):
        for at, value in zip(series.times, series.values, strict=True):
            by_time.setdefault(at, []).append(value)
    return {at: tuple(values) for at, values in by_time.items()}


def _real(folder: Path, made: Sequence[Unit], times: Sequence[int], changed: float) -> Iterator[tuple[int, Shown]]:
    desk = Desk(folder, [_slo_file("1s")], times=AT_ONCE)
    born = desk.now
    upcoming = [(unit.judged, 0, unit) for unit in made] + [(at, 2, None) for at in times] + [(changed, 1, None)]
    for at, what, unit in sorted(upcoming, key=lambda each: each[:2]):
        desk.now = born + round((at - START) * SECOND)
        if unit:
            desk.send(_call(unit))
        elif what == 1:
            desk.restart([_slo_file("2s")])
        desk.wait(0)
        if what == 2:
            yield int(at), _shown(desk, born)


def _slo_file(threshold: str) -> SloFile:
    return one(AUDITS.replace("THRESHOLD", threshold))


def _call(unit: Unit) -> list[Event]:
    name, at = f"call-{unit.at}", unit.at - START
    latency = 5.0 if unit.bad else 0.2
    return [
        event("turn", name, at, turn=1, latency_seconds=latency, answered=True, tool_used=False,
              segments={"flow": "booking"}, caller=f"caller-{unit.at}", synthetic=False),
        event("call.ended", name, at, reason="normal", by="caller"),
    ]  # fmt: skip


def _shown(desk: Desk, born: int) -> Shown:
    def value(name: str, extra: str = "") -> int:
        return desk.value("turn-latency", name, extra)

    created = START + (value(c.CREATED) - born) / SECOND
    bad = sum(desk.bad_by_reason("turn-latency").values())
    return (
        value(c.ELIGIBLE), value(c.GOOD), value(c.BAD_CALLERS), created, bad, value(c.WINDOW, c.ELIGIBLE),
        value(c.WINDOW, c.BAD),
    )  # fmt: skip
