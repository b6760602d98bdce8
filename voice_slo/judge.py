"""Facts and an SLO → the verdict. Read this to trust the numbers.

1. Not eligible: the SLO is not concerned.   2. The first exclusion that holds: excluded, with the verdict it would
have had.   3. Good or bad, with the first reason that holds.   4. A bad unit inside a declared outage: excluded.
What a deciding fact leaves open stays open until the call settles, and is `unknown` then, or `awaiting` where an
evaluation may still come. A verdict is final once given, but for those two.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from voice_slo.conditions import All, Condition, Value, evaluate, fields, required_fields
from voice_slo.fields import FIELDS, SEGMENT_PREFIX
from voice_slo.outages import outage_of
from voice_slo.segments import counted
from voice_slo.spec import Outage, Reason, Slo
from voice_slo.units import Phase, UnitFacts

Outcome = Literal["good", "bad", "excluded", "unknown", "awaiting", "not_concerned"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """`labels`: the budget segments as counted. `rule`: the place in the SLO that decided. `missing`: open fields."""

    outcome: Outcome
    labels: Mapping[str, str]
    rule: str
    reason: str = ""
    would_be: str = ""
    missing: tuple[str, ...] = ()


def judge(slo: Slo, unit: UnitFacts) -> Verdict | None:
    """The verdict of one unit of `slo.sli.unit`, or None while it can still change (never in phase QUALITY)."""
    labels = {name: counted(slo.segments[name], unit.segments.get(name)) for name in slo.budget_by}
    if unit.phase is Phase.OPEN and any(name not in unit.segments for name in slo.budget_by):
        return None
    threshold = slo.target(labels).threshold
    parameters = dict(slo.sli.parameters) | ({} if threshold is None else {"threshold": threshold})
    case = _Case(slo, unit, labels, parameters)
    eligible = case.holds(slo.sli.eligible)
    if eligible is False:
        return case.verdict("not_concerned", "eligible")
    unseen = case.unobservable()
    if unseen:
        return case.verdict("not_concerned", "observable", missing=unseen)
    if eligible is None:
        return case.open("eligible", slo.sli.eligible)
    excluded, doubt = case.exclusion()
    if doubt is not None and excluded is None:
        return case.open("exclusions", doubt)
    plain = case.good_or_bad()
    if excluded is None or plain is None:
        return plain
    return case.verdict("excluded", f"exclusions.{excluded}", reason=excluded, would_be=plain.outcome)


@dataclass(frozen=True, slots=True)
class _Case:
    slo: Slo
    unit: UnitFacts
    labels: Mapping[str, str]
    parameters: Mapping[str, Decimal]

    def lookup(self, name: str) -> Value | None:
        if name.startswith(SEGMENT_PREFIX):
            segment = self.slo.segments[name.removeprefix(SEGMENT_PREFIX)]
            raw = self.unit.segments.get(segment.name)
            return None if raw is None and self.unit.phase is Phase.OPEN else counted(segment, raw)
        return self.unit.values.get(name)

    def holds(self, condition: Condition) -> bool | None:
        return evaluate(condition, self.lookup, self.parameters, self.unit.phase is not Phase.OPEN)

    def unobservable(self) -> tuple[str, ...]:
        """Fields that the SLI needs and that no source of this call can observe."""
        if self.unit.phase is Phase.OPEN or not self.unit.unobservable:
            return ()
        needed = required_fields(All((self.slo.sli.eligible, self.slo.sli.good)))
        return tuple(dict.fromkeys(name for name in needed if name in self.unit.unobservable))

    def exclusion(self) -> tuple[str | None, Condition | None]:
        """The first exclusion that holds, and the first in doubt before it."""
        for rule in self.slo.exclusions:
            if rule.units and self.unit.unit not in rule.units:
                continue
            held = self.holds(rule.when)
            if held is None:
                return None, rule.when
            if held:
                return rule.reason, None
        return None, None

    def good_or_bad(self) -> Verdict | None:
        good = self.holds(self.slo.sli.good)
        if good is None:
            return self.open("good", self.slo.sli.good)
        if good:
            return self.verdict("good", "good")
        outage = outage_of(self.slo, self.unit)
        if outage is None:
            return None
        if isinstance(outage, Outage):
            return self.verdict("excluded", f"outages.{outage.ticket}", reason=outage.reason, would_be="bad")
        return self.verdict("bad", "good", reason=self.first(self.slo.sli.reasons))

    def first(self, reasons: tuple[Reason, ...]) -> str:
        return next((r.name for r in reasons if r.when is None or self.holds(r.when)), "")

    def open(self, rule: str, condition: Condition) -> Verdict | None:
        """Not decided yet; once nothing more is due, unknown, or awaiting where an evaluation has not spoken."""
        waits = self.slo.sli.settles == "quality" and self.unit.phase is not Phase.QUALITY
        if self.unit.phase is Phase.OPEN or waits:
            return None
        missing = tuple(dict.fromkeys(name for name in fields(condition) if self.lookup(name) is None))
        awaited = [n for n in missing if _awaited(n) and n not in self.unit.stated_unknown]
        if awaited:
            return self.verdict("awaiting", rule, missing=tuple(awaited))
        reason = self.first(self.slo.sli.unknown_reasons)
        return self.verdict("unknown", rule, reason=reason, missing=missing)

    def verdict(
        self, outcome: Outcome, rule: str, reason: str = "", would_be: str = "", missing: tuple[str, ...] = ()
    ) -> Verdict:
        return Verdict(outcome, self.labels, f"slos.{self.slo.name}.{rule}", reason, would_be, missing)


def _awaited(name: str) -> bool:
    return name in FIELDS and FIELDS[name].finality == "awaited"
