"""SLO files → OpenSLO v1 objects over the counters that the exporter writes. What OpenSLO cannot say is noted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_DOWN, Decimal

from interchange import figures
from interchange.definition import LONGEST_NAME, Note, dns_label
from interchange.openslo_objects import ALERT_CONDITION, ALERT_POLICY, OURS, SLO, VERSION
from interchange.openslo_parts import Part, parts
from voice_slo import names, promql
from voice_slo.policies import POLICIES
from voice_slo.quantities import percent, plain, prometheus_duration
from voice_slo.spec import Slo, SloFile, Target, Tier

Value = Mapping[str, "Value"] | Sequence["Value"] | str | bool | Decimal
"""What an object is made of; a number is an exact decimal."""
Object = dict[str, Value]
LONGEST_DESCRIPTION = 1050
_ANY_FIRST = "2026-01-01 00:00:00"
"""Months are counted from here on; which one was the first means nothing to a monthly budget."""
_HALF = Decimal("0.5")
_SIX_PLACES = Decimal("0.000001")

ALWAYS_LOST = {
    "alerting": "of each tier the long window and the burn rate remain; the short window, the guards for few callers "
    "and keep_firing have no place in OpenSLO, so alerts made from it fire more often",
    "release_policy": "cannot be said in OpenSLO",
    "exclusions": "are in the counters already; a tool that reads the objects does not see them",
}


@dataclass(frozen=True, slots=True)
class Exported:
    """OpenSLO objects, and what they do not say."""

    objects: tuple[Object, ...]
    notes: tuple[Note, ...]


def export(files: Sequence[SloFile], per_segment: bool) -> Exported:
    """The SLOs of all files. `per_segment`: an object for each label set instead of each row of `objectives:`."""
    objects: list[Object] = []
    notes: list[Note] = []
    taken: set[str] = set()
    services: set[str] = set()
    for file in files:
        service = dns_label(file.agent, services)
        objects.append(_object("Service", {"name": service}, {"description": f"Voice agent {file.agent}"}))
        found = _Lost(file.path)
        for slo in file.slos:
            objects += _slos(slo, service, per_segment, taken, found)
        notes += found.notes()
    return Exported(tuple(objects), tuple(notes))


class _Lost:
    """Notes of one file; the same one about several SLOs is one note."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.slos: dict[tuple[str, str], list[str]] = {}

    def add(self, slo: Slo, field: str, message: str) -> None:
        named = self.slos.setdefault((field, message), [])
        if slo.name not in named:
            named.append(slo.name)

    def notes(self) -> Iterator[Note]:
        for (field, message), named in self.slos.items():
            yield Note(self.path, field, message, tuple(named))


def _slos(slo: Slo, service: str, per_segment: bool, taken: set[str], lost: _Lost) -> Iterator[Object]:
    _tell(slo, per_segment, lost)
    for part in parts(slo, per_segment):
        if part.target.objective == 1:
            lost.add(slo, "objective", "100% cannot be written in OpenSLO, whose targets are below 1; left out")
            continue
        name = dns_label("-".join((slo.agent, slo.name, *part.suffix)), taken)
        yield _object(SLO, _metadata(slo, part, name), _spec(slo, part, name, service, lost))


def _tell(slo: Slo, per_segment: bool, lost: _Lost) -> None:
    for field, message in ALWAYS_LOST.items():
        if field != "exclusions" or slo.exclusions:
            lost.add(slo, field, message)
    if slo.budget_by and not per_segment:
        by = ", ".join(slo.budget_by)
        lost.add(
            slo, "budget_by", f"a budget for each {by} became one over all of them; --per-segment keeps them apart"
        )
    if slo.budget_by:
        lost.add(slo, "budget_by", "units whose segment is other or unknown are in none of the objects")
    if not slo.sli.builtin:
        lost.add(slo, "sli", "the conditions of a custom SLI are not in the object, only its counters")
    for field, there in (
        ("parameters", bool(slo.sli.parameters)), ("sla", slo.sla is not None), ("outages", bool(slo.outages)),
        ("expected_traffic", slo.expected_traffic is not None),
    ):  # fmt: skip
        if there:
            lost.add(slo, field, "cannot be said in OpenSLO")


def _metadata(slo: Slo, part: Part, name: str) -> Object:
    title = _title(slo, part)
    about: Object = {"name": name}
    if len(title) <= LONGEST_NAME:
        about["displayName"] = title
    return {**about, "labels": {"owner": slo.owner}, "annotations": _annotations(slo, part)}


