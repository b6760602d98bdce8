"""The condition syntax of SLO files: a mapping of field → expectation, checked against the table of fields."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal

from voice_slo import quantities, reading, yaml_source
from voice_slo.conditions import All, Any, Compare, Condition, Equals, Has, Known, Not, Operator, Parameter, Scalar
from voice_slo.diagnostics import shown, suggest
from voice_slo.fields import FIELDS, SEGMENT_PREFIX, Field, allowed
from voice_slo.reading import At
from voice_slo.spec import OTHER, UNKNOWN, Segment, Unit

Quantity = Literal["seconds", "number"]
"""What a parameter measures; it has to be that of the field it is compared with."""

COMPARISONS: tuple[Operator, ...] = ("lt", "le", "gt", "ge")
OPERATORS = (*COMPARISONS, "not", "has", "known")
COMBINATIONS = ("any", "all", "not")


@dataclass(frozen=True, slots=True)
class Scope:
    """What a condition may read: the fields that all `units` share, the file's segments, the SLI's parameters."""

    units: tuple[Unit, ...]
    segments: Mapping[str, Segment] = field(default_factory=dict)
    parameters: Mapping[str, Quantity] = field(default_factory=dict)


def condition(at: At, scope: Scope) -> Condition | None:
    """A mapping of which all entries must hold; an empty one always holds."""
    listed = reading.pairs(at)
    if listed is None:
        return None
    return _all_of([_entry(key, value, scope) for key, value in listed])


def decisive(at: At, scope: Scope) -> Condition | None:
    """A condition that is not empty, for where "always" cannot be meant."""
    if isinstance(at.node, yaml_source.Mapping) and not at.node.entries:
        at.error("is an empty condition")
        return None
    return condition(at, scope)


def _entry(key: At, value: At, scope: Scope) -> Condition | None:
    name = reading.key_text(key)
    if name == "not":
        return _negated(decisive(value, scope))
    if name in ("any", "all"):
        parts: tuple[Condition, ...] | None = reading.every(value, lambda item: decisive(item, scope))
        if parts is None:
            return None
        return Any(parts) if name == "any" else All(parts)
    target = _field(key, name, scope)
    return _expectation(value, target, scope) if target else None


def _field(key: At, name: str, scope: Scope) -> Field | None:
    segment = scope.segments.get(name.removeprefix(SEGMENT_PREFIX)) if name.startswith(SEGMENT_PREFIX) else None
    if segment:
        return _segment_field(name, segment)
    known = FIELDS.get(name)
    unfit = [unit for unit in scope.units if not allowed(name, unit)]
    if known and not unfit:
        return known
    if known and len(scope.units) > 1:
        key.error(f"the units {', '.join(unfit)} have no such field; say what it is for: units: [{known.unit}]")
    elif known:
        key.error(f"unit {unfit[0]} has no such field")
    else:
        key.error(f"unknown field; {suggest(name, (*readable(scope), *COMBINATIONS))}")
    return None


def _segment_field(name: str, segment: Segment) -> Field:
    values = (*segment.values, OTHER, UNKNOWN) if segment.values else ()
    return Field(name, "enum" if values else "text", "", "final", values=values)


def readable(scope: Scope) -> list[str]:
    """Every field that all units of the scope have."""
    names = [*FIELDS, *(SEGMENT_PREFIX + name for name in scope.segments)]
    return [name for name in names if all(allowed(name, unit) for unit in scope.units)]


def _expectation(at: At, target: Field, scope: Scope) -> Condition | None:
    match at.node:
        case yaml_source.Mapping():
            return _operators(at, target, scope)
        case yaml_source.Sequence():
            values: tuple[Scalar, ...] | None = reading.every(at, lambda item: _literal(item, target, scope))
            if values is not None and len(set(values)) < len(values):
                at.error("lists a value twice")
                return None
            return None if values is None else Equals(target.name, values)
        case _:
            value = _literal(at, target, scope)
            return None if value is None else Equals(target.name, (value,))


def _operators(at: At, target: Field, scope: Scope) -> Condition | None:
    values = reading.entries(at, OPERATORS)
    if not values and not (isinstance(at.node, yaml_source.Mapping) and at.node.entries):
        at.error(f"is an empty expectation; allowed: {', '.join(OPERATORS)}")
    readers: Mapping[str, Callable[[At], Condition | None]] = {
        "not": lambda value: _negated(_expectation(value, target, scope)),
        "has": lambda value: _has(value, target),
        "known": lambda value: _known(value, target),
        **{operator: _comparison(operator, target, scope) for operator in COMPARISONS},
    }
    parts = [readers[name](value) for name, value in values.items()]
    return _all_of(parts) if parts else None


def _comparison(operator: Operator, target: Field, scope: Scope) -> Callable[[At], Condition | None]:
    def compared(at: At) -> Condition | None:
        bound = _bound(at, target, scope)
        return None if bound is None else Compare(target.name, operator, bound)

    return compared


def _bound(at: At, target: Field, scope: Scope) -> Decimal | Parameter | None:
    if target.type not in ("seconds", "number"):
        at.error(f"{target.name} is {_kind(target)} and cannot be compared")
        return None
    node = at.node
    if isinstance(node, yaml_source.Scalar) and node.text.startswith("$"):
        return _parameter(at, node.text[1:], target, scope)
    return quantity(at, target.type)


def quantity(at: At, kind: Quantity) -> Decimal | None:
    """A bound or parameter: seconds as a number or duration, other figures as a number or percentage."""
    node = at.node
    if isinstance(node, yaml_source.Scalar) and node.kind == "number":
        value = reading.number(at)
    else:
        value = reading.duration(at) if kind == "seconds" else reading.ratio(at)
    if value is not None and value < 0:
        at.error(f"{quantities.plain(value)} is negative")
        return None
    return value


def _parameter(at: At, name: str, target: Field, scope: Scope) -> Parameter | None:
    kind = scope.parameters.get(name)
    if kind is None:
        at.error(f"unknown parameter ${shown(name)}; {suggest(name, scope.parameters)}")
    elif kind != target.type:
        units = {"seconds": "a duration", "number": "a number"}
        at.error(f"${name} is {units[kind]}, but {target.name} is {_kind(target)}")
        return None
    return None if kind is None else Parameter(name)


def _literal(at: At, target: Field, scope: Scope) -> Scalar | None:
    match target.type:
        case "bool":
            return reading.boolean(at)
        case "text":
            return reading.text(at)
        case "enum":
            return _enumerated(at, target, scope)
        case "set":
            at.error(f"{target.name} is a set; write {{has: …}}")
        case _:
            at.error(f"{target.name} is {_kind(target)}; compare it with {', '.join(COMPARISONS)}")
    return None


def _enumerated(at: At, target: Field, scope: Scope) -> str | None:
    segment = scope.segments.get(target.name.removeprefix(SEGMENT_PREFIX))
    node = at.node
    if segment and isinstance(node, yaml_source.Scalar) and node.text in segment.aliases:
        at.error(f"{shown(node.text)} is an alias; write {segment.aliases[node.text]}")
        return None
    return reading.choice(target.values)(at)


def _has(at: At, target: Field) -> Condition | None:
    if target.type != "set":
        at.error(f"{target.name} is {_kind(target)}, not a set")
        return None
    member = reading.text(at)
    return None if member is None else Has(target.name, member)


def _known(at: At, target: Field) -> Condition | None:
    expected = reading.boolean(at)
    return None if expected is None else Known(target.name, expected)


def _kind(target: Field) -> str:
    names = {"bool": "true or false", "enum": "a word", "text": "text", "set": "a set", "seconds": "a duration"}
    return names.get(target.type, "a number")


def _negated(part: Condition | None) -> Condition | None:
    return None if part is None else Not(part)


def _all_of(parts: Iterable[Condition | None]) -> Condition | None:
    listed = list(parts)
    good = tuple(part for part in listed if part is not None)
    if len(good) < len(listed):
        return None
    return good[0] if len(good) == 1 else All(good)
