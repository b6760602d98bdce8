"""`python -m benchmarks.alerts`: how often alerts cry wolf, and what they notice how soon.

Ends with code 1 where the guard, as it is generated, is above a limit of false pages.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator, Mapping
from concurrent.futures import Executor, Future, ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path

from rich.console import Console
from rich.progress import Progress

from benchmarks.alerts.cells import Cell, Outcome, cells, runs
from benchmarks.alerts.report import report
from benchmarks.alerts.results import Results, judged

CHUNK = 25
MARK = "<!-- figures -->\n"

Ran = Future[list[Mapping[str, Outcome]]]


def main(argv: list[str] | None = None) -> int:
    asked = _arguments(argv)
    with ProcessPoolExecutor(asked.processes, get_context("spawn")) as pool:
        results = simulated(pool, list(cells()), asked.months, asked.seed)
    figures = report(results, asked.months, asked.seed)
    if asked.into is None:
        sys.stdout.write(figures)
    else:
        asked.into.write_text(asked.into.read_text().partition(MARK)[0] + MARK + "\n" + figures)
    return 0 if all(form.within_limits for form in judged(results) if form.form == "guarded") else 1


def simulated(pool: Executor, every: list[Cell], months: int, seed: int) -> Results:
    """So many months and incidents of every cell. The same seed gives the same, however many processes there are."""
    begun = dict(_begun(pool, every, months, seed))
    _wait(list(begun.values()))
    found: dict[Cell, list[Mapping[str, Outcome]]] = {cell: [] for cell in every}
    for (cell, _), ran in begun.items():
        found[cell] += ran.result()
    return Results(found)


def _begun(pool: Executor, every: list[Cell], months: int, seed: int) -> Iterator[tuple[tuple[Cell, int], Ran]]:
    for number, cell in enumerate(every):
        for first in range(0, months, CHUNK):
            which = range(first, min(first + CHUNK, months))
            yield (cell, first), pool.submit(runs, cell, number, seed, which)


def _wait(begun: list[Ran]) -> None:
    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("months and incidents", total=len(begun))
        for _ in as_completed(begun):
            progress.advance(task)


def _arguments(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.alerts", description=__doc__)
    parser.add_argument("--months", type=int, default=300, help="months and incidents of each cell (default 300)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--processes", type=int, default=os.cpu_count())
    parser.add_argument("--into", type=Path, metavar="PAGE", help=f"put the figures behind {MARK.strip()} of this page")
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(main())
