"""What the generated rules do on what an exporter shows, evaluated by promtool."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from prometheus_rules import generate
from tests import promtool
from tests.promtool import Exporter, Scenario, counting
from tests.rules_fixtures import DAY, HOUR, MINUTE, hostile, policy, row, slo, slo_file, starter
from voice_slo import names
from voice_slo.spec import Links, ReleasePolicy, SloFile, Tier, Unit

LONG_AGO = -100 * DAY
"""A birth outside every window."""
ONE_FLOW = slo_file(slo("connection-success", "0.995"))


def exporter(instance: str = "exporter-1") -> Exporter:
    return Exporter(instance, slo="connection-success")


@pytest.mark.parametrize("slo_file", [starter(), hostile(), slo_file()], ids=["starter", "hostile", "empty"])
def test_promtool_accepts_the_files(tmp_path: Path, slo_file: SloFile) -> None:
    for content in generate(slo_file, "0.0.0").values():
        promtool.check(tmp_path, content)


def test_healthy_is_silent(tmp_path: Path) -> None:
    calls = counting((40, 2))
    healthy = exporter().shows(calls, calls, counting((40, 0)), flow="booking", window=(counting((40, 50)), [0] * 41))
    scenario = Scenario([healthy]).silent(5, 20, 40).never_nan(5, 40)
    scenario.is_(names.count("eligible"), 40, 80).is_(names.events("eligible", "15m"), 40, 30)
    scenario.is_(names.events("eligible", "period"), 40, 2000).is_(names.REMAINING_RATIO, 40, 1)
    scenario.is_(names.RELEASE_STATE, 40, 0).is_(names.EXHAUSTION_SECONDS, 40, 30 * DAY)
    scenario.is_(names.burn_rate("15m"), 40, 0).is_(names.ENFORCED, 40, 1)
    promtool.run(tmp_path, ONE_FLOW, scenario)


def test_a_burst_of_failures_of_several_callers_pages(tmp_path: Path) -> None:
    """2 calls a minute; from minute 30 half of them fail, each of another caller."""
    failing = exporter().shows(
        counting((40, 2)), counting((30, 2), (10, 1)), counting((30, 0), (10, 1)), LONG_AGO, flow="book & go",
        window=([4000] * 41, [*[10] * 31, *range(11, 21)]),
    )  # fmt: skip
    labels = {
        "agent": "front-desk", "slo": "connection-success", "flow": "book & go", "severity": "page",
        "alert_class": "fast_burn", "owner": "voice-platform", "page_hours": "always", "scope": "segment",
    }  # fmt: skip
    texts = {
        "summary": "Connection success (front-desk): fast burn of the error budget",
        "description": (
            "6 of 30 calls failed in 15 minutes, 6 callers; 20 % of the 30-day budget left, gone in 10 min at this pace"
            " (flow: book & go). Mostly slow (5). agent_version v2 stands out: 3 failures more than its share"
        ),
        "burn_rate": "40 times the budget's pace in 15 minutes; fires from 10 times (5 % failed)",
        "runbook_url": (
            "https://runbooks.example.com/voice-slo/front-desk/connection-success/fast_burn?flow=book+%26+go"
        ),
        "dashboard_url": (
            "https://grafana.example.com/d/voice-slo-front-desk-operator?var-slo=connection-success&var-flow=book+%26+go"
        ),
    }
    over_all = {name: value for name, value in labels.items() if name != "flow"} | {"scope": "all"}
    all_texts = {
        "summary": "Connection success (front-desk): fast burn of the error budget over all segments",
        "description": (
            "6 of 30 calls failed in 15 minutes, 6 callers; 20 % of the 30-day budget left, gone in 10 min at this pace"
            " (every flow together). Most in flow: book & go 6. Mostly slow (5)"
            ". agent_version v2 stands out: 3 failures more than its share"
        ),
        "burn_rate": "40 times the budget's pace in 15 minutes; fires from 10 times (5 % failed)",
        "runbook_url": "https://runbooks.example.com/voice-slo/front-desk/connection-success/fast_burn",
        "dashboard_url": "https://grafana.example.com/d/voice-slo-front-desk-operator?var-slo=connection-success",
    }
    failing.shows_more(names.BAD, counting((35, 0), (5, 1)), flow="book & go", reason="no_answer")
    failing.shows_more(names.BAD, counting((30, 0), (5, 1), (5, 0)), flow="book & go", reason="slow")
    for version, good, bad in (("v1", 1, 0), ("v2", 0, 1)):
        for verdict, values in (("good", counting((30, 1), (10, good))), ("bad", counting((30, 0), (10, bad)))):
            failing.shows_more(
                names.SLICES, values, flow="book & go", dimension="agent_version", value=version, verdict=verdict
            )
    scenario = Scenario([failing]).silent(30).never_nan(36)
    scenario.fires(names.FAST_BURN, 36, (over_all, all_texts), (labels, texts))
    promtool.run(tmp_path, ONE_FLOW, scenario)


def test_one_failed_call_at_night_is_silent(tmp_path: Path) -> None:
    """A call every ten minutes, one of which fails: 50 % of those in 15 minutes."""
    night = [n // 10 for n in range(61)]
    one_bad = [calls - (n >= 30) for n, calls in enumerate(night)]
    quiet = exporter().shows(night, one_bad, counting((29, 0), (1, 1), (30, 0)), LONG_AGO, flow="booking")
    scenario = Scenario([quiet]).silent(*range(30, 60, 3)).is_(names.events("bad", "15m"), 35, 1)
    promtool.run(tmp_path, ONE_FLOW, scenario)


def test_one_caller_failing_three_times_in_a_row_is_silent(tmp_path: Path) -> None:
    night = [n // 10 + min(max(n - 30, 0), 3) for n in range(61)]
    good = [n // 10 for n in range(61)]
    redialling = exporter().shows(night, good, counting((30, 0), (1, 1), (29, 0)), LONG_AGO, flow="booking")
    scenario = Scenario([redialling]).silent(*range(30, 60, 3))
    scenario.is_(names.events("bad", "15m"), 35, 3).is_(names.events("bad_callers", "15m"), 35, 1)
    promtool.run(tmp_path, ONE_FLOW, scenario)


def test_the_same_three_failures_of_three_callers_page(tmp_path: Path) -> None:
    night = [n // 10 + min(max(n - 30, 0), 3) for n in range(61)]
    good = [n // 10 for n in range(61)]
    three = exporter().shows(night, good, counting((30, 0), (3, 1), (27, 0)), LONG_AGO, flow="booking")
    promtool.run(tmp_path, ONE_FLOW, Scenario([three]).silent(32).firing(names.FAST_BURN, 33, 1))


def test_a_lost_store_with_a_new_pod_is_silent(tmp_path: Path) -> None:
    """The old target's last samples stay in the look-back for five minutes, with 20 bad of 5,000."""
    old = exporter("pod-a").shows(
        [5000] * 31, [4980] * 31, [20] * 31, LONG_AGO, flow="booking", window=([5000] * 31, [20] * 31)
    )
    fresh = counting((25, 1))
    new = exporter("pod-b").shows(
        fresh, fresh, [0] * 26, 32 * 60, flow="booking", from_step=32, window=(fresh, [0] * 26)
    )  # fmt: skip
    scenario = Scenario([old, new]).silent(*range(28, 57)).never_nan(33, 56)
    for minute in (33, 36, 50):
        scenario.is_(names.count("eligible"), minute, minute - 32).is_(names.count("bad"), minute, 0)
        scenario.is_(names.events("eligible", "period"), minute, minute - 32)
        scenario.is_(names.events("bad", "period"), minute, 0)
    scenario.is_(names.events("eligible", "period"), 31, 5000).is_(names.events("bad", "period"), 31, 20)
    promtool.run(tmp_path, ONE_FLOW, scenario)


