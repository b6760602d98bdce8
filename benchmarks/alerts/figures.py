"""Figures of many months and incidents, each with its 95 % interval."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

Z95 = 1.96


@dataclass(frozen=True, slots=True)
class Rate:
    """`events` in `months`; the interval is Byar's for a Poisson count."""

    events: int
    months: int

    @property
    def value(self) -> float:
        return self.events / self.months

    @property
    def low(self) -> float:
        k = self.events
        return k * (1 - 1 / (9 * k) - Z95 / (3 * math.sqrt(k))) ** 3 / self.months if k else 0

    @property
    def high(self) -> float:
        k = self.events + 1
        return k * (1 - 1 / (9 * k) + Z95 / (3 * math.sqrt(k))) ** 3 / self.months

    def __str__(self) -> str:
        return f"{_short(self.value)} ({_short(self.low)}–{_short(self.high)})"


@dataclass(frozen=True, slots=True)
class Told:
    """Minutes until each incident was told, None where it was not; the interval is Wilson's for a share."""

    after: Sequence[int | None]

    @property
    def recall(self) -> float:
        return sum(minutes is not None for minutes in self.after) / len(self.after)

    @property
    def interval(self) -> tuple[float, float]:
        n, p = len(self.after), self.recall
        middle, half = p + Z95**2 / (2 * n), Z95 * math.sqrt(p * (1 - p) / n + Z95**2 / (4 * n * n))
        return (middle - half) / (1 + Z95**2 / n), (middle + half) / (1 + Z95**2 / n)

    @property
    def delay(self) -> float | None:
        told = [minutes for minutes in self.after if minutes is not None]
        return median(told) if told else None

    def __str__(self) -> str:
        low, high = (f"{abs(100 * bound):.0f}" for bound in self.interval)
        delay = "" if self.delay is None else f" {self.delay:.0f}m"
        return f"{100 * self.recall:.0f} % ({low}–{high}){delay}"


def precision(false: Rate, told: Sequence[Told]) -> float | None:
    """Share of pages that an incident was behind, with one of each incident in a month; None where nothing pages."""
    right = sum(each.recall for each in told)
    return right / (right + false.value) if right + false.value else None


def _short(value: float) -> str:
    if not value:
        return "0"
    return f"{value:.3f}" if value < 0.1 else f"{value:.2f}" if value < 1 else f"{value:.1f}"
