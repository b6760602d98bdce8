"""What the exporter shows at each scrape, by the rules of DESIGN sections 6 and 7.

Counters go up when a unit is judged and are durable. A unit from before the birth of its series enters the window only.
`voice_sli_window_events` counts by event time, from exactly one period before the scrape.
"""

from __future__ import annotations

import heapq
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from benchmarks.accuracy.disturbances import START, Disturbances, Scale, Span, within
from benchmarks.accuracy.simulated import Budget, Era
from benchmarks.accuracy.traffic import Unit
from voice_slo import names, promql

SCRAPE, SCRAPED_AT = 30, 11
"""Seconds between scrapes, and the second of the half minute at which they happen."""
COUNTERS = (names.ELIGIBLE, names.GOOD, names.BAD_CALLERS, names.CREATED, names.BAD)
WINDOW = (names.WINDOW_EVENTS,)


@dataclass(frozen=True, slots=True)
class Series:
    """One series as Prometheus stores it: `text` is its name with all labels; one value for each of `times`."""

    metric: names.Metric
    text: str
    times: Sequence[int]
    values: Sequence[float]


@dataclass(slots=True)
class _Counts:
    """One era of one budget at work."""

    era: Era
    period: int
    eligible: int = 0
    bad: int = 0
    callers: int = 0
    window: int = 0
    window_bad: int = 0
    inside: list[tuple[float, bool]] = field(default_factory=list)

    def judge(self, unit: Unit) -> None:
        if unit.at > unit.judged - self.period:
            heapq.heappush(self.inside, (unit.at, unit.bad))
            self.window += 1
            self.window_bad += unit.bad
        if unit.at >= self.era.created:
            self.eligible += 1
            self.bad += unit.bad
            self.callers += unit.caller

    def advance(self, now: float) -> None:
        while self.inside and self.inside[0][0] <= now - self.period:
            self.window -= 1
            self.window_bad -= heapq.heappop(self.inside)[1]


def scrapes(scale: Scale, disturbances: Disturbances, agent: str) -> list[int]:
    """When the exporter of this agent is scraped successfully."""
    down = disturbances.down() if agent == "front-desk" else [disturbances.store_lost]
    missed = [*disturbances.unscraped(), *down]
    grid = range(START + SCRAPED_AT, scale.end, SCRAPE)
    return list(_outside(grid, missed))


def _outside(grid: Sequence[int], spans: Sequence[Span]) -> Iterator[int]:
    """Of an ascending grid, what lies in none of the spans."""
    hours = {int(hour) for span in spans for hour in range(int(span.start) // 3600, int(span.end) // 3600 + 1)}
    return (at for at in grid if at // 3600 not in hours or not within(at, spans))


def series(scale: Scale, disturbances: Disturbances, budget: Budget, times: Sequence[int]) -> Iterator[Series]:
    """All series of a budget, each era's after the one before, cut where another pod takes over."""
    ends = [era.since for era in budget.eras[1:]] + [scale.end]
    for number, (era, end) in enumerate(zip(budget.eras, ends, strict=True)):
        alive = [at for at in times if era.since <= at < end]
        judged = [unit for unit in budget.units if era.since <= unit.judged < end]
        columns = _columns(_Counts(era, scale.period), judged, alive)
        for pod, first, last in _pods(disturbances, budget.agent, number, alive):
            yield from _shown(budget, era, pod, alive[first:last], [column[first:last] for column in columns])


def _columns(counts: _Counts, judged: Sequence[Unit], alive: Sequence[int]) -> list[array[int]]:
    """Eligible, bad, callers, and the window's eligible and bad, at each scrape."""
    columns = [array("l", bytes(8 * len(alive))) for _ in range(5)]
    upcoming = iter(judged)
    unit = next(upcoming, None)
    for place, now in enumerate(alive):
        while unit is not None and unit.judged <= now:
            counts.judge(unit)
            unit = next(upcoming, None)
        counts.advance(now)
        shown = (counts.eligible, counts.bad, counts.callers, counts.window, counts.window_bad)
        for column, value in zip(columns, shown, strict=True):
            column[place] = value
    return columns


def _pods(
    disturbances: Disturbances, agent: str, era: int, alive: Sequence[int]
) -> Iterator[tuple[str, int, int]]:  # fmt: skip
    """Name of the pod, and which of the scrapes meet it. The second agent's lost store comes with another pod."""
    if agent != "front-desk":
        yield f"exporter-back-{era}", 0, len(alive)
        return
    change = sum(at < disturbances.deploy.start for at in alive)
    yield "exporter-front-0", 0, change
    yield "exporter-front-1", change, len(alive)


def _shown(
    budget: Budget, era: Era, pod: str, times: Sequence[int], columns: Sequence[array[int]]
) -> Iterator[Series]:  # fmt: skip
    if not times:
        return
    eligible, bad, callers, window, window_bad = columns
    good = array("l", (e - b for e, b in zip(eligible, bad, strict=True)))

    def one(metric: names.Metric, values: Sequence[float], *matchers: str) -> Series:
        labels = (*(promql.equals(*label) for label in budget.labels), *matchers, promql.equals("instance", pod))
        text = promql.selector(metric.name, budget.agent, budget.slo, *labels, promql.equals("job", "voice-slo"))
        return Series(metric, text, times, values)

    yield one(names.ELIGIBLE, eligible)
    yield one(names.GOOD, good)
    yield one(names.BAD_CALLERS, callers)
    yield one(names.CREATED, [era.created] * len(times))
    yield one(names.BAD, bad, promql.equals(names.REASON, "not_connected"))
    for verdict, values in (("eligible", window), ("bad", window_bad)):
        yield one(names.WINDOW_EVENTS, values, promql.equals(names.VERDICT, verdict))
