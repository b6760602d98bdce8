"""Ratios and durations as other tools write them. What the SLO file cannot have is noted, never bent quietly."""

from __future__ import annotations

import re
from decimal import Decimal

from interchange.definition import Notes
from voice_slo import reading, yaml_source
from voice_slo.diagnostics import shown
from voice_slo.parse_slo import MAX_PERIOD
from voice_slo.quantities import DAY, prometheus_duration, tidy
from voice_slo.reading import At

_DECIMAL = re.compile(r"\d{1,9}(?:\.\d{1,9})?", re.ASCII)
_PROMETHEUS = re.compile(
    r"(?:(\d{1,6})y)?(?:(\d{1,6})w)?(?:(\d{1,6})d)?(?:(\d{1,6})h)?(?:(\d{1,6})m)?(?:(\d{1,6})s)?", re.ASCII
)
_PROMETHEUS_SECONDS = (365 * DAY, 7 * DAY, DAY, 3600, 60, 1)
MONTH = "1M"
MONTH_START = re.compile(r"\d{4}-\d\d-01[ T]00:00:00", re.ASCII)
"""OpenSLO's way to write when the first of several calendar months begins."""
_SHORTHAND = re.compile(r"(\d{1,6})([mhdwMQY])", re.ASCII)
_SHORTHAND_SECONDS = {"m": 60, "h": 3600, "d": DAY, "w": 7 * DAY, "M": 30 * DAY, "Q": 90 * DAY, "Y": 365 * DAY}
_NOT_EXACT = {"M": "a month became 30 days", "Q": "a quarter became 90 days", "Y": "a year became 365 days"}


def percentage(at: At, *, closed: bool) -> Decimal | None:
    """99.9 → exactly 0.999. `closed`: 100 is allowed."""
    return _ratio(at, Decimal(100), closed)


def fraction(at: At) -> Decimal | None:
    """A ratio from 0 up to, but not including, 1."""
    return _ratio(at, Decimal(1), closed=False)


def _ratio(at: At, whole: Decimal, closed: bool) -> Decimal | None:
    node = at.node
    if not isinstance(node, yaml_source.Scalar) or not _DECIMAL.fullmatch(node.text):
        at.error(f"has to be a plain decimal number, found {reading.found(node)}")
        return None
    value = Decimal(node.text)
    if value > whole or (value == whole and not closed):
        at.error(f"{node.text} is not between 0 and {whole}")
        return None
    if value == 0:
        at.error("0 asks for nothing and leaves nothing to watch")
        return None
    return tidy(value / whole)


def prometheus_seconds(at: At) -> int | None:
    """`4w`, `28d`, `1h30m` → seconds."""
    node = at.node
    match = _PROMETHEUS.fullmatch(node.text) if isinstance(node, yaml_source.Scalar) and node.text else None
    if match is None:
        at.error(f"has to be a duration such as 4w or 28d, found {reading.found(node)}")
        return None
    return sum(int(n) * unit for n, unit in zip(match.groups(), _PROMETHEUS_SECONDS, strict=True) if n)


def shorthand_seconds(at: At, notes: Notes, slo: str) -> int | None:
    """OpenSLO's `30d`, `1M` → seconds; months, quarters and years as round numbers of days, with a note."""
    node = at.node
    match = _SHORTHAND.fullmatch(node.text) if isinstance(node, yaml_source.Scalar) else None
    if match is None:
        at.error(f"has to be a number and one of m, h, d, w, M, Q, Y, found {reading.found(node)}")
        return None
    if match[2] in _NOT_EXACT:
        notes.lost(at, f"{_NOT_EXACT[match[2]]} each", slo)
    return int(match[1]) * _SHORTHAND_SECONDS[match[2]]


def shorthand(seconds: int) -> str | None:
    """Seconds as OpenSLO writes them; None where it cannot: it has one unit, and no seconds."""
    for unit in ("d", "h", "m"):
        if seconds and seconds % _SHORTHAND_SECONDS[unit] == 0:
            return f"{seconds // _SHORTHAND_SECONDS[unit]}{unit}"
    return None


def period(at: At, seconds: int, notes: Notes, slo: str) -> int:
    """The period that the SLO file can have: whole days, from 1 to 90."""
    possible = min(max((seconds + DAY // 2) // DAY * DAY, DAY), MAX_PERIOD)
    if possible != seconds:
        written, longest = prometheus_duration(possible), prometheus_duration(MAX_PERIOD)
        text = f"{shown(prometheus_duration(seconds))} became {written}: a period is of whole days, at most {longest}"
        notes.lost(at, text, slo)
    return possible
