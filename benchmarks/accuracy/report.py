"""The results as Markdown tables."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from statistics import median

from benchmarks.accuracy.checks import ANY_TIME
from benchmarks.accuracy.cost import Cost
from benchmarks.accuracy.figures import KINDS
from benchmarks.accuracy.measure import COUNTERS, EVENT_TIME, Outcome, WindowOutcome
from benchmarks.accuracy.peers import PYRRA, SLOTH, SLOTH_WITHOUT_NAN
from benchmarks.accuracy.simulated import Role

FORMS = (EVENT_TIME, COUNTERS, SLOTH, SLOTH_WITHOUT_NAN, PYRRA)
OWN_ROWS: dict[Role, str] = {
    "audited": "30 % audited up to 72 h later, at all times",
    "born": "born on the way, at all times",
    "redefined": "definition changed twice in 40 minutes, at all times",
    "store lost": "store lost, at all times",
}
"""Budgets with a fate of their own; the situations are about the others."""
BIG, MIDDLE = 20_000, 1_500
"""Eligible units in 30 days."""
WINDOW_GROUPS = (
    "recorded at both ends",
    "a birth at the start, recorded at both ends",
    "nothing was recorded at one of the ends",
)
Row = Sequence[str]
NOTHING = "–"


def by_situation(outcomes: Sequence[Outcome]) -> str:
    """Median / worst error in % of the budget; what was absent or NaN is counted apart."""
    plain = [each for each in outcomes if each.budget.role == "plain"]
    rows = [_row(when, [each for each in plain if each.check.situation == when]) for when in _situations(plain)]
    rows += [_row(text, [each for each in outcomes if each.budget.role == role]) for role, text in OWN_ROWS.items()]
    return table(("when", "figures", *FORMS), rows)


def by_size(outcomes: Sequence[Outcome], eligible: Callable[[Outcome], int]) -> str:
    plain = [(eligible(each), each) for each in outcomes if each.budget.role == "plain"]
    sizes = (
        (f"big, {BIG:,} eligible and more", BIG, math.inf),
        (f"middle, {MIDDLE:,} to {BIG:,}", MIDDLE, BIG),
        (f"small, under {MIDDLE:,} (a budget of 1 to 7 units)", 0, MIDDLE),
    )
    rows = [_row(text, [each for n, each in plain if low <= n < high]) for text, low, high in sizes]
    return table(("budgets", "figures", *FORMS), rows)


def by_age(outcomes: Sequence[Outcome]) -> str:
    """The same, against the moment of looking: a figure is as old as its scrape and the evaluations since."""
    rows = []
    for form in FORMS:
        found = sorted(o.wrong_now for o in outcomes if o.form == form and o.wrong_now is not None)
        if found:
            shares = (0.5, 0.99, 0.999)
            rows.append((form, *(_percent(found[int(s * (len(found) - 1))]) for s in shares), _percent(found[-1])))
    return table(("form", "median", "99 of 100", "999 of 1,000", "worst"), rows)


def of_windows(outcomes: Sequence[WindowOutcome]) -> str:
    """Counts of the alert windows, in units."""
    by_group: dict[tuple[str, str], list[WindowOutcome]] = {}
    for each in outcomes:
        by_group.setdefault((_window_group(each), each.kind), []).append(each)
    rows = [
        (group, kind, *_window_cells(by_group.get((group, kind), []))) for group in WINDOW_GROUPS for kind in KINDS
    ]
    return table(("when", "units", "figures", "exact", "furthest off", "read as 0", "absent"), rows)


def _window_group(outcome: WindowOutcome) -> str:
    usual, birth, gap = WINDOW_GROUPS
    if not outcome.recorded:
        return gap
    return birth if outcome.check.situation.startswith("a window starts") else usual


def _window_cells(found: Sequence[WindowOutcome]) -> Row:
    off = [abs(each.off) for each in found if each.off is not None]
    missed = sum(each.true > 0 and each.off == -each.true for each in found)
    exact = f"{100 * sum(each == 0 for each in off) / len(off):.1f} %" if off else NOTHING
    absent = f"{100 * (len(found) - len(off)) / max(len(found), 1):.1f} %"
    return (f"{len(found):,}", exact, f"{max(off, default=0):.0f}", str(missed), absent)


def of_costs(costs: Iterable[Cost]) -> str:
    rows = [(c.form, str(c.rules), f"{c.samples:,.0f}", f"{1000 * c.seconds:,.0f} ms") for c in costs]
    return table(("rule set", "rules", "samples read", "time"), rows)


def of_retention(outcomes: Sequence[Outcome], days: int) -> str:
    rows = [(form, *_cells(outcomes, form)) for form in (EVENT_TIME, COUNTERS)]
    return table((f"Prometheus keeps {days} days", "figures", "median / worst"), rows)


def table(head: Row, rows: Iterable[Row]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _situations(outcomes: Iterable[Outcome]) -> list[str]:
    """Those that concern budgets of any fate, as they come, but the usual ones first."""
    own = ("birth", "changed definition", "lost store")
    found = dict.fromkeys(o.check.situation for o in outcomes if not o.check.situation.endswith(own))
    usual = [ANY_TIME, "idle night", "younger than the period"]
    return [*(s for s in usual if s in found), *sorted(s for s in found if s not in usual)]


def _row(text: str, found: Sequence[Outcome]) -> Row:
    cells = [_cells(found, form) for form in FORMS]
    return (text, cells[0][0], *(cell for _, cell in cells))


def _cells(outcomes: Sequence[Outcome], form: str) -> tuple[str, str]:
    """How many figures, and median / worst error of those that are numbers."""
    found = [each for each in outcomes if each.form == form]
    wrong = [each.wrong for each in found if each.wrong is not None]
    absent = sum(each.shown is None for each in found)
    nan = len(found) - len(wrong) - absent
    words = [f"{_percent(median(wrong))} / {_percent(max(wrong))}"] if wrong else []
    words += [f"{what} {100 * n / len(found):.0f} %" for what, n in (("absent", absent), ("NaN", nan)) if n]
    return f"{len(found):,}", ", ".join(words) or NOTHING


def _percent(value: float) -> str:
    return f"{value:.2f}"