def test_a_rolling_deploy_with_a_changed_definition_is_silent(tmp_path: Path) -> None:
    """Old and new pod are scraped side by side for ten minutes; the new definition counts from 0."""
    calls = counting((40, 1))
    old = exporter("pod-a").shows(
        [5000 + n for n in range(31)], [4900 + n for n in range(31)], [60] * 31, LONG_AGO, flow="booking",
        window=([5000 + n for n in range(31)], [100] * 31),
    )  # fmt: skip
    new = exporter("pod-b").shows(
        calls, calls, [0] * 41, 20 * 60, flow="booking", from_step=20, window=(calls, [0] * 41)
    )
    scenario = Scenario([old, new]).silent(*range(15, 60, 2))
    for minute in (25, 32, 50):
        scenario.is_(names.events("eligible", "15m"), minute, min(minute - 20, 15))
        scenario.is_(names.events("bad", "15m"), minute, 0).is_(names.events("eligible", "period"), minute, minute - 20)
        scenario.is_(names.events("bad", "period"), minute, 0)
    promtool.run(tmp_path, ONE_FLOW, scenario)


def test_the_count_of_the_life_before_is_no_start_of_a_window(tmp_path: Path) -> None:
    """The store is lost at 20:30 and nothing is scraped until minute 30; 15 minutes later every window starts there.

    Five units, two of them bad, are what was recorded last before; with them as the start, 5 of 25 would be missing.
    """
    old = exporter().shows([5] * 21, [3] * 21, [2] * 21, LONG_AGO, flow="booking")
    calls = [n + 10 for n in range(41)]
    new = exporter("exporter-2").shows(calls, calls, [0] * 41, 20 * 60 + 30, from_step=30, flow="booking")
    quarter, hour = names.events("eligible", "15m"), names.events("eligible", "1h")
    scenario = Scenario([old, new]).silent(*range(28, 70, 3))
    for minute in (36, 40):
        scenario.is_(quarter, minute, minute - 20)
    for minute in (41, 44):
        scenario.gives(quarter, minute)
    for minute in (45, 46, 70):
        scenario.is_(quarter, minute, 15).is_(names.events("bad", "15m"), minute, 0)
    scenario.is_(hour, 60, 40).is_(names.events("bad", "1h"), 70, 0)
    promtool.run(tmp_path, ONE_FLOW, scenario)