def _annotations(slo: Slo, part: Part) -> dict[str, Value]:
    """What the import reads back; another tool passes it over."""
    said = {"slo": "-".join((slo.name, *part.suffix)), "mode": part.target.mode}
    if part.covers:
        said["covers"] = part.covers
    elif slo.sli.builtin:
        said["sli"] = slo.sli.name
    if part.target.threshold is not None:
        said["threshold"] = plain(part.target.threshold)
    if slo.alerting.name in POLICIES:
        said["alerting"] = slo.alerting.name
    return {OURS + key: value for key, value in said.items()}


def _spec(slo: Slo, part: Part, name: str, service: str, lost: _Lost) -> Object:
    target = part.target
    # An observed SLO is shown and never pages.
    alerts = [] if target.mode == "observe" else list(_alerts(slo, target, name, lost))
    spec: Object = {
        "description": _description(slo, part),
        "service": service,
        "indicator": {"metadata": _indicator(name, slo, part), "spec": {"ratioMetric": _ratio(part)}},
        "timeWindow": [_window(slo)],
        "budgetingMethod": "Occurrences",
        "objectives": [{"displayName": percent(target.objective), "target": target.objective}],
    }
    return {**spec, "alertPolicies": alerts} if alerts else spec


def _window(slo: Slo) -> Object:
    if slo.calendar:
        months: Object = {"startTime": _ANY_FIRST, "timeZone": slo.calendar}
        return {"duration": figures.MONTH, "isRolling": False, "calendar": months}
    return {"duration": figures.shorthand(slo.period) or prometheus_duration(slo.period), "isRolling": True}


def _indicator(name: str, slo: Slo, part: Part) -> Object:
    about: Object = {"name": name}
    return {**about, "annotations": {f"{OURS}sli": slo.sli.name}} if slo.sli.builtin and not part.covers else about


def _ratio(part: Part) -> Object:
    return {
        "counter": True,
        "good": _source(part.query(names.GOOD.name)),
        "total": _source(part.query(names.ELIGIBLE.name)),
    }


def _source(query: str) -> Object:
    promql.check(query)
    return {"metricSource": {"type": "Prometheus", "spec": {"query": query}}}


def _alerts(slo: Slo, target: Target, name: str, lost: _Lost) -> Iterator[Object]:
    taken: set[str] = set()
    for tier in slo.alerting.tiers:
        if not tier.enabled:
            continue
        look_back, after = figures.shorthand(tier.long), figures.shorthand(tier.for_)
        if look_back is None or (tier.for_ and after is None):
            lost.add(slo, "alerting", f"tier {tier.name} is left out: OpenSLO has windows of whole minutes only")
            continue
        condition: Object = {
            "kind": "burnrate", "op": "gte", "threshold": _factor(slo, target, tier), "lookbackWindow": look_back,
        }  # fmt: skip
        own = dns_label(f"{name}-{tier.name}", taken)
        inside = {"severity": tier.severity, "condition": {**condition, "alertAfter": after} if after else condition}
        about: Object = {"name": own, "displayName": tier.name[:LONGEST_NAME]}
        conditions: list[Value] = [{"kind": ALERT_CONDITION, "metadata": about, "spec": inside}]
        spec: Object = {"alertWhenBreaching": True, "conditions": conditions}
        yield {"kind": ALERT_POLICY, "metadata": about, "spec": spec}


def _factor(slo: Slo, target: Target, tier: Tier) -> Decimal:
    """The factor at which the tier really fires: half of all units bad always satisfies it, and it is 1 or more."""
    reachable = (_HALF / target.error_budget).quantize(_SIX_PLACES, ROUND_DOWN)
    return max(min(tier.factor(slo.period), reachable), Decimal(1))


def _title(slo: Slo, part: Part) -> str:
    return f"{slo.title} ({', '.join(part.suffix)})" if part.suffix else slo.title


def _description(slo: Slo, part: Part) -> str:
    judged = f"{slo.sli.title or slo.sli.name}: units of kind {slo.sli.unit} that are good, of those eligible."
    text = f"{_title(slo, part)}. {judged}" if judged.partition(":")[0] != _title(slo, part) else judged
    return text[:LONGEST_DESCRIPTION]


def _object(kind: str, metadata: Object, spec: Object) -> Object:
    return {"apiVersion": VERSION, "kind": kind, "metadata": metadata, "spec": spec}
