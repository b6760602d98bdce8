"""The simulated exporters in a real Prometheus: raw samples, then what the rules record of them, stage by stage."""

from __future__ import annotations

import shutil
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from benchmarks.accuracy import exposition, figures, rules
from benchmarks.accuracy.disturbances import START, Disturbances, Scale, Span, laid_out
from benchmarks.accuracy.exposition import Series
from benchmarks.accuracy.peers import Peer
from benchmarks.accuracy.prometheus_server import import_samples, linked, serving
from benchmarks.accuracy.rules import AT_ONCE, Evaluated, Rule
from benchmarks.accuracy.simulated import Budget, budgets, slo_files
from voice_slo.spec import Slo, SloFile
from voice_slo_cli.terminal import progress

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Lab:
    """`counters` and `event_time`: folders of blocks without and with `voice_sli_window_events`."""

    scale: Scale
    disturbances: Disturbances
    files: Sequence[SloFile]
    budgets: Sequence[Budget]
    scrapes: dict[str, list[int]]
    counters: Path
    event_time: Path

    def slos(self) -> Iterator[tuple[SloFile, Slo]]:
        return ((file, slo) for file in self.files for slo in file.slos)


def built(scale: Scale, folder: Path, peers: Sequence[Peer]) -> Lab:
    """Simulate, backfill what the exporters showed, and record the counts at every evaluation."""
    disturbances, files = laid_out(scale), slo_files(scale)
    made = budgets(scale, disturbances)
    scrapes = {file.agent: exposition.scrapes(scale, disturbances, file.agent) for file in files}
    lab = Lab(scale, disturbances, files, made, scrapes, folder / "counters", folder / "event-time")
    _backfill(lab, folder / "window-events")
    _record(lab, peers, folder / "recorded")
    linked(lab.counters, lab.event_time)
    merge(folder / "window-events", lab.event_time)
    return lab


def recorded(
    data: Path, parts: Sequence[Sequence[Rule]], moments: Callable[[str], Iterable[float]], *arguments: str,
    at_once: int = AT_ONCE,
) -> list[Evaluated]:  # fmt: skip
    """Evaluate part after part at the moments it ran, each with what those before it recorded then in the blocks."""
    found: list[Evaluated] = []
    for part in parts:
        with serving(data, *arguments) as server:
            evaluated = rules.evaluate(server, part, moments(part[0].part), at_once)
        import_samples(data, rules.lines(evaluated))
        found.extend(evaluated)
    return found


def _backfill(lab: Lab, window_events: Path) -> None:
    shown = [
        series
        for budget in lab.budgets
        for series in exposition.series(lab.scale, lab.disturbances, budget, lab.scrapes[budget.agent])
    ]
    work = [
        (data, [series for series in shown if series.metric in metrics], span)
        for span in _chunks(lab.scale)
        for data, metrics in ((lab.counters, exposition.COUNTERS), (window_events, exposition.WINDOW))
    ]
    _each(lambda one: import_samples(one[0], _lines(one[1], one[2])), work, "scrapes")


def _lines(shown: Sequence[Series], span: Span) -> Iterator[str]:
    for series in shown:
        first, last = bisect_left(series.times, span.start), bisect_left(series.times, span.end)
        text = series.text
        for at, value in zip(series.times[first:last], series.values[first:last], strict=True):
            yield f"{text} {value} {at}\n"


def _record(lab: Lab, peers: Sequence[Peer], folder: Path) -> None:
    """What later rules read of the past has to be recorded throughout: our counts, and sloth's ratio of 5 minutes."""
    wanted = [*(_counts(*each) for each in lab.slos()), *(peer.recorded for peer in peers if peer.recorded)]
    record_in(lab, lab.counters, folder, [(found, span) for span in _chunks(lab.scale) for found in wanted])
    merge(folder, lab.counters)


def _counts(file: SloFile, slo: Slo) -> list[Rule]:
    compared = [*figures.OF_THE_PERIOD, *figures.of_windows(file, slo).values()]
    return [rule for rule in rules.needed(rules.of_slo(file, slo), compared) if rule.part == "counts"]


def record_in(lab: Lab, data: Path, folder: Path, work: Sequence[tuple[Sequence[Rule], Span]]) -> None:
    """Blocks in `folder` of what these rules record of `data` in these spans."""
    stopped = lab.disturbances.unevaluated()
    with serving(data) as server:

        def record(one: tuple[Sequence[Rule], Span]) -> None:
            import_samples(folder, rules.record_throughout(server, one[0], one[1], stopped))

        _each(record, work, "recorded counts")


def _chunks(scale: Scale) -> list[Span]:
    return rules.chunks(START, scale.end)


def _each(do: Callable[[T], None], work: Sequence[T], what: str) -> None:
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for _ in progress(pool.map(do, work), what, len(work)):
            pass


def merge(blocks: Path, into: Path) -> None:
    """Move the blocks of one folder to those of another."""
    for block in blocks.iterdir():
        shutil.move(block, into / block.name)
    blocks.rmdir()