def test_a_restart_on_the_same_store_loses_nothing(tmp_path: Path) -> None:
    """Three scrapes fail; then another pod shows the same counters, with what came meanwhile, and the same birth."""
    before, after = counting((20, 1)), [24 + n for n in range(20)]
    old = exporter("pod-a").shows(before, before, [0] * 21, 0, flow="booking")
    new = exporter("pod-b").shows(after, after, [0] * 20, 0, flow="booking", from_step=24)
    scenario = Scenario([old, new]).silent(*range(18, 43, 2)).is_(names.events("eligible", "15m"), 22, 13)
    for minute in (24, 30, 43):
        scenario.is_(names.events("eligible", "15m"), minute, 15).is_(
            names.events("eligible", "period"), minute, minute
        )
    promtool.run(tmp_path, ONE_FLOW, scenario)


def test_a_new_pod_may_show_fewer_units_in_the_period(tmp_path: Path) -> None:
    """An outage was declared: the new pod, on the same store, takes 12 of 20 bad units back at once."""
    old = exporter("pod-a").shows([900] * 21, [880] * 21, [20] * 21, 0, flow="booking", window=([900] * 21, [20] * 21))
    for series in old.series:
        series["values"] += " stale"
    new = exporter("pod-b").shows(
        [900] * 20, [880] * 20, [20] * 20, 0, flow="booking", from_step=22, window=([888] * 20, [8] * 20)
    )
    scenario = Scenario([old, new]).is_(names.events("bad", "period"), 21, 20)
    for minute in (22, 24, 40):
        scenario.is_(names.events("bad", "period"), minute, 8).is_(names.events("eligible", "period"), minute, 888)
    promtool.run(tmp_path, ONE_FLOW, scenario)


def test_without_event_time_counts_the_period_is_counted_from_birth(tmp_path: Path) -> None:
    """Born inside the period: all since then. Born before it and unknown at its start: absent, never the lifetime."""
    calls, good = counting((30, 3)), counting((10, 3), (20, 2))
    young = exporter().shows(calls, good, [0] * 31, 0, flow="booking")
    old = exporter().shows(calls, good, [0] * 31, LONG_AGO, flow="faq")
    scenario = Scenario([young, old])
    for kind, value in (("eligible", 90), ("bad", 20)):
        name = f"voice_slo:{kind}:events_period"
        born = {"__name__": name, "agent": "front-desk", "slo": "connection-success", "flow": "booking"}
        scenario.gives(name, 30, (born, value))
    promtool.run(tmp_path, ONE_FLOW, scenario)


def test_nothing_eligible_is_idle_and_never_nan(tmp_path: Path) -> None:
    zeros = [0] * 31
    idle = exporter().shows(zeros, zeros, zeros, 0, flow="booking", window=(zeros, zeros))
    scenario = Scenario([idle]).silent(10, 30).never_nan(5, 30)
    scenario.is_(names.RELEASE_STATE, 30, -2).gives(names.REMAINING_RATIO, 30).gives(names.burn_rate("15m"), 30)
    scenario.is_(names.EXHAUSTION_SECONDS, 30, 30 * DAY)
    promtool.run(tmp_path, ONE_FLOW, scenario)


