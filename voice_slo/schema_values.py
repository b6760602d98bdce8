"""The JSON Schema of single values and of conditions, from the patterns, words and fields that the parser reads by."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any

from voice_slo import parse_conditions, quantities, reading
from voice_slo.fields import FIELDS, SEGMENT_PREFIX, Field, allowed
from voice_slo.parse_conditions import COMPARISONS, Quantity
from voice_slo.spec import Unit

Schema = dict[str, Any]

_SEGMENT = "field.segment"
_DURATION = f"{quantities.SINGLE_DURATION.pattern}|(?=\\d){quantities.COMPOUND_DURATION.pattern}"
_PARAMETER = rf"\${reading.WORD.pattern}"
_AMOUNT: Schema = {"type": "number", "minimum": 0}

BOOLEAN: Schema = {"type": "boolean"}


def says(description: str, value: Schema) -> Schema:
    """The same with the words that an editor shows beside the key."""
    return {"description": description, **value}


def closed(keys: Collection[str], required: Collection[str], values: Mapping[str, Schema | bool]) -> Schema:
    """A mapping of exactly the keys that the parser takes. Raises `ValueError` where `values` has others."""
    if set(keys) != set(values):
        raise ValueError(f"the parser and the schema differ in: {', '.join(sorted(set(keys) ^ set(values)))}")
    return {
        "type": "object",
        "additionalProperties": False,
        "required": list(required),
        "properties": {key: values[key] for key in keys},
    }


def ref(definition: str) -> Schema:
    return {"$ref": f"#/definitions/{definition}"}


def any_of(*choices: Schema) -> Schema:
    return {"anyOf": list(choices)}


def words(known: Collection[str], meanings: Collection[str] = ()) -> Schema:
    """One of some words; `enumDescriptions` is what editors show beside each."""
    return {"enum": list(known), **({"enumDescriptions": list(meanings)} if meanings else {})}


def matching(pattern: str) -> Schema:
    return {"type": "string", "pattern": f"^(?:{pattern})$"}


def listed(item: Schema, *, empty: bool = False, distinct: bool = False) -> Schema:
    return {"type": "array", "items": item, "minItems": 0 if empty else 1, "uniqueItems": distinct}


def without(value: Schema, forbidden: Collection[str]) -> Schema:
    return {"allOf": [value, {"not": {"enum": sorted(forbidden)}}]}


def text() -> Schema:
    return {"type": "string", "maxLength": reading.LONGEST_TEXT, "pattern": r"^\S(?:.*\S)?$"}


def name() -> Schema:
    return matching(reading.NAME.pattern)


def word() -> Schema:
    return matching(reading.WORD.pattern)


def url(containing: str = "") -> Schema:
    return matching(r"https?://[^ /?#]\S*") | (
        {"allOf": [{"pattern": re.escape(containing)}]} if containing else {}
    )


def timestamp() -> Schema:
    return matching(reading.LOCAL_TIME + reading.ZONE)


def duration() -> Schema:
    return matching(_DURATION)


def ratio() -> Schema:
    return any_of({"type": "number", "minimum": 0, "maximum": 1}, matching(quantities.RATIO.pattern))


def positive_ratio() -> Schema:
    return any_of({"type": "number", "exclusiveMinimum": 0, "maximum": 1}, matching(quantities.RATIO.pattern))


def traffic() -> Schema:
    return matching(quantities.TRAFFIC.pattern)


def integer(low: int, high: int) -> Schema:
    return {"type": "integer", "minimum": low, "maximum": high}


def positive(high: int) -> Schema:
    return {"type": "number", "exclusiveMinimum": 0, "maximum": high}


def amount() -> Schema:
    """A threshold or parameter that an SLI of one's own defines: seconds or a share, as its conditions need it."""
    return any_of(_AMOUNT, matching(_DURATION), matching(quantities.RATIO.pattern))


def measured(kind: Quantity) -> Schema:
    """A threshold or parameter that an SLO sets."""
    if kind == "seconds":
        return duration()
    return any_of({"type": "number", "exclusiveMinimum": 0}, matching(quantities.RATIO.pattern))


def condition(unit: Unit) -> Schema:
    """A condition on a unit; every unit may read what `call` may."""
    return ref(f"condition.{unit}")


def decisive(unit: Unit) -> Schema:
    """A condition that is not empty."""
    return ref(f"decisive.{unit}")


def conditions(units: Collection[Unit]) -> dict[str, Schema]:
    """The definitions behind `condition` and `decisive`, and one for each field: its type decides what is expected."""
    found = {f"field.{name}": _expectation(f"field.{name}", field) for name, field in FIELDS.items()}
    found[_SEGMENT] = _expectation(_SEGMENT, Field("", "text", "", "final"))
    for unit in units:
        found[f"condition.{unit}"] = _condition(unit)
        found[f"decisive.{unit}"] = {"allOf": [condition(unit), {"minProperties": 1}]}
    return found


def _condition(unit: Unit) -> Schema:
    readable = {name: field for name, field in FIELDS.items() if allowed(name, unit)}
    return {
        "type": "object",
        "additionalProperties": False,
        "properties": {
            **{name: says(field.meaning, ref(f"field.{name}")) for name, field in readable.items()},
            "any": says("one of these conditions holds", listed(decisive(unit))),
            "all": says("all of these conditions hold", listed(decisive(unit))),
            "not": says("this condition does not hold", decisive(unit)),
        },
        "patternProperties": {f"^{re.escape(SEGMENT_PREFIX)}": ref(_SEGMENT)},
    }


def _expectation(key: str, field: Field) -> Schema:
    operators = closed(parse_conditions.OPERATORS, (), _operators(key, field))
    literal = _literal(field)
    choices = [literal, listed(literal, distinct=True)] if literal else []
    return any_of(*choices, operators | {"minProperties": 1})


def _operators(key: str, field: Field) -> dict[str, Schema | bool]:
    """What each operator takes; False where the type of the field has none such."""
    pattern = _DURATION if field.type == "seconds" else quantities.RATIO.pattern
    bound = any_of(_AMOUNT, matching(pattern), matching(_PARAMETER))
    return {
        "not": says("this expectation does not hold", ref(key)),
        "known": says("the field has a value; false: it stayed without", BOOLEAN),
        "has": field.type == "set" and says("the set holds this word", text()),
        **dict.fromkeys(COMPARISONS, field.type in ("seconds", "number") and bound),
    }


def _literal(field: Field) -> Schema | None:
    match field.type:
        case "bool":
            return BOOLEAN
        case "enum":
            return words(field.values)
        case "text":
            return text()
        case _:
            return None
