"""What is left out of budgets: exclusions by condition, and declared external outages."""

from __future__ import annotations

import typing
from collections.abc import Callable, Mapping

from voice_slo import events, quantities, reading, yaml_source
from voice_slo.conditions import All, Condition, Known, fields
from voice_slo.diagnostics import shown, suggest
from voice_slo.parse_conditions import Scope, decisive
from voice_slo.reading import At
from voice_slo.spec import NEVER_ENFORCED, Exclusion, Outage, Segment, Unit

STAGES: tuple[events.Stage, ...] = typing.get_args(events.Stage)
EXCLUDABLE: tuple[Unit, ...] = tuple(unit for unit in typing.get_args(Unit) if unit != "synthetic")
"""A test call is what a synthetic run counts, so nothing excludes it."""

_unit: Callable[[At], Unit | None] = reading.choice(EXCLUDABLE)
RULE_KEYS = ("reason", "when")
FILE_RULE_KEYS = (*RULE_KEYS, "units")
OUTAGE_KEYS = ("reason", "from", "to", "match", "ticket", "approved_by")
NO_FAILURE_OF_OURS = Known("call.failed_stage", False)


def exclusion(at: At, scope: Scope) -> Exclusion | None:
    """An exclusion of one SLI: it has no `units`."""
    return _exclusion(at, reading.entries(at, RULE_KEYS, RULE_KEYS), scope, ())


def file_exclusion(at: At, segments: Mapping[str, Segment]) -> Exclusion | None:
    """An exclusion of the whole file; every unit that it is for has to know the fields it reads."""
    values = reading.entries(at, FILE_RULE_KEYS, RULE_KEYS)
    units = reading.optional(values, "units", _units)
    if "units" in values and units is None:
        return None
    return _exclusion(at, values, Scope(units or EXCLUDABLE, segments), units or ())


def outage(at: At, segments: Mapping[str, Segment]) -> Outage | None:
    """A declared outage: [from, to) in UTC, bounded, matched, approved."""
    values = reading.entries(at, OUTAGE_KEYS, OUTAGE_KEYS)
    reason = reading.optional(values, "reason", reading.word)
    start = reading.optional(values, "from", reading.timestamp)
    end = reading.optional(values, "to", reading.timestamp)
    match = reading.optional(values, "match", lambda at: _match(at, segments))
    ticket = reading.optional(values, "ticket", reading.text)
    approved_by = reading.optional(values, "approved_by", reading.text)
    if start and end and end <= start:
        values["to"].error("has to be after `from`")
    elif start and end and (end - start).total_seconds() > quantities.LONGEST:
        values["to"].error(f"the outage is longer than {quantities.prometheus_duration(quantities.LONGEST)}")
    if not (reason and start and end and match and ticket and approved_by):
        return None
    return Outage(reason, start, end, match, ticket, approved_by)


def _exclusion(at: At, values: Mapping[str, At], scope: Scope, units: tuple[Unit, ...]) -> Exclusion | None:
    reason = reading.optional(values, "reason", reading.word)
    when: Condition | None = reading.optional(values, "when", lambda at: decisive(at, scope))
    if reason is None or when is None:
        return None
    return Exclusion(reason, _spare_our_failures(when), units, at.field)


def _spare_our_failures(when: Condition) -> Condition:
    """A caller who leaves after our stage failed is our failure: who ended the call excludes nothing then."""
    read = set(fields(when))
    if "call.ended_by" not in read or any(name.endswith(".failed_stage") for name in read):
        return when
    return All((*when.of, NO_FAILURE_OF_OURS) if isinstance(when, All) else (when, NO_FAILURE_OF_OURS))


def _units(at: At) -> tuple[Unit, ...] | None:
    return reading.distinct(at, _excludable)


def _excludable(at: At) -> Unit | None:
    if isinstance(at.node, yaml_source.Scalar) and at.node.text == "synthetic":
        at.error("synthetic runs are never excluded")
        return None
    return _unit(at)


def _match(at: At, segments: Mapping[str, Segment]) -> dict[str, str] | None:
    listed = reading.pairs(at)
    if listed is None:
        return None
    if not listed:
        at.error("matches everything; name a stage, a provider or a declared segment")
    match: dict[str, str] = {}
    for key, value in listed:
        name = reading.key_text(key)
        found = _matched(key, value, name, segments)
        if found is not None:
            match[name] = found
    return match or None


def _matched(key: At, value: At, name: str, segments: Mapping[str, Segment]) -> str | None:
    if name == "stage":
        return reading.choice(STAGES)(value)
    if name == "provider":
        return reading.text(value)
    if name in segments:
        return segment_value(value, segments[name])
    key.error(f"unknown key; {suggest(name, ('stage', 'provider', *segments))}")
    return None


def segment_value(at: At, segment: Segment) -> str | None:
    """A value that the segment declares; any for an open one. An alias has to be written as its value."""
    value = reading.text(at)
    if value is None or value in segment.values or (not segment.values and value not in NEVER_ENFORCED):
        return value
    if value in segment.aliases:
        at.error(f"{shown(value)} is an alias; write {segment.aliases[value]}")
    else:
        at.error(f'"{shown(value)}" is not a value of {segment.name}; {suggest(value, segment.values)}')
    return None
