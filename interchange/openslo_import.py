"""SLOs of OpenSLO v1 files: one of ours for each objective."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from decimal import Decimal

from interchange import figures, openslo_objects
from interchange.definition import Definition, Notes, flat, prose, query
from interchange.openslo_alerts import alerting
from interchange.openslo_objects import SLI, SLO, VERSION, Metadata, Named, Thing, inline, referred, told
from voice_slo import quantities, reading, yaml_source
from voice_slo.calendar_month import is_zone
from voice_slo.catalog import catalog
from voice_slo.parse_objectives import MODES
from voice_slo.parse_slo import NOMINAL_MONTH, Period
from voice_slo.quantities import percent
from voice_slo.reading import At

TOOL = f"OpenSLO {VERSION}"
OWNER_LABELS = ("owner", "team")
SPEC_KEYS = (
    "service", "budgetingMethod", "objectives", "description", "indicator", "indicatorRef", "timeWindow",
    "alertPolicies",
)  # fmt: skip
OBJECTIVE_KEYS = (
    "displayName", "op", "value", "target", "targetPercent", "timeSliceTarget", "timeSliceWindow", "indicator",
    "indicatorRef", "compositeWeight",
)  # fmt: skip
OF_SERIES = ("op", "value", "timeSliceTarget", "timeSliceWindow", "compositeWeight")
"""Keys of an objective that are about series and their combination."""
METHODS = ("Occurrences", "Timeslices", "RatioTimeslices")
RATIO_KEYS = ("counter", "good", "bad", "total", "raw", "rawType")
SOURCE_KEYS = ("metricSourceRef", "type", "spec")
WINDOW_KEYS = ("duration", "isRolling", "calendar")
CALENDAR_KEYS = ("startTime", "timeZone")
COVERS = "covers"
Queries = tuple[tuple[str, str], ...]


def definitions(roots: Iterable[At], notes: Notes) -> list[Definition]:
    """The SLOs of all documents; what is wrong is in the reports of `roots`."""
    named = openslo_objects.read(roots, notes)
    return [definition for thing in named.values() if thing.kind == SLO for definition in _slo(thing, named, notes)]


def _slo(thing: Thing, named: Named, notes: Notes) -> list[Definition]:
    values = reading.entries(thing.spec, SPEC_KEYS, SPEC_KEYS[:3])
    about = thing.metadata
    name = _annotated(about, "slo") or about.name
    _note_method(values, notes, name)
    period = _period(values["timeWindow"], notes, name) if "timeWindow" in values else None
    sli, threshold = _judged(about, notes, name)
    shared = Definition(
        name=name,
        origin=f"{thing.at.report.path}:{thing.at.node.line}",
        tool=TOOL,
        objective=Decimal(1),
        period=period.seconds if period else None,
        zone=period.zone if period else "",
        title=about.title,
        description=prose(values["description"]) if "description" in values else "",
        owner=told(about, notes, name, OWNER_LABELS),
        service=reading.read(values, "service", reading.text, ""),
        queries=_queries(values, named, notes, name),
        alerting=alerting(about, values.get("alertPolicies"), named, notes, name),
        sli=sli,
        threshold=threshold,
        mode=next((mode for mode in MODES if mode == _annotated(about, "mode")), "strict"),
    )
    listed = reading.items(values["objectives"]) if "objectives" in values else None
    found = [_objective(at, shared, len(listed or ()) == 1, named, notes) for at in listed or ()]
    return [definition for definition in found if definition is not None]


def _objective(at: At, shared: Definition, only: bool, named: Named, notes: Notes) -> Definition | None:
    values = reading.entries(at, OBJECTIVE_KEYS)
    if ("target" in values) == ("targetPercent" in values):
        at.error("has to hold either target or targetPercent")
    target = reading.optional(values, "target", figures.fraction) or reading.optional(
        values, "targetPercent", lambda at: figures.percentage(at, closed=False)
    )
    if target is None:
        return None
    told_name = prose(values["displayName"]) if "displayName" in values else ""
    name = shared.name if only else f"{shared.name}-{told_name or percent(target)}"
    if not only and not told_name:
        notes.lost(at, f"has no displayName among several objectives; the SLO is named for its target: {name}", name)
    about_series = [key for key in OF_SERIES if key in values]
    if about_series:
        notes.lost(at, f"{', '.join(about_series)} not carried over: of series, not of calls", name)
    own = tuple((f"objective {key}", flat(values[key].node)) for key in about_series)
    composite = _queries(values, named, notes, name)
    if composite:
        notes.lost(at, "a composite is not carried over: each of its objectives became an SLO of its own", name)
    title = f"{shared.title} ({told_name})" if shared.title and told_name and not only else shared.title
    return replace(shared, name=name, objective=target, title=title, queries=(*shared.queries, *composite, *own))


def _queries(values: Mapping[str, At], named: Named, notes: Notes, slo: str) -> Queries:
    """The queries of an indicator, inline or referred to."""
    if "indicator" in values and "indicatorRef" in values:
        values["indicatorRef"].error("stands beside an indicator; only one of them can hold")
    found: Thing | None = None
    if "indicator" in values:
        found = inline(values["indicator"], SLI)
    elif "indicatorRef" in values:
        found = referred(values["indicatorRef"], SLI, named, notes, slo)
    if found is None:
        return ()
    if not _annotated(found.metadata, "sli"):
        text = "queries are not carried over: an SLI here is a condition over calls; they stand in a comment"
        notes.lost(found.at, text, slo)
    spec = reading.entries(found.spec, ("description", "thresholdMetric", "ratioMetric"))
    if ("thresholdMetric" in spec) == ("ratioMetric" in spec):
        found.spec.error("has to hold either thresholdMetric or ratioMetric")
    if "thresholdMetric" in spec:
        return (("threshold metric", _source(spec["thresholdMetric"])),)
    return _ratio_metric(spec["ratioMetric"]) if "ratioMetric" in spec else ()


def _ratio_metric(at: At) -> Queries:
    values = reading.entries(at, RATIO_KEYS, ("counter",))
    return tuple((key, _source(value)) for key, value in values.items() if key not in ("counter", "rawType"))


def _source(at: At) -> str:
    """The query of a metric source; the key it stands under is not standardised."""
    values = reading.entries(at, ("metricSource",), ("metricSource",))
    source = reading.entries(values["metricSource"], SOURCE_KEYS, ("spec",)) if "metricSource" in values else {}
    inside = reading.pairs(source["spec"]) if "spec" in source else None
    texts = [query(value) or flat(value.node) for _, value in inside or ()]
    return "\n".join(texts)


def _period(at: At, notes: Notes, slo: str) -> Period | None:
    listed = reading.items(at)
    if listed is None:
        return None
    if len(listed) > 1:
        at.error("holds more than one window; an SLO has one")
    values = reading.entries(listed[0], WINDOW_KEYS, WINDOW_KEYS[:2])
    rolling = reading.read(values, "isRolling", reading.boolean, True)
    if rolling == ("calendar" in values):
        listed[0].error("calendar has to be there where isRolling is false, and only there")
    zone = _zone_of_months(values) if "calendar" in values else ""
    if zone:
        return Period(NOMINAL_MONTH, zone)
    if "duration" not in values:
        return None
    seconds = figures.shorthand_seconds(values["duration"], notes, slo)
    if seconds is None:
        return None
    if not rolling:
        notes.lost(listed[0], "a calendar window became a rolling one; one that stays is of 1M, begins on the first "
                              "of a month at 00:00:00, and has a time zone that is known", slo)  # fmt: skip
    return Period(figures.period(values["duration"], seconds, notes, slo))


def _zone_of_months(values: Mapping[str, At]) -> str:
    """The time zone of windows that are whole calendar months; empty for all others."""
    calendar = reading.entries(values["calendar"], CALENDAR_KEYS, CALENDAR_KEYS)
    start, zone = (prose(calendar[key]) if key in calendar else "" for key in CALENDAR_KEYS)
    months = "duration" in values and prose(values["duration"]) == figures.MONTH
    return zone if months and figures.MONTH_START.fullmatch(start) and is_zone(zone) else ""


def _note_method(values: Mapping[str, At], notes: Notes, slo: str) -> None:
    method = reading.optional(values, "budgetingMethod", reading.choice(METHODS))
    if method not in (None, METHODS[0]):
        notes.lost(values["budgetingMethod"], f"{method} became a budget of units: time slices are not counted", slo)


def _judged(about: Metadata, notes: Notes, slo: str) -> tuple[str, Decimal | None]:
    """The catalog SLI and threshold that an export of ours wrote down; not where it exported a part of an SLO."""
    covers = about.ours(COVERS)
    if covers is not None:
        text = f"was one part of an SLO ({flat(covers.node)}), which the SLO file says as a row of objectives"
        notes.lost(covers, text, slo)
        return "", None
    at = about.ours("sli")
    name = prose(at) if at else ""
    if name not in catalog():
        return "", None
    at = about.ours("threshold")
    if at is None or catalog()[name].threshold is None:
        return name, None
    try:
        return name, quantities.number(prose(at))
    except quantities.QuantityError as error:
        at.error(str(error))
        return name, None


def _annotated(about: Metadata, key: str) -> str:
    at = about.ours(key)
    return prose(at) if at is not None and isinstance(at.node, yaml_source.Scalar) else ""
