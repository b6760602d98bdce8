"""What a ruler takes of the rules: fields that its version knows and, for vmalert, expressions that mean the same."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from prometheus_rules import metricsql
from prometheus_rules.rule import Alert, Bundle, Record, Rule
from prometheus_rules.target import Target
from voice_slo import promql

Part = tuple[str, list[Bundle]]


@dataclass(frozen=True, slots=True)
class Fitting:
    """`left_out`: what is missing and why, for people. `unrecorded`: the series that are missing by it."""

    parts: list[Part]
    left_out: tuple[str, ...] = ()
    unrecorded: frozenset[str] = frozenset()


def fitting(target: Target, parts: Sequence[Part], unrecorded: frozenset[str] = frozenset()) -> Fitting:
    """`parts` in the order in which figures flow. `unrecorded`: series that were left out before."""
    if target.format == "vmalert":
        return _same_in_metricsql(parts, unrecorded)
    if target.keeps_firing:
        return Fitting(list(parts))
    return Fitting([(name, [[_shorter(rule) for rule in rules] for rules in bundles]) for name, bundles in parts])


def _shorter(rule: Rule) -> Rule:
    return replace(rule, keep_firing=0) if isinstance(rule, Alert) else rule


def _same_in_metricsql(parts: Sequence[Part], unrecorded: frozenset[str]) -> Fitting:
    """A rule that reads what is left out is left out too: it would see no data where there is some."""
    missing, left_out = set(unrecorded), list[str]()

    def same(rule: Rule) -> bool:
        why = next(_differences(rule, missing), None)
        if why is None:
            return True
        left_out.append(f"{_name(rule)} is left out: {why}")
        if isinstance(rule, Record):
            missing.add(rule.record)
        return False

    kept: list[Part] = [(name, [list(filter(same, rules)) for rules in bundles]) for name, bundles in parts]
    return Fitting(kept, tuple(left_out), frozenset(missing))


def _differences(rule: Rule, missing: set[str]) -> Iterator[str]:
    for expr in rule.expressions():
        if other := metricsql.difference(expr):
            yield f"{other} may mean something else in MetricsQL"
        if missing and (gone := sorted(missing & promql.series_read(expr))):
            yield f"it reads {gone[0]}, which is left out"


def _name(rule: Rule) -> str:
    return rule.alert if isinstance(rule, Alert) else rule.record
