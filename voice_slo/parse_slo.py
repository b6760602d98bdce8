"""One entry of `slos:`, over what it inherits from the file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal

from voice_slo import parse_objectives, parse_sli, quantities, reading, yaml_source
from voice_slo.catalog import catalog
from voice_slo.diagnostics import shown
from voice_slo.parse_alerting import alerting, release_policy
from voice_slo.parse_segments import budget_by, check_known_in_time
from voice_slo.quantities import DAY
from voice_slo.reading import At
from voice_slo.spec import AlertPolicy, Exclusion, ObjectiveOverride, Outage, ReleasePolicy, Segment, Sli, Slo, Target

REQUIRED = ("sli", "objective")
KEYS = (
    *REQUIRED, "owner", "title", "period", "budget_by", "mode", "threshold", "parameters", "sla", "objectives",
    "exclusions", "expected_traffic", "alerting", "release_policy", "audit_horizon",
)  # fmt: skip
MAX_PERIOD = 90 * DAY
NOMINAL_MONTH = 30 * DAY
"""What burn factors and expected traffic take a calendar month for."""
MAX_AUDIT_HORIZON = 90 * DAY
CALENDAR = "month"
CALENDAR_KEYS = ("calendar", "zone")
_MONTH = frozenset(["1mo", "calendar", "calendar-month", "calendar_month", CALENDAR, "monthly"])
_OTHER_CALENDARS = frozenset(["day", "quarter", "quarterly", "week", "weekly", "year", "yearly"])
_WRITE = "{calendar: month, zone: Europe/Berlin}"
NOTHING_YET = Target(Decimal(1), "strict", None, None)
"""What an SLO inherits: the loosest for every check where its own objective is missing or wrong."""


@dataclass(frozen=True, slots=True)
class Period:
    """`zone` is set where it is the calendar month there; `seconds` are then nominal."""

    seconds: int
    zone: str = ""


@dataclass(frozen=True, slots=True)
class Inherited:
    """What the file says for all its SLOs. `exclusions` and `budget_by` are None where the file's are wrong."""

    agent: str
    owner: str
    period: Period
    budget_by: tuple[str, ...] | None
    segments: Mapping[str, Segment]
    exclusions: tuple[Exclusion, ...] | None
    outages: tuple[Outage, ...]
    alerting: AlertPolicy
    release_policy: ReleasePolicy


@dataclass(frozen=True, slots=True)
class _Settings:
    """The keys of an SLO that mean the same whatever its SLI is."""

    owner: str
    title: str
    period: Period
    alerting: AlertPolicy
    release_policy: ReleasePolicy
    expected_traffic: Decimal | None
    audit_horizon: int


def slo(key: At, at: At, file: Inherited) -> Slo | None:
    """The SLO that stands under `key`. None, or stand-ins in places, where something was reported."""
    name = reading.name(key)
    values = reading.entries(at, KEYS, REQUIRED)
    settings = _settings(values, file)
    by = budget_by(values["budget_by"], file.segments) if "budget_by" in values else file.budget_by
    sli = _sli(values, name or "", file.segments)
    target = parse_objectives.target(values, replace(NOTHING_YET, threshold=sli.threshold if sli else None), sli)
    rows: tuple[ObjectiveOverride, ...] = ()
    if by is not None:
        against = parse_objectives.Rows(by, file.segments, sli, target)
        rows = reading.read(values, "objectives", lambda at: parse_objectives.rows(at, against), ())
    exclusions = _exclusions(values, sli, file.exclusions)
    if sli is None or by is None:
        return None
    sli = replace(sli, parameters=parse_objectives.parameters(values, sli))
    check_known_in_time(values.get("budget_by", values["sli"]), by, file.segments, sli)
    return Slo(
        agent=file.agent,
        name=name or "",
        sli=sli,
        objective=target.objective,
        owner=settings.owner,
        title=settings.title or sli.title or (name or "").replace("-", " ").capitalize(),
        period=settings.period.seconds,
        calendar=settings.period.zone,
        budget_by=by,
        mode=target.mode,
        threshold=target.threshold,
        sla=target.sla,
        objectives=rows,
        exclusions=exclusions,
        outages=() if sli.unit == "synthetic" else file.outages,
        alerting=settings.alerting,
        release_policy=settings.release_policy,
        expected_traffic=settings.expected_traffic,
        segments=file.segments,
        audit_horizon=settings.audit_horizon,
    )


