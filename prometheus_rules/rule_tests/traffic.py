"""What one budget's counters did over a test, in steps, and how promtool's series notation says it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Counts:
    """Whole units judged, those of them that were bad, and the callers whom the bad ones met."""

    eligible: int = 0
    bad: int = 0
    callers: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(self.eligible + other.eligible, self.bad + other.bad, self.callers + other.callers)

    def __sub__(self, other: Counts) -> Counts:
        return Counts(self.eligible - other.eligible, self.bad - other.bad, self.callers - other.callers)

    def __mul__(self, times: int) -> Counts:
        return Counts(self.eligible * times, self.bad * times, self.callers * times)

    @property
    def good(self) -> int:
        return self.eligible - self.bad


NOTHING = Counts()


def good(units: int) -> Counts:
    return Counts(units)


def failures(units: int, callers: int | None = None) -> Counts:
    """Bad units; each of another caller unless it is said how many callers there were."""
    return Counts(units, units, units if callers is None else callers)


@dataclass(frozen=True, slots=True)
class Traffic:
    """`first` is what the counters show at step 0, `runs` what each of so many steps adds."""

    first: Counts = NOTHING
    runs: tuple[tuple[int, Counts], ...] = ()

    def then(self, steps: int, per_step: Counts = NOTHING) -> Traffic:
        return Traffic(self.first, (*self.runs, (steps, per_step))) if steps else self

    def at(self, step: int) -> Counts:
        """What the counters show then; they stand still after the last run."""
        total, left = self.first, step
        for steps, per_step in self.runs:
            total += per_step * min(left, steps)
            left -= min(left, steps)
        return total

    @property
    def steps(self) -> int:
        return sum(steps for steps, _ in self.runs)


def counter(first: int, runs: Sequence[tuple[int, int]]) -> str:
    """`0+2x30 61x9`: a counter that shows `first` and grows by so much in each of so many steps."""
    (steps, per_step), *rest = runs or [(0, 0)]
    pieces, value = [(first, steps + 1, per_step)], first + steps * per_step
    for steps, per_step in rest:
        _append(pieces, value + per_step, steps, per_step)
        value += steps * per_step
    return " ".join(_run(*piece) for piece in pieces)


def _append(pieces: list[tuple[int, int, int]], first: int, samples: int, per_step: int) -> None:
    """What follows and stands still belongs to what stood still, or to the one sample that it repeats."""
    last, count, grows = pieces[-1]
    if per_step == 0 and first == last and (grows == 0 or count == 1):
        pieces[-1] = (first, count + samples, 0)
    else:
        pieces.append((first, samples, per_step))


def _run(first: int, samples: int, per_step: int) -> str:
    if samples == 1:
        return str(first)
    return f"{first}{per_step:+d}x{samples - 1}" if per_step else f"{first}x{samples - 1}"


def steady(value: int, steps: int) -> str:
    """A gauge that shows the same from step 0 on."""
    return _run(value, steps + 1, 0)


def absent(steps: int) -> str:
    """Nothing scraped for so many steps; text to put in front of a series."""
    return f"_x{steps} " if steps else ""


def column(traffic: Traffic, of: str, steps: int) -> str:
    """One counter of the traffic (eligible, good or callers) up to step `steps`."""
    runs = traffic.then(max(steps - traffic.steps, 0)).runs
    return counter(getattr(traffic.first, of), [(n, getattr(per_step, of)) for n, per_step in runs])
