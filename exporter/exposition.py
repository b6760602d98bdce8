"""/metrics: the SLI families rendered from the mirror, the exporter's own by prometheus-client.

prometheus-client needs about a second for 100,000 series with labels; the own renderer caches each series' line up
to its value and needs a fortieth of that (reference: its text must parse to the same families, see the tests).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from typing import NamedTuple

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import generate_latest

from exporter import counts as c
from exporter.slices import VERDICTS, slice_key
from voice_slo import names

PIECE = 2_000
"""Lines: under a millisecond of work."""
_US = 1_000_000


class Series(NamedTuple):
    """`labels` are (name, value) pairs in the order they are shown."""

    metric: names.Metric
    labels: tuple[tuple[str, str], ...]
    value: int | float


_PLAIN: tuple[tuple[names.Metric, str], ...] = (
    (names.ELIGIBLE, c.ELIGIBLE),
    (names.GOOD, c.GOOD),
    (names.BAD_CALLERS, c.BAD_CALLERS),
    (names.UNKNOWN, c.UNKNOWN),
    (names.UNKNOWN_RESOLVED, c.UNKNOWN_RESOLVED),
    (names.AWAITING, c.AWAITING),
)


def series(exposed: Iterable[c.Exposed], values: Mapping[c.Key, Mapping[c.Name, int]]) -> Iterator[Series]:
    """Every series of the SLI families. All of one label set's plain counters appear together, at 0 from birth."""
    by_slo: dict[int, list[tuple[str, Mapping[c.Name, int]]]] = {}
    for (slo, labels), counts in values.items():
        if labels != c.WHOLE_SLO and (c.CREATED, "") in counts:
            by_slo.setdefault(slo, []).append((labels, counts))
    for entry in exposed:
        base = ((names.AGENT, entry.agent), (names.SLO, entry.slo))
        yield Series(names.DEFINITION_INFO, (*base, ("definition", entry.definition)), 1)
        if entry.calendar:
            whole = values[entry.id, c.WHOLE_SLO]
            yield Series(names.PERIOD_START, base, whole[c.PERIOD_START, ""] / _US)
            yield Series(names.PERIOD_END, base, whole[c.PERIOD_END, ""] / _US)
        for labels, counts in sorted(by_slo.get(entry.id, ())):
            own = (*base, *zip(entry.budget_by, json.loads(labels), strict=True))
            yield from _label_set(entry, own, counts)


def _label_set(entry: c.Exposed, own: tuple[tuple[str, str], ...], counts: Mapping[c.Name, int]) -> Iterator[Series]:
    for metric, name in _PLAIN:
        yield Series(metric, own, counts.get((name, ""), 0))
    yield Series(names.CREATED, own, counts[c.CREATED, ""] / _US)
    for verdict in (c.ELIGIBLE, c.BAD):
        yield Series(names.WINDOW_EVENTS, (*own, (names.VERDICT, verdict)), counts.get((c.WINDOW, verdict), 0))
    for reason in dict.fromkeys((*entry.reasons, *sorted(extra for name, extra in counts if name == c.BAD))):
        yield Series(names.BAD, (*own, (names.REASON, reason)), counts.get((c.BAD, reason), 0))
    for extra in sorted(extra for name, extra in counts if name == c.EXCLUDED):
        reason, _, verdict = extra.partition("|")
        labels = (*own, (names.REASON, reason), (names.VERDICT, verdict))
        yield Series(names.EXCLUDED, labels, counts[c.EXCLUDED, extra])
    declared = [f"{was}|{became}|{reason}" for reason in entry.outages for was, became in c.CORRECTIONS]
    for extra in dict.fromkeys((*declared, *sorted(extra for name, extra in counts if name == c.CORRECTED))):
        was, became, reason = extra.split("|", 2)
        labels = (*own, (names.FROM, was), (names.TO, became), (names.REASON, reason))
        yield Series(names.CORRECTED, labels, counts.get((c.CORRECTED, extra), 0))
    yield from _slices(entry, own, counts)


def _slices(entry: c.Exposed, own: tuple[tuple[str, str], ...], counts: Mapping[c.Name, int]) -> Iterator[Series]:
    """Good and bad of a value appear together, with its first unit."""
    seen = {tuple(extra.split("|", 2)[1:]) for name, extra in counts if name == c.SLICE}
    for dimension, value in sorted(seen):
        if dimension in entry.dimensions:
            labels = (*own, (names.DIMENSION, dimension), (names.SLICE_VALUE, value))
            for verdict in VERDICTS:
                n = counts.get((c.SLICE, slice_key(verdict, dimension, value)), 0)
                yield Series(names.SLICES, (*labels, (names.VERDICT, verdict)), n)


def synthetic_series(flows: Iterable[c.FlowRuns]) -> Iterator[Series]:
    """Runs by result, all at 0 from the start; of flows without a schedule nothing else."""
    for flow in flows:
        own = ((names.AGENT, flow.agent), (names.FLOW, flow.flow))
        for result, n in flow.runs.items():
            yield Series(names.SYNTHETIC_RUNS, (*own, ("result", result)), n)
        schedule = flow.schedule
        if schedule is not None:
            yield Series(names.SYNTHETIC_FAILURES, own, schedule.failures)
            yield Series(names.SYNTHETIC_INTERVAL, own, schedule.every // _US)
            if schedule.last_run is not None:
                yield Series(names.SYNTHETIC_LAST_RUN, own, schedule.last_run / _US)


class Exposition:
    """Renders scrapes. `own` holds the exporter's own collectors."""

    def __init__(self, mirror: c.Mirror, own: CollectorRegistry) -> None:
        self._mirror, self._own = mirror, own
        self._prefixes: dict[tuple[str, tuple[tuple[str, str], ...]], str] = {}

    def render(self) -> Iterator[bytes]:
        """The text format 0.0.4, of one moment, in pieces so that a large scrape lets other work run between them."""
        lines: dict[names.Metric, list[str]] = {m: [] for m in (*names.SLI_METRICS, *names.SYNTHETIC_METRICS)}
        for found in chain(series(*self._mirror.exposed()), synthetic_series(self._mirror.flows)):
            lines[found.metric].append(f"{self._prefix(found)}{found.value}\n")
        for metric, held in lines.items():
            yield f"# HELP {metric.name} {_escape_help(metric.help)}\n# TYPE {metric.name} {metric.type}\n".encode()
            for start in range(0, len(held), PIECE):
                yield "".join(held[start : start + PIECE]).encode()
        yield generate_latest(self._own)

    def _prefix(self, found: Series) -> str:
        key = (found.metric.name, found.labels)
        prefix = self._prefixes.get(key)
        if prefix is None:
            inside = ",".join(f'{name}="{_escape(value)}"' for name, value in found.labels)
            prefix = self._prefixes[key] = f"{found.metric.name}{{{inside}}} "
        return prefix

    def forget(self) -> None:
        """Call after a reload: label sets that are gone must not stay in memory."""
        self._prefixes.clear()


def _escape(value: str) -> str:
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


def _escape_help(text: str) -> str:
    return text.replace("\\", r"\\").replace("\n", r"\n")
