"""What an SLO asks for: objective, mode, threshold and SLA, and the rows that change them for some segments."""

from __future__ import annotations

import itertools
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from voice_slo import parse_sli, quantities, reading, yaml_source
from voice_slo.diagnostics import shown, suggest
from voice_slo.parse_conditions import quantity
from voice_slo.parse_exclusions import segment_value
from voice_slo.parse_segments import ROW_KEYS
from voice_slo.reading import At
from voice_slo.spec import NEVER_ENFORCED, Mode, ObjectiveOverride, Segment, Sli, Target

MODES: tuple[Mode, ...] = typing.get_args(Mode)


@dataclass(frozen=True, slots=True)
class Rows:
    """What the rows of `objectives:` are read against."""

    by: tuple[str, ...]
    segments: Mapping[str, Segment]
    sli: Sli | None
    target: Target

    @property
    def budget_by(self) -> str:
        return ", ".join(self.by) or "empty"


def objective(at: At) -> Decimal | None:
    """A ratio above 0; 100 % is allowed and warned of."""
    value = reading.ratio(at)
    if value == 0:
        at.error("0 asks for nothing; write a ratio above 0 such as 99.5% or 0.995")
        return None
    if value == 1:
        at.warn("100% leaves no error budget: the first bad unit exhausts it")
    return value


def target(values: Mapping[str, At], inherited: Target, sli: Sli | None) -> Target:
    """What an SLO or a row says, over what it inherits. Without an SLI, `threshold` is not looked at."""
    own = reading.optional(values, "objective", objective)
    result = Target(
        objective=own or inherited.objective,
        mode=reading.read(values, "mode", reading.choice(MODES), inherited.mode),
        threshold=reading.read(values, "threshold", lambda at: _threshold(at, sli), inherited.threshold),
        sla=reading.read(values, "sla", reading.ratio, inherited.sla),
    )
    place = values.get("sla") or values.get("objective")
    readable = own is not None or "objective" not in values
    if place and readable and result.sla is not None and result.sla > result.objective:
        promise, kept = quantities.percent(result.sla), quantities.percent(result.objective)
        place.error(f"the sla of {promise} is tighter than the objective of {kept}; promise customers at most {kept}")
    return result


def parameters(values: Mapping[str, At], sli: Sli) -> dict[str, Decimal]:
    """The SLI's parameters with those that the SLO sets."""
    merged = dict(sli.parameters)
    listed = reading.pairs(values["parameters"]) if "parameters" in values else None
    for key, value in listed or ():
        name = reading.key_text(key)
        if name not in merged:
            key.error(f"{sli.name} has no parameter {shown(name)}; {suggest(name, sli.parameters)}")
            continue
        given = _measured(value, sli, name)
        merged[name] = merged[name] if given is None else given
    return merged


def rows(at: At, against: Rows) -> tuple[ObjectiveOverride, ...] | None:
    """The rows of `objectives:`; each has to be able to match."""
    read = reading.every(at, lambda item: _row(item, against))
    if read and all(against.segments[name].values for name in against.by):
        _check_reachable(at, read, against)
    return read


def _row(at: At, against: Rows) -> ObjectiveOverride | None:
    foreign = [name for name in against.segments if name not in against.by and name not in ROW_KEYS]
    values = reading.entries(at, (*against.by, *ROW_KEYS, *foreign))
    for name in foreign:
        if name in values:
            values[name].error(f"{name} is not in budget_by ({against.budget_by})")
    labels = [name for name in against.by if name in values]
    known = isinstance(at.node, yaml_source.Mapping) and len(values) == len(at.node.entries)
    if known and not labels and not any(name in values for name in foreign):
        at.error(f"names no segment of budget_by ({against.budget_by})")
    if known and not any(key in values for key in ROW_KEYS):
        at.error(f"changes nothing; give one of {', '.join(ROW_KEYS)}")
    match = {name: _values(values[name], against.segments[name]) for name in labels}
    changed = target(values, against.target, against.sli)
    complete = {name: allowed for name, allowed in match.items() if allowed is not None}
    return ObjectiveOverride(complete, changed) if complete and len(complete) == len(match) else None


def _values(at: At, segment: Segment) -> tuple[str, ...] | None:
    if isinstance(at.node, yaml_source.Sequence):
        return reading.distinct(at, lambda item: segment_value(item, segment))
    value = segment_value(at, segment)
    return None if value is None else (value,)


def _check_reachable(at: At, read: tuple[ObjectiveOverride, ...], against: Rows) -> None:
    values = [(*against.segments[name].values, *NEVER_ENFORCED) for name in against.by]
    left = [dict(zip(against.by, labels, strict=True)) for labels in itertools.product(*values)]
    for item, row in zip(reading.items(at) or (), read, strict=True):
        uncovered = [labels for labels in left if not row.covers(labels)]
        if len(uncovered) == len(left):
            item.error("can never match: the rows above cover all that it names")
        left = uncovered


def _threshold(at: At, sli: Sli | None) -> Decimal | None:
    if sli is None:
        return None
    if sli.threshold is None:
        at.error(f"{sli.name} has no threshold")
        return None
    return _measured(at, sli, parse_sli.THRESHOLD)


def _measured(at: At, sli: Sli, parameter: str) -> Decimal | None:
    kind = parse_sli.quantity_of(sli, parameter)
    value = reading.duration(at) if kind == "seconds" else quantity(at, kind)
    if value == 0:
        at.error("has to be above 0")
        return None
    return value
