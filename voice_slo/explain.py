"""Why a call was counted so: the facts, the rule that decided, what stayed unknown. Data for people and machines."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from voice_slo.batch import judge_call
from voice_slo.conditions import All, Condition, Value, describe, evaluate, fields, parameters_of
from voice_slo.events import rfc3339
from voice_slo.facts import CallFacts
from voice_slo.fields import SEGMENT_PREFIX
from voice_slo.judge import Verdict
from voice_slo.spec import Slo
from voice_slo.units import Phase, UnitFacts, units

_SIGNS = {True: "holds", False: "does not hold", None: "not known"}


@dataclass(frozen=True, slots=True)
class Clause:
    """One condition as written, whether it holds, and the values it looked at."""

    text: str
    holds: str
    values: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class UnitExplanation:
    """`verdict` is `pending` while it can still change. `counted` is what the store holds, where one was asked.

    `corrected`: what a changed outage did to it after it was counted, a line each.
    """

    slo: str
    unit: str
    id: str
    at: str
    verdict: str
    reason: str
    would_be: str
    rule: str
    missing: tuple[str, ...]
    segments: Mapping[str, str]
    clauses: tuple[Clause, ...]
    definition: str
    counted: str = ""
    corrected: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Explanation:
    """`ids` are the other ids of the call; `facts` the call's own fields; `sources` who reported what."""

    agent: str
    call: str
    phase: str
    ids: tuple[str, ...]
    sources: Mapping[str, tuple[str, ...]]
    segments: Mapping[str, str]
    facts: Mapping[str, str]
    units: tuple[UnitExplanation, ...]


def explain(agent: str, call: str, facts: CallFacts, slos: Iterable[Slo], phase: Phase) -> Explanation:
    """Explain every unit of a call to every SLO it could concern."""
    held = list(slos)
    seen = units(call, facts, phase)
    judged = {(j.slo.name, j.unit.unit, j.unit.id): j.verdict for j in judge_call(call, facts, held, phase)}
    found = [
        _unit(slo, unit, judged.get((slo.name, unit.unit, unit.id)))
        for unit in seen
        for slo in held
        if slo.sli.unit == unit.unit
    ]
    return Explanation(
        agent=agent,
        call=call,
        phase=phase.name.lower(),
        ids=tuple(f"{kind}:{value}" for kind, value in sorted(facts.ids)),
        sources={source: tuple(sorted(kinds)) for source, kinds in sorted(facts.reported.items())},
        segments={name: str(cell.value) for name, cell in sorted(facts.segments.items())},
        facts=_call_facts(seen),
        units=tuple(found),
    )


def _call_facts(seen: Iterable[UnitFacts]) -> dict[str, str]:
    first = next(iter(seen), None)
    if first is None:
        return {}
    return {name: show(value) for name, value in sorted(first.values.items()) if name.startswith("call.")}


def _unit(slo: Slo, unit: UnitFacts, verdict: Verdict | None) -> UnitExplanation:
    condition = _deciding(slo, verdict)
    return UnitExplanation(
        slo=slo.name,
        unit=unit.unit,
        id=unit.id,
        at=rfc3339(unit.at),
        verdict=verdict.outcome if verdict else "pending",
        reason=verdict.reason if verdict else "",
        would_be=verdict.would_be if verdict else "",
        rule=verdict.rule if verdict else "",
        missing=verdict.missing if verdict else (),
        segments=dict(verdict.labels) if verdict else {},
        clauses=tuple(_clauses(slo, unit, condition, verdict)),
        definition=slo.definition,
    )


def _deciding(slo: Slo, verdict: Verdict | None) -> Condition:
    """The condition that the verdict's rule names; `good` where the verdict is open or plain."""
    rule = verdict.rule.removeprefix(f"slos.{slo.name}.") if verdict else "good"
    if rule in ("eligible", "observable"):
        return slo.sli.eligible
    if rule.startswith("exclusions") and verdict is not None:
        named = [e.when for e in slo.exclusions if e.reason == verdict.reason]
        return named[0] if named else All(tuple(e.when for e in slo.exclusions))
    return slo.sli.good


def _clauses(slo: Slo, unit: UnitFacts, condition: Condition, verdict: Verdict | None) -> Iterable[Clause]:
    parts = condition.of if isinstance(condition, All) else (condition,)
    threshold = slo.target(verdict.labels if verdict else {}).threshold
    parameters = dict(slo.sli.parameters) | ({} if threshold is None else {"threshold": threshold})

    def lookup(name: str) -> Value | None:
        segment = name.removeprefix(SEGMENT_PREFIX)
        return unit.values.get(name) if segment == name else unit.segments.get(segment)

    for part in parts:
        holds = evaluate(part, lookup, parameters, unit.phase is not Phase.OPEN)
        values = {name: show(lookup(name)) for name in dict.fromkeys(fields(part))}
        values |= {f"${name}": str(parameters[name]) for name in dict.fromkeys(parameters_of(part))}
        yield Clause(describe(part), _SIGNS[holds], values)


def show(value: Value | None) -> str:
    """A fact for a person: three decimals are a millisecond."""
    if value is None:
        return "unknown"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, frozenset):
        return ", ".join(sorted(value)) or "none"
    if isinstance(value, float):
        return f"{value:.3f}".rstrip("0").rstrip(".")
    return str(value)


