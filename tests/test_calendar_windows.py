"""Budgets over calendar months: the window is the local month, exactly, whatever comes late (DESIGN 4 and 6)."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families

from exporter import counts as c
from exporter.exposition import Exposition
from exporter.ledger import Times
from tests.ledgers import SECOND, START, Desk, event, simple_call
from tests.slo_texts import EVERY_SLI, one
from voice_slo.calendar_month import month
from voice_slo.events import to_us
from voice_slo.spec import SloFile

BERLIN = "Europe/Berlin"
TEXT = EVERY_SLI.replace("BUDGET_BY", "[flow]")
ROLLING = one(TEXT)
DAY = 86_400
SLO, AUDITED = "connection-success", "escalation-correctness"


def calendar(zone: str = BERLIN, before: str = "") -> SloFile:
    return one(TEXT.replace("budget_by", f"period: {{calendar: month, zone: {zone}}}\nbudget_by", 1).replace(
        "slos:", before + "slos:", 1))  # fmt: skip


def at(text: str) -> float:
    """Seconds after `START`."""
    return (to_us(datetime.fromisoformat(text).replace(tzinfo=UTC)) - START) / SECOND


def go(desk: Desk, text: str) -> None:
    desk.now = START + int(at(text) * SECOND)
    desk.wait(0)


def call(desk: Desk, name: str, text: str, *, good: bool = True) -> None:
    """One call that connected then, settled a minute and a half later."""
    desk.now = max(desk.now, START + int((at(text) + 20) * SECOND))
    desk.send(simple_call(name, at(text) - 1, good=good))
    desk.wait(61)


def window(desk: Desk, slo: str = SLO) -> tuple[int, int]:
    return desk.value(slo, c.WINDOW, c.ELIGIBLE), desk.value(slo, c.WINDOW, c.BAD)


def period(desk: Desk, slo: str = SLO) -> tuple[int, int] | None:
    whole = desk.mirror.snapshot()[desk.id(slo), c.WHOLE_SLO]
    found = whole.get((c.PERIOD_START, "")), whole.get((c.PERIOD_END, ""))
    return None if found == (None, None) else found  # type: ignore[return-value]


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    held = Desk(tmp_path, [calendar()])
    yield held
    held.store.close()


def test_the_window_begins_anew_at_the_local_months_first_midnight(desk: Desk) -> None:
    call(desk, "old", "2026-11-20T10:00")
    call(desk, "last", "2026-11-30T22:58:30")
    assert window(desk) == (2, 0)
    go(desk, "2026-11-30T23:00:00")
    assert window(desk) == (0, 0)
    call(desk, "first", "2026-11-30T23:00:00")
    assert window(desk) == (1, 0)
    assert desk.value(SLO, c.ELIGIBLE) == 3
    go(desk, "2026-12-31T22:59:59")
    assert window(desk) == (1, 0)
    go(desk, "2026-12-31T23:00:00")
    assert window(desk) == (0, 0)


def test_a_month_of_31_days_is_whole_to_its_end(desk: Desk) -> None:
    call(desk, "first", "2026-11-30T23:00:01")
    go(desk, "2026-12-31T22:00")
    assert window(desk) == (1, 0)


def test_its_bounds_are_shown_and_change_with_the_window(desk: Desk) -> None:
    assert period(desk) == month(START, BERLIN)
    go(desk, "2026-12-15T00:00")
    assert period(desk) == month(START + int(at("2026-12-15T00:00") * SECOND), BERLIN)
    text = b"".join(Exposition(desk.mirror, CollectorRegistry()).render()).decode()
    shown = {
        (s.name, s.labels["slo"]): s.value
        for family in text_string_to_metric_families(text)
        for s in family.samples
        if s.name.startswith("voice_sli_period_")
    }
    assert shown["voice_sli_period_start_timestamp_seconds", SLO] == datetime(2026, 11, 30, 23, tzinfo=UTC).timestamp()
    assert shown["voice_sli_period_end_timestamp_seconds", SLO] == datetime(2026, 12, 31, 23, tzinfo=UTC).timestamp()
    desk.restart([ROLLING])
    assert period(desk) is None
    assert "voice_sli_period_start_timestamp_seconds{" not in b"".join(
        Exposition(desk.mirror, CollectorRegistry()).render()).decode()  # fmt: skip


def test_an_exporter_that_was_down_over_the_turn_of_the_month_finds_the_new_one(desk: Desk) -> None:
    call(desk, "old", "2026-11-30T22:00")
    desk.now = START + int(at("2026-12-02T10:00") * SECOND)
    desk.restart()
    assert window(desk) == (0, 0)
    assert period(desk) == month(desk.now, BERLIN)


def test_a_clock_that_ran_ahead_and_was_set_back_is_in_its_month_again(desk: Desk) -> None:
    call(desk, "a", "2026-11-20T10:00")
    here = desk.now
    go(desk, "2026-12-20T00:00")
    assert window(desk) == (0, 0)
    desk.now = here
    desk.wait(1)
    assert window(desk) == (1, 0)
    call(desk, "b", "2026-11-20T12:00")
    assert window(desk) == (2, 0)


def test_an_event_from_a_clock_ahead_is_of_its_own_month(desk: Desk) -> None:
    desk.now = START + int(at("2026-11-30T22:56") * SECOND)
    desk.send(simple_call("ahead", at("2026-11-30T23:01")))
    desk.wait(61)
    desk.wait(61)
    assert desk.value(SLO, c.ELIGIBLE) == 1
    assert window(desk) == (0, 0)
    go(desk, "2026-11-30T23:00:00")
    assert window(desk) == (1, 0)


def test_a_late_audit_counts_in_the_month_of_its_call(desk: Desk) -> None:
    for name, when in (("november", "2026-11-30T22:00"), ("december", "2026-12-02T10:00")):
        desk.now = START + int(at(when) * SECOND)
        desk.send([*simple_call(name, at(when)), event("escalation", name, at(when) + 20, happened=True)])
        desk.settle()
    go(desk, "2026-12-10T00:00")
    for name in ("november", "december"):
        desk.send([event("escalation", name, at("2026-12-10T00:00"), required=False, audited=True)])
    desk.quiet()
    assert desk.bad_by_reason(AUDITED)["unnecessary"] == 2
    assert window(desk, AUDITED) == (1, 1)


def test_an_outage_declared_afterwards_corrects_the_month_it_is_in(desk: Desk) -> None:
    for name, when in (("old", "2026-11-30T22:00"), ("new", "2026-12-02T10:00")):
        call(desk, name, when, good=False)
    assert window(desk, "turn-latency") == (1, 1)
    outage = (
        'outages:\n  - {reason: external_outage, from: "2026-11-30T00:00:00Z", to: "2026-12-05T00:00:00Z", '
        "match: {flow: faq}, ticket: INC-1, approved_by: lead}\n"
    )
    desk.restart([calendar(before=outage)])
    desk.wait(1)
    assert desk.value("turn-latency", c.CORRECTED, "bad|excluded|external_outage") == 2
    assert window(desk, "turn-latency") == (0, 0)
    desk.restart([calendar()])
    desk.wait(1)
    assert window(desk, "turn-latency") == (1, 1)


@pytest.mark.parametrize("days", [7, 30, 32, 90])
def test_switching_between_rolling_and_calendar_counts_the_window_anew_and_no_counter(desk: Desk, days: int) -> None:
    call(desk, "november", "2026-11-25T10:00")
    call(desk, "december", "2026-12-05T10:00")
    assert window(desk) == (1, 0)
    created = desk.value(SLO, c.CREATED, labels=["faq"])
    desk.restart([one(TEXT.replace("budget_by", f"period: {days}d\nbudget_by", 1))])
    assert window(desk) == (1 if days == 7 else 2, 0)
    assert (desk.value(SLO, c.ELIGIBLE), desk.value(SLO, c.CREATED, labels=["faq"])) == (2, created)
    desk.restart([calendar()])
    assert window(desk) == (1, 0)
    assert (desk.value(SLO, c.ELIGIBLE), desk.value(SLO, c.CREATED, labels=["faq"])) == (2, created)


def test_another_zone_counts_its_own_month(desk: Desk) -> None:
    call(desk, "a", "2026-11-30T23:30")
    assert window(desk) == (1, 0)
    desk.restart([calendar("America/New_York")])
    call(desk, "b", "2026-12-01T04:00")
    assert window(desk) == (2, 0)
    go(desk, "2026-12-01T05:00")
    assert window(desk) == (0, 0)


def test_a_changed_definition_in_the_middle_of_a_month_starts_its_window_at_nothing(desk: Desk) -> None:
    call(desk, "a", "2026-11-20T10:00")
    text = TEXT.replace("budget_by", f"period: {{calendar: month, zone: {BERLIN}}}\nbudget_by", 1)
    changed = "{sli: connection_success, parameters: {ring_patience: 9s},"
    desk.restart([one(text.replace("{sli: connection_success,", changed))])
    assert window(desk) == (0, 0)
    assert period(desk) == month(desk.now, BERLIN)
    call(desk, "b", "2026-11-20T11:00")
    assert window(desk) == (1, 0)


def test_unit_keys_outlive_a_month_of_31_days_by_a_week(tmp_path: Path) -> None:
    desk = Desk(tmp_path, [calendar()], times=Times(calls=DAY))
    assert desk.store.longest_period() >= 31 * DAY + 3_600


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from([BERLIN, "America/New_York", "Pacific/Kiritimati"]))
def test_the_window_is_always_the_units_of_the_month(seed: int, zone: str) -> None:
    rng = random.Random(seed)
    with TemporaryDirectory() as folder:
        desk = Desk(Path(folder), [calendar(zone)])
        times: list[int] = []
        for n in range(25):
            desk.wait(rng.choice([60, 3_600, DAY, 6 * DAY, 20 * DAY]))
            age = rng.choice([30, 3_600, 2 * DAY, 20 * DAY])
            begins = desk.now - age * SECOND
            desk.send(simple_call(f"call-{n}", (begins - START) / SECOND - 1))
            times.append(begins)
            desk.wait(61)
            if rng.random() < 0.2:
                desk.restart([rng.choice([calendar(zone), ROLLING])])
                desk.restart([calendar(zone)])
            start, end = month(desk.now, zone)
            assert window(desk) == (sum(start <= t < end for t in times), 0)
            assert period(desk) == (start, end)
        desk.store.close()


def test_months_in_which_the_clocks_change(tmp_path: Path) -> None:
    desk = Desk(tmp_path, [calendar()], now=START + int(at("2027-03-27T00:00") * SECOND))
    call(desk, "a", "2027-03-27T10:00")
    go(desk, "2027-03-31T21:59:59")
    assert window(desk) == (1, 0)
    go(desk, "2027-03-31T22:00:00")
    assert window(desk) == (0, 0)
    found = period(desk)
    assert found is not None
    assert timedelta(microseconds=found[1] - found[0]) == timedelta(days=30)
    desk.store.close()
