"""The generated rules, evaluated as Prometheus does: every group at its own second of an interval, none while down."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from benchmarks.accuracy.disturbances import START, Span, within
from benchmarks.accuracy.prometheus_server import BLOCK_SECONDS, Answer, Prometheus
from prometheus_rules.rule import Record
from prometheus_rules.rule_files import rule_groups
from voice_slo import promql
from voice_slo.spec import Slo, SloFile

INTERVAL = 30
SECOND = {"counts": 4, "windows": 27, "budget": 20, "totals": 13, "state": 9, "alerts": 16}
"""Second of the half minute at which the groups of each part run. Prometheus spreads groups over the interval.
Here each runs shortly before what it reads, so that figures are about as old as they ever get: a minute and a half.
"""
OTHER = 13
AT_ONCE = 2
"""Queries, for two cores."""


@dataclass(frozen=True, slots=True)
class Rule:
    """`record` is empty for an alert. `labels` are what the rule adds."""

    part: str
    record: str
    expr: str
    labels: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Evaluated:
    rule: Rule
    at: float
    answer: Answer


def of_slo(slo_file: SloFile, slo: Slo) -> list[Rule]:
    """In the order in which they should run."""
    return [
        Rule(_part(group.name), rule.record, rule.expr, {**group.identity, **rule.labels})
        if isinstance(rule, Record)
        else Rule(_part(group.name), "", rule.expr, {})
        for group in rule_groups(slo_file)
        if group.identity.get("slo") == slo.name
        for rule in group.rules
    ]


def needed(rules: Sequence[Rule], targets: Iterable[str]) -> list[Rule]:
    """The rules that record these series, with all that they read, directly or not."""
    recorders = {rule.record: rule for rule in rules if rule.record}
    wanted, left = set(), [name for name in targets if name in recorders]
    while left:
        name = left.pop()
        if name not in wanted:
            wanted.add(name)
            left.extend(read for read in promql.series_read(recorders[name].expr) if read in recorders)
    return [rule for rule in rules if rule.record in wanted]


def last_run(part: str, at: float, stopped: Iterable[Span]) -> float | None:
    """When the part last ran, at most an interval before; None where it did not."""
    offset = START + SECOND.get(part, OTHER)
    ran = offset + (at - offset) // INTERVAL * INTERVAL
    return None if within(ran, stopped) or ran < START else ran


def record_throughout(
    server: Prometheus, rules: Sequence[Rule], chunk: Span, stopped: Sequence[Span]
) -> Iterator[str]:  # fmt: skip
    """OpenMetrics lines of everything that the rules record in [start, end), but while nothing is evaluated."""
    for rule in rules:
        for span in _running(chunk, stopped):
            first = _first_run(rule.part, span.start)
            if first >= span.end:
                continue
            for matrix in server.query_range(rule.expr, first, int(span.end - 1e-6), INTERVAL):
                text = _series(rule, matrix.metric)
                yield from (f"{text} {value} {at}\n" for at, value in matrix.values)


def evaluate(
    server: Prometheus, rules: Sequence[Rule], moments: Iterable[float], at_once: int = AT_ONCE
) -> list[Evaluated]:  # fmt: skip
    """Every rule at every moment, by moment."""
    asked = [(rule, at) for at in sorted(set(moments)) for rule in rules]
    with ThreadPoolExecutor(at_once) as pool:
        answers = pool.map(lambda one: server.query(one[0].expr, one[1]), asked)
        return [Evaluated(rule, at, answer) for (rule, at), answer in zip(asked, answers, strict=True)]


def lines(evaluated: Iterable[Evaluated]) -> Iterator[str]:
    """OpenMetrics lines of what was recorded."""
    for each in evaluated:
        if each.rule.record:
            for sample in each.answer.result:
                yield f"{_series(each.rule, sample.metric)} {sample.value[1]} {int(each.at)}\n"


def chunks(start: float, end: float) -> list[Span]:
    """The time from start to end, cut where blocks are."""
    first = int(start) // BLOCK_SECONDS * BLOCK_SECONDS
    return [
        Span(max(at, start), min(at + BLOCK_SECONDS, end)) for at in range(first, int(end), BLOCK_SECONDS)
    ]  # fmt: skip


def _part(group: str) -> str:
    return re.sub(r"-\d+$", "", group.rpartition(":")[2])


def _running(chunk: Span, stopped: Sequence[Span]) -> Iterator[Span]:
    """The chunk without the time in which nothing is evaluated."""
    start = chunk.start
    for span in sorted(stopped, key=lambda each: each.start):
        if span.end <= start or span.start >= chunk.end:
            continue
        if span.start > start:
            yield Span(start, span.start)
        start = span.end
    if start < chunk.end:
        yield Span(start, chunk.end)


def _first_run(part: str, start: float) -> int:
    offset = START + SECOND.get(part, OTHER)
    return int(offset - (offset - start) // INTERVAL * INTERVAL)


def _series(rule: Rule, metric: Mapping[str, str]) -> str:
    labels = {**{name: value for name, value in metric.items() if name != "__name__"}, **rule.labels}
    return f"{rule.record}{{{','.join(promql.equals(name, value) for name, value in labels.items())}}}"
