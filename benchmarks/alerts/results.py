"""Outcomes of all cells, and what follows from them for the form of the guard."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from benchmarks.alerts.cells import BASES, Cell, Outcome
from benchmarks.alerts.figures import Rate, Told
from benchmarks.alerts.incidents import Incident
from benchmarks.alerts.traffic import Profile

LIMITS: Mapping[float, float] = dict(zip(BASES, (0.02, 0.4), strict=True))
"""Base burn → false pages per series-month, at most."""
FORMS = ("guarded", "guarded, callers", "guarded, events")


@dataclass(frozen=True, slots=True)
class Results:
    of: Mapping[Cell, Sequence[Mapping[str, Outcome]]]

    def pages(self, cell: Cell, heading: str) -> Rate:
        runs = self.of[cell]
        return Rate(sum(run[heading].pages for run in runs), len(runs))

    def tickets(self, cell: Cell, heading: str) -> Rate:
        runs = self.of[cell]
        return Rate(sum(run[heading].tickets for run in runs), len(runs))

    def told(self, cell: Cell, heading: str) -> Told:
        return Told([run[heading].told for run in self.of[cell]])

    def quiet(self, turns: int | None = None) -> Iterator[Cell]:
        return (cell for cell in self._single(turns) if cell.incident is None)

    def troubled(self, turns: int | None = None) -> Iterator[Cell]:
        return (cell for cell in self._single(turns) if cell.incident is not None)

    def many_flows(self) -> Iterator[Cell]:
        return (cell for cell in self.of if cell.flows)

    def _single(self, turns: int | None) -> Iterator[Cell]:
        return (cell for cell in self.of if not cell.flows and turns in (None, cell.units.turns))


@dataclass(frozen=True, slots=True)
class Judged:
    """One form of the guard on calls, or on so many turns a call. `worst`: base burn → its worst cell."""

    turns: int
    form: str
    worst: Mapping[float, Rate]
    recall: float
    noon: Mapping[Profile, Told]

    @property
    def within_limits(self) -> bool:
        return all(rate.value <= LIMITS[base] for base, rate in self.worst.items())


def judged(results: Results) -> list[Judged]:
    turns = dict.fromkeys(cell.units.turns for cell in results.quiet())
    return [_judged(results, each, form) for each in turns for form in FORMS]


def _judged(results: Results, turns: int, form: str) -> Judged:
    worst = {
        base: max((results.pages(c, form) for c in results.quiet(turns) if c.base == base), key=lambda rate: rate.value)
        for base in BASES
    }
    pages = [cell for cell in results.troubled(turns) if _of(cell).severity == "page"]
    recalls = [results.told(cell, form).recall for cell in pages]
    noon = {c.profile: results.told(c, form) for c in pages if _of(c).all_bad_at_noon and not c.units.redials}
    return Judged(turns, form, worst, sum(recalls) / len(recalls), noon)


def _of(cell: Cell) -> Incident:
    assert cell.incident is not None
    return cell.incident
