"""The generated alerts of an SLO, ready to be asked: expressions, constants, severities and times as generated."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Literal

from benchmarks.alerts.promql_arrays import Evaluate, NotSupported, compiled
from prometheus_rules import slo_series
from prometheus_rules.rule import Alert, Record
from prometheus_rules.rule_files import rule_groups
from prometheus_rules.slo_series import SloSeries, window_name
from prometheus_rules.windows import windows
from voice_slo import names, promql
from voice_slo.burn_threshold import CLUSTER
from voice_slo.loading import load
from voice_slo.names import Kind
from voice_slo.spec import Severity, SloFile

Guard = Literal["generated", "callers", "events"]
"""What the guard compares with the budget. `generated`: as the unit has it; `callers`: the lower bound of callers;
`events`: bad events, scaled by that bound."""

KINDS: tuple[Kind, ...] = ("eligible", "bad", "bad_callers")
COUNTERS = frozenset(names.count(kind) for kind in KINDS)
_COUNTED: Mapping[Guard, Kind] = {"callers": "bad_callers", "events": "bad"}
_BOUND = re.compile(r"voice_slo:(?:bad|bad_callers):(events\w+\{[^}]*\})(?= \* \(1 - 1 / \(9 \* )")
_SLIS = {"call": "connection_success", "turn": "turn_latency"}
_SLO_FILE = """
version: voice-slo/v1
agent: benchmark
owner: benchmark
segments: {{flow: [{flows}]}}
slos:
  measured: {{sli: {sli}, objective: {objective}, alerting: {policy}, budget_by: [{by}]}}
"""


@dataclass(frozen=True, slots=True)
class Variant:
    """An SLO to take rules of. `flows`: how many budgets it has; 0 for one of all calls."""

    policy: str
    guard: Guard
    unit: Literal["call", "turn"]
    objective: str
    flows: int = 0


@dataclass(frozen=True, slots=True)
class BurnAlert:
    """`keep_firing` in minutes."""

    scope: str
    severity: Severity
    keep_firing: int
    burns: Evaluate


@dataclass(frozen=True, slots=True)
class Rules:
    """`windows`: recorded name → kind and minutes; `records`: every other series that the alerts need."""

    labels: tuple[Mapping[str, str], ...]
    alerts: tuple[BurnAlert, ...]
    windows: Mapping[str, tuple[Kind, int]]
    records: Mapping[str, Evaluate]


@cache
def generated(variant: Variant) -> Rules:
    """Raises `NotSupported` where the rules use what cannot be evaluated here."""
    file = slo_file(variant)
    (own,) = slo_series.of(file)
    alerts = list(burn_alerts(file, own, variant.guard))
    records = {r.record: r.expr for group in rule_groups(file) for r in group.rules if isinstance(r, Record)}
    known = dict(_windows(own))
    needed = _needed(records, [alert.expr for alert in alerts], {*known, *COUNTERS})
    return Rules(
        tuple(own.slo.label_sets()),
        tuple(_ready(alert) for alert in alerts),
        known,
        {name: compiled(records[name]) for name in needed},
    )


def burn_alerts(file: SloFile, own: SloSeries, guard: Guard = "generated") -> Iterator[Alert]:
    burning = {names.burn_alert(tier.name) for tier in own.tiers()}
    for group in rule_groups(file):
        for rule in group.rules:
            if isinstance(rule, Alert) and rule.alert in burning:
                yield replace(rule, expr=with_guard(rule.expr, guard))


def with_guard(expr: str, guard: Guard) -> str:
    """`expr` with another form of the guard; raises `NotSupported` unless it has one."""
    if guard == "generated":
        return expr
    replaced, times = _BOUND.subn(rf"voice_slo:{_COUNTED[guard]}:\1", expr)
    if times != 1:
        raise NotSupported(expr)
    return replaced.replace(f"}} / {CLUSTER})", "})")


def slo_file(variant: Variant) -> SloFile:
    flows = [f"flow-{n}" for n in range(variant.flows)]
    text = _SLO_FILE.format(
        flows=", ".join(flows) or "all",
        sli=_SLIS[variant.unit],
        objective=variant.objective,
        policy=variant.policy,
        by="flow" if flows else "",
    )
    (file,) = load([("benchmark.yaml", text.encode())])
    return file


def _ready(alert: Alert) -> BurnAlert:
    if alert.for_:
        raise NotSupported(f"{alert.alert} waits before it fires")
    severity: Severity = "page" if alert.labels["severity"] == "page" else "ticket"
    return BurnAlert(alert.labels[names.SCOPE], severity, alert.keep_firing // 60, compiled(alert.expr))


def _windows(own: SloSeries) -> Iterator[tuple[str, tuple[Kind, int]]]:
    for seconds in windows(own):
        for kind in KINDS:
            yield names.events(kind, window_name(seconds)), (kind, seconds // 60)


def _needed(records: Mapping[str, str], exprs: Iterable[str], given: set[str]) -> set[str]:
    """Records that the expressions read, directly or not, down to what is given."""
    needed, waiting = set[str](), list(exprs)
    while waiting:
        found = promql.series_read(waiting.pop()) - given - needed
        needed |= found
        waiting += [records[name] for name in found]
    return needed
