"""Which units of which calls are bad, as counts per minute: eligible, bad, callers affected."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.alerts.traffic import Counts
from voice_slo.names import Kind

PATIENCE = 5
"""Minutes within which a caller whose call failed tries again."""
TURNS_A_MINUTE = 3

Share = NDArray[np.float64]
"""The share of bad units expected, by minute."""


@dataclass(frozen=True, slots=True)
class Units:
    """What is judged: the call itself (`turns` 1), or so many turns of every call.

    Of all bad units, the share `whole` is in calls of which every unit is bad; the others are bad each for itself.
    After a wholly bad call come `redials` more of the same caller on average, as bad; their number is geometric, for
    every one may be the last. The share of bad units stays what it is, redials included.
    """

    turns: int = 1
    whole: float = 1
    redials: float = 0

    @property
    def last_minute(self) -> int:
        """The minute of a call, from 0, in which its last unit is."""
        return (self.turns - 1) // TURNS_A_MINUTE


def counted(units: Units, calls: Counts, bad: Share, random: np.random.Generator) -> Mapping[Kind, Counts]:
    """By minute. `bad_callers` as the exporter counts them: a caller's first bad unit, for nobody waits 15 minutes."""
    whole = units.whole * bad
    failed = random.binomial(calls, whole / (1 + units.redials * (1 - whole)))
    again = _redialled(units, failed, random)
    eligible = _spread(units, calls + again)
    single, callers = _single(units, calls - failed, bad, random)
    return {"eligible": eligible, "bad": _spread(units, failed + again) + single, "bad_callers": failed + callers}


def _redialled(units: Units, failed: Counts, random: np.random.Generator) -> Counts:
    """Calls that callers make again, by the minute in which they start."""
    minutes = np.repeat(np.arange(failed.size), failed)
    times = random.geometric(1 / (1 + units.redials), minutes.size) - 1
    nth = np.arange(times.sum()) - np.repeat(np.cumsum(times) - times, times) + 1
    pause = random.uniform(0, PATIENCE, nth.size).astype(int)
    return _by_minute(np.repeat(minutes, times) + nth * units.last_minute + pause, failed.size)


def _spread(units: Units, calls: Counts) -> Counts:
    """The units of calls that start in these minutes, in the minutes in which they come."""
    in_minute = np.bincount(np.arange(units.turns) // TURNS_A_MINUTE)
    return np.convolve(calls, in_minute)[: calls.size]


def _single(units: Units, calls: Counts, bad: Share, random: np.random.Generator) -> tuple[Counts, Counts]:
    """Units that are bad for themselves, and the calls that have any, by the minute of the first."""
    if units.whole == 1:
        return np.zeros_like(calls), np.zeros_like(calls)
    share = np.append(bad * (1 - units.whole) / (1 - units.whole * bad), 0)
    most = share.max()
    starts = np.repeat(np.arange(calls.size), calls)
    drawn = _successes(starts.size * units.turns, most, random)
    minutes = starts[drawn // units.turns] + drawn % units.turns // TURNS_A_MINUTE
    kept = random.random(drawn.size) * most < share[np.minimum(minutes, calls.size)]
    drawn, minutes = drawn[kept], minutes[kept]
    _, firsts = np.unique(drawn // units.turns, return_index=True)
    return _by_minute(minutes, calls.size), _by_minute(minutes[firsts], calls.size)


def _successes(trials: int, chance: float, random: np.random.Generator) -> NDArray[np.intp]:
    """Which of the trials succeed, by the gaps between successes: most turns are good, and need no number drawn."""
    if not chance:
        return np.empty(0, np.intp)
    expected = trials * chance
    at = np.cumsum(random.geometric(chance, int(expected + 8 * expected**0.5 + 16))) - 1
    return at[: np.searchsorted(at, trials)]


def _by_minute(minutes: NDArray[np.intp], size: int) -> Counts:
    return np.bincount(minutes, minlength=size)[:size]