def period(at: At) -> Period | None:
    """A rolling period of whole days, or the calendar month of a time zone."""
    if isinstance(at.node, yaml_source.Mapping):
        return _calendar(at)
    word = at.node.text.lower() if isinstance(at.node, yaml_source.Scalar) else ""
    if word in _MONTH:
        at.error(f"a calendar month ({shown(word)}) needs a time zone; write {_WRITE}")
        return None
    if word in _OTHER_CALENDARS:
        at.error(f"of calendar periods there is only the month ({shown(word)}); write 7d, 30d or {_WRITE}")
        return None
    value = reading.seconds(DAY, MAX_PERIOD)(at)
    if value is not None and value % DAY:
        at.error(f"{quantities.prometheus_duration(value)} is not a whole number of days")
        return None
    return None if value is None else Period(value)


def _calendar(at: At) -> Period | None:
    values = reading.entries(at, CALENDAR_KEYS, CALENDAR_KEYS)
    calendar = reading.optional(values, "calendar", reading.choice((CALENDAR,)))
    zone = reading.optional(values, "zone", reading.zone)
    return Period(NOMINAL_MONTH, zone) if calendar and zone else None


def _settings(values: Mapping[str, At], file: Inherited) -> _Settings:
    return _Settings(
        owner=reading.read(values, "owner", reading.text, file.owner),
        title=reading.read(values, "title", reading.text, ""),
        period=reading.read(values, "period", period, file.period),
        alerting=reading.read(values, "alerting", lambda at: alerting(at, file.alerting), file.alerting),
        release_policy=reading.read(
            values, "release_policy", lambda at: release_policy(at, file.release_policy), file.release_policy
        ),
        expected_traffic=reading.optional(values, "expected_traffic", reading.traffic),
        audit_horizon=reading.read(values, "audit_horizon", reading.seconds(60, MAX_AUDIT_HORIZON), 30 * DAY),
    )


def _sli(values: Mapping[str, At], name: str, segments: Mapping[str, Segment]) -> Sli | None:
    at = values.get("sli")
    if at is None:
        return None
    if isinstance(at.node, yaml_source.Mapping):
        return parse_sli.sli(at, name, segments, builtin=False)
    chosen = reading.choice(tuple(catalog()))(at)
    return catalog()[chosen] if chosen else None


def _exclusions(
    values: Mapping[str, At], sli: Sli | None, declared: tuple[Exclusion, ...] | None
) -> tuple[Exclusion, ...]:
    unit = sli.unit if sli else None
    own = sli.exclusions if sli else ()
    held = tuple(e for e in declared or () if unit != "synthetic" and (not e.units or unit in e.units))
    at = values.get("exclusions")
    if at is None or declared is None:
        return (*own, *held)
    named = reading.distinct(at, lambda item: _named(item, sli, declared, held), empty=True) or ()
    return (*own, *(e for e in held if e.reason in named))


def _named(at: At, sli: Sli | None, declared: tuple[Exclusion, ...], held: tuple[Exclusion, ...]) -> str | None:
    reason = reading.choice(tuple(dict.fromkeys(e.reason for e in declared)))(at)
    if reason is None or sli is None or any(e.reason == reason for e in held):
        return reason
    if sli.unit == "synthetic":
        at.error("synthetic runs are never excluded")
    else:
        units = dict.fromkeys(unit for e in declared if e.reason == reason for unit in e.units)
        at.error(f"{reason} is only for {', '.join(units)}; {sli.name} judges a {sli.unit}")
    return None
