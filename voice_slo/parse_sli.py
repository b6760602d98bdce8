"""SLIs as catalog entries and custom SLIs write them: one syntax, one parser."""

from __future__ import annotations

import typing
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal

from voice_slo import reading, yaml_source
from voice_slo.conditions import All, Any, Compare, Condition, Has, Not, Parameter, fields, parameters_of
from voice_slo.diagnostics import shown
from voice_slo.fields import FIELDS
from voice_slo.parse_conditions import Quantity, Scope, condition, decisive, quantity
from voice_slo.parse_exclusions import exclusion
from voice_slo.reading import At
from voice_slo.spec import Reason, Segment, Settles, Sli, Unit

UNITS: tuple[Unit, ...] = typing.get_args(Unit)
SETTLES: tuple[Settles, ...] = typing.get_args(Settles)
THRESHOLD = "threshold"
REQUIRED = ("unit", "settles", "eligible", "good")
KEYS = (*REQUIRED, "title", THRESHOLD, "parameters", "reasons", "unknown_reasons", "exclusions")
REASON_KEYS = ("reason", "when")
_unit: Callable[[At], Unit | None] = reading.choice(UNITS)
_settles: Callable[[At], Settles | None] = reading.choice(SETTLES)
UNDECIDED = Has("call.tags", "undecided")
"""What `openslo import` writes where only a person can say what is eligible and good. Nobody sends such a tag."""
NOT_GOOD = (Reason("not_good", None),)


def sli(at: At, name: str, segments: Mapping[str, Segment], builtin: bool) -> Sli | None:
    """The SLI that a mapping defines; None where something in it is wrong (and reported)."""
    values = reading.entries(at, KEYS, REQUIRED)
    unit = reading.optional(values, "unit", _unit)
    settles = reading.optional(values, "settles", _settles)
    threshold, kinds = None, dict[str, Quantity]()
    if THRESHOLD in values:
        threshold = _parameter(THRESHOLD, values[THRESHOLD], kinds)
    parameters = reading.read(values, "parameters", lambda at: _parameters(at, kinds), dict[str, Decimal]())
    if unit is None:
        return None
    scope = Scope((unit,), segments, kinds)
    eligible: Condition | None = reading.optional(values, "eligible", lambda at: condition(at, scope))
    good: Condition | None = reading.optional(values, "good", lambda at: decisive(at, scope))
    reasons = reading.read(values, "reasons", lambda at: _reasons(at, scope), NOT_GOOD)
    unknown = reading.read(values, "unknown_reasons", lambda at: _reasons(at, scope), ())
    exclusions = reading.read(
        values, "exclusions", lambda at: reading.every(at, lambda item: exclusion(item, scope), empty=True), ()
    )
    title = reading.read(values, "title", reading.text, "")
    if settles is None or eligible is None or good is None:
        return None
    result = Sli(
        name, unit, settles, eligible, good, reasons, unknown, exclusions, threshold, parameters, title, builtin
    )
    _check_parameters_are_used(values, result)
    _check_evaluations_settle(values, result)
    _check_is_decided(values, result)
    return result


def quantity_of(sli: Sli, parameter: str) -> Quantity:
    """What a parameter of the SLI measures: what the field measures that it is compared with."""
    for part in _conditions(sli):
        for comparison in _comparisons(part):
            if comparison.bound == Parameter(parameter) and FIELDS[comparison.field].type == "seconds":
                return "seconds"
    return "number"


def requires(part: Condition, wanted: Condition) -> bool:
    """Whether `part` can only be true where `wanted` is one of the conditions that it joins."""
    return part == wanted or (isinstance(part, All) and any(requires(p, wanted) for p in part.of))


def _parameters(at: At, kinds: dict[str, Quantity]) -> dict[str, Decimal] | None:
    listed = reading.pairs(at)
    if listed is None:
        return None
    values: dict[str, Decimal] = {}
    for key, value in listed:
        name = reading.word(key)
        if name == THRESHOLD:
            key.error("is a key of its own beside `parameters`")
        elif name is not None:
            parsed = _parameter(name, value, kinds)
            if parsed is not None:
                values[name] = parsed
    return values


def _parameter(name: str, at: At, kinds: dict[str, Quantity]) -> Decimal | None:
    text = at.node.text if isinstance(at.node, yaml_source.Scalar) else ""
    kinds[name] = "seconds" if text[-1:].isalpha() else "number"
    return quantity(at, kinds[name])


def _reasons(at: At, scope: Scope) -> tuple[Reason, ...] | None:
    listed = reading.items(at)
    if listed is None:
        return None
    return reading.every(at, lambda item: _reason(item, item.field == listed[-1].field, scope))


def _reason(at: At, last: bool, scope: Scope) -> Reason | None:
    values = reading.entries(at, REASON_KEYS, REASON_KEYS[:1])
    name = reading.optional(values, "reason", reading.word)
    when: Condition | None = reading.optional(values, "when", lambda at: decisive(at, scope))
    if last and "when" in values:
        values["when"].error("the last reason is for all that is left and has no `when`")
    if not last and "when" not in values and "reason" in values:
        at.error("`when` is missing; only the last reason has none")
    return None if name is None else Reason(name, when)


def _check_parameters_are_used(values: Mapping[str, At], result: Sli) -> None:
    used = {name for part in _conditions(result) for name in parameters_of(part)}
    if THRESHOLD in values and THRESHOLD not in used:
        values[THRESHOLD].error("no condition uses $threshold")
    for key, _ in (reading.pairs(values["parameters"]) or ()) if result.parameters else ():
        if reading.key_text(key) not in used:
            key.error(f"no condition uses ${shown(reading.key_text(key))}")


def _check_evaluations_settle(values: Mapping[str, At], result: Sli) -> None:
    awaited = [name for name in fields(result.good) if name in FIELDS and FIELDS[name].finality == "awaited"]
    if awaited and result.settles == "operational":
        values["settles"].warn(f"{awaited[0]} is an evaluation and may come later; write settles: quality")


def _check_is_decided(values: Mapping[str, At], result: Sli) -> None:
    if requires(result.eligible, UNDECIDED):
        values["eligible"].warn("is undecided, so nothing is counted; say which units the SLO concerns")
    if requires(result.good, UNDECIDED):
        values["good"].warn("is undecided; say when a unit is good")


def _conditions(sli: Sli) -> Iterator[Condition]:
    yield sli.eligible
    yield sli.good
    for rule in (*sli.reasons, *sli.unknown_reasons):
        if rule.when is not None:
            yield rule.when
    for exclusion_ in sli.exclusions:
        yield exclusion_.when


def _comparisons(part: Condition) -> Iterator[Compare]:
    match part:
        case All(of) | Any(of):
            for inner in of:
                yield from _comparisons(inner)
        case Not(of):
            yield from _comparisons(of)
        case Compare():
            yield part
        case _:
            return
