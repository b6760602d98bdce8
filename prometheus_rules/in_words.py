"""Figures as a tired person reads them. Exact until here; rounding is for showing only."""

from __future__ import annotations

import math
from decimal import Decimal

from prometheus_rules.alert_text import spelled
from voice_slo.quantities import plain

_MINUTE, _HOUR, _DAY = 60, 3600, 86400
_MINUTES_UP_TO, _HOURS_UP_TO = 90 * _MINUTE, 48 * _HOUR


def last(seconds: int) -> str:
    """`900` → `last 15 minutes`, `3600` → `last hour`."""
    return f"last {spelled(seconds).removeprefix('1 ')}"


def about(seconds: Decimal) -> str:
    """A duration worked out: `72 minutes`, `3 days`, `4.3 days`."""
    size, word = _MINUTE, "minute"
    if seconds > _HOURS_UP_TO:
        size, word = _DAY, "day"
    elif seconds > _MINUTES_UP_TO:
        size, word = _HOUR, "hour"
    count = figure(seconds / size)
    return f"{count} {word}" if count == "1" else f"{count} {word}s"


def percent(share: Decimal) -> str:
    """`0.00347` → `0.347 %`: a share worked out."""
    return f"{figure(share * 100)} %"


def exact_percent(ratio: Decimal) -> str:
    """`0.9995` → `99.95 %`: a ratio out of the SLO file."""
    return f"{plain(ratio * 100)} %"


def figure(value: Decimal) -> str:
    """Three significant digits, at least all before the point."""
    if not value:
        return "0"
    digits = max(0, 2 - value.adjusted())
    return plain(round(value, digits))


def chance(z: Decimal) -> str:
    """How rarely chance alone passes a one-sided bound of `z` standard deviations: `1 of 1,000`."""
    often = 2 / math.erfc(float(z) / math.sqrt(2))
    return f"1 of {float(f'{often:.1g}'):,.0f}"
