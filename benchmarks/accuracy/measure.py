"""Figures beside the truth.

The error of a budget is |spent as shown - spent in truth|, both as a share of the budget. The truth is that of the
scrape a figure was made from; `wrong_now` is the error against the moment of looking, so with the age of the figure.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from benchmarks.accuracy import figures, peers, rules, truth
from benchmarks.accuracy.checks import Check
from benchmarks.accuracy.disturbances import START, within
from benchmarks.accuracy.exposition import SCRAPE, SCRAPED_AT
from benchmarks.accuracy.figures import KINDS
from benchmarks.accuracy.lab import Lab, recorded
from benchmarks.accuracy.peers import Labels, Peer
from benchmarks.accuracy.prometheus_server import serving
from benchmarks.accuracy.rules import AT_ONCE, Evaluated, Rule
from benchmarks.accuracy.simulated import BUDGET, Budget, compared
from benchmarks.accuracy.truth import Counts, Truth
from prometheus_rules.slo_series import window_name
from voice_slo import names
from voice_slo.spec import Slo, SloFile
from voice_slo_cli.terminal import progress

EVENT_TIME, COUNTERS = "voice-slo", "voice-slo, counters only"
Key = tuple[str, str, Labels]
"""Agent, SLO, budget labels."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """`wrong`, `wrong_now`: % of the budget; None where the figure is absent or NaN. `shown`: None is absent."""

    form: str
    check: Check
    budget: Budget
    shown: float | None
    wrong: float | None
    wrong_now: float | None


@dataclass(frozen=True, slots=True)
class WindowOutcome:
    """`off`: units shown less units in truth; None where absent. `recorded`: at both ends of the window."""

    window: str
    kind: names.Kind
    check: Check
    budget: Budget
    recorded: bool
    true: int
    off: float | None


@dataclass(frozen=True, slots=True)
class Chain:
    """When each group that a figure at `at` went through last ran, and the newest scrape it could have seen."""

    budget: float | None
    windows: float | None
    counts: float | None

    @classmethod
    def of(cls, lab: Lab, at: float) -> Chain:
        stopped = lab.disturbances.unevaluated()
        budget = rules.last_run("budget", at, stopped)
        windows = budget and rules.last_run("windows", budget, stopped)
        return cls(budget, windows, windows and rules.last_run("counts", windows, stopped))


def truths(lab: Lab) -> dict[Key, Truth]:
    return {key_of(budget): truth.of(budget) for budget in lab.budgets}


def key_of(budget: Budget) -> Key:
    return budget.agent, budget.slo, frozenset(budget.labels)


def ours(lab: Lab, data: Path, form: str, checks: Sequence[Check], *arguments: str) -> list[Evaluated]:
    """What the rules give for the checks: windows and budget of every SLO. `form`: how much of it is compared."""
    chains = [Chain.of(lab, check.at) for check in checks]
    moments = {
        "windows": [chain.windows for chain in chains if chain.windows is not None],
        "budget": [chain.budget for chain in chains if chain.budget is not None],
    }
    found = [rule for file, slo in lab.slos() for rule in _targets(file, slo, form)]
    parts = [[rule for rule in found if rule.part == part] for part in moments]
    return recorded(data, parts, lambda part: moments[part], *arguments)


def _targets(file: SloFile, slo: Slo, form: str) -> list[Rule]:
    """All windows once, with the default form; they are the same without event-time counts."""
    windows = figures.of_windows(file, slo).values() if form == EVENT_TIME else ()
    return rules.needed(rules.of_slo(file, slo), [*figures.OF_THE_PERIOD, *windows])


def budget_outcomes(
    lab: Lab, form: str, evaluated: Iterable[Evaluated], true: Mapping[Key, Truth], checks: Sequence[Check]
) -> Iterator[Outcome]:  # fmt: skip
    shown = _by_moment(evaluated, names.REMAINING_RATIO)
    for check in checks:
        chain = Chain.of(lab, check.at)
        for key, each in true.items():
            known = _newest_scrape(lab, key[0], chain.windows if form == EVENT_TIME else chain.counts)
            remaining = shown.get((chain.budget, key))
            spent = None if remaining is None else 1 - remaining
            yield from _outcome(lab, form, check, each, spent, known)


def _outcome(
    lab: Lab, form: str, check: Check, true: Truth, spent: float | None, known: float | None
) -> Iterator[Outcome]:  # fmt: skip
    """None where nothing was eligible by then, so that there is no budget to be wrong about."""
    if known is None:
        return
    period = lab.scale.period
    then, now = true.period(period, known, known), true.period(period, check.at, check.at)
    if then is None or now is None or not then.eligible or not now.eligible:
        return
    yield Outcome(form, check, true.budget, spent, _wrong(spent, then), _wrong(spent, now))


def _wrong(spent: float | None, true: Counts) -> float | None:
    if spent is None or math.isnan(spent):
        return None
    return abs(spent - true.bad / (BUDGET * true.eligible)) * 100


def peer_outcomes(
    lab: Lab, peer: Peer, true: Mapping[Key, Truth], checks: Sequence[Check]
) -> Iterator[Outcome]:  # fmt: skip
    """Their recording rules run whenever they are asked here: only what they read of the past has gaps."""
    slo = compared(lab.files)
    own = {key: each for key, each in true.items() if key[:2] == (slo.agent, slo.name)}
    with serving(lab.counters) as server, ThreadPoolExecutor(AT_ONCE) as pool:
        asked = pool.map(lambda check: peers.consumed(peer, server, check.at, lab.scale), checks)
        for check, spent in zip(checks, progress(asked, peer.name, len(checks)), strict=True):
            known = _newest_scrape(lab, slo.agent, check.at)
            for key, each in own.items():
                yield from _outcome(lab, peer.name, check, each, spent.get(key[2]), known)


def window_outcomes(
    lab: Lab, evaluated: Iterable[Evaluated], true: Mapping[Key, Truth], checks: Sequence[Check]
) -> Iterator[WindowOutcome]:  # fmt: skip
    names_of = {what: name for each in lab.slos() for what, name in figures.of_windows(*each).items()}
    evaluated = list(evaluated)
    recorded_names = {each.rule.record for each in evaluated}
    shown = {name: _by_moment(evaluated, name) for name in names_of.values() if name in recorded_names}
    unrecorded = lab.disturbances.unrecorded()
    for check in checks:
        chain = Chain.of(lab, check.at)
        ends = {seconds: (check.at - seconds, check.at) for _, seconds in names_of}
        whole = {seconds: not any(within(at, unrecorded) for at in both) for seconds, both in ends.items()}
        for key, each in true.items():
            known = _newest_scrape(lab, key[0], chain.counts)
            if known is None or each.budget.era(known) is None:
                continue
            due = _due_scrape(chain.counts)
            for (kind, seconds), name in names_of.items():
                if name not in shown:
                    continue
                counts, value = each.window(seconds, due, known), shown[name].get((chain.windows, key))
                assert counts is not None
                expected = counts[KINDS.index(kind)]
                off = None if value is None else value - expected
                yield WindowOutcome(window_name(seconds), kind, check, each.budget, whole[seconds], expected, off)


def _by_moment(evaluated: Iterable[Evaluated], record: str) -> dict[tuple[float | None, Key], float]:
    return {
        (each.at, _key(sample.metric)): float(sample.value[1])
        for each in evaluated
        if each.rule.record == record
        for sample in each.answer.result
    }


def _key(metric: Mapping[str, str]) -> Key:
    own = {name: value for name, value in metric.items() if name not in (names.AGENT, names.SLO, "__name__")}
    return metric[names.AGENT], metric[names.SLO], frozenset(own.items())


def _due_scrape(at: float | None) -> float:
    """When the newest scrape should have been: a window moves on where none comes."""
    assert at is not None
    return START + SCRAPED_AT + (at - START - SCRAPED_AT) // SCRAPE * SCRAPE


def _newest_scrape(lab: Lab, agent: str, at: float | None) -> float | None:
    if at is None:
        return None
    place = bisect_right(lab.scrapes[agent], at)
    return lab.scrapes[agent][place - 1] if place else None