def test_a_page_lasts_while_no_call_arrives(tmp_path: Path) -> None:
    """A dead trunk: everything fails for five minutes, then nothing comes; without `>=` the page would end itself."""
    unguarded = slo_file(slo("connection-success", alerting=policy(Tier("fast", 900, 300, "page", burn=Decimal(10)))))
    calls = counting((20, 1), (5, 2), (20, 0))
    dead = exporter().shows(calls, counting((20, 1), (25, 0)), counting((45, 0)), LONG_AGO, flow="booking")
    scenario = Scenario([dead]).firing(names.FAST_BURN, 26, 1).firing(names.FAST_BURN, 34, 1)
    promtool.run(tmp_path, unguarded, scenario.firing(names.FAST_BURN, 41, 0))


STATES = {
    "healthy": (1000, 49, False, 0),
    "half-left": (1000, 50, False, 1),
    "fifth-left": (1000, 80, True, 1),
    "low-not-burning": (1000, 81, False, 1),
    "low-burning": (1000, 81, True, 2),
    "nothing-left": (1000, 100, True, 2),
    "overspent": (1000, 101, False, 3),
    "small-budget": (49, 4, False, -1),
    "small-but-five-bad": (49, 5, False, 3),
    "five-events": (50, 0, False, 0),
    "nothing-eligible": (0, 0, False, -2),
}
"""Eligible and bad of the period, whether more fails now than the budget allows, and the code; objective 90 %."""


def test_every_edge_of_the_release_states(tmp_path: Path) -> None:
    shown = Exporter()
    for flow, (eligible, bad, burning, _) in STATES.items():
        judged, failed = (10, 2) if burning else (0, 0)
        window = ([eligible] * 11, [bad] * 11)
        shown.shows([judged] * 11, [judged - failed] * 11, [0] * 11, 0, flow=flow, window=window)
    expected = [(_budget(flow), code) for flow, (_, _, _, code) in STATES.items()]
    scenario = Scenario([shown]).never_nan(10)
    scenario.gives(
        names.RELEASE_STATE, 10, *(({"__name__": names.RELEASE_STATE, **who}, code) for who, code in expected)
    )
    promtool.run(tmp_path, slo_file(slo()), scenario)


@pytest.mark.parametrize(("on_fast_burn", "code"), [("watch", 1), ("freeze", 2), ("ignore", 0)])
def test_what_a_fast_burn_does_to_the_state(tmp_path: Path, on_fast_burn: str, code: int) -> None:
    """Half fails of what many callers tried in the last minutes; nine tenths of the budget are left."""
    fast = policy(Tier("fast", 900, 300, "page", burn=Decimal(5), min_bad_callers=3, z=Decimal("3.09")))
    release = ReleasePolicy(on_fast_burn=on_fast_burn)  # type: ignore[arg-type]
    burning = Exporter().shows([60] * 11, [20] * 11, [40] * 11, 0, flow="booking", window=([4000] * 11, [40] * 11))
    scenario = Scenario([burning]).firing(names.FAST_BURN, 10, 1).is_(names.RELEASE_STATE, 10, code)
    promtool.run(tmp_path, slo_file(slo(alerting=fast, release_policy=release)), scenario)


def test_the_state_stays_the_worst_of_the_last_hour(tmp_path: Path) -> None:
    bad = [*[40] * 10, *[60] * 10, *[40] * 80]
    recovering = Exporter().shows([0] * 91, [0] * 91, [0] * 91, 0, flow="booking", window=([1000] * 91, bad[:91]))
    scenario = Scenario([recovering]).is_(names.RELEASE_STATE, 8, 0)
    for minute, raw, lasting in ((15, 1, 1), (40, 0, 1), (78, 0, 1), (90, 0, 0)):
        scenario.is_(names.RELEASE_STATE_RAW, minute, raw).is_(names.RELEASE_STATE, minute, lasting)
    promtool.run(tmp_path, slo_file(slo()), scenario)


def test_no_counts_no_state(tmp_path: Path) -> None:
    gone = Exporter().shows([10] * 11, [10] * 11, [0] * 11, 0, flow="booking", window=([1000] * 11, [0] * 11))
    scenario = Scenario([gone]).is_(names.RELEASE_STATE, 10, 0).gives(names.RELEASE_STATE, 40)
    scenario.is_(names.INFO, 40, 1)
    promtool.run(tmp_path, slo_file(slo()), scenario)


