"""What is simulated: quiet months, incidents, and many quiet flows of one SLO; each cell is one row of a table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from benchmarks.alerts import incidents
from benchmarks.alerts.episodes import first_within
from benchmarks.alerts.failures import Units, counted
from benchmarks.alerts.firing import Firing, firing
from benchmarks.alerts.incidents import INCIDENTS, Incident
from benchmarks.alerts.rules import KINDS, Guard, Variant, generated
from benchmarks.alerts.traffic import DAY, PROFILES, TINY, Profile
from benchmarks.alerts.windows import Windows
from voice_slo.spec import Severity

MONTH = 30 * DAY
LONGEST = 3 * DAY
"""The longest window of any policy: so much comes before what is measured."""
HELD = 3 * 60
"""Longer than any alert is kept firing: from so long before an incident on, alerts are asked."""
FLOWS = 12
BASES = (0.3, 0.8)
"""Times the error budget, in quiet months. Before and after an incident it is the first."""

COMPARED: Mapping[str, tuple[str, Guard]] = {
    "guarded": ("guarded", "generated"),
    "guarded, callers": ("guarded", "callers"),
    "guarded, events": ("guarded", "events"),
    "article": ("article", "generated"),
    "sre-workbook": ("sre-workbook", "generated"),
}
"""Heading → policy and form of its guard."""
ROLLED_UP = ("each flow", "all together", "both")

Kind = Literal["call", "turn"]
_OBJECTIVES: Mapping[Kind, str] = {"call": "99.5%", "turn": "95%"}
_ERROR_BUDGETS: Mapping[Kind, float] = {"call": 0.005, "turn": 0.05}


@dataclass(frozen=True, slots=True)
class Cell:
    """`incident` None: a quiet month at `base` times the error budget. `flows` 0: one series, judged by every policy;
    else so many, judged by the guarded policy with and without the alert over all of them.
    """

    profile: Profile
    units: Units
    base: float
    incident: Incident | None = None
    flows: int = 0

    @property
    def kind(self) -> Kind:
        return "call" if self.units.turns == 1 else "turn"

    @property
    def severities(self) -> tuple[Severity, ...]:
        """Of the alerts that count here."""
        if self.incident is None:
            return ("page",) if self.flows else ("page", "ticket")
        return (self.incident.severity,)


@dataclass(frozen=True, slots=True)
class Outcome:
    """Of one month or incident. `pages` and `tickets`: messages sent in a quiet month; `told`: minutes until the
    incident was told, None where it was not.
    """

    pages: int = 0
    tickets: int = 0
    told: int | None = None


def cells() -> Iterator[Cell]:
    yield from (cell for units in quiet_units() for cell in _quiet(units))
    yield from (cell for units in troubled_units() for cell in _troubled(units))
    for redials in (0, 1):
        units = Units(redials=redials)
        yield from (Cell(TINY, units, base, flows=FLOWS) for base in BASES)
        yield from (Cell(TINY, units, BASES[0], incident, FLOWS) for incident in INCIDENTS[:4])


def quiet_units() -> list[Units]:
    calls = [Units(redials=redials) for redials in (0, 1, 2)]
    return calls + [Units(turns, *mixed) for turns in (12, 20) for mixed in ((0, 0), (0.5, 0), (0.5, 1), (0.5, 2))]


def troubled_units() -> list[Units]:
    calls = [Units(redials=redials) for redials in (0, 1)]
    return calls + [Units(turns, 0.5, redials) for turns in (12, 20) for redials in (0, 1)]


def _quiet(units: Units) -> Iterator[Cell]:
    return (Cell(profile, units, base) for base in BASES for profile in PROFILES)


def _troubled(units: Units) -> Iterator[Cell]:
    return (Cell(profile, units, BASES[0], incident) for incident in INCIDENTS for profile in PROFILES)


def run(cell: Cell, random: np.random.Generator) -> Mapping[str, Outcome]:
    """One month or incident; heading → what came of it."""
    start, end, measured = _times(cell)
    share = incidents.share(_ERROR_BUDGETS[cell.kind], cell.base, end, cell.incident, start)
    flows = [counted(cell.units, cell.profile.calls(end, random), share, random) for _ in range(cell.flows or 1)]
    counts = Windows({kind: np.stack([flow[kind] for flow in flows]) for kind in KINDS}, measured)
    return {heading: _outcome(cell, found, start, end) for heading, found in _judged(cell, counts)}


def _times(cell: Cell) -> tuple[int, int, int]:
    """Minutes from the first midnight: start and end of the month or incident, and from when on alerts are asked."""
    if cell.incident is None:
        return LONGEST, LONGEST + MONTH, LONGEST
    before = DAY if cell.incident.severity == "page" else LONGEST
    start = before + cell.incident.start
    return start, start + cell.incident.minutes, start - HELD


def _judged(cell: Cell, counts: Windows) -> Iterator[tuple[str, Firing]]:
    kind, severities = cell.kind, cell.severities
    if cell.flows:
        rules = generated(Variant("guarded", "generated", kind, _OBJECTIVES[kind], cell.flows))
        each, together = firing(rules, counts, severities), firing(rules, counts, severities, "all")
        yield from zip(ROLLED_UP, (each, together, each.and_also(together)), strict=True)
        return
    for heading, (policy, guard) in COMPARED.items():
        yield heading, firing(generated(Variant(policy, guard, kind, _OBJECTIVES[kind])), counts, severities)


def _outcome(cell: Cell, found: Firing, start: int, end: int) -> Outcome:
    if cell.incident is None:
        return Outcome(found.sent("page"), 0 if cell.flows else found.sent("ticket"))
    return Outcome(told=first_within(found.told(cell.incident.severity), start, end))


def runs(cell: Cell, number: int, seed: int, which: Sequence[int]) -> list[Mapping[str, Outcome]]:
    """Runs of one cell. Each has a seed of its own, so that it does not matter which process does which."""
    return [run(cell, np.random.default_rng((seed, number, one))) for one in which]
