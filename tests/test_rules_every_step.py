"""Figures and alerts at every single minute of what goes wrong in a real installation, evaluated by promtool."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from tests import promtool
from tests.promtool import Exporter, Numbers, Scenario
from tests.rules_fixtures import DAY, slo, slo_file
from voice_slo import names

LONG_AGO = -100 * DAY
SLO = "connection-success"
FILE = slo_file(slo(SLO, "0.995"))
BURNS = (names.FAST_BURN, names.MEDIUM_BURN, names.SLOW_BURN)
QUARTER = 15
Counter = Callable[[int], int]
"""Minute → units counted by then."""


def pod(name: str, eligible: Counter, bad: Counter, minutes: Sequence[int], born: float, *, agent: str = "front-desk",
        older: tuple[int, int] = (0, 0)) -> Exporter:  # fmt: skip
    """An exporter that is scraped in these minutes. `older`: eligible and bad of the period that its counters lack."""

    def shown(counter: Counter) -> Numbers:
        return [counter(minute) if minute in minutes else None for minute in range(minutes[-1] + 1)]

    window = (shown(lambda m: eligible(m) + older[0]), shown(lambda m: bad(m) + older[1]))
    made = Exporter(name, agent, SLO)
    made.shows(shown(eligible), shown(lambda m: eligible(m) - bad(m)), shown(bad), born, flow="booking", window=window)
    return made.shows_more(names.CALLS_OPEN, shown(lambda _: 3), slo=False)


def expect(scenario: Scenario, minute: int, name: str, value: int | None, agent: str = "front-desk") -> None:
    """`value` None: absent."""
    series = f'{name}{{agent="{agent}"}}'
    scenario.gives(f"sum({series})", minute, *([({}, value)] if value is not None else []))


def silent(scenario: Scenario, minute: int, agent: str, *alerts: str) -> None:
    for alert in alerts or BURNS:
        scenario.gives(f'count(ALERTS{{alertname="{alert}",agent="{agent}"}})', minute)


def test_two_files_with_the_same_slo_names(tmp_path: Path) -> None:
    """Two agents: one healthy with 2 calls a minute, one that fails every third of 3 a minute."""
    last = 40
    minutes = range(last + 1)
    healthy = pod("front", lambda m: 2 * m, lambda _: 0, minutes, 0)
    failing = pod("back", lambda m: 3 * m, lambda m: m, minutes, 0, agent="back-desk")
    scenario = Scenario([healthy, failing])
    for minute in range(1, last + 1):
        window = min(minute, QUARTER)
        for agent, eligible, bad in (("front-desk", 2, 0), ("back-desk", 3, 1)):
            expect(scenario, minute, names.events("eligible", "15m"), eligible * window, agent)
            expect(scenario, minute, names.events("bad", "15m"), bad * window, agent)
            expect(scenario, minute, names.events("eligible", "period"), eligible * minute, agent)
            expect(scenario, minute, names.events("bad", "period"), bad * minute, agent)
        silent(scenario, minute, "front-desk")
        firing = f'count(ALERTS{{alertname="{names.FAST_BURN}",agent="back-desk",scope="segment"}})'
        scenario.gives(firing, minute, *([({}, 1)] if minute >= 3 else []))
    promtool.run(tmp_path, FILE, scenario, beside=[slo_file(slo(SLO, "0.995"), agent="back-desk")])


def test_a_rolling_deploy_on_the_same_store(tmp_path: Path) -> None:
    """The old pod is gone after minute 20, the new one is first scraped at 24. Calls and failures go on."""
    last = 50

    def calls(minute: int) -> int:
        return 4000 + 2 * minute

    def failed(minute: int) -> int:
        return 8 + minute // 20

    def seen(minute: int) -> int:
        return 20 if 20 < minute < 24 else minute

    old = pod("pod-a", calls, failed, range(21), LONG_AGO, older=(500, 1))
    new = pod("pod-b", calls, failed, range(24, last + 1), LONG_AGO, older=(500, 1))
    scenario = Scenario([old, new])
    for minute in range(QUARTER, last + 1):
        now, start = seen(minute), seen(minute - QUARTER)
        expect(scenario, minute, names.events("eligible", "15m"), calls(now) - calls(start))
        expect(scenario, minute, names.events("bad", "15m"), failed(now) - failed(start))
        expect(scenario, minute, names.events("eligible", "period"), calls(now) + 500)
        expect(scenario, minute, names.events("bad", "period"), failed(now) + 1)
        silent(scenario, minute, "front-desk", *BURNS, names.EXPORTER_DOWN_ALERT, names.NO_DATA_ALERT)
    promtool.run(tmp_path, FILE, scenario)


def test_a_lost_store(tmp_path: Path) -> None:
    """The old pod is last scraped at 30 with 20 bad of 5,060; the new one counts from minute 32 on, seen from 33."""
    last, born = 60, 32

    def calls(minute: int) -> int:
        return 5000 + 2 * minute

    def again(minute: int) -> int:
        return 2 * max(minute - born, 0)

    old = pod("pod-a", calls, lambda _: 20, range(31), LONG_AGO)
    new = pod("pod-b", again, lambda _: 0, range(33, last + 1), 60 * born)
    scenario = Scenario([old, new])
    for minute in range(QUARTER, last + 1):
        if minute < 33:
            window, period, bad = calls(min(minute, 30)) - calls(minute - QUARTER), calls(min(minute, 30)), 20
        else:
            window, period, bad = again(minute) - again(minute - QUARTER), again(minute), 0
        expect(scenario, minute, names.events("eligible", "15m"), window)
        expect(scenario, minute, names.events("bad", "15m"), 0)
        expect(scenario, minute, names.events("eligible", "period"), period)
        expect(scenario, minute, names.events("bad", "period"), bad)
        silent(scenario, minute, "front-desk")
    promtool.run(tmp_path, FILE, scenario)


def test_an_exporter_that_is_dead_for_two_hours(tmp_path: Path) -> None:
    """Last scraped at 29, again at 150; then it has judged what senders kept, one call a minute, a few of them bad."""
    last, gone, back = 215, 30, 150

    def calls(minute: int) -> int:
        return 4000 + minute

    def failed(minute: int) -> int:
        return 4 + minute // 75

    minutes = [*range(gone), *range(back, last + 1)]
    scenario = Scenario([pod("exporter-1", calls, failed, minutes, LONG_AGO, older=(1000, 0))])
    for minute in range(20, last + 1):
        absent = gone + 5 <= minute < back
        seen = min(minute, gone - 1) if minute < back else minute
        expect(scenario, minute, names.events("eligible", "period"), None if absent else calls(seen) + 1000)
        expect(scenario, minute, names.events("bad", "period"), None if absent else failed(seen))
        expect(scenario, minute, names.count("eligible"), None if absent else calls(seen))
        down = gone + 15 <= minute <= back + 1
        if minute not in (gone + 14, back, back + 1):
            scenario.firing(names.EXPORTER_DOWN_ALERT, minute, int(down), "agent")
        silent(scenario, minute, "front-desk")
        if absent or minute >= back + QUARTER:
            quarter = None if absent else calls(minute) - calls(minute - QUARTER)
            expect(scenario, minute, names.events("eligible", "15m"), quarter)
        scenario.never_nan(minute)
    promtool.run(tmp_path, FILE, scenario)
