"""What one evaluation of a whole rule set reads and takes, by Prometheus's own query statistics."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median

from benchmarks.accuracy import rules
from benchmarks.accuracy.checks import ANY_TIME, Check
from benchmarks.accuracy.disturbances import HOUR, START, Span
from benchmarks.accuracy.figures import window_lengths
from benchmarks.accuracy.lab import Lab, merge, record_in, recorded
from benchmarks.accuracy.measure import EVENT_TIME
from benchmarks.accuracy.peers import Peer
from benchmarks.accuracy.prometheus_server import serving
from benchmarks.accuracy.rules import Evaluated, Rule
from benchmarks.accuracy.simulated import compared
from prometheus_rules.windows import SHARE_WINDOWS

TIMES, RUNS = 5, 3
LOOK_BACKS = (0, *SHARE_WINDOWS)
"""Beside the windows and the period."""


@dataclass(frozen=True, slots=True)
class Cost:
    """Of one evaluation: median over several times of samples read and of seconds, and the number of rules."""

    form: str
    rules: int
    samples: float
    seconds: float


def of_rule_sets(lab: Lab, peers: Sequence[Peer], checks: Iterable[Check]) -> list[Cost]:
    """Of the SLO that is compared, with its alerts. One query at a time."""
    times = [check.at for check in checks if check.situation == ANY_TIME][-TIMES:]
    found = [_ours(lab, times)]
    with serving(lab.counters) as server:
        found += [_cost(peer.name, rules.evaluate(server, peer.rules, times, at_once=1)) for peer in peers]
    return found


def _ours(lab: Lab, times: Sequence[float]) -> Cost:
    (file,) = (each for each in lab.files if compared(lab.files) in each.slos)
    found = rules.of_slo(file, compared(lab.files))
    parts = [[rule for rule in found if rule.part == part] for part in dict.fromkeys(rule.part for rule in found)]
    stopped = lab.disturbances.unevaluated()
    _record_what_is_read(lab, found, times)

    def moments(part: str) -> list[float]:
        """The last runs before each time, enough for every group to find what the others recorded."""
        ran = (rules.last_run(part, at - back * rules.INTERVAL, stopped) for at in times for back in range(RUNS))
        return [at for at in ran if at is not None]

    return _cost(EVENT_TIME, recorded(lab.event_time, parts, moments, at_once=1))


def _record_what_is_read(lab: Lab, found: Sequence[Rule], times: Sequence[float]) -> None:
    """Counts that no compared figure needs are recorded only where the rules look back to from these times."""
    counts = [rule for rule in found if rule.part == "counts"]
    backs = {*LOOK_BACKS, *(seconds for each in lab.slos() for seconds in window_lengths(*each)), lab.scale.period}
    spans = [Span(max(at - back - HOUR, START), at - back) for at in times for back in backs if at - back > START]
    folder = lab.event_time.with_name("looked-back-to")
    record_in(lab, lab.event_time, folder, [(counts, span) for span in spans])
    merge(folder, lab.event_time)


def _cost(form: str, evaluated: Sequence[Evaluated]) -> Cost:
    """Rules are asked at several times: the n-th time of each rule makes the n-th evaluation of the set."""
    by_rule: dict[int, list[Evaluated]] = {}
    for each in evaluated:
        by_rule.setdefault(id(each.rule), []).append(each)
    sets = list(zip(*by_rule.values(), strict=True))
    samples = median(sum(each.answer.samples for each in one) for one in sets)
    seconds = median(sum(each.answer.seconds for each in one) for one in sets)
    return Cost(form, len(by_rule), samples, seconds)
