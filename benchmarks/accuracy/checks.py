"""When figures are compared with the truth: at random, and where something has just gone wrong, or did at the start."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random

from benchmarks.accuracy.disturbances import DAY, HOUR, MINUTE, START, Disturbances, Scale, Span, within

ANY_TIME = "any time"
AFTER = (40, 70, 2 * MINUTE, 5 * MINUTE, 10 * MINUTE, 20 * MINUTE, HOUR)
"""Seconds after the end of something."""
WINDOWS = (5 * MINUTE, 15 * MINUTE, 30 * MINUTE, HOUR, 2 * HOUR, 6 * HOUR, DAY)
AT_BIRTH = tuple(window + wait for window in WINDOWS for wait in (25, 55))
"""Seconds after a birth: every window begins at it, or just after."""
REGULAR = 24
NIGHT = Span(2 * HOUR, 5 * HOUR)


@dataclass(frozen=True, slots=True, order=True)
class Check:
    at: float
    situation: str


def checks(scale: Scale, disturbances: Disturbances) -> list[Check]:
    """In order of time. Where no rule runs there is nothing to compare."""
    found = {*_any_time(scale, REGULAR), *_disturbed(scale, disturbances)}
    stopped = disturbances.unevaluated()
    inside = (START + HOUR, scale.end - MINUTE)
    return sorted(c for c in found if inside[0] < c.at < inside[1] and not within(c.at, stopped))


def spread(all_of_them: Sequence[Check], most: int) -> list[Check]:
    """At most so many of each situation, evenly out of all of them, none right at the beginning."""
    by_situation: dict[str, list[Check]] = {}
    for check in all_of_them:
        by_situation.setdefault(check.situation, []).append(check)
    found = []
    for each in by_situation.values():
        step = math.ceil(len(each) / most)
        found += each[step // 2 :: step]
    return sorted(found)


def _any_time(scale: Scale, regular: int) -> Iterator[Check]:
    rng = Random(f"{scale.seed} checks")
    late = START + scale.period
    for _ in range(regular):
        yield Check(_whole(rng.uniform(late, scale.end)), ANY_TIME)
    for _ in range(regular // 2):
        yield Check(_whole(rng.uniform(START + scale.period / 10, late)), "younger than the period")
    days = range(int(late), scale.end, DAY)
    for _ in range(regular // 2):
        yield Check(_whole(rng.choice(days) + rng.uniform(NIGHT.start, NIGHT.end)), "idle night")


def _disturbed(scale: Scale, d: Disturbances) -> Iterator[Check]:
    late = START + scale.period
    for span in (*(each for each in d.restarts if not within(each.start, d.crash_loops)), d.deploy):
        yield from _after("after a restart", span.end, AFTER[:4], late)
    for span in d.crash_loops:
        yield from _after("after a crash loop", span.end, AFTER, late)
        yield from _inside("in a crash loop", span, late)
    for span in d.scrape_gaps:
        yield from _inside("in a scrape gap", span, late)
        yield from _after("after a scrape gap", span.end, AFTER, late)
    for span in d.prometheus_outages:
        yield from _after("after a Prometheus outage", span.end, AFTER, late)
    for span in d.rule_outages:
        yield from _after("after a rule outage", span.end, AFTER, late)
    for span in (incident.span for incident in d.incidents):
        yield from _inside("in an incident", span, late)
    for at in d.births.values():
        yield from _born("a birth", at, START)
    for at in d.redefined:
        yield from _born("a changed definition", at, late)
    yield from _born("a lost store", d.store_lost.end, late)
    for what, spans in _period_starts(d):
        for span in spans:
            yield from _inside(f"period starts in {what}", _moved(span, scale.period), late)


def _period_starts(d: Disturbances) -> list[tuple[str, Sequence[Span]]]:
    hit = [incident.span for incident in d.incidents]
    outages = [span for span in d.prometheus_outages if not any(span.start <= i.start < span.end for i in hit)]
    return [
        ("a scrape gap", d.scrape_gaps),
        ("a Prometheus outage", outages),
        ("a Prometheus outage with an incident", [span for span in d.prometheus_outages if span not in outages]),
        ("a rule outage", d.rule_outages),
        ("a crash loop", d.crash_loops),
        ("an incident", [span for span in hit if not within(span.start, d.prometheus_outages)]),
    ]


def _moved(span: Span, by: float) -> Span:
    return Span(span.start + by, span.end + by)


def _after(situation: str, end: float, waits: Sequence[int], since: float) -> Iterator[Check]:
    if end >= since:
        yield from (Check(_whole(end + wait), situation) for wait in waits)


def _born(what: str, at: float, since: float) -> Iterator[Check]:
    yield from _after(f"after {what}", at, AFTER, since)
    yield from _after(f"a window starts at {what}", at, AT_BIRTH, since)


def _inside(situation: str, span: Span, since: float) -> Iterator[Check]:
    """At a tenth, three, five, seven and nine tenths of the span."""
    if span.start >= since:
        yield from (Check(_whole(span.start + (span.end - span.start) * n / 10), situation) for n in (1, 3, 5, 7, 9))


def _whole(at: float) -> float:
    """Queries are asked at whole seconds."""
    return float(int(at))
