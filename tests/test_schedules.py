"""Scheduled test calls: runs count once, what does not come is missed, what nobody could hear is not (DESIGN 4, 7)."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families

from exporter import counts as c
from exporter.counts import FlowRuns
from exporter.exposition import Exposition
from tests.ledgers import SECOND, START, Desk, event, simple_call
from tests.slo_texts import one
from voice_slo.events import Event, decode, from_us
from voice_slo.spec import SloFile

TEXT = """version: voice-slo/v1
agent: front-desk
owner: voice-platform
budget_by: [flow]
segments:
  flow: {fraud: [frauds], faq: [], booking: []}
  language: [en]
synthetics:
  - {flow: fraud, every: 5m, grace: 2m, critical: true}
  - {flow: faq, every: 1h, grace: 10m}
slos:
  synthetic: {sli: synthetic_success, objective: 95%}
  connection-success: {sli: connection_success, objective: 99.5%}
"""
FILE = one(TEXT)
SLO = "synthetic"
DAY = 86_400


def with_line(old: str, new: str) -> SloFile:
    assert old in TEXT
    return one(TEXT.replace(old, new))


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    held = Desk(tmp_path, [FILE])
    yield held
    held.store.close()


def seconds(desk: Desk) -> float:
    return (desk.now - START) / SECOND


def listen(desk: Desk, length: float) -> None:
    """Let the clock run as it does while the exporter listens; `desk.wait` is a gap in which it cannot."""
    end = desk.now + int(length * SECOND)
    while desk.now < end:
        desk.wait(min(30, (end - desk.now) / SECOND))


def run(desk: Desk, result: str | None = "good", flow: str | None = "fraud", **fields: object) -> Event:
    """A run that comes now."""
    said = {"result": result} if result else {}
    flows = {"flow": flow} if flow else {}
    at = from_us(desk.now).isoformat()
    name = fields.pop("run", f"run-{desk.now}-{flow}")
    return decode(json.dumps({"kind": "synthetic", "at": at, "run": name, **flows, **said, **fields}))


def flow(desk: Desk, name: str = "fraud") -> FlowRuns:
    return next(f for f in desk.mirror.flows if f.flow == name)


def runs(desk: Desk, name: str = "fraud") -> Counter[str]:
    return +Counter(flow(desk, name).runs)


def failures(desk: Desk, name: str = "fraud") -> int:
    schedule = flow(desk, name).schedule
    assert schedule is not None
    return schedule.failures


def due(desk: Desk, name: str = "fraud") -> float:
    """Seconds from now."""
    schedule = flow(desk, name).schedule
    assert schedule is not None
    return (schedule.due - desk.now) / SECOND


# Missed runs ------------------------------------------------------------------------------------------------------


def test_the_first_run_is_due_one_interval_after_the_schedule_was_loaded(desk: Desk) -> None:
    listen(desk, 419)
    assert runs(desk) == Counter()
    listen(desk, 1)
    assert runs(desk) == Counter(missed=1)
    assert desk.bad_by_reason(SLO) == Counter(missed_run=1)
    assert desk.value(SLO, c.WINDOW, c.BAD, labels=["fraud"]) == 1
    assert desk.states("connection-success") == Counter()
    listen(desk, 300)
    assert runs(desk) == Counter(missed=2)
    assert failures(desk) == 2


def test_a_run_is_due_one_interval_after_the_last_one_and_missed_once_its_grace_is_over(desk: Desk) -> None:
    listen(desk, 100)
    desk.send([run(desk)])
    listen(desk, 419)
    assert runs(desk) == Counter(good=1)
    listen(desk, 1)
    assert runs(desk) == Counter(good=1, missed=1)


def test_a_late_run_resolves_its_slot_only_within_its_grace(desk: Desk) -> None:
    listen(desk, 415)
    desk.send([run(desk)])
    listen(desk, 419)
    assert runs(desk) == Counter(good=1)
    listen(desk, 1)
    desk.send([run(desk)])
    assert runs(desk) == Counter(good=2, missed=1)
    assert desk.states(SLO) == Counter(good=2, bad=1)


def test_a_schedule_that_drifts_or_jitters_misses_nothing(desk: Desk) -> None:
    rng = random.Random(5)
    for _ in range(40):
        listen(desk, rng.uniform(200, 415))
        desk.send([run(desk)])
    assert runs(desk) == Counter(good=40)


def test_several_runs_in_one_interval_fill_it_once_and_count_each(desk: Desk) -> None:
    for n in range(3):
        listen(desk, 10)
        desk.send([run(desk, run=f"r{n}")])
    listen(desk, 420)
    assert runs(desk) == Counter(good=3, missed=1)


def test_flows_have_their_own_slots(desk: Desk) -> None:
    for _ in range(14):
        listen(desk, 300)
        desk.send([run(desk)])
    assert runs(desk) == Counter(good=14)
    assert runs(desk, "faq") == Counter(missed=1)


def test_runs_of_flows_without_a_schedule_show_their_results_only(desk: Desk) -> None:
    desk.send([run(desk, flow="booking"), run(desk, "bad", flow="elsewhere"), run(desk, flow=None)])
    listen(desk, 1_900)
    assert runs(desk, "booking") == Counter(good=1)
    assert runs(desk, "other") == Counter(bad=1)
    assert runs(desk, "unknown") == Counter(good=1)
    assert [f.flow for f in desk.mirror.flows if f.schedule is None] == ["booking", "other", "unknown"]


def test_a_flow_goes_by_its_value_however_it_was_spelt(desk: Desk) -> None:
    desk.send([run(desk, flow="frauds")])
    assert runs(desk) == Counter(good=1)
    assert due(desk) == 300


# Downtime ---------------------------------------------------------------------------------------------------------


def test_what_was_due_while_the_exporter_was_down_is_unknown_and_never_missed(desk: Desk) -> None:
    desk.send([run(desk)])
    listen(desk, 200)
    desk.store.close()
    desk.now += 3_600 * SECOND
    desk.restart()
    listen(desk, 60)
    assert runs(desk)["missed"] == 0
    assert runs(desk)["unknown"] == 12
    assert desk.states(SLO) == Counter(good=1)
    assert failures(desk) == 0
    listen(desk, 900)
    assert runs(desk)["missed"] >= 2


def test_a_short_restart_leaves_a_run_that_is_not_due_yet(desk: Desk) -> None:
    desk.send([run(desk)])
    listen(desk, 100)
    desk.restart()
    listen(desk, 320)
    assert runs(desk) == Counter(good=1, missed=1)


@pytest.mark.parametrize("after", [185, 300, 415])
def test_a_restart_around_the_time_it_was_due_makes_it_unknown(desk: Desk, after: float) -> None:
    desk.send([run(desk)])
    listen(desk, after)
    desk.restart()
    listen(desk, 421 - after)
    assert runs(desk) == Counter(good=1, unknown=1)
    assert due(desk) == 300 - 121


def test_a_run_that_comes_after_such_a_restart_is_no_unknown(desk: Desk) -> None:
    desk.send([run(desk)])
    listen(desk, 299)
    desk.restart()
    listen(desk, 60)
    desk.send([run(desk)])
    listen(desk, 300)
    assert runs(desk) == Counter(good=2)


def test_a_sleeping_machine_hears_nothing_and_misses_nothing(desk: Desk) -> None:
    desk.send([run(desk)])
    listen(desk, 60)
    desk.wait(8 * 3_600)
    assert runs(desk)["missed"] == runs(desk, "faq")["missed"] == 0
    assert runs(desk)["unknown"] > 90


def test_a_clock_set_back_judges_nothing_twice(desk: Desk) -> None:
    listen(desk, 720)
    assert runs(desk) == Counter(missed=2)
    desk.now -= 600 * SECOND
    listen(desk, 420)
    assert runs(desk) == Counter(missed=2)
    listen(desk, 60)
    assert runs(desk) == Counter(missed=3)
    assert desk.states(SLO) == Counter(bad=3)


def test_a_clock_that_ran_ahead_for_a_while_hides_no_failure(desk: Desk) -> None:
    here = desk.now
    desk.wait(3 * DAY)
    desk.send([run(desk)])
    desk.now = here
    desk.wait(1)
    desk.send([run(desk, "bad")])
    assert failures(desk) == 1
    assert due(desk) == 300
    schedule = flow(desk).schedule
    assert schedule is not None
    assert schedule.last_run is not None
    assert schedule.last_run - desk.now < SECOND


def test_no_slot_is_judged_twice_across_restarts(desk: Desk) -> None:
    listen(desk, 420)
    for _ in range(3):
        desk.restart()
        desk.wait(0)
    assert runs(desk) == Counter(missed=1)
    assert desk.states(SLO) == Counter(bad=1)
    assert failures(desk) == 1


def test_a_miss_whose_commit_fails_is_counted_once(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    listen(desk, 419)

    def full() -> None:
        raise OSError("disk is full")

    desk.now += SECOND
    monkeypatch.setattr(desk.store, "commit", full)
    for _ in range(2):
        with pytest.raises(OSError, match="disk is full"):
            desk.ledger.tick()
        monkeypatch.undo()
        desk.ledger.recover()
        monkeypatch.setattr(desk.store, "commit", full)
    assert runs(desk) == Counter()
    monkeypatch.undo()
    desk.wait(0)
    assert runs(desk) == Counter(missed=1)
    assert desk.states(SLO) == Counter(bad=1)


# Changes of the file ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "changed", ["every: 10s, grace: 5s", "every: 1d, grace: 2m", "every: 5m, grace: 0s", "every: 5m, grace: 5m"]
)
@pytest.mark.parametrize("after", [100, 400])
def test_another_interval_begins_anew_and_invents_no_miss(desk: Desk, changed: str, after: float) -> None:
    desk.send([run(desk, "bad")])
    listen(desk, after)
    desk.restart([with_line("every: 5m, grace: 2m", changed)])
    desk.wait(0)
    assert runs(desk) == Counter(bad=1)
    assert failures(desk) == 1
    schedule = flow(desk).schedule
    assert schedule is not None
    assert schedule.due == desk.now + schedule.every


def test_the_same_schedule_loaded_again_goes_on(desk: Desk) -> None:
    listen(desk, 400)
    desk.ledger.load([with_line("critical: true", "critical: false")])
    listen(desk, 20)
    assert runs(desk) == Counter(missed=1)


def test_a_schedule_taken_out_for_a_while_begins_anew(desk: Desk) -> None:
    desk.send([run(desk, "bad")])
    line = "  - {flow: fraud, every: 5m, grace: 2m, critical: true}\n"
    desk.restart([with_line(line, "")])
    assert (flow(desk).schedule, runs(desk)) == (None, Counter(bad=1))
    listen(desk, 7_200)
    desk.restart([FILE])
    listen(desk, 419)
    assert runs(desk) == Counter(bad=1)
    listen(desk, 1)
    assert runs(desk) == Counter(bad=1, missed=1)


def test_an_agent_that_is_not_loaded_shows_nothing(desk: Desk) -> None:
    desk.send([run(desk)])
    desk.restart([one(TEXT.replace("agent: front-desk", "agent: back-office"))])
    assert {f.agent for f in desk.mirror.flows} == {"back-office"}


# Runs -------------------------------------------------------------------------------------------------------------


def test_a_run_counts_once_through_repeats_and_restarts(desk: Desk) -> None:
    sent = run(desk, run="r1")
    for _ in range(3):
        desk.send([sent, sent])
        desk.restart()
        listen(desk, 60)
    again = run(desk, "bad", run="r1")
    desk.send([again])
    desk.settle()
    assert runs(desk)["good"] == 1
    assert runs(desk)["bad"] == 0


def test_failures_are_counted_since_the_last_pass(desk: Desk) -> None:
    said = []
    for result in ("bad", "bad", "unknown", "bad", "good", "bad"):
        listen(desk, 60)
        desk.send([run(desk, result)])
        said.append(failures(desk))
    assert said == [1, 2, 2, 3, 0, 1]
    desk.restart()
    assert failures(desk) == 1
    listen(desk, 420)
    assert failures(desk) == 2


def test_two_runs_of_one_request_are_in_order(desk: Desk) -> None:
    desk.send([run(desk, "good", run="a"), run(desk, "bad", run="b")])
    assert failures(desk) == 1
    desk.send([run(desk, "bad", run="c"), run(desk, "good", run="d")])
    assert failures(desk) == 0


def test_a_pass_that_is_known_late_forgives_only_what_came_before_it(desk: Desk) -> None:
    call = probe(desk, "slow")
    desk.send([run(desk, "bad", run="before")])
    listen(desk, 1)
    desk.send(call)
    listen(desk, 5)
    desk.send([run(desk, "bad", run="after")])
    assert failures(desk) == 2
    listen(desk, 60)
    assert runs(desk) == Counter(bad=2, good=1)
    assert failures(desk) == 1


def test_a_run_that_was_days_on_its_way_counts_and_fills_no_slot(desk: Desk) -> None:
    old = run(desk, "bad", run="old")
    listen(desk, 415)
    listen(desk, 60)
    desk.send([old])
    assert runs(desk) == Counter(bad=1, missed=1)
    assert failures(desk) == 1
    schedule = flow(desk).schedule
    assert schedule is not None
    assert schedule.last_run is None


def test_a_run_whose_result_never_comes_is_unknown_in_the_end(desk: Desk) -> None:
    desk.send([run(desk, None, run="silent"), run(desk, "unknown", run="unsure")])
    assert runs(desk) == Counter()
    assert due(desk) == 300
    listen(desk, 1_860)
    assert runs(desk)["unknown"] == 2
    assert desk.states(SLO)["unknown"] == 2


# Test calls -------------------------------------------------------------------------------------------------------


def probe(desk: Desk, call: str, *, synthetic: bool = True, flow: str = "fraud") -> list[Event]:
    at = seconds(desk)
    found = simple_call(call, at, flow=flow)
    return [event("call.started", call, at, segments={"flow": flow}, synthetic=synthetic), *found[1:]]


def test_a_test_call_is_a_run_that_comes_when_it_begins_and_passes_when_it_settles(desk: Desk) -> None:
    listen(desk, 410)
    call = probe(desk, "probe")
    desk.send(call[:2])
    listen(desk, 100)
    desk.send(call[2:])
    assert runs(desk) == Counter()
    listen(desk, 60)
    assert runs(desk) == Counter(good=1)
    assert desk.states(SLO) == Counter(good=1)
    listen(desk, 1_000)
    assert runs(desk)["good"] == 1


def test_a_test_call_that_was_never_heard_is_a_failed_run(desk: Desk) -> None:
    call = [e for e in probe(desk, "probe") if e.kind not in ("call.first_audio", "turn")]
    desk.send(call)
    listen(desk, 60)
    assert runs(desk) == Counter(bad=1)
    assert desk.bad_by_reason(SLO) == Counter(run_failed=1)


def test_an_explicit_result_wins_and_is_the_same_run(desk: Desk) -> None:
    desk.send([*probe(desk, "probe"), run(desk, "bad", run="r1", call="probe")])
    assert runs(desk) == Counter(bad=1)
    listen(desk, 120)
    assert runs(desk) == Counter(bad=1)
    assert desk.states(SLO) == Counter(bad=1)


@pytest.mark.parametrize("restart", [False, True])
def test_a_result_that_is_sent_after_the_call_has_settled_is_the_same_run(desk: Desk, restart: bool) -> None:
    desk.send(probe(desk, "probe"))
    listen(desk, 90)
    if restart:
        desk.restart()
    desk.send([run(desk, "bad", run="r1", call="probe")])
    listen(desk, 90)
    assert runs(desk) == Counter(good=1)
    assert desk.states(SLO) == Counter(good=1)
    assert desk.seen(SLO) == 1


def test_a_call_that_is_no_test_is_no_run(desk: Desk) -> None:
    desk.send(probe(desk, "customer", synthetic=False))
    listen(desk, 90)
    assert runs(desk) == Counter()
    assert desk.states(SLO) == Counter()


def test_a_test_call_that_turns_out_to_be_another_one_is_one_run(desk: Desk) -> None:
    for name in ("a", "b"):
        desk.send(probe(desk, name))
    at = seconds(desk)
    desk.send([event("tag", name, at, name="x", ids={"room": "r"}) for name in ("a", "b")])
    listen(desk, 90)
    assert runs(desk) == Counter(good=1)
    assert desk.states(SLO) == Counter(good=1)


# What a person sees -----------------------------------------------------------------------------------------------


def scrape(desk: Desk) -> dict[tuple[str, ...], float]:
    text = b"".join(Exposition(desk.mirror, CollectorRegistry()).render()).decode()
    return {
        (s.name, *s.labels.values()): s.value
        for family in text_string_to_metric_families(text)
        for s in family.samples
        if s.name.startswith("voice_synthetic_")
    }


def test_the_metrics(desk: Desk) -> None:
    expected: dict[tuple[str, ...], float] = {}
    for flow_, every in (("fraud", 300), ("faq", 3_600)):
        expected["voice_synthetic_consecutive_failures", "front-desk", flow_] = 0
        expected["voice_synthetic_interval_seconds", "front-desk", flow_] = every
        for result in ("good", "bad", "missed", "unknown"):
            expected["voice_synthetic_runs_total", "front-desk", flow_, result] = 0
    assert scrape(desk) == expected
    listen(desk, 30)
    desk.send([run(desk, "bad")])
    shown = scrape(desk)
    assert shown["voice_synthetic_runs_total", "front-desk", "fraud", "bad"] == 1
    assert shown["voice_synthetic_last_run_timestamp_seconds", "front-desk", "fraud"] == START / SECOND + 30
    assert shown["voice_synthetic_consecutive_failures", "front-desk", "fraud"] == 1


def test_a_missed_run_can_be_explained(desk: Desk) -> None:
    listen(desk, 420)
    key = f"missed:fraud:{from_us(START + 300 * SECOND).isoformat(timespec='microseconds')}".replace("+00:00", "Z")
    (said,) = desk.ledger.explain(key)
    (unit,) = (u for u in said.units if u.slo == SLO)
    assert (unit.verdict, unit.counted, unit.reason) == ("bad", "bad", "missed_run")
    desk.restart()
    assert desk.ledger.explain(key) == [said]


def test_missed_runs_are_forgotten_with_their_time(desk: Desk) -> None:
    listen(desk, 420)
    desk.wait(36 * DAY)
    desk.wait(10 * DAY)
    assert runs(desk)["missed"] == 1
    assert desk.value(SLO, c.WINDOW, c.BAD) == 0
    assert desk.store.schedules.failed_since("front-desk", "fraud", 0) == 0


# Everything at once -----------------------------------------------------------------------------------------------


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000))
def test_the_slo_counts_what_the_runs_do(seed: int) -> None:
    rng = random.Random(seed)
    with TemporaryDirectory() as folder:
        desk = Desk(Path(folder), [FILE])
        sent: list[Event] = []
        for _ in range(40):
            listen(desk, rng.choice([5, 60, 250, 400, 700]))
            if rng.random() < 0.8:
                sent.append(run(desk, rng.choice(["good", "bad"]), rng.choice(["fraud", "faq"])))
                desk.send([sent[-1], *rng.choices(sent, k=2)])
            if rng.random() < 0.2:
                desk.now += int(rng.choice([1, 3_000]) * SECOND)
                desk.restart()
        desk.quiet()
        total = runs(desk) + runs(desk, "faq")
        assert desk.states(SLO) == +Counter(good=total["good"], bad=total["bad"] + total["missed"])
        assert desk.value(SLO, c.GOOD) == total["good"]
        assert desk.bad_by_reason(SLO)["missed_run"] == total["missed"]
        before = desk.states(SLO)
        desk.send(sent)
        desk.restart()
        assert desk.states(SLO) == before
        desk.store.close()


def test_of_an_open_flow_only_those_with_a_schedule_are_named(tmp_path: Path) -> None:
    text = TEXT.replace("budget_by: [flow]\n", "").replace("{fraud: [frauds], faq: [], booking: []}", "{max: 3}")
    desk = Desk(tmp_path, [one(text)])
    desk.send([run(desk, flow=f"made-up-{n}") for n in range(20)] + [run(desk), run(desk, flow="a\nb")])
    assert {f.flow: f.runs["good"] for f in desk.mirror.flows} == {"faq": 0, "fraud": 1, "other": 21}


def test_without_a_flow_segment_runs_have_no_flow(tmp_path: Path) -> None:
    text = "".join(line for line in TEXT.splitlines(True) if "flow" not in line and "synthetics" not in line)
    desk = Desk(tmp_path, [one(text)])
    desk.send([run(desk), run(desk, flow=None, run="r")])
    listen(desk, 1_860)
    assert {f.flow: +Counter(f.runs) for f in desk.mirror.flows} == {
        "other": Counter(good=1), "unknown": Counter(good=1),
    }  # fmt: skip
