"""Calls that come in bursts, few at night, some of which fail, some of which are audited days later."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from random import Random
from typing import NamedTuple

from benchmarks.accuracy.disturbances import DAY, HOUR, MINUTE, Incident, Span

SLOT = 10 * MINUTE
BUSIEST, QUIETEST = 600.0, 0.8
"""Units an hour at the day's peak, of the busiest budget and of the quietest."""
NIGHT = 1 / 200
"""Of the peak, from 22:00 to 06:00."""
BURSTS = 0.8
"""Sigma of the lognormal factor of each slot; its mean is 1."""
BASE_BAD = 0.0015
"""0.3 times what an objective of 99.5 % allows."""
REDIALS = 0.3
"""Share of bad units whose caller had another within 15 minutes."""
LATE = 2 * HOUR
"""A unit judged later than this counts, but not in the callers affected."""
AUDITED, AUDIT_MEAN, AUDIT_MOST = 0.3, 12 * HOUR, 72 * HOUR


class Unit(NamedTuple):
    """`judged`: when the exporter counts it. `caller`: bad, and no other bad unit of its caller is near."""

    judged: float
    at: float
    bad: bool
    caller: bool


def peak(place: int, budgets: int) -> float:
    """Units an hour of the budget at `place` of so many, in geometric steps."""
    return BUSIEST * math.pow(QUIETEST / BUSIEST, place / max(budgets - 1, 1))


def units(
    rng: Random, span: Span, peak: float, incidents: Sequence[Incident], down: Sequence[Span], *, audited: bool = False
) -> list[Unit]:
    """In the order in which they are judged. While the exporter is down, senders retry until it is back."""
    made = [_unit(rng, at, incidents, down, audited) for at in _arrivals(rng, span, peak)]
    return sorted(made)


def _arrivals(rng: Random, span: Span, peak: float) -> Iterator[float]:
    at = span.start
    while at < span.end:
        length = min(SLOT, span.end - at)
        burst = rng.lognormvariate(-(BURSTS**2) / 2, BURSTS)
        for _ in range(_poisson(rng, peak * length / HOUR * _daytime(at) * burst)):
            yield at + rng.random() * length
        at += length


def _daytime(at: float) -> float:
    """Share of the peak at this time of day."""
    hour = at % DAY / HOUR
    if not 6 <= hour < 22:
        return NIGHT
    return NIGHT + (1 - NIGHT) * math.pow(math.sin(math.pi * (hour - 6) / 16), 1.5)


def _poisson(rng: Random, mean: float) -> int:
    """Knuth: multiply until the product falls below e^-mean; in steps, or e^-mean would be 0 for large means."""
    count = 0
    while mean > 0:
        step = min(mean, 500)
        product, limit = rng.random(), math.exp(-step)
        while product > limit:
            count += 1
            product *= rng.random()
        mean -= step
    return count


def _unit(rng: Random, at: float, incidents: Sequence[Incident], down: Sequence[Span], audited: bool) -> Unit:
    bad = rng.random() < max([BASE_BAD, *(incident.bad for incident in incidents if at in incident.span)])
    caller = bad and rng.random() >= REDIALS
    judged = at
    if audited and rng.random() < AUDITED:
        judged += min(rng.expovariate(1 / AUDIT_MEAN), AUDIT_MOST)
        caller = caller and judged - at <= LATE
    return Unit(_running(rng, judged, down), at, bad, caller)


def _running(rng: Random, at: float, down: Sequence[Span]) -> float:
    """The first moment from `at` on at which the exporter runs and a retry meets it."""
    for span in down:
        if at in span:
            at = span.end + rng.random() * 9
    return at
