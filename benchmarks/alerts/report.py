"""The results as Markdown tables."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from benchmarks.alerts.cells import COMPARED, FLOWS, ROLLED_UP, Cell, quiet_units, troubled_units
from benchmarks.alerts.failures import Units
from benchmarks.alerts.figures import precision
from benchmarks.alerts.incidents import INCIDENTS
from benchmarks.alerts.results import LIMITS, Judged, Results, judged
from benchmarks.alerts.traffic import PROFILES

Row = Sequence[object]


def report(results: Results, runs: int, seed: int) -> str:
    parts = [
        f"{runs} series-months and {runs} incidents a cell, seed {seed}. In brackets: 95 % intervals.\n",
        _section("The forms of the guard", _forms(results)),
        _section("False pages per series-month", _quiet(results, results.pages)),
        _section("False tickets per series-month", _quiet(results, results.tickets)),
        *(_section(f"Incidents: {_units(u)}", _incidents(results, u)) for u in troubled_units()),
        _section("Precision", _precision(results)),
        _section(f"An alert over {FLOWS} quiet flows", _rolled_up(results)),
    ]
    return "\n".join(parts)


def _section(title: str, rows: Iterator[Row]) -> str:
    head, *body = ([str(cell) for cell in row] for row in rows)
    lines = [head, ["---"] * len(head), *body]
    return f"## {title}\n\n" + "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _forms(results: Results) -> Iterator[Row]:
    worst = [f"worst at {base}x, limit {limit}" for base, limit in LIMITS.items()]
    yield ["units", "form", *worst, "within", *(f"all bad at noon, {p.name}" for p in PROFILES), "recall, all"]
    for each in judged(results):
        noon = [each.noon[profile] for profile in PROFILES]
        within = "yes" if each.within_limits else "no"
        yield [_turns(each), each.form, *each.worst.values(), within, *noon, f"{100 * each.recall:.0f} %"]


def _turns(form: Judged) -> str:
    return "calls" if form.turns == 1 else f"{form.turns} turns a call"


def _quiet(results: Results, figure: Callable[[Cell, str], object]) -> Iterator[Row]:
    yield ["units", "base", "profile", *COMPARED]
    for cell in results.quiet():
        yield [_units(cell.units), f"{cell.base}x", cell.profile.name, *(figure(cell, name) for name in COMPARED)]


def _incidents(results: Results, units: Units) -> Iterator[Row]:
    yield ["incident", "profile", *COMPARED]
    for cell in results.troubled():
        if cell.units == units and cell.incident is not None:
            yield [cell.incident.name, cell.profile.name, *(results.told(cell, name) for name in COMPARED)]


def _precision(results: Results) -> Iterator[Row]:
    yield ["units", "profile", *COMPARED]
    for units in (units for units in troubled_units() if units in quiet_units()):
        for profile in PROFILES:
            yield [_units(units), profile.name, *(_of_usual(results, Cell(profile, units, 0.3), n) for n in COMPARED)]


def _of_usual(results: Results, quiet: Cell, heading: str) -> str:
    usual = [Cell(quiet.profile, quiet.units, quiet.base, each) for each in INCIDENTS if each.usual]
    found = precision(results.pages(quiet, heading), [results.told(cell, heading) for cell in usual])
    return "–" if found is None else f"{found:.2f}"


def _rolled_up(results: Results) -> Iterator[Row]:
    yield ["redials", "month or incident", *ROLLED_UP]
    for cell in results.many_flows():
        if cell.incident is None:
            title, figure = f"false pages per month of all {FLOWS}, at {cell.base}x", results.pages
            yield [cell.units.redials, title, *(figure(cell, name) for name in ROLLED_UP)]
        else:
            yield [cell.units.redials, cell.incident.name, *(results.told(cell, name) for name in ROLLED_UP)]


def _units(units: Units) -> str:
    if units.turns == 1:
        return f"calls, {units.redials:g} redials"
    mixed = f"{units.whole:.0%} in wholly slow calls, {units.redials:g} redials" if units.whole else "each for itself"
    return f"{units.turns} turns, {mixed}"
