"""What the store promises, one sentence a test (DESIGN section 6)."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from exporter import calls
from exporter import counts as c
from exporter.intake import Delivery, QueueFull, StoreFailed
from exporter.ledger import Times
from exporter.sources.translation import Translated
from exporter.store import DirectoryLock, StoreLocked
from exporter.writer import Writer
from tests.ledgers import SECOND, START, Desk, event, simple_call, turn
from tests.slo_texts import EVERY_SLI, every_sli, one
from voice_slo import names
from voice_slo.events import Event
from voice_slo.spec import SloFile

FILE = every_sli()
DAY = 86_400
TEXT = EVERY_SLI.replace("BUDGET_BY", "[flow]")


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    held = Desk(tmp_path, [FILE])
    yield held
    held.store.close()


def with_line(old: str, new: str) -> SloFile:
    assert old in TEXT
    return one(TEXT.replace(old, new))


# Settling ---------------------------------------------------------------------------------------------------------


def test_a_tool_turn_counts_while_the_call_still_runs(desk: Desk) -> None:
    started = event("call.started", "a", 0, segments={"flow": "faq"})
    desk.send([started, turn("a", 1, 5, 0.7, tool_used=True)])
    assert desk.value("tool-turn-latency", c.GOOD) == 1
    assert desk.states("connection-success")["pending"] == 1


def test_an_ordinary_turn_waits_because_a_tool_could_still_turn_up(desk: Desk) -> None:
    desk.send([event("call.started", "a", 0, segments={"flow": "faq"}), turn("a", 1, 5, 0.7)])
    assert desk.states("turn-latency")["pending"] == 1
    desk.send([event("stage", "a", 4, turn=1, stage="tool", ok=True)])
    assert desk.value("tool-turn-latency", c.GOOD) == 1
    assert desk.value("turn-latency", c.ELIGIBLE) == 0


def test_a_call_settles_sixty_seconds_after_the_later_of_its_end_and_its_last_arrival(desk: Desk) -> None:
    desk.send(simple_call("a", 0))
    desk.wait(50)
    desk.send([event("tag", "a", 10, name="late")])
    desk.wait(59)
    assert desk.value("connection-success", c.ELIGIBLE) == 0
    desk.wait(1)
    assert desk.value("connection-success", c.GOOD) == 1


def test_a_source_that_needs_longer_to_report_is_waited_for(tmp_path: Path) -> None:
    desk = Desk(tmp_path, [FILE], times=Times(sources={"twilio": 180}))
    desk.send(simple_call("a", 0))
    desk.send([event("call.connected", "a", 1, source="twilio")])
    desk.wait(179)
    assert desk.value("connection-success", c.ELIGIBLE) == 0
    desk.wait(1)
    assert desk.value("connection-success", c.GOOD) == 1


def test_a_call_without_an_end_is_given_up_after_four_hours(desk: Desk) -> None:
    desk.send(simple_call("a", 0)[:-1])
    desk.wait(4 * 3600 - 1)
    assert desk.value("connection-success", c.ELIGIBLE) == 0
    desk.wait(1)
    assert desk.value("connection-success", c.GOOD) == 1
    assert desk.own.value(names.CALLS_ABANDONED, "front-desk") == 1


def test_timers_survive_a_restart(desk: Desk) -> None:
    desk.send(simple_call("a", 0))
    desk.wait(30)
    desk.restart()
    assert desk.states("connection-success")["pending"] == 1
    desk.wait(30)
    assert desk.value("connection-success", c.GOOD) == 1


# Repeats and late facts -------------------------------------------------------------------------------------------


def test_a_repeat_is_a_duplicate_by_its_id_or_else_by_its_content(desk: Desk) -> None:
    named = event("tag", "a", 1, id="x", name="one")
    assert desk.send([named]).accepted == 1
    assert desk.send([named]).duplicate == 1
    assert desk.send([event("tag", "a", 1, name="one")]).accepted == 1
    assert desk.send([event("tag", "a", 1, name="one")]).duplicate == 1


def test_a_repeat_that_carries_more_adds_its_facts_and_counts_nothing_again(desk: Desk) -> None:
    desk.send([*simple_call("a", 0), event("task", "a", 21, id="t")])
    desk.settle()
    assert desk.states("task-completion") == Counter(awaiting=1)
    assert desk.send([event("task", "a", 21, id="t", result="good")]).duplicate == 1
    desk.quiet()
    assert desk.states("task-completion") == Counter(good=1)
    desk.send([event("task", "a", 20, id="t", result="bad")])
    desk.quiet()
    assert desk.states("task-completion") == Counter(good=1)
    assert desk.own.value(names.LATE_FACTS, "front-desk", "task-completion") == 1


def test_an_unknown_verdict_is_resolved_once(desk: Desk) -> None:
    desk.send([*simple_call("a", 0), event("task", "a", 21, result="unknown")])
    desk.settle()
    assert desk.value("task-completion", c.UNKNOWN) == 1
    desk.send([event("task", "a", 22, result="good", evaluator="human")])
    desk.quiet()
    assert desk.value("task-completion", c.UNKNOWN_RESOLVED) == 1
    assert desk.value("task-completion", c.GOOD) == 1
    desk.send([event("task", "a", 20, result="bad", evaluator="human")])
    desk.quiet()
    assert desk.states("task-completion") == Counter(good=1)


def test_an_audit_days_later_finds_the_calls_segments_and_counts_in_its_own_time(desk: Desk) -> None:
    desk.send([*simple_call("a", 0, flow="booking"), event("escalation", "a", 20, happened=True)])
    desk.settle()
    desk.wait(10 * DAY)
    desk.restart()
    desk.send([event("escalation", "a", 10 * DAY, required=False, audited=True)])
    desk.quiet()
    assert desk.value("escalation-correctness", c.BAD, "unnecessary", labels=["booking"]) == 1
    assert desk.value("escalation-correctness", c.WINDOW, c.BAD, labels=["booking"]) == 1
    # Over two hours late: it counts, but does not page as a caller affected now.
    assert desk.value("escalation-correctness", c.BAD_CALLERS) == 0
    desk.wait(20 * DAY)
    assert desk.value("escalation-correctness", c.WINDOW, c.BAD) == 0


def test_a_unit_that_nobody_evaluates_within_the_horizon_does_not_concern_the_slo(desk: Desk) -> None:
    desk.send([*simple_call("a", 0), event("handoff", "a", 19, to="human", ok=True)])
    desk.settle()
    assert desk.value("escalation-recall", c.AWAITING) == 1
    desk.wait(31 * DAY)
    assert desk.value("escalation-recall", c.AWAITING) == 0
    assert desk.states("escalation-recall") == Counter(not_concerned=1)


# Callers ----------------------------------------------------------------------------------------------------------


def bad_calls(desk: Desk, *calls: tuple[str, float, str | None]) -> int:
    for call, at, caller in calls:
        desk.now = max(desk.now, START + int((at + 25) * SECOND))
        desk.send(simple_call(call, at, good=False, caller=caller))
        desk.wait(61)
    return desk.value("turn-latency", c.BAD_CALLERS)


def test_one_caller_who_fails_three_times_in_a_row_is_one_caller(desk: Desk) -> None:
    assert bad_calls(desk, ("a", 0, "x"), ("b", 120, "x"), ("c", 240, "x")) == 1
    assert desk.bad_by_reason("turn-latency") == Counter(slow=3)


def test_the_same_caller_after_fifteen_quiet_minutes_is_affected_again(desk: Desk) -> None:
    assert bad_calls(desk, ("a", 0, "x"), ("b", 901, "x")) == 2
    assert bad_calls(desk, ("c", 1_500, "x")) == 2


def test_callers_are_told_apart_and_a_call_stands_for_an_unknown_one(desk: Desk) -> None:
    assert bad_calls(desk, ("a", 0, "x"), ("b", 1, "y"), ("c", 2, None), ("d", 3, None)) == 4
    assert desk.own.value(names.WITHOUT_CALLER, "front-desk", "turn-latency") == 2


# Births, windows and changes --------------------------------------------------------------------------------------


def test_every_declared_label_set_is_there_from_the_start_at_zero(desk: Desk) -> None:
    label_sets = [labels for (id_, labels) in desk.mirror.snapshot() if id_ == desk.id("turn-latency") and labels]
    assert sorted(label_sets) == ['["billing"]', '["booking"]', '["faq"]', '["order_status"]']


def test_a_value_that_is_not_listed_counts_as_other_and_a_missing_one_as_unknown(desk: Desk) -> None:
    desk.send(simple_call("a", 0, flow="elsewhere"))
    desk.send([e for e in simple_call("b", 0) if e.kind != "call.started"])
    desk.settle()
    assert desk.value("connection-success", c.GOOD, labels=["other"]) == 1
    assert desk.value("connection-success", c.GOOD, labels=["unknown"]) == 1


def test_a_unit_older_than_its_series_enters_the_window_only(desk: Desk) -> None:
    desk.send(simple_call("old", -3_600))
    desk.send(simple_call("new", 1))
    desk.settle()
    assert desk.value("connection-success", c.ELIGIBLE) == 1
    assert desk.value("connection-success", c.WINDOW, c.ELIGIBLE) == 2


def test_units_leave_the_window_with_the_period(desk: Desk) -> None:
    desk.send(simple_call("a", 0))
    desk.settle()
    desk.wait(29 * DAY)
    assert desk.value("connection-success", c.WINDOW, c.ELIGIBLE) == 1
    desk.wait(DAY)
    assert desk.value("connection-success", c.WINDOW, c.ELIGIBLE) == 0
    assert desk.value("connection-success", c.ELIGIBLE) == 1


def created(desk: Desk, slo: str, flow: str = "faq") -> int:
    return desk.value(slo, c.CREATED, labels=[flow])


def test_a_changed_definition_starts_its_counters_anew_and_counts_no_unit_again(desk: Desk) -> None:
    desk.send(simple_call("a", 0, good=False))
    desk.settle()
    before = created(desk, "turn-latency")
    desk.restart([with_line("turn_latency, objective: 95%}", "turn_latency, threshold: 2s, objective: 95%}")])
    assert desk.value("turn-latency", c.ELIGIBLE) == 0
    assert desk.value("turn-latency", c.WINDOW, c.ELIGIBLE) == 0
    assert created(desk, "turn-latency") == desk.now > before
    assert desk.value("connection-success", c.ELIGIBLE) == 1
    assert created(desk, "connection-success") == before
    desk.send(simple_call("a", 0, good=False))
    desk.settle()
    assert desk.states("turn-latency") == Counter(bad=1)
    assert desk.value("turn-latency", c.ELIGIBLE) == 0


def test_an_open_call_is_judged_by_the_definition_in_force(desk: Desk) -> None:
    desk.send([*simple_call("a", 5)[:3], turn("a", 1, 9, 1.5)])
    desk.now += 4 * SECOND
    desk.restart([with_line("turn_latency, objective: 95%}", "turn_latency, threshold: 2s, objective: 95%}")])
    desk.settle()
    assert desk.value("turn-latency", c.GOOD) == 1


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("turn_latency, objective: 95%}", "turn_latency, objective: 90%}"),
        ("turn_latency, objective: 95%}", "turn_latency, objective: 95%, owner: someone-else}"),
        ("turn_latency, objective: 95%}", "turn_latency, objective: 95%, mode: observe}"),
        ("turn_latency, objective: 95%}", "turn_latency, objective: 95%, alerting: article}"),
        ("turn_latency, objective: 95%}", "turn_latency, objective: 95%, period: 7d}"),
    ],
)
def test_what_does_not_change_verdicts_leaves_the_counters_alone(desk: Desk, old: str, new: str) -> None:
    desk.send(simple_call("a", 0, good=False))
    desk.settle()
    before = created(desk, "turn-latency")
    desk.restart([with_line(old, new)])
    assert desk.value("turn-latency", c.ELIGIBLE) == 1
    assert created(desk, "turn-latency") == before


def test_a_shorter_period_keeps_only_its_own_events_in_the_window_and_a_longer_one_finds_them_again(desk: Desk) -> None:
    desk.send(simple_call("a", 0))
    desk.wait(8 * DAY)
    desk.send(simple_call("b", 8 * DAY))
    desk.settle()
    short = with_line("connection_success, objective: 99.5%}", "connection_success, objective: 99.5%, period: 7d}")
    desk.restart([short])
    assert desk.value("connection-success", c.WINDOW, c.ELIGIBLE) == 1
    desk.restart([FILE])
    assert desk.value("connection-success", c.WINDOW, c.ELIGIBLE) == 2


def test_a_new_vocabulary_value_is_born_and_nothing_else_changes(desk: Desk) -> None:
    desk.send(simple_call("a", 0, good=False))
    desk.settle()
    before = created(desk, "turn-latency")
    desk.restart([with_line("flow: [order_status,", "flow: [new-flow, order_status,")])
    assert desk.value("turn-latency", c.ELIGIBLE) == 1
    assert created(desk, "turn-latency") == before
    assert created(desk, "turn-latency", "new-flow") == desk.now


def test_a_renamed_vocabulary_value_is_a_changed_definition(desk: Desk) -> None:
    desk.send(simple_call("a", 0))
    desk.settle()
    desk.restart([with_line("booking, billing, faq]", "booking, billing, questions]")])
    assert desk.value("connection-success", c.ELIGIBLE) == 0


def test_a_removed_slo_leaves_and_finds_its_counts_when_it_comes_back(desk: Desk) -> None:
    desk.send(simple_call("a", 0))
    desk.settle()
    line = "  connection-success: {sli: connection_success, objective: 99.5%}\n"
    desk.restart([with_line(line, "")])
    assert "connection-success" not in {e.slo.name for e in desk.ledger.loaded["front-desk"]}
    desk.restart([FILE])
    assert desk.value("connection-success", c.GOOD) == 1


# Calls that turn out to be one ------------------------------------------------------------------------------------


def test_calls_that_share_an_id_are_one_under_the_oldest_key(desk: Desk) -> None:
    desk.send([event("call.connected", "a", 1, ids={"twilio": "CA1"}, segments={"flow": "faq"})])
    desk.send([event("call.first_audio", "b", 2)])
    desk.send([event("call.ended", "b", 9, reason="normal", by="caller", ids={"twilio": "CA1"})])
    desk.settle()
    assert desk.states("connection-success") == Counter(good=1)
    (said,) = desk.ledger.explain("b")
    assert said.call == "a"


def test_when_both_had_counted_what_was_counted_stays_and_the_second_is_recorded_as_merged(desk: Desk) -> None:
    desk.send(simple_call("a", 0))
    desk.send(simple_call("b", 0))
    desk.settle()
    assert desk.value("connection-success", c.GOOD) == 2
    desk.send([event("tag", "b", 19, name="same", ids={"twilio": "CA1"})])
    desk.send([event("tag", "a", 19, name="same", ids={"twilio": "CA1"})])
    assert desk.value("connection-success", c.GOOD) == 2
    assert desk.states("connection-success") == Counter(good=1)
    assert desk.seen("connection-success") == 1
    assert desk.own.value(names.MERGED_UNITS, "front-desk", "connection-success") == 1


def test_of_two_verdicts_on_one_unit_the_counted_one_stays(desk: Desk) -> None:
    twilio = [event("call.connected", "CA1", 1, source="twilio", ids={"twilio": "CA1"})]
    desk.send([*twilio, event("call.ended", "CA1", 20, source="twilio", by="caller")])
    desk.send(simple_call("a", 0))
    desk.settle()
    assert desk.states("first-audio") == Counter(good=1, not_concerned=1)
    desk.send([event("tag", "a", 19, name="link", ids={"twilio": "CA1"})])
    desk.settle()
    assert desk.states("first-audio") == Counter(good=1)
    assert desk.value("first-audio", c.ELIGIBLE) == 1


def test_a_new_call_never_inherits_the_units_of_a_merged_one(desk: Desk) -> None:
    desk.send(simple_call("a", 0))
    desk.send(simple_call("b", 0))
    desk.settle()
    desk.send([event("tag", call, 19, name="x", ids={"room": "r"}) for call in ("a", "b")])
    now = (desk.now - START) / SECOND
    desk.send(simple_call("c", now))
    desk.settle()
    assert desk.value("connection-success", c.ELIGIBLE) == 3
    assert desk.states("connection-success") == Counter(good=2)


def test_a_running_call_that_joins_a_settled_one_is_judged_when_it_ends(desk: Desk) -> None:
    desk.send([event("call.connected", "CA1", 1, source="twilio", ids={"twilio": "CA1"})])
    desk.send([event("call.ended", "CA1", 2, source="twilio", by="system", reason="unknown")])
    desk.settle()
    now = (desk.now - START) / SECOND
    call = simple_call("live", now)
    desk.send([*call[:1], event("speech", "live", now + 3, by="caller", turn=1, ids={"twilio": "CA1"})])
    assert desk.states("turn-latency")["pending"] == 1 or desk.states("turn-latency")["unknown"] == 0
    desk.send(call[1:])
    desk.settle()
    assert desk.states("turn-latency") == Counter(good=1)


def test_merging_a_call_whose_events_are_folded_keeps_its_facts(desk: Desk) -> None:
    desk.send([*simple_call("a", 0, flow="booking"), event("escalation", "a", 20, happened=True)])
    desk.settle()
    desk.wait(8 * DAY)
    now = (desk.now - START) / SECOND
    desk.send([event("tag", "b", now, name="x", ids={"vendor": "v"})])
    desk.send([event("tag", "a", now, name="x", ids={"vendor": "v"})])
    desk.restart()
    desk.send([event("escalation", "b", now + 1, required=True, context_preserved=True)])
    desk.quiet()
    assert desk.value("escalation-correctness", c.WINDOW, c.ELIGIBLE, labels=["booking"]) == 1


def test_one_id_sent_with_every_call_does_not_make_them_one(desk: Desk) -> None:
    for n in range(300):
        desk.send([event("call.connected", f"call-{n}", 1, ids={"room": "main"}, segments={"flow": "faq"})])
    assert _rows(desk, "SELECT count(*) FROM calls") > 150
    assert _rows(desk, "SELECT max(n) FROM (SELECT count(*) AS n FROM aliases GROUP BY call)") <= 101


# Facts after settling ---------------------------------------------------------------------------------------------


def test_facts_that_come_after_settling_are_judged_together_once_they_are_quiet(desk: Desk) -> None:
    desk.send(simple_call("a", 0))
    desk.wait(61)
    desk.send([event("speech", "a", 8, by="caller", turn=2)])
    desk.wait(1)
    desk.send([turn("a", 2, 9, 0.5)])
    desk.settle()
    assert desk.states("turn-latency") == Counter(good=2)


def test_a_caller_who_is_named_only_later_in_the_call_is_still_one_caller(desk: Desk) -> None:
    start = event("call.started", "a", 0, segments={"flow": "faq"}, synthetic=False)
    desk.send([start, turn("a", 1, 5, 9.0, tool_used=True)])
    desk.send([turn("a", 2, 20, 9.0, tool_used=True), event("tag", "a", 21, name="x", caller="+15550101000")])
    desk.send([turn("a", 3, 40, 9.0, tool_used=True)])
    assert desk.value("tool-turn-latency", c.BAD_CALLERS) == 1


def test_units_before_the_birth_enter_no_counter_at_all(desk: Desk) -> None:
    desk.send(simple_call("old", -3_600, flow="faq")[:3])
    desk.send([event("call.ended", "old", -3_500, reason="abuse", by="caller")])
    desk.settle()
    assert desk.states("connection-success") == Counter(excluded=1)
    assert desk.value("connection-success", c.EXCLUDED, "abuse|good") == 0


def test_a_unit_that_awaits_longer_than_its_slo_is_loaded_does_not_stay_in_the_gauge(desk: Desk) -> None:
    desk.send([*simple_call("a", 0), event("handoff", "a", 19, to="human", ok=True)])
    desk.settle()
    line = "  escalation-recall: {sli: escalation_recall, objective: 97%}\n"
    desk.restart([with_line(line, "")])
    desk.wait(32 * DAY)
    desk.restart([FILE])
    assert desk.value("escalation-recall", c.AWAITING) == 0
    assert desk.states("escalation-recall") == Counter(not_concerned=1)


# Bounds -----------------------------------------------------------------------------------------------------------


def test_events_too_old_or_too_far_ahead_are_rejected_with_a_reason(desk: Desk) -> None:
    receipt = desk.send([event("tag", "a", -36 * DAY, name="x"), event("tag", "a", 11 * 60, name="x")])
    reasons = [(r.index, r.field, r.reason) for r in receipt.rejected]
    assert reasons == [(0, "at", "too_old"), (1, "at", "too_far_ahead")]
    assert desk.received() == Counter(received=2, rejected=2)


def test_an_event_of_an_agent_without_slos_is_rejected(desk: Desk) -> None:
    (rejected,) = desk.send([event("tag", "a", 0, name="x", agent="night-desk")]).rejected
    assert (rejected.reason, rejected.error) == (
        "agent_unknown", "no SLO file of this agent is loaded; loaded: front-desk",
    )  # fmt: skip


def test_where_several_agents_are_loaded_an_event_has_to_name_its_own(tmp_path: Path) -> None:
    desk = Desk(tmp_path, [FILE, one(TEXT.replace("front-desk", "back-office"))])
    (rejected,) = desk.send([event("tag", "a", 0, name="x")]).rejected
    assert rejected.reason == "agent_missing"
    assert desk.send([event("tag", "a", 0, name="x", agent="back-office")]).accepted == 1


def test_retention_drops_calls_and_later_their_unit_keys_and_nothing_counts_again(desk: Desk) -> None:
    desk.send(simple_call("a", 0))
    desk.settle()
    desk.wait(8 * DAY)
    assert _rows(desk, "SELECT count(*) FROM events WHERE body IS NOT NULL") == 0
    assert _rows(desk, "SELECT count(*) FROM calls WHERE facts IS NOT NULL") == 1
    desk.wait(28 * DAY)
    assert _rows(desk, "SELECT count(*) FROM events") == 0
    assert _rows(desk, "SELECT count(*) FROM units") > 0
    assert {r.reason for r in desk.send(simple_call("a", 0)).rejected} == {"too_old"}
    # An event of the same call that is young enough by itself must not bring the call's units back.
    desk.send([event("task", "a", 20 * DAY, result="good"), event("call.connected", "a", 20 * DAY)])
    desk.settle()
    assert desk.value("connection-success", c.GOOD) == 1
    desk.wait(43 * DAY)
    assert _rows(desk, "SELECT count(*) FROM units") == _rows(desk, "SELECT count(*) FROM calls") == 0
    assert desk.value("connection-success", c.GOOD) == 1


def _rows(desk: Desk, query: str) -> int:
    with sqlite3.connect(desk.store.path) as db:
        return int(db.execute(query).fetchone()[0])


def test_only_declared_segments_are_kept(desk: Desk) -> None:
    segments = {f"segment-{n}": "x" for n in range(30)} | {"flow": "faq"}
    desk.send([event("call.connected", "a", 1, segments=segments)])
    (said,) = desk.ledger.explain("a")
    assert said.segments == {"flow": "faq"}


def test_a_call_that_sends_without_end_is_cut_off_and_says_so(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("exporter.calls.EVENTS_A_CALL", 10)
    receipt = desk.send([event("tag", "a", n, name=f"t{n}") for n in range(12)])
    assert (receipt.accepted, {r.reason for r in receipt.rejected}) == (10, {"call_too_large"})


def test_a_call_of_many_turns_is_judged_in_reasonable_work(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = Counter[str]()

    def counted(name: str, phase: object) -> list[object]:
        calls[name] += 1
        return []

    monkeypatch.setattr("exporter.counting.units", lambda call, facts, phase: counted("units", phase))
    for n in range(300):
        desk.send([turn("a", n, n, 0.5, caller_spoke=True)])
    assert calls["units"] <= 210


# Stores of before -------------------------------------------------------------------------------------------------


def test_a_store_from_before_attribution_and_schedules_goes_on(desk: Desk) -> None:
    desk.send(simple_call("a", 0))
    desk.settle()
    with sqlite3.connect(desk.store.path) as db:
        db.execute("DELETE FROM counters WHERE name LIKE 'slice%'")
        for table in ("schedules", "runs", "run_counts", "outages", "rejudging", "corrections"):
            db.execute(f"DROP TABLE {table}")
        assert db.execute("SELECT value FROM meta WHERE key = 'schema'").fetchone() == (1,)
    desk.restart()
    desk.send(simple_call("b", (desk.now - START) / SECOND))
    desk.settle()
    assert desk.value("connection-success", c.GOOD) == 2
    assert desk.value("connection-success", c.SLICE, "good|language|unknown") == 2


# Failure ----------------------------------------------------------------------------------------------------------


def test_accepted_events_are_counted_by_agent_and_source_once_they_are_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = Desk(tmp_path, [FILE, one(TEXT.replace("front-desk", "back-office"))])
    desk.send([event("tag", "a", 0, name="x", agent="back-office")] * 2, source="livekit")
    desk.send([event("tag", "a", 1, name="y", agent="front-desk"), event("tag", "a", 1, name="y", agent="nobody")])
    counted = {("back-office", "livekit"): 1, ("front-desk", "native"): 1}
    assert dict(desk.own.items(names.ACCEPTED)) == counted

    def full() -> None:
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(desk.store, "commit", full)
    with pytest.raises(sqlite3.OperationalError):
        desk.send([event("tag", "b", 1, name="z", agent="front-desk")])
    monkeypatch.undo()
    desk.ledger.recover()
    assert dict(desk.own.items(names.ACCEPTED)) == counted


def test_a_scrape_never_shows_what_a_failed_commit_takes_back(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.send(simple_call("a", 0, tool=True))
    assert desk.value("tool-turn-latency", c.GOOD) == 1

    def full() -> None:
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(desk.store, "commit", full)
    with pytest.raises(sqlite3.OperationalError):
        desk.send(simple_call("b", 1, tool=True))
    assert desk.value("tool-turn-latency", c.GOOD) == 1
    monkeypatch.undo()
    desk.ledger.recover()
    assert desk.value("tool-turn-latency", c.GOOD) == 1
    assert desk.send(simple_call("b", 1, tool=True)).accepted == 5
    assert desk.value("tool-turn-latency", c.GOOD) == 2


def test_what_waits_is_shown_as_of_the_last_commit_too(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.send(simple_call("a", 0))
    desk.wait(1)
    values, before = desk.mirror.units()
    assert (before.open_calls, before.pending[desk.id("turn-latency")]) == ({"front-desk": 1}, 1)

    def full() -> None:
        assert desk.mirror.units() == (values, before)
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(desk.store, "commit", full)
    desk.now += 61 * SECOND
    with pytest.raises(sqlite3.OperationalError):
        desk.ledger.tick()
    assert desk.mirror.units() == (values, before)
    monkeypatch.undo()
    desk.ledger.recover()
    desk.wait(0)
    assert desk.mirror.units()[1].pending[desk.id("turn-latency")] == 0


def test_a_data_directory_has_one_owner_and_the_second_is_told_who(tmp_path: Path) -> None:
    held = DirectoryLock(tmp_path, "voice-slo serve, pid 7, http://127.0.0.1:9477/")
    with pytest.raises(StoreLocked, match=r"is in use by voice-slo serve, pid 7, http://127\.0\.0\.1:9477/"):
        DirectoryLock(tmp_path, "another")
    held.close()
    DirectoryLock(tmp_path, "another").close()


def test_a_sender_that_went_away_does_not_end_the_writer(desk: Desk) -> None:
    writer = Writer(desk.ledger, desk.own, capacity=100)
    gone = writer.submit(Delivery("native", Translated(events=tuple(simple_call("a", 0)))))
    assert gone.cancel()
    writer.start()
    kept = writer.submit(Delivery("native", Translated(events=tuple(simple_call("b", 0)))))
    assert kept.result(20).accepted == 5
    writer.stop()
    assert desk.received()["accepted"] == 10


def test_a_full_queue_refuses_and_what_it_holds_is_written_on_stop(desk: Desk) -> None:
    writer = Writer(desk.ledger, desk.own, capacity=8)
    held = writer.submit(Delivery("native", Translated(events=tuple(simple_call("a", 0)))))
    with pytest.raises(QueueFull):
        writer.submit(Delivery("native", Translated(events=tuple(simple_call("b", 0)))))
    writer.start()
    writer.stop()
    assert held.result(0).accepted == 5
    with pytest.raises(QueueFull):
        writer.submit(Delivery("native", Translated()))


def test_a_delivery_that_the_store_cannot_take_does_not_take_the_others_with_it(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = calls.take

    def poisoned(call: calls.Call, one: Event, source: str) -> calls.Taken:
        if one.call == "poison":
            raise ZeroDivisionError
        return real(call, one, source)

    monkeypatch.setattr("exporter.ledger.take", poisoned)
    writer = Writer(desk.ledger, desk.own, capacity=100)
    futures = [
        writer.submit(Delivery("native", Translated(events=tuple(simple_call(name, 1)))))
        for name in ("a", "poison", "b")
    ]
    writer.start()
    assert futures[0].result(20).accepted == futures[2].result(20).accepted == 5
    with pytest.raises(StoreFailed):
        futures[1].result(20)
    writer.stop()
    assert desk.received()["accepted"] == 10
