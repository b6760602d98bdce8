"""How exact are budgets in a real Prometheus, beside those of sloth and pyrra: `python -m benchmarks.accuracy`.

Simulates 38 days of calls with restarts, gaps, outages, births and late audits, backfills what the exporters would have
shown, evaluates the generated rules, and compares with the calls themselves. Needs `prometheus` and `promtool` on PATH,
2 GB of memory and 1 GB of disk; about 6 minutes on two cores. `--write docs/benchmarks/accuracy.md` puts the results
into that page. Ends with code 1 where the budgets are off by more than 1 %.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.accuracy import results
from benchmarks.accuracy.disturbances import Scale

MARK = "<!-- written by python -m benchmarks.accuracy --write -->\n"


def main(arguments: list[str] | None = None) -> int:
    options = _options(arguments)
    scale = Scale(options.days, options.period, options.series // 2, options.seed)
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="voice-slo-accuracy-") as folder:
        found = results.run(scale, Path(folder), peers=not options.without_peers)
    text = found.markdown(time.monotonic() - started)
    print(text)
    if options.write:
        _write(options.write, text)
    for problem in found.problems():
        print(problem, file=sys.stderr)
    return 1 if found.problems() else 0


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.accuracy", description=__doc__)
    usual = Scale()
    parser.add_argument("--days", type=int, default=usual.days, help="that are simulated (%(default)s)")
    parser.add_argument("--period", type=int, default=usual.period_days, help="days of the SLO (%(default)s)")
    parser.add_argument("--series", type=int, default=2 * usual.flows, help="budgets, even, 8 to 24 (%(default)s)")
    parser.add_argument("--seed", type=int, default=usual.seed, help="of everything random (%(default)s)")
    parser.add_argument("--without-peers", action="store_true", help="leave sloth and pyrra out")
    parser.add_argument("--write", type=Path, metavar="PAGE", help="replace what follows the mark in this page")
    options = parser.parse_args(arguments)
    if options.days <= options.period or options.period < 2 or not 8 <= options.series <= 24:
        parser.error("--days must be more than --period, --period at least 2, --series from 8 to 24")
    return options


def _write(page: Path, text: str) -> None:
    before, mark, _ = page.read_text(encoding="utf-8").partition(MARK)
    if not mark:
        raise SystemExit(f"{page} has no line {MARK.strip()}")
    page.write_text(f"{before}{MARK}\n{text}", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
