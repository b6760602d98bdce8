"""Months begin at the first local midnight, whatever the clocks do."""

from __future__ import annotations

import zoneinfo
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voice_slo.calendar_month import LONGEST_DAYS, is_zone, month
from voice_slo.events import from_us, to_us

BERLIN = "Europe/Berlin"
ZONES = (
    BERLIN, "UTC", "America/New_York", "America/Havana", "America/Asuncion", "America/Santiago", "Asia/Beirut",
    "Africa/Cairo", "Asia/Kathmandu", "Australia/Lord_Howe", "Pacific/Kiritimati", "Pacific/Apia", "America/St_Johns",
)  # fmt: skip


def at(text: str) -> int:
    return to_us(datetime.fromisoformat(text).replace(tzinfo=UTC))


@pytest.mark.parametrize(
    ("moment", "zone", "start", "end"),
    [
        ("2026-11-18T12:00", "UTC", "2026-11-01T00:00", "2026-12-01T00:00"),
        ("2026-12-31T22:59:59", BERLIN, "2026-11-30T23:00", "2026-12-31T23:00"),
        ("2026-12-31T23:00", BERLIN, "2026-12-31T23:00", "2027-01-31T23:00"),
        ("2026-03-15T00:00", BERLIN, "2026-02-28T23:00", "2026-03-31T22:00"),
        ("2026-10-15T00:00", BERLIN, "2026-09-30T22:00", "2026-10-31T23:00"),
        ("2028-02-29T12:00", "America/New_York", "2028-02-01T05:00", "2028-03-01T05:00"),
        # Midnight is skipped on 1 October 2017, and came twice on 1 November 2020.
        ("2017-10-01T04:00", "America/Asuncion", "2017-10-01T04:00", "2017-11-01T03:00"),
        ("2017-10-01T03:59", "America/Asuncion", "2017-09-01T04:00", "2017-10-01T04:00"),
        ("2020-11-01T05:30", "America/Havana", "2020-11-01T04:00", "2020-12-01T05:00"),
    ],
)
def test_the_month_of_a_moment(moment: str, zone: str, start: str, end: str) -> None:
    assert month(at(moment), zone) == (at(start), at(end))


@given(st.integers(at("2001-01-01"), at("2060-01-01")), st.sampled_from(ZONES))
def test_months_follow_one_another_without_gap_or_overlap(now: int, zone: str) -> None:
    start, end = month(now, zone)
    assert start <= now < end
    assert month(end, zone)[0] == end
    assert month(start - 1, zone)[1] == start
    assert month(start, zone) == month(end - 1, zone) == (start, end)
    assert from_us(start).astimezone(zoneinfo.ZoneInfo(zone)).day == 1
    assert from_us(end) - from_us(start) <= timedelta(days=LONGEST_DAYS)


@pytest.mark.parametrize("name", ["Europe/Berlim", "Europe", "", "../zone", "/etc/localtime", "a\0b", "é", "x" * 5000])
def test_what_is_no_zone(name: str) -> None:
    assert not is_zone(name)
