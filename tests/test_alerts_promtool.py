"""Every alert that is not about the pace of a budget: when it speaks, and when it must not. Evaluated by promtool."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from prometheus_rules.data_alerts import most_samples
from tests import promtool
from tests.promtool import Exporter, Numbers, Scenario, counting
from tests.rules_fixtures import DAY, policy, row, slo, slo_file
from voice_slo import names
from voice_slo.spec import BusinessHours, Outage, PrometheusSettings, SloFile, Synthetic

LONG_AGO = -100 * DAY
EVERY_MINUTE = PrometheusSettings(60, 60)
FIVE_MINUTES = PrometheusSettings(300, 300)
QUIET = policy()
"""No burn tiers, so that nothing but the alert at hand is evaluated."""


def file(*slos: object, every: PrometheusSettings = EVERY_MINUTE, **more: object) -> SloFile:
    made = slo_file(*(slos or (slo(alerting=QUIET),)), prometheus=every)  # type: ignore[arg-type]
    return replace(made, **more)  # type: ignore[arg-type]


def budget(eligible: int, bad: int, steps: int = 10) -> Exporter:
    """One budget with so many units in its period, none of them lately; objective 90 %."""
    still = [0] * (steps + 1)
    window = ([eligible] * (steps + 1), [bad] * (steps + 1))
    return Exporter().shows(still, still, still, LONG_AGO, flow="booking", window=window)


# What is left of a budget


@pytest.mark.parametrize(
    ("eligible", "bad", "low", "spent"),
    [
        (1000, 80, 0, 0),  # exactly 20 % left
        (1000, 81, 1, 0),
        (1000, 100, 1, 0),  # exactly nothing left: low, not overspent
        (1000, 101, 0, 1),
        (49, 4, 0, 0),  # collecting: a budget of 4.9 units and fewer than five bad ones
        (49, 5, 0, 1),  # five bad ones are enough to say so
        (0, 0, 0, 0),
    ],
)
def test_low_and_spent_budgets(tmp_path: Path, eligible: int, bad: int, low: int, spent: int) -> None:
    scenario = Scenario([budget(eligible, bad)]).firing(names.BUDGET_LOW_ALERT, 8, low)
    promtool.run(tmp_path, file(), scenario.firing(names.BUDGET_EXHAUSTED_ALERT, 8, spent))


def test_observed_budgets_are_never_low(tmp_path: Path) -> None:
    observed = file(slo(alerting=QUIET, mode="observe"))
    scenario = Scenario([budget(1000, 90)]).firing(names.BUDGET_LOW_ALERT, 8, 0)
    promtool.run(tmp_path, observed, scenario)


def test_what_low_and_spent_budgets_say(tmp_path: Path) -> None:
    labels = {
        "agent": "front-desk", "slo": "task-completion", "flow": "booking", "severity": "info",
        "alert_class": "budget_low", "owner": "voice-platform", "page_hours": "always", "scope": "segment",
    }  # fmt: skip
    where = "front-desk/task-completion/{}?flow=booking"
    links = {
        "runbook_url": "https://runbooks.example.com/voice-slo/" + where.format("budget_low"),
        "dashboard_url": (
            "https://grafana.example.com/d/voice-slo-front-desk-operator?var-slo=task-completion&var-flow=booking"
        ),
    }
    failing = counting((8, 0), (2, 10))
    low = Exporter().shows(failing, [0] * 11, [0] * 11, 0, flow="booking", window=([1000] * 11, [90] * 11))
    texts = {
        "summary": "Task completion (front-desk): less than 20% of the error budget left",
        "description": (
            "10 % of the 30-day budget left, gone in 3 h at the pace of the last 6 hours: 90 failed, 100 allowed"
            " (flow: booking). Nothing to do tonight; risky changes may have to wait"
        ),
        **links,
    }
    promtool.run(tmp_path, file(), Scenario([low]).fires(names.BUDGET_LOW_ALERT, 10, (labels, texts)))
    spent_labels = {**labels, "severity": "ticket", "alert_class": "budget_exhausted"}
    spent_texts = {
        "summary": "Task completion (front-desk): the error budget is spent",
        "description": (
            "the 30-day budget is spent: 131 failed, 100 allowed (flow: booking). Releases but for fixes wait until"
            " failures leave the period"
        ),
        **links,
        "runbook_url": "https://runbooks.example.com/voice-slo/" + where.format("budget_exhausted"),
    }
    scenario = Scenario([budget(1000, 131)]).fires(names.BUDGET_EXHAUSTED_ALERT, 10, (spent_labels, spent_texts))
    promtool.run(tmp_path, file(), scenario)


# Two counts of the same units


def counted(event_time: tuple[int, int], counters: tuple[int, int], born: float = 0.0, out: int = 0) -> Exporter:
    """Eligible and bad by event time and by the counters, standing still for seven hours of five-minute steps."""
    steps = 7 * 12 + 1
    (eligible, bad), (all_, failed) = event_time, counters
    shown = Exporter().shows(
        [all_] * steps, [all_ - failed] * steps, [0] * steps, born, flow="booking",
        window=([eligible] * steps, [bad] * steps),
    )  # fmt: skip
    if out:
        shown.shows_more(
            names.CORRECTED,
            [out] * steps,
            flow="booking",
            **{"from": "bad", "to": "excluded", "reason": "o"},  # type: ignore[arg-type]
        )
    return shown


@pytest.mark.parametrize(
    ("event_time", "counters", "out", "fires"),
    [
        ((1000, 50), (1000, 50), 0, 0),
        ((1000, 50), (1000, 56), 0, 1),  # six more in the counters
        ((1000, 50), (1000, 55), 0, 0),  # five are too few to say so
        ((1000, 50), (1012, 50), 0, 1),  # over 1 % of the eligible ones
        ((1000, 50), (1010, 50), 0, 0),
        ((1000, 50), (1020, 70), 20, 0),  # all of it was taken out by an outage
        ((1000, 50), (1000, 50), 20, 0),  # the correction stayed in the period, its units have left it
        ((2000, 90), (1000, 50), 0, 0),  # the counters are younger than the period: calls from before it
    ],
)
def test_counts_that_disagree(
    tmp_path: Path, event_time: tuple[int, int], counters: tuple[int, int], out: int, fires: int
) -> None:
    scenario = Scenario([counted(event_time, counters, out=out)], minutes=5)
    scenario.firing(names.COUNTS_DISAGREE_ALERT, 350, 0).firing(names.COUNTS_DISAGREE_ALERT, 400, fires)
    promtool.run(tmp_path, file(every=FIVE_MINUTES), scenario, alert=names.COUNTS_DISAGREE_ALERT)


def test_evaluations_count_when_they_come(tmp_path: Path) -> None:
    """Audited days later, more of a quality SLI may be in the counters of the period than happened in it."""
    audited = slo(alerting=QUIET)
    audited = replace(audited, sli=replace(audited.sli, settles="quality"))
    scenario = Scenario([counted((1000, 50), (1030, 60))], minutes=5).firing(names.COUNTS_DISAGREE_ALERT, 400, 0)
    promtool.run(tmp_path, file(audited, every=FIVE_MINUTES), scenario)


# Nothing there


def serving(steps: int, *, until: int | None = None, again: int | None = None) -> Exporter:
    """An exporter that is scraped, but for the steps from `until` to `again`."""

    def seen(value: float) -> Numbers:
        return [None if until is not None and until <= n < (again or steps + 1) else value for n in range(steps + 1)]

    shown = Exporter().shows(seen(10), seen(10), seen(0), LONG_AGO, flow="booking", window=(seen(1000), seen(0)))
    return shown.shows_more(names.CALLS_OPEN, seen(0), slo=False)


def test_an_exporter_that_is_dead_for_two_hours(tmp_path: Path) -> None:
    """The last scrape is at minute 29. Its alert lasts all the time, and nothing else speaks, then or afterwards."""
    scenario = Scenario([serving(260, until=30, again=150)])
    down = names.EXPORTER_DOWN_ALERT
    scenario.firing(down, 43, 0, "agent").firing(down, 149, 1, "agent").firing(down, 152, 0, "agent")
    for minute in (45, 46, 60, 120, 149):
        scenario.firing(down, minute, 1, "agent")
    for alert in (names.NO_DATA_ALERT, names.DEFINITION_DRIFT_ALERT, names.BUDGET_LOW_ALERT):
        scenario.silent(40, 60, 149, 155, 200, 255, alerts=[alert])
    scenario.is_(names.RELEASE_STATE, 29, 0).gives(names.RELEASE_STATE, 60).is_(names.RELEASE_STATE, 160, 0)
    promtool.run(tmp_path, file(), scenario)


def test_what_a_dead_exporter_says(tmp_path: Path) -> None:
    labels = {
        "agent": "front-desk", "severity": "page", "alert_class": "exporter_down", "owner": "voice-platform",
        "page_hours": "always", "scope": "agent",
    }  # fmt: skip
    texts = {
        "summary": "front-desk: no exporter is scraped",
        "description": (
            "nothing has shown voice_exporter_calls_open of front-desk for 15 minutes or more: no exporter of it is"
            " scraped. Its burn alerts are blind, so silence means nothing now. What senders keep and repeat is counted"
            " later"
        ),
        "runbook_url": "https://runbooks.example.com/voice-slo/front-desk/exporter_down",
        "dashboard_url": "https://grafana.example.com/d/voice-slo-front-desk-operator",
    }
    scenario = Scenario([serving(40, until=5)]).fires(names.EXPORTER_DOWN_ALERT, 30, (labels, texts))
    promtool.run(tmp_path, file(slo(alerting=QUIET), slo("turn-latency", alerting=QUIET)), scenario)


def test_a_failed_scrape_is_no_dead_exporter(tmp_path: Path) -> None:
    scenario = Scenario([serving(60, until=30, again=34)]).silent(*range(28, 60, 2), alerts=[names.EXPORTER_DOWN_ALERT])
    promtool.run(tmp_path, file(), scenario)


def test_counts_that_vanished_from_an_exporter_that_is_up(tmp_path: Path) -> None:
    gone = Exporter().shows([10] * 11, [10] * 11, [0] * 11, LONG_AGO, flow="booking")
    gone.shows_more(names.CALLS_OPEN, [0] * 60, slo=False)
    scenario = Scenario([gone]).silent(50, alerts=[names.EXPORTER_DOWN_ALERT])
    scenario.firing(names.NO_DATA_ALERT, 23, 0, "all").firing(names.NO_DATA_ALERT, 26, 1, "all")
    promtool.run(tmp_path, file(), scenario)


WEEK = 7 * 24 * 4
"""Steps of a quarter of an hour."""
QUARTER = PrometheusSettings(900, 900)
HOURLY = PrometheusSettings(3600, 3600)


def weekly(before: int, now: int, usual: int, steps_now: int = 16) -> list[float | None]:
    """A counter over `before` weeks with `usual` units in each quarter of an hour, then `now` units in each."""
    return counting((before * WEEK, usual), (steps_now, now))


@pytest.mark.parametrize(
    ("weeks", "now", "usual", "fires"),
    [
        (3, 0, 6, 1),
        (2, 0, 6, 1),  # a Prometheus that keeps 15 days knows two weeks
        (1, 0, 6, 0),  # one week does not say what is usual
        (3, 6, 6, 0),
        (3, 0, 0, 0),  # there never is anything at this hour
    ],
)
def test_no_traffic_where_there_always_is_some(tmp_path: Path, weeks: int, now: int, usual: int, fires: int) -> None:
    calls = weekly(weeks, now, usual)
    shown = Exporter().shows(calls, calls, [0] * len(calls), LONG_AGO, flow="booking")
    minute = weeks * WEEK * 15
    scenario = Scenario([shown], minutes=15).firing(names.NO_DATA_ALERT, minute + 120, fires)
    scenario.firing(names.NO_DATA_ALERT, minute + 30, 0)
    promtool.run(tmp_path, file(every=QUARTER), scenario, alert=names.NO_DATA_ALERT)


def test_no_traffic_right_after_an_outage_of_the_exporter_or_a_new_birth_is_not_told(tmp_path: Path) -> None:
    weeks = counting((2 * WEEK, 6))
    shown = [*weeks, *[None] * 8, *[weeks[-1]] * 12]
    down = Exporter().shows(shown, shown, [0] * len(shown), LONG_AGO, flow="booking")
    back = (2 * WEEK + 9) * 15
    scenario = Scenario([down], minutes=15).silent(back, back + 15, alerts=[names.NO_DATA_ALERT])
    promtool.run(tmp_path, file(every=QUARTER), scenario, alert=names.NO_DATA_ALERT)
    start = 2 * WEEK * 15
    old = Exporter("pod-a").shows(weeks, weeks, [0] * len(weeks), LONG_AGO, flow="booking")
    new = Exporter("pod-b").shows([0] * 11, [0] * 11, [0] * 11, start * 60.0, flow="booking", from_step=2 * WEEK)
    scenario = Scenario([old, new], minutes=15).silent(*range(start, start + 60, 15), alerts=[names.NO_DATA_ALERT])
    promtool.run(tmp_path, file(every=QUARTER), scenario, alert=names.NO_DATA_ALERT)


@pytest.mark.parametrize(
    ("weeks", "now", "fires"), [(3, 0, 1), (2, 0, 1), (1, 0, 0), (3, 6, 0)], ids=["3w", "2w", "1w", "sends"]
)
def test_a_source_that_fell_silent(tmp_path: Path, weeks: int, now: int, fires: int) -> None:
    sent = weekly(weeks, now, 6)
    shown = Exporter().shows_more(names.ACCEPTED, sent, slo=False, source="livekit")
    shown.shows_more(names.ACCEPTED, counting((weeks * WEEK + 16, 6)), slo=False, source="native")
    scenario = Scenario([shown], minutes=15).firing(names.NO_DATA_ALERT, weeks * WEEK * 15 + 120, fires, "agent")
    promtool.run(tmp_path, file(every=QUARTER), scenario, alert=names.NO_DATA_ALERT)


def test_a_source_is_not_silent_because_the_exporter_restarts_every_week(tmp_path: Path) -> None:
    """And it is told of all the same once it is: the counters start at 0 with each process."""
    a_week = [6 * (n + 1) for n in range(WEEK)]
    sent = [*a_week * 3, *range(6, 60, 6), *[54] * 12]
    shown = Exporter().shows_more(names.ACCEPTED, sent, slo=False, source="livekit")
    start = 3 * WEEK * 15
    scenario = Scenario([shown], minutes=15).silent(*range(start, start + 135, 15), alerts=[names.NO_DATA_ALERT])
    scenario.firing(names.NO_DATA_ALERT, start + 240, 1, "agent")
    promtool.run(tmp_path, file(every=QUARTER), scenario, alert=names.NO_DATA_ALERT)


def test_what_silence_says(tmp_path: Path) -> None:
    sent = weekly(3, 0, 6)
    shown = Exporter().shows_more(names.ACCEPTED, sent, slo=False, source="livekit")
    labels = {
        "agent": "front-desk", "source": "livekit", "severity": "ticket", "alert_class": "source_silent",
        "owner": "voice-platform", "page_hours": "always", "scope": "agent",
    }  # fmt: skip
    texts = {
        "summary": "front-desk: a telemetry source is silent",
        "description": (
            "livekit sent nothing for an hour; at this hour there were 24 events a week ago and 24 the week before. The"
            " exporter is up: look at the sender, its token, and voice_exporter_rejected_total"
        ),
        "runbook_url": "https://runbooks.example.com/voice-slo/front-desk/source_silent",
        "dashboard_url": "https://grafana.example.com/d/voice-slo-front-desk-operator",
    }
    scenario = Scenario([shown], minutes=15).fires(names.NO_DATA_ALERT, 3 * WEEK * 15 + 120, (labels, texts))
    promtool.run(tmp_path, file(every=QUARTER), scenario, alert=names.NO_DATA_ALERT)


# Shares that jump


def shares(excluded_before: float, excluded_now: float, *, reason: str = "test_call") -> Exporter:
    """Eight days of 120 units an hour, and what of them is excluded before and on the last day."""
    days = [(7 * 24, excluded_before), (24, excluded_now)]
    eligible = counting(*((steps, 120 - out) for steps, out in days))
    out = counting(*days)
    shown = Exporter().shows(eligible, eligible, [0] * len(eligible), LONG_AGO, flow="booking")
    shown.shows_more(names.EXCLUDED, out, flow="booking", reason=reason, verdict="good")
    for unknown in (names.UNKNOWN, names.UNKNOWN_RESOLVED):
        shown.shows_more(unknown, [0] * len(eligible), flow="booking")
    return shown


@pytest.mark.parametrize(("before", "now", "fires"), [(12, 12, 0), (12, 28, 0), (12, 36, 1), (0, 8, 1), (0, 4, 0)])
def test_exclusions_that_jumped(tmp_path: Path, before: int, now: int, fires: int) -> None:
    """From 10 % a day has to be over 25 %; from nothing over 5 %."""
    scenario = Scenario([shares(before, now)], minutes=60).firing(names.EXCLUSIONS_HIGH_ALERT, 8 * 1440, fires, "all")
    promtool.run(tmp_path, file(every=HOURLY), scenario, alert=names.EXCLUSIONS_HIGH_ALERT)


def test_what_exclusions_say_and_that_a_reviewed_outage_is_no_surprise(tmp_path: Path) -> None:
    labels = {
        "agent": "front-desk", "slo": "task-completion", "severity": "ticket", "alert_class": "exclusions_high",
        "owner": "voice-platform", "page_hours": "always", "scope": "all",
    }  # fmt: skip
    texts = {
        "summary": "Task completion (front-desk): more exclusions than usual",
        "description": (
            "30 % of the calls are excluded in the last day (864), 10 % in the week before. Mostly test_call (864)"
        ),
        "runbook_url": "https://runbooks.example.com/voice-slo/front-desk/task-completion/exclusions_high",
        "dashboard_url": "https://grafana.example.com/d/voice-slo-front-desk-operator?var-slo=task-completion",
    }
    scenario = Scenario([shares(12, 36)], minutes=60).fires(names.EXCLUSIONS_HIGH_ALERT, 8 * 1440, (labels, texts))
    promtool.run(tmp_path, file(every=HOURLY), scenario, alert=names.EXCLUSIONS_HIGH_ALERT)
    start = datetime(2026, 11, 2, tzinfo=UTC)
    outage = Outage("external_outage", start, start, {"stage": "tts"}, "INC-1", "sre-lead")
    reviewed = Scenario([shares(0, 80, reason="external_outage")], minutes=60)
    reviewed.firing(names.EXCLUSIONS_HIGH_ALERT, 8 * 1440, 0, "all")
    promtool.run(
        tmp_path,
        file(slo(alerting=QUIET, outages=(outage,)), every=HOURLY),
        reviewed,
        alert=names.EXCLUSIONS_HIGH_ALERT,
    )


def test_a_few_excluded_calls_are_no_jump(tmp_path: Path) -> None:
    """Two of a dozen calls a day: 17 %, but two."""
    few = counting((7 * 24, 1), (24, 1))
    shown = Exporter().shows(few, few, [0] * len(few), LONG_AGO, flow="booking")
    shown.shows_more(names.EXCLUDED, counting((7 * 24, 0), (5, 1), (19, 0)), flow="booking", reason="x", verdict="good")
    scenario = Scenario([shown], minutes=60).firing(names.EXCLUSIONS_HIGH_ALERT, 8 * 1440, 0, "all")
    promtool.run(tmp_path, file(every=HOURLY), scenario, alert=names.EXCLUSIONS_HIGH_ALERT)


@pytest.mark.parametrize(("unit", "fires"), [("call", 1), ("turn", 0)])
def test_turns_of_one_call_weigh_as_one(tmp_path: Path, unit: str, fires: int) -> None:
    """100 of 1,000 excluded on a day after a week of none: of turns that may be eight calls."""
    eligible, out = counting((7 * 24, 42), (24, 38)), counting((7 * 24, 0), (24, 4.17))
    shown = Exporter().shows(eligible, eligible, [0] * len(eligible), LONG_AGO, flow="booking")
    shown.shows_more(names.EXCLUDED, out, flow="booking", reason="x", verdict="good")
    shown.shows_more(names.UNKNOWN, [0] * len(out), flow="booking")
    shown.shows_more(names.UNKNOWN_RESOLVED, [0] * len(out), flow="booking")
    scenario = Scenario([shown], minutes=60).firing(names.EXCLUSIONS_HIGH_ALERT, 8 * 1440, fires, "all")
    own = file(slo(alerting=QUIET, unit=unit), every=HOURLY)  # type: ignore[arg-type]
    promtool.run(tmp_path, own, scenario, alert=names.EXCLUSIONS_HIGH_ALERT)


def test_unknown_verdicts_and_segments_that_jumped(tmp_path: Path) -> None:
    steps = (7 * 24, 24)
    named, nameless = counting((steps[0], 30), (steps[1], 15)), counting((steps[0], 0), (steps[1], 6))
    shown = Exporter()
    for flow, eligible in (("booking", named), ("unknown", nameless), ("other", nameless)):
        shown.shows(eligible, eligible, [0] * len(eligible), LONG_AGO, flow=flow)
        shown.shows_more(names.UNKNOWN, counting((steps[0], 0), (steps[1], 3)), flow=flow)
        shown.shows_more(names.UNKNOWN_RESOLVED, [0] * len(eligible), flow=flow)
    scenario = Scenario([shown], minutes=60).firing(names.UNKNOWN_HIGH_ALERT, 7 * 1440, 0, "all")
    scenario.firing(names.UNKNOWN_HIGH_ALERT, 8 * 1440, 2, "all")
    by_class = 'count by (alert_class) (ALERTS{alertname="VoiceSLOUnknownHigh",alertstate="firing"})'
    scenario.gives(
        by_class, 8 * 1440, ({"alert_class": "unknown_segments"}, 1), ({"alert_class": "unknown_verdicts"}, 1)
    )
    promtool.run(tmp_path, file(every=HOURLY), scenario, alert=names.UNKNOWN_HIGH_ALERT)


# Definitions


def test_a_definition_that_drifted(tmp_path: Path) -> None:
    """A rolling deploy that shows both for five minutes is no drift."""
    own = slo(alerting=QUIET)
    lasting = Exporter().shows_more(names.DEFINITION_INFO, [1] * 40, definition="000000000000")
    labels = {
        "agent": "front-desk", "slo": "task-completion", "severity": "ticket", "alert_class": "definition_drift",
        "owner": "voice-platform", "page_hours": "always", "scope": "all",
    }  # fmt: skip
    texts = {
        "summary": "Task completion (front-desk): exporter and rules were made from different SLO files",
        "description": (
            f"the exporter judges by definition 000000000000, the rules were made for {own.definition}. Reload the"
            " exporter, or generate anew"
        ),
        "runbook_url": "https://runbooks.example.com/voice-slo/front-desk/task-completion/definition_drift",
        "dashboard_url": "https://grafana.example.com/d/voice-slo-front-desk-operator?var-slo=task-completion",
    }
    scenario = Scenario([lasting]).silent(14, alerts=[names.DEFINITION_DRIFT_ALERT])
    promtool.run(tmp_path, file(own), scenario.fires(names.DEFINITION_DRIFT_ALERT, 20, (labels, texts)))
    rolling = Exporter().shows_more(names.DEFINITION_INFO, [1] * 40, definition=own.definition)
    old = Exporter("pod-b").shows_more(names.DEFINITION_INFO, [1] * 6, definition="000000000000")
    scenario = Scenario([rolling, old]).silent(*range(5, 40, 5), alerts=[names.DEFINITION_DRIFT_ALERT])
    promtool.run(tmp_path, file(own), scenario)


# Scheduled test calls


SCHEDULES = (Synthetic("fraud", 300, 120, critical=True), Synthetic("booking", 900, 300, critical=False))


def runs(flow: str, every: int, last: Numbers, failures: Numbers) -> Exporter:
    shown = Exporter().shows_more(
        names.SYNTHETIC_INTERVAL, [None if n is None else every for n in failures], slo=False, flow=flow
    )
    shown.shows_more(names.SYNTHETIC_FAILURES, failures, slo=False, flow=flow)
    return shown.shows_more(names.SYNTHETIC_LAST_RUN, last, slo=False, flow=flow)


def test_three_failed_runs_of_a_critical_flow_in_a_row(tmp_path: Path) -> None:
    failures = [max(0, n // 5 - 5) for n in range(61)]
    fresh: list[float | None] = [300.0 * (n // 5) for n in range(61)]
    shown = [runs("fraud", 300, fresh, failures), runs("booking", 900, fresh, failures)]
    labels = {
        "agent": "front-desk", "flow": "fraud", "severity": "page", "alert_class": "synthetic_failing",
        "owner": "voice-platform", "page_hours": "business", "scope": "agent",
    }  # fmt: skip
    texts = {
        "summary": "front-desk: scheduled test calls of a critical flow fail",
        "description": "3 test calls of flow fraud failed in a row, the last 2 min ago; one is due every 5 min",
        "runbook_url": "https://runbooks.example.com/voice-slo/front-desk/synthetic_failing?flow=fraud",
        "dashboard_url": "https://grafana.example.com/d/voice-slo-front-desk-operator?var-flow=fraud",
    }
    at_work = BusinessHours("Europe/Berlin", ("mon",), "09:00", "18:00")
    scenario = Scenario(shown).silent(39, alerts=[names.SYNTHETIC_FAILING_ALERT])
    scenario.fires(names.SYNTHETIC_FAILING_ALERT, 42, (labels, texts))
    promtool.run(tmp_path, file(synthetics=SCHEDULES, business_hours=at_work), scenario)
    anytime = Scenario(shown).gives(
        'count(ALERTS{alertname="VoiceSLOSyntheticFailing",page_hours="always"})', 42, ({}, 1)
    )
    promtool.run(tmp_path, file(synthetics=SCHEDULES), anytime)


def test_failed_runs_that_are_old_are_missing_runs(tmp_path: Path) -> None:
    """The last run of fraud failed at minute 20; 12 minutes later it is missing, and its failures are no news."""
    last: list[float | None] = [300.0 * min(n // 5, 4) for n in range(61)]
    shown = [runs("fraud", 300, last, [4] * 61)]
    scenario = Scenario(shown).firing(names.SYNTHETIC_FAILING_ALERT, 30, 1, "agent")
    scenario.firing(names.SYNTHETIC_MISSING_ALERT, 30, 0, "agent")
    for minute in (34, 50):
        scenario.firing(names.SYNTHETIC_FAILING_ALERT, minute, 0, "agent")
        scenario.firing(names.SYNTHETIC_MISSING_ALERT, minute, 1, "agent")
    promtool.run(tmp_path, file(synthetics=SCHEDULES), scenario)


def test_runs_that_never_came(tmp_path: Path) -> None:
    """Known from minute 5 on; the alert waits for two intervals and the grace."""
    shown = Exporter().shows_more(names.SYNTHETIC_INTERVAL, [300] * 56, from_step=5, slo=False, flow="fraud")
    shown.shows_more(names.SYNTHETIC_FAILURES, [0] * 56, from_step=5, slo=False, flow="fraud")
    scenario = Scenario([shown]).firing(names.SYNTHETIC_MISSING_ALERT, 11, 0, "agent")
    for minute in (20, 59):
        scenario.firing(names.SYNTHETIC_MISSING_ALERT, minute, 1, "agent")
    scenario.firing(names.SYNTHETIC_FAILING_ALERT, 40, 0, "agent")
    promtool.run(tmp_path, file(synthetics=SCHEDULES), scenario)


def test_an_exporter_that_comes_back_does_not_miss_what_it_could_not_see(tmp_path: Path) -> None:
    def seen(value: float) -> Numbers:
        return [None if 20 <= n < 80 else value for n in range(90)]

    shown = [runs("fraud", 300, seen(1150.0), seen(0))]
    scenario = Scenario(shown).silent(*range(78, 87), alerts=[names.SYNTHETIC_MISSING_ALERT])
    promtool.run(tmp_path, file(synthetics=SCHEDULES), scenario)


# Switched off


def test_a_class_that_is_switched_off_or_graded(tmp_path: Path) -> None:
    quiet = replace(QUIET, disabled=frozenset({"budget_low"}), severities={"budget_exhausted": "info"})
    off = file(slo(alerting=quiet), alerting=replace(QUIET, disabled=frozenset({"exporter_down"})))
    scenario = Scenario([budget(1000, 90, 40)]).firing(names.BUDGET_LOW_ALERT, 8, 0)
    promtool.run(tmp_path, off, scenario.firing(names.EXPORTER_DOWN_ALERT, 38, 0, "agent"))
    graded = 'count(ALERTS{alertname="VoiceSLOBudgetExhausted",severity="info"})'
    promtool.run(tmp_path, off, Scenario([budget(1000, 131)]).gives(graded, 8, ({}, 1)))


def test_most_samples_of_an_hour() -> None:
    assert [most_samples(seconds) for seconds in (30, 60, 300)] == [108, 54, 10]


# All budgets together, and what comes after a birth


def test_a_total_outage_of_many_quiet_flows_is_seen_by_their_sum(tmp_path: Path) -> None:
    """Twelve flows of one call in ten minutes each; all fail from minute 30. None alone has three callers in time."""
    flows = [f"f{n}" for n in range(12)]
    own = slo("connection-success", "0.995", values=tuple(flows), objectives=(row("0.9", "observe", flow="f0"),))
    shown = Exporter(slo="connection-success")
    for n, flow in enumerate(flows):
        calls = [(step + n) // 12 for step in range(61)]
        good = [calls[min(step, 30)] for step in range(61)]
        bad = [calls[step] - good[step] for step in range(61)]
        shown.shows(calls, good, bad, LONG_AGO, flow=flow, window=([200] * 61, bad))
    scenario = Scenario([shown]).firing(names.FAST_BURN, 29, 0, "all").firing(names.FAST_BURN, 40, 1, "all")
    scenario.firing(names.FAST_BURN, 40, 0).firing(names.FAST_BURN, 44, 0)
    promtool.run(tmp_path, slo_file(own), scenario)


def test_observed_flows_are_not_in_the_sum(tmp_path: Path) -> None:
    own = slo("connection-success", "0.995", objectives=(row("0.9", "observe", flow="faq"),))
    shown = Exporter(slo="connection-success")
    for flow, failing in (("booking", 0), ("fraud", 0), ("faq", 1), ("other", 1)):
        calls, good = counting((40, 1)), counting((40, 1 - failing))
        shown.shows(calls, good, counting((40, failing)), LONG_AGO, flow=flow, window=(calls, [0] * 41))
    scenario = Scenario([shown]).silent(30, 40).is_(names.total("bad", "15m"), 40, 0)
    promtool.run(tmp_path, slo_file(own), scenario.is_(names.total("eligible", "15m"), 40, 30))


@pytest.mark.parametrize("hours_down", [0, 2], ids=["at once", "after two hours"])
def test_a_new_birth_keeps_the_state_before_it(tmp_path: Path, hours_down: int) -> None:
    """Spent before; a changed definition counts from 0 and stops collecting with its 50th unit."""
    down = 12 * hours_down
    old = Exporter("pod-a").shows(
        [0] * 25, [0] * 25, [0] * 25, LONG_AGO, flow="booking", window=([1000] * 25, [150] * 25)
    )
    start = 25 + down
    fresh = [*[0] * 10, *range(5, 61, 5), *[60] * 20]
    new = Exporter("pod-b").shows(
        fresh, fresh, [0] * len(fresh), start * 300.0, flow="booking", from_step=start, window=(fresh, [0] * len(fresh))
    )
    scenario = Scenario([old, new], minutes=5).is_(names.RELEASE_STATE, 115, 3)
    first = start * 5
    for minute, raw in ((first + 20, -2), (first + 60, -1)):
        scenario.is_(names.RELEASE_STATE_RAW, minute, raw).is_(names.RELEASE_STATE, minute, 3)
    scenario.is_(names.RELEASE_STATE_RAW, first + 170, 0).is_(names.RELEASE_STATE, first + 170, 0)
    promtool.run(tmp_path, file(every=FIVE_MINUTES), scenario)


def test_a_first_birth_has_no_state_before_it(tmp_path: Path) -> None:
    fresh = counting((20, 1))
    new = Exporter().shows(fresh, fresh, [0] * 21, 0, flow="booking", window=(fresh, [0] * 21))
    promtool.run(tmp_path, file(), Scenario([new]).is_(names.RELEASE_STATE, 15, -1))


def test_a_corrected_budget_that_collects_again_forgets_what_it_was(tmp_path: Path) -> None:
    """Five bad made it spent; an outage takes them out, and a budget of under five units has no state."""
    bad = [*[5] * 20, *[0] * 80]
    one = Exporter().shows([0] * 100, [0] * 100, [0] * 100, 0, flow="booking", window=([49] * 100, bad))
    scenario = Scenario([one]).is_(names.RELEASE_STATE, 10, 3).is_(names.RELEASE_STATE, 95, -1)
    promtool.run(tmp_path, file(), scenario)


# Shares


def test_what_each_segment_used_of_the_whole_budget_and_the_share_of_each_reason(tmp_path: Path) -> None:
    shown = Exporter()
    for flow, eligible, bad in (("booking", 600, 30), ("faq", 400, 20)):
        counts = counting((10, 0))
        shown.shows(counts, counts, counts, 0, flow=flow, window=([eligible] * 11, [bad] * 11))
    for reason, value in (("slow", 12.0), ("no_answer", 4.0)):
        shown.shows_more(names.BAD, [value] * 11, flow="booking", reason=reason)
    scenario = Scenario([shown])
    budget = {"__name__": names.CONSUMED_RATIO, "agent": "front-desk", "slo": "task-completion"}
    scenario.gives(names.CONSUMED_RATIO, 10, ({**budget, "flow": "booking"}, 0.3), ({**budget, "flow": "faq"}, 0.2))
    share = {**budget, "__name__": names.REASON_RATIO, "flow": "booking"}
    scenario.gives(
        names.REASON_RATIO, 10, ({**share, "reason": "slow"}, 0.75), ({**share, "reason": "no_answer"}, 0.25)
    )
    promtool.run(tmp_path, file(), scenario)


def test_a_page_does_not_begin_after_the_end_because_calls_stop(tmp_path: Path) -> None:
    """Failures from 05:00 to 05:30, closed at 08:00: the six hours still burn, and nobody calls."""
    calls = counting((60, 4), (6, 4), (30, 4), (40, 0))
    good = counting((60, 4), (6, 0), (30, 4), (40, 0))
    callers = counting((60, 0), (6, 4), (70, 0))
    shown = Exporter(slo="connection-success").shows(calls, good, callers, LONG_AGO, flow="booking")
    own = slo("connection-success", "0.99")
    scenario = Scenario([shown], minutes=5).silent(*range(500, 640, 10), alerts=[names.MEDIUM_BURN])
    promtool.run(tmp_path, slo_file(own, prometheus=FIVE_MINUTES), scenario)
