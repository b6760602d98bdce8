"""Validate SLO files: every error of every file with its place, arithmetic that cannot work, and when tiers burn."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Sequence
from decimal import Decimal

from rich.table import Table
from rich.text import Text

from voice_slo import lint
from voice_slo.burn_threshold import threshold
from voice_slo.diagnostics import Problem, SloFileError
from voice_slo.quantities import percent, prometheus_duration
from voice_slo.spec import Slo, SloFile, Tier
from voice_slo_cli import slo_files
from voice_slo_cli.terminal import EXIT_INVALID, EXIT_OK, complain, out

HELP = "validate SLO files"


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("paths", nargs="*", metavar="PATH", help="SLO files or folders (default: slos/)")
    parser.add_argument("--output", choices=("text", "json"), default="text")


def run(given: argparse.Namespace) -> int:
    try:
        loaded = slo_files.read(given.paths)
    except SloFileError as e:
        if given.output == "json":
            print(_as_json((), e.problems))
            return EXIT_INVALID
        return complain(*(str(problem) for problem in e.problems), _counted(e.problems))
    if given.output == "json":
        print(_as_json(loaded.files, (*loaded.warnings, *loaded.notes)))
        return EXIT_OK
    complain(*(str(problem) for problem in (*loaded.warnings, *loaded.notes)))
    for file in loaded.files:
        _show(file)
    return EXIT_OK


def _show(file: SloFile) -> None:
    console = out()
    console.print(f"{file.path}: agent {file.agent}, {len(file.slos)} SLOs", markup=False)
    titles = ("slo", "sli", "objective", "threshold", "period", "budget by", "label sets", "owner")
    console.print(_table(titles, map(_row, file.slos)))
    console.print("burn factors, as they take effect:", markup=False)
    rows = [_burn_row(budget) for slo in file.slos for budget in lint.budgets(slo)]
    console.print(_table(("slo", "for", "error budget", "policy", "tiers"), rows))


def _table(titles: Sequence[str], rows: Iterable[Sequence[str]]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    for title in titles:
        table.add_column(title, no_wrap=title != "tiers")
    for row in rows:
        # As Text: names that look like markup are names.
        table.add_row(*map(Text, row))
    return table


def _row(slo: Slo) -> tuple[str, ...]:
    threshold = "–" if slo.threshold is None else f"{slo.threshold.normalize():f}"
    observed = " (observe)" if slo.mode == "observe" else ""
    return (
        slo.name, slo.sli.name if slo.sli.builtin else f"custom, {slo.sli.unit}", percent(slo.objective) + observed,
        threshold, _period(slo), ", ".join(slo.budget_by) or "–",
        str(lint.label_set_count(slo)), slo.owner,
    )  # fmt: skip


def _period(slo: Slo) -> str:
    return f"month, {slo.calendar}" if slo.calendar else prometheus_duration(slo.period)


def _burn_row(budget: lint.Budget) -> tuple[str, ...]:
    slo = budget.slo
    which = " ".join(f"{name}={'|'.join(values)}" for name, values in budget.match.items())
    tiers = ", ".join(_burns_at(budget, tier) for tier in slo.alerting.tiers if tier.enabled)
    silent = "observed, never alerts" if budget.target.mode == "observe" else tiers or "none enabled"
    rest = "the rest" if slo.objectives else "–"
    return slo.name, which or rest, percent(budget.error_budget), slo.alerting.name, silent


def _burns_at(budget: lint.Budget, tier: Tier) -> str:
    asked, effective = tier.factor(budget.slo.period), budget.effective(tier)
    changed = "" if effective == asked else f" (not {lint.factor(asked)})"
    return f"{tier.name} {lint.factor(effective)}{changed} {tier.severity}"


def _counted(problems: Iterable[Problem]) -> str:
    n = sum(problem.severity == "error" for problem in problems)
    return f"{n} error{'s' if n != 1 else ''}; nothing was changed"


def _as_json(files: Iterable[SloFile], problems: Iterable[Problem]) -> str:
    found = list(problems)
    return json.dumps(
        {
            "ok": not any(p.severity == "error" for p in found),
            "files": [
                {
                    "path": f.path,
                    "agent": f.agent,
                    "slos": [
                        {"name": s.name, "definition": s.definition, "budgets": [*map(_budget, lint.budgets(s))]}
                        for s in f.slos
                    ],
                }
                for f in files
            ],
            "problems": [
                {"path": p.path, "line": p.line, "column": p.column, "field": p.field, "message": p.message,
                 "severity": p.severity}
                for p in found
            ],
        },
        indent=1,
        ensure_ascii=False,
    )  # fmt: skip


def _budget(budget: lint.Budget) -> dict[str, object]:
    slo = budget.slo
    return {
        "match": {name: list(values) for name, values in budget.match.items()},
        "objective": float(budget.target.objective),
        "error_budget": float(budget.error_budget),
        "mode": budget.target.mode,
        "tiers": [
            {
                "name": tier.name,
                "severity": tier.severity,
                "factor": _rounded(tier.factor(slo.period)),
                "effective_factor": _rounded(budget.effective(tier)),
                "bad_ratio": _rounded(threshold(tier.factor(slo.period), budget.error_budget)),
            }
            for tier in slo.alerting.tiers
            if tier.enabled
        ],
    }


def _rounded(value: Decimal) -> float:
    """Burn factors divide, so they need not end; nine digits tell all of them apart."""
    return float(round(value, 9))