def test_every_budget_has_its_own_objective_and_mode(tmp_path: Path) -> None:
    """The first row that matches holds; `other` and `unknown` are never enforced, whatever a row says."""
    rows = (
        row("0.97", flow="fraud"),
        row("0.8", "observe", flow=("faq", "fraud", "a|b")),
        row("0.95", flow=("other", "c.d")),
    )
    flows = {
        "booking": ("0.9", "0.1", 0.5, 1),
        "fraud": ("0.97", "0.03", 0.3, 1),
        "faq": ("0.8", "0.2", 0.5, 0),
        "a|b": ("0.8", "0.2", 0.5, 0),
        "c.d": ("0.95", "0.05", 0.5, 1),
        "cxd": ("0.9", "0.1", 0.5, 1),
        "other": ("0.95", "0.05", 0.5, 0),
        "unknown": ("0.9", "0.1", 0.5, 0),
    }
    shown = Exporter()
    for flow in flows:
        shown.shows([40] * 11, [4] * 11, [30] * 11, 0, flow=flow)
    scenario = Scenario([shown]).firing(names.FAST_BURN, 10, 4)
    recorded = (names.OBJECTIVE_RATIO, names.ERROR_BUDGET_RATIO, names.threshold("fast"), names.ENFORCED)
    for column, name in enumerate(recorded):
        expected = [({"__name__": name, **_budget(flow)}, float(values[column])) for flow, values in flows.items()]
        scenario.gives(name, 10, *expected)
    promtool.run(tmp_path, slo_file(slo(objectives=rows)), scenario)


def test_a_spent_budget_is_told_in_events(tmp_path: Path) -> None:
    spent = Exporter().shows([9] * 11, [1] * 11, [8] * 11, 0, window=([49] * 11, [30] * 11))
    bare = slo_file(slo(by=(), unit="turn", owner="a {{ b }}"), links=Links())
    labels = {
        "agent": "front-desk", "slo": "task-completion", "severity": "page", "alert_class": "fast_burn",
        "owner": "a {{ b }}", "page_hours": "always", "scope": "segment",
    }  # fmt: skip
    texts = {
        "summary": "Task completion (front-desk): fast burn of the error budget",
        "description": "8 of 9 turns failed in 15 minutes, 8 callers; the 30-day budget is spent: 30 failed, 4 allowed",
        "burn_rate": "8.889 times the budget's pace in 15 minutes; fires from 5 times (50 % failed)",
    }
    promtool.run(tmp_path, bare, Scenario([spent]).fires(names.FAST_BURN, 10, (labels, texts)))


def test_any_tier_works(tmp_path: Path) -> None:
    """A tier as a share of the budget, over hours, that counts events, waits, compares with `>` and is kept firing.

    From hour 3 to 5, 6 of 10 fail: a tenth of all since birth from 3:40 on, more than a tenth in an hour until 5:45.
    """
    tier = Tier(
        "slow-leak", 6 * HOUR, HOUR, "ticket", budget=Decimal("0.02"), min_bad_events=20, for_=10 * MINUTE,
        keep_firing=HOUR,
    )  # fmt: skip
    leaking = slo_file(slo(alerting=policy(tier, replace(tier, name="off", enabled=False)), period=7 * DAY))
    calls, good = counting((96, 10)), counting((36, 10), (24, 4), (36, 10))
    shown = Exporter().shows(calls, good, [0] * 97, 0, flow="booking")
    scenario = Scenario([shown], minutes=5).is_(names.threshold("slow-leak"), 300, 0.1)
    for minute, budgets in ((225, 0), (230, 1), (345, 1), (400, 1), (415, 0)):
        scenario.firing("VoiceSLOSlowLeakBurn", minute, budgets)
    promtool.run(tmp_path, leaking, scenario)


@pytest.mark.parametrize(("bad", "budgets"), [(6, 0), (7, 1)])
def test_exactly_the_factor_fires(tmp_path: Path, bad: int, budgets: int) -> None:
    """0.07 * 100 is 7.000000000000001 in floats; 7 of 100 are 7 % all the same."""
    tier = Tier("fast", 900, 300, "page", burn=Decimal(10))
    exact = slo_file(slo(objective="0.993", alerting=policy(tier)))
    shown = Exporter().shows([100] * 6, [100 - bad] * 6, [0] * 6, 0, flow="booking")
    promtool.run(tmp_path, exact, Scenario([shown]).firing(names.FAST_BURN, 4, budgets))


