"""Ratios, durations and traffic as exact decimals, and back to text without float noise."""

from __future__ import annotations

import re
from decimal import Decimal
from functools import lru_cache

from voice_slo.diagnostics import VoiceSloError, shown

DAY = 86400
LONGEST = 366 * DAY
"""Seconds; a longer duration is a slip of units."""

_DIGITS = r"\d{1,9}(?:\.\d{1,9})?"
"""Few enough that every sum and 1 − x stays exact in the 28 digits of the decimal context."""

_NUMBER = re.compile(rf"-?{_DIGITS}", re.ASCII)
RATIO = re.compile(rf"(-?{_DIGITS})(%?)", re.ASCII)
COMPOUND_DURATION = re.compile(r"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?(?:(\d+)ms)?", re.ASCII)
SINGLE_DURATION = re.compile(rf"({_DIGITS})(ms|s|m|h|d)", re.ASCII)
TRAFFIC = re.compile(rf"({_DIGITS})/([smhd])", re.ASCII)
_SECONDS = {"ms": Decimal("0.001"), "s": Decimal(1), "m": Decimal(60), "h": Decimal(3600), "d": Decimal(DAY)}


class QuantityError(VoiceSloError, ValueError):
    """A text that is no such quantity; the message says what was found and what to write."""


def number(text: str) -> Decimal:
    """A plain decimal number such as `3`, `-1.5`. Raises `QuantityError`, also for 012, 1e3 and 0x10."""
    if not _NUMBER.fullmatch(text) or re.match(r"-?0\d", text):
        raise QuantityError(f"{shown(text)} is not a plain number such as 3 or 1.5")
    return tidy(Decimal(text))


def ratio(text: str) -> Decimal:
    """`99.5%` or `0.995` → exactly 0.995, in [0, 1]. Raises `QuantityError`."""
    match = RATIO.fullmatch(text)
    if not match or re.match(r"-?0\d", text):
        raise QuantityError(f"{shown(text)} is not a ratio such as 99.5% or 0.995")
    value = Decimal(match[1])
    if match[2]:
        if not 0 <= value <= 100:
            raise QuantityError(f"{text} is not between 0% and 100%")
        return tidy(value / 100)
    if 1 < value <= 100:
        raise QuantityError(f"{text} is not between 0 and 1; write {text}% or {plain(value / 100)}")
    if not 0 <= value <= 1:
        raise QuantityError(f"{text} is not between 0 and 1")
    return tidy(value)


def duration(text: str) -> Decimal:
    """`800ms`, `1.2s`, `1h30m`, `30d` → seconds. Raises `QuantityError`."""
    single = SINGLE_DURATION.fullmatch(text)
    compound = COMPOUND_DURATION.fullmatch(text) if text and len(text) <= 40 else None
    if single:
        value = Decimal(single[1]) * _SECONDS[single[2]]
    elif compound:
        units = zip(compound.groups(), ("d", "h", "m", "s", "ms"), strict=True)
        value = sum((Decimal(n) * _SECONDS[unit] for n, unit in units if n), Decimal(0))
    elif _NUMBER.fullmatch(text):
        raise QuantityError(f"{text} has no unit; write {text}s, {text}m, {text}h or {text}d")
    else:
        raise QuantityError(f"{shown(text)} is not a duration such as 800ms, 1.2s, 5m, 1h30m or 30d")
    if value > LONGEST:
        raise QuantityError(f"{text} is longer than {prometheus_duration(LONGEST)}")
    return tidy(value)


def whole_seconds(text: str) -> int:
    """A duration of whole seconds. Raises `QuantityError`."""
    value = duration(text)
    if value != int(value):
        raise QuantityError(f"{text} is not a whole number of seconds")
    return int(value)


def traffic(text: str) -> Decimal:
    """`4000/d` (or /h, /m, /s) → events per second. Raises `QuantityError`."""
    match = TRAFFIC.fullmatch(text)
    if not match:
        raise QuantityError(f"{shown(text)} is not a rate such as 4000/d, 170/h, 3/m or 0.5/s")
    return Decimal(match[1]) / _SECONDS[match[2]]


def plain(value: Decimal) -> str:
    """The shortest exact decimal notation, never an exponent: `0.995`, `30`."""
    return format(tidy(value), "f")


def percent(value: Decimal) -> str:
    """A ratio as people say it: `99.5%`."""
    return plain(value * 100) + "%"


@lru_cache
def prometheus_duration(seconds: int) -> str:
    """`900` → `15m`, `86400` → `1d`, `5400` → `1h30m`: a duration that PromQL and this module read."""
    parts = []
    for unit in ("d", "h", "m", "s"):
        count, seconds = divmod(seconds, int(_SECONDS[unit]))
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"


def tidy(value: Decimal) -> Decimal:
    """Without trailing zeros or exponent, so that equal quantities also print alike."""
    short = value.normalize()
    exponent = short.as_tuple().exponent
    return short.quantize(Decimal(1)) if isinstance(exponent, int) and exponent > 0 else short
