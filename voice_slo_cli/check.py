"""Validate SLO files: every error of every file, with its place."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable

from rich.table import Table

from voice_slo.diagnostics import Problem, SloFileError
from voice_slo.quantities import percent, prometheus_duration
from voice_slo.spec import Slo, SloFile
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
        print(_as_json(loaded.files, loaded.warnings))
        return EXIT_OK
    complain(*(str(warning) for warning in loaded.warnings))
    for file in loaded.files:
        _show(file)
    return EXIT_OK


def _show(file: SloFile) -> None:
    console = out()
    console.print(f"{file.path}: agent {file.agent}, {len(file.slos)} SLOs", markup=False)
    table = Table(box=None, pad_edge=False, header_style="dim")
    for title in ("slo", "sli", "objective", "threshold", "period", "budget by", "label sets", "owner"):
        table.add_column(title, no_wrap=True)
    for slo in file.slos:
        table.add_row(*_row(slo))
    console.print(table)


def _row(slo: Slo) -> tuple[str, ...]:
    threshold = "–" if slo.threshold is None else f"{slo.threshold.normalize():f}"
    observed = " (observe)" if slo.mode == "observe" else ""
    return (
        slo.name, slo.sli.name if slo.sli.builtin else f"custom, {slo.sli.unit}", percent(slo.objective) + observed,
        threshold, prometheus_duration(slo.period), ", ".join(slo.budget_by) or "–",
        str(sum(1 for _ in slo.label_sets())), slo.owner,
    )  # fmt: skip


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
                    "slos": [{"name": s.name, "definition": s.definition} for s in f.slos],
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
