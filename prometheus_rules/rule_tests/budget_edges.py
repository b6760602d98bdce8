"""Budgets of a period at the edges between the release states, worked out from the objective and the policy."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

from voice_slo.spec import ReleasePolicy, Target

IDLE, COLLECTING, HEALTHY, WATCH, FREEZE, EXHAUSTED = -2, -1, 0, 1, 2, 3
FEWEST = 5
"""A budget of fewer units, with fewer bad ones, says nothing yet."""
_LARGE = 20 * FEWEST
"""Units of a budget that is surely judged, and in which one is not much."""


@dataclass(frozen=True, slots=True)
class Holding:
    """`eligible` and `bad` in the period; `burning`: more fails now than the budget allows. `low`, `spent`: alerts."""

    name: str
    told: str
    eligible: int
    bad: int
    burning: bool
    state: int
    low: bool = False
    spent: bool = False


def holdings(target: Target, policy: ReleasePolicy) -> Iterator[Holding]:
    allowed = Fraction(target.error_budget)
    yield Holding("nothing-eligible", "nothing was eligible", 0, 0, False, IDLE)
    if not allowed:
        yield Holding("allows-nothing", "an objective of 100 % and no failure", 100, 0, False, COLLECTING)
        yield Holding("five-failed", "five failures where none is allowed", 100, FEWEST, False, EXHAUSTED, spent=True)
        return
    yield from _small(allowed)
    yield from _large(allowed, policy)


def _small(allowed: Fraction) -> Iterator[Holding]:
    """Around a budget of five units."""
    enough = math.ceil(FEWEST / allowed)
    few = enough - 1
    yield Holding("small", "a budget of under 5 units, 4 of them bad", few, FEWEST - 1, False, COLLECTING)
    told = "a budget of under 5 units, 5 of them bad"
    yield Holding("small-five-bad", told, few, FEWEST, False, EXHAUSTED, spent=True)
    yield Holding("five-units", "a budget of 5 units", enough, 0, False, HEALTHY)


def _large(allowed: Fraction, policy: ReleasePolicy) -> Iterator[Holding]:
    """Around what is left when the policy watches, freezes, and when nothing is."""
    watch, freeze = Fraction(policy.watch_below), Fraction(policy.freeze_below)
    whole = math.lcm(*((allowed * share).denominator for share in (1 - watch, 1 - freeze, Fraction(1))))
    eligible = whole * math.ceil(_LARGE / (allowed * whole))
    budget = int(allowed * eligible)
    half, fifth = int(budget * (1 - watch)), int(budget * (1 - freeze))
    left, low = f"{_percent(watch)} of {budget} left", f"{_percent(freeze)} of {budget} left"
    yield Holding("more-left", f"one unit more than {left}", eligible, half - 1, False, HEALTHY)
    yield Holding("watch-edge", f"exactly {left}", eligible, half, False, WATCH)
    yield Holding("freeze-edge", f"exactly {low}, and burning", eligible, fifth, True, WATCH)
    if fifth < budget:
        told = f"one unit less than {low}"
        yield Holding("low-quiet", f"{told}, not burning", eligible, fifth + 1, False, WATCH, low=True)
        yield Holding("low-burning", f"{told}, and burning", eligible, fifth + 1, True, FREEZE, low=True)
        yield Holding("none-left", "exactly nothing left, and burning", eligible, budget, True, FREEZE, low=True)
    yield Holding("overspent", "one unit more than the budget", eligible, budget + 1, False, EXHAUSTED, spent=True)


def _percent(share: Fraction) -> str:
    return f"{float(share * 100):g} %"