@pytest.mark.parametrize(("bad", "eligible", "budgets"), [(3, 29, 1), (3, 30, 0), (4, 76, 1), (4, 77, 0)])
def test_chance_is_ruled_out(tmp_path: Path, bad: int, eligible: int, budgets: int) -> None:
    """The smallest evidence at 99.5 % and z = 3.09; all four are above the factor of 5 %."""
    shown = exporter().shows([eligible] * 6, [eligible - bad] * 6, [bad] * 6, 0, flow="booking")
    promtool.run(tmp_path, ONE_FLOW, Scenario([shown]).firing(names.FAST_BURN, 4, budgets))


@pytest.mark.parametrize(("unit", "budgets"), [("call", 0), ("turn", 1)])
def test_redials_do_not_make_chance_a_page(tmp_path: Path, unit: Unit, budgets: int) -> None:
    """Three callers who fail thrice each, among 60 units: as calls that can be chance, for only callers are drawn."""
    shown = exporter().shows([60] * 6, [51] * 6, [3] * 6, 0, flow="booking")
    file = slo_file(slo("connection-success", "0.995", unit=unit))
    promtool.run(tmp_path, file, Scenario([shown]).firing(names.FAST_BURN, 4, budgets))


@pytest.mark.parametrize(("callers", "budgets"), [(9, 0), (10, 1)])
def test_a_caller_who_redials_through_slow_calls_does_not_page_in_hours(
    tmp_path: Path, callers: int, budgets: int
) -> None:
    """99 of 99 turns slow within 6 hours: of 9 callers a few may have had nearly all."""
    shown = exporter().shows([99] * 6, [0] * 6, [callers] * 6, 0, flow="booking")
    file = slo_file(slo("connection-success", "0.95", unit="turn"))
    promtool.run(tmp_path, file, Scenario([shown]).firing(names.MEDIUM_BURN, 4, budgets))


@pytest.mark.parametrize("turns", [12, 20])
def test_every_turn_slow_pages(tmp_path: Path, turns: int) -> None:
    """Six callers; compared as callers, 6 of 120 turns would be within a budget of 5 %."""
    shown = exporter().shows([6 * turns] * 6, [0] * 6, [6] * 6, 0, flow="booking")
    file = slo_file(slo("connection-success", "0.95", unit="turn"))
    promtool.run(tmp_path, file, Scenario([shown]).firing(names.FAST_BURN, 4, 1))


@pytest.mark.parametrize(
    ("unit", "who"),
    [("synthetic", "2 of 3 synthetic runs failed in 1 day"), ("turn", "2 of 3 turns failed in 1 day, 1 caller")],
)
def test_units_are_named(tmp_path: Path, unit: Unit, who: str) -> None:
    tier = Tier("trickle", DAY, 300, "ticket", burn=Decimal(1))
    shown = Exporter().shows([3] * 6, [1] * 6, [1] * 6, 0, window=([10000] * 6, [2] * 6))
    labels = {
        "agent": "front-desk", "slo": "task-completion", "severity": "ticket", "alert_class": "trickle_burn",
        "owner": "voice-platform", "page_hours": "always", "scope": "segment",
    }  # fmt: skip
    texts = {
        "summary": "Task completion (front-desk): trickle burn of the error budget",
        "description": f"{who}; 100 % of the 30-day budget left, gone in 499 d at this pace",
        "burn_rate": "6.667 times the budget's pace in 1 day; fires from 1 times (10 % failed)",
    }
    file = slo_file(slo(by=(), unit=unit, alerting=policy(tier)), links=Links())
    promtool.run(tmp_path, file, Scenario([shown]).fires("VoiceSLOTrickleBurn", 4, (labels, texts)))


def test_two_agents_with_the_same_slo_names_stay_apart(tmp_path: Path) -> None:
    ours = Exporter().shows([10] * 11, [10] * 11, [0] * 11, 0, flow="booking")
    theirs = Exporter(agent="back-desk").shows([400] * 11, [4] * 11, [300] * 11, 0, flow="booking")
    scenario = Scenario([ours, theirs]).silent(10).is_(names.count("eligible"), 10, 10)
    promtool.run(tmp_path, slo_file(slo()), scenario)


def _budget(flow: str) -> dict[str, str]:
    return {"agent": "front-desk", "slo": "task-completion", "flow": flow}
