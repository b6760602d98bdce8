"""SLOs of pyrra, `pyrra.dev/v1alpha1` ServiceLevelObjective. Strict, as pyrra is."""

from __future__ import annotations

from collections.abc import Mapping

from interchange import figures, tiers
from interchange.definition import Definition, Notes, flat, prose, query
from voice_slo import reading
from voice_slo.quantities import prometheus_duration
from voice_slo.reading import At
from voice_slo.spec import Severity, Tier

VERSION, KIND = "pyrra.dev/v1alpha1", "ServiceLevelObjective"
TOOL = f"pyrra {VERSION}"
SPEC_KEYS = (
    "target", "window", "indicator", "description", "alerting", "partial_response_strategy", "performanceOverAccuracy",
    "ruleOutput",
)  # fmt: skip
INDICATORS: Mapping[str, tuple[str, ...]] = {
    "ratio": ("errors", "total"), "latency": ("success", "total"), "latencyNative": ("total", "latency"),
    "bool_gauge": ("metric",),
}  # fmt: skip
ALERTING_KEYS = ("disabled", "burnrates", "absent", "name", "absentName", "severities")
SEVERITY_TIERS = {"fastBurn": "fast", "mediumBurn": "medium", "slowBurn": "slow", "longTermBurn": "trickle"}
OWNER_LABELS = ("owner", "team", "pyrra.dev/owner", "pyrra.dev/team")
NOT_CARRIED = {
    "partial_response_strategy": "is of Thanos and not carried over",
    "performanceOverAccuracy": "is not carried over: the rules here count events whatever the window",
    "ruleOutput": "is not carried over",
}


def definitions(root: At, notes: Notes) -> list[Definition]:
    """The SLO of one document; what is wrong is in the report of `root`."""
    values = reading.entries(root, ("apiVersion", "kind", "metadata", "spec", "status"), ("metadata", "spec"))
    if "metadata" not in values or "spec" not in values:
        return []
    name, owner = _metadata(values["metadata"], notes)
    spec = reading.entries(values["spec"], SPEC_KEYS, SPEC_KEYS[:3])
    objective = reading.optional(spec, "target", lambda at: figures.percentage(at, closed=True))
    window = reading.optional(spec, "window", figures.prometheus_seconds)
    if not name or objective is None or window is None:
        return []
    for key, message in NOT_CARRIED.items():
        if key in spec:
            notes.lost(spec[key], message, name)
    return [
        Definition(
            name=name,
            origin=f"{root.report.path}:{root.node.line}",
            tool=TOOL,
            objective=objective,
            period=figures.period(spec["window"], window, notes, name),
            description=prose(spec["description"]) if "description" in spec else "",
            owner=owner,
            queries=_queries(spec["indicator"], name, notes) if "indicator" in spec else (),
            alerting=_alerting(spec.get("alerting"), spec["window"], window, name, notes),
        )
    ]


def _metadata(at: At, notes: Notes) -> tuple[str, str]:
    """Name and owner. Everything else of Kubernetes' metadata is free, and only noted."""
    values = {reading.key_text(key): value for key, value in reading.pairs(at) or ()}
    if "name" not in values:
        at.error("name is missing")
    name = reading.read(values, "name", reading.text, "")
    labels = reading.pairs(values["labels"]) if "labels" in values else None
    said = {reading.key_text(key): prose(value) for key, value in labels or ()}
    owner = next((said[label] for label in OWNER_LABELS if said.get(label)), "")
    for key, value in values.items():
        if key != "name":
            kept = "; of its labels only the owner is kept" if key == "labels" and owner else ""
            notes.lost(value, f"({flat(value.node)}) is not carried over{kept}", name)
    return name, owner


def _queries(at: At, slo: str, notes: Notes) -> tuple[tuple[str, str], ...]:
    kinds = reading.entries(at, tuple(INDICATORS))
    if len(kinds) != 1:
        at.error(f"has to hold exactly one of {', '.join(INDICATORS)}")
        return ()
    ((kind, inside),) = kinds.items()
    values = reading.entries(inside, (*INDICATORS[kind], "grouping"), INDICATORS[kind])
    notes.lost(at, "metrics are not carried over: an SLI here is a condition over calls; they stand in a comment", slo)
    if "grouping" in values:
        text = f"grouping by {flat(values['grouping'].node)} is not carried over; see budget_by, which goes by segments"
        notes.lost(values["grouping"], text, slo)
    return tuple((f"{kind} {key}", _metric(values[key])) for key in INDICATORS[kind] if key in values)


def _metric(at: At) -> str:
    if query(at):
        return query(at)
    values = reading.entries(at, ("metric",), ("metric",))
    return query(values["metric"]) if "metric" in values else ""


def _alerting(at: At | None, place: At, window: int, slo: str, notes: Notes) -> tuple[Tier, ...]:
    values = reading.entries(at, ALERTING_KEYS) if at else {}
    for key in ("name", "absentName"):
        if key in values:
            notes.lost(
                values[key], f"({flat(values[key].node)}) is not carried over; names of alerts are generated", slo
            )
    if "absent" in values:
        notes.lost(
            values["absent"], "is not carried over: what is missing is told from what is idle in another way", slo
        )
    disabled = reading.read(values, "disabled", reading.boolean, False)
    enabled = reading.read(values, "burnrates", reading.boolean, True) and not disabled
    severities = _severities(values["severities"], slo, notes) if "severities" in values else {}
    possible = []
    for tier in tiers.pyrra(window, severities, enabled):
        if 60 <= tier.short < tier.long <= 30 * 86400:
            possible.append(tier)
            continue
        long, short = prometheus_duration(tier.long), prometheus_duration(tier.short)
        notes.lost(place, f"the alert over {long} and {short} is left out: windows are from 1m to 30d", slo)
    return tuple(possible)


def _severities(at: At, slo: str, notes: Notes) -> dict[str, Severity]:
    found: dict[str, Severity] = {}
    for key, value in reading.entries(at, ("absent", *SEVERITY_TIERS)).items():
        word = prose(value)
        known = tiers.SEVERITIES.get(word.lower())
        if key in SEVERITY_TIERS:
            found[SEVERITY_TIERS[key]] = known or tiers.UNKNOWN_SEVERITY
        if key == "absent" or known != word:
            becomes = found[SEVERITY_TIERS[key]] if key in SEVERITY_TIERS else "nothing"
            notes.lost(value, f"the severity {flat(value.node)} became {becomes}", slo)
    return found
