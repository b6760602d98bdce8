"""The calendar month of a time zone, for budgets that begin anew on the first."""

from __future__ import annotations

import zoneinfo
from datetime import datetime

from voice_slo.events import from_us, to_us

LONGEST_DAYS = 32
"""A month of 31 days is an hour longer where the clocks are set back in it."""


def is_zone(name: str) -> bool:
    """Whether there is a time zone of this name."""
    try:
        zoneinfo.ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return False
    return True


def month(at: int, zone: str) -> tuple[int, int]:
    """First moment of the local month that holds `at`, and of the next one; µs since the epoch.

    Where clocks skip midnight the month begins with the first moment there is, where it comes twice with the first.
    """
    local = from_us(at).astimezone(zoneinfo.ZoneInfo(zone))
    year, index = local.year, local.month - 1
    return _first(year, index, zone), _first(year + (index + 1) // 12, (index + 1) % 12, zone)


def _first(year: int, index: int, zone: str) -> int:
    # fold=0: in a gap the offset before it, which is the moment of the gap; of two midnights the first.
    return to_us(datetime(year, index + 1, 1, tzinfo=zoneinfo.ZoneInfo(zone), fold=0))
