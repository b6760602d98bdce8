"""Conditions over facts, with three values: True, False and `None` (not known).

`None` follows Kleene's logic: a conjunction with a False is False whatever else is unknown.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

Scalar = str | bool | int | float | Decimal
Value = Scalar | frozenset[str]
Lookup = Callable[[str], Value | None]
"""Field name → its value, or None while (or because) it is not known."""
Operator = Literal["lt", "le", "gt", "ge"]


@dataclass(frozen=True, slots=True)
class Parameter:
    """`$threshold` or another parameter of the SLI, resolved per label set."""

    name: str


@dataclass(frozen=True, slots=True)
class Equals:
    """The field has one of `values`."""

    field: str
    values: tuple[Scalar, ...]


@dataclass(frozen=True, slots=True)
class Compare:
    field: str
    operator: Operator
    bound: Decimal | Parameter


@dataclass(frozen=True, slots=True)
class Has:
    """The field is a set that holds `member`."""

    field: str
    member: str


@dataclass(frozen=True, slots=True)
class Known:
    """Whether the field has a value at all; `expected` False can only be decided once the call has settled."""

    field: str
    expected: bool


@dataclass(frozen=True, slots=True)
class Not:
    of: Condition


@dataclass(frozen=True, slots=True)
class All:
    of: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Any:
    of: tuple[Condition, ...]


Condition = Equals | Compare | Has | Known | Not | All | Any


def evaluate(
    condition: Condition, lookup: Lookup, parameters: Mapping[str, Decimal], settled: bool = False
) -> bool | None:
    """True, False, or None where an unknown field decides. `settled`: a field without a value stays without."""
    match condition:
        case All(of):
            return _all(evaluate(c, lookup, parameters, settled) for c in of)
        case Any(of):
            return _negate(_all(_negate(evaluate(c, lookup, parameters, settled)) for c in of))
        case Not(of):
            return _negate(evaluate(of, lookup, parameters, settled))
        case Known(name, expected):
            if lookup(name) is not None:
                return expected
            return not expected if settled else None
    value = lookup(condition.field)
    if value is None:
        return None
    match condition:
        case Equals(_, values):
            return value in values
        case Has(_, member):
            found = isinstance(value, frozenset) and member in value
            return True if found else False if settled else None
        case Compare(_, operator, bound):
            return _compare(value, operator, bound, parameters)


def fields(condition: Condition) -> Iterator[str]:
    """Every field that the condition reads, in order, with repeats."""
    match condition:
        case All(of) | Any(of):
            for part in of:
                yield from fields(part)
        case Not(of):
            yield from fields(of)
        case _:
            yield condition.field


def required_fields(condition: Condition) -> list[str]:
    """Fields that must have a value for the condition to mean something: not those it asks about with `known`."""
    asked = set(_asked(condition))
    return [name for name in fields(condition) if name not in asked]


def _asked(condition: Condition) -> Iterator[str]:
    match condition:
        case All(of) | Any(of):
            for part in of:
                yield from _asked(part)
        case Not(of):
            yield from _asked(of)
        case Known(name, _):
            yield name
        case _:
            return


def parameters_of(condition: Condition) -> Iterator[str]:
    """Names of the parameters that the condition refers to."""
    match condition:
        case All(of) | Any(of):
            for part in of:
                yield from parameters_of(part)
        case Not(of):
            yield from parameters_of(of)
        case Compare(_, _, Parameter(name)):
            yield name
        case _:
            return


def describe(condition: Condition) -> str:
    """One canonical line, for hashes and for `explain`."""
    match condition:
        case All(of):
            return " and ".join(_bracket(c) for c in of) if of else "always"
        case Any(of):
            return " or ".join(_bracket(c) for c in of) if of else "never"
        case Not(of):
            return f"not ({describe(of)})"
        case Equals(name, values):
            shown = [_show(v) for v in values]
            return f"{name} is {shown[0]}" if len(shown) == 1 else f"{name} in [{', '.join(shown)}]"
        case Compare(name, operator, bound):
            symbol = {"lt": "<", "le": "<=", "gt": ">", "ge": ">="}[operator]
            return f"{name} {symbol} {'$' + bound.name if isinstance(bound, Parameter) else bound}"
        case Has(name, member):
            return f"{name} has {member}"
        case Known(name, expected):
            return f"{name} is {'known' if expected else 'absent'}"


def _all(parts: Iterator[bool | None]) -> bool | None:
    result: bool | None = True
    for part in parts:
        if part is False:
            return False
        if part is None:
            result = None
    return result


def _negate(value: bool | None) -> bool | None:
    return None if value is None else not value


def _compare(value: Value, operator: Operator, bound: Decimal | Parameter, parameters: Mapping[str, Decimal]) -> bool:
    limit = float(parameters[bound.name] if isinstance(bound, Parameter) else bound)
    assert isinstance(value, int | float | Decimal)
    number = float(value)
    return {"lt": number < limit, "le": number <= limit, "gt": number > limit, "ge": number >= limit}[operator]


def _show(value: Scalar) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _bracket(condition: Condition) -> str:
    text = describe(condition)
    return f"({text})" if isinstance(condition, All | Any) and len(condition.of) > 1 else text
