"""SLO files as bytes → `SloFile`, with every error of every file at once."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from voice_slo import lint, quantities, reading, yaml_source
from voice_slo.diagnostics import Problem, SloFileError, shown
from voice_slo.parse_alerting import alerting, release_policy
from voice_slo.parse_exclusions import file_exclusion, outage, segment_value
from voice_slo.parse_segments import budget_by, identity_label, segments
from voice_slo.parse_slo import Inherited, Period, period, slo
from voice_slo.policies import DEFAULT
from voice_slo.quantities import DAY
from voice_slo.reading import At, Report, TooManyProblems
from voice_slo.spec import BusinessHours, Links, PrometheusSettings, ReleasePolicy, Segment, SloFile, Synthetic

VERSION = "voice-slo/v1"
REQUIRED = ("version", "agent", "owner", "slos")
KEYS = (
    *REQUIRED, "period", "budget_by", "segments", "exclusions", "outages", "synthetics", "business_hours", "links",
    "prometheus", "alerting", "release_policy",
)  # fmt: skip
SYNTHETIC_KEYS = ("flow", "every", "grace", "critical")
HOURS_KEYS = ("zone", "days", "from", "to")
LINK_KEYS = ("runbooks", "dashboards", "traces")
PROMETHEUS_KEYS = ("scrape_interval", "evaluation_interval", "identity_labels")
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
TRACE_ID = "{trace_id}"
LOOK_BACK = 300
"""Seconds that the recording rules look back for the newest sample (DESIGN section 8): no interval may exceed it."""

TIME_OF_DAY = re.compile(r"(?:[01]\d|2[0-3]):[0-5]\d|24:00", re.ASCII)


@dataclass(frozen=True, slots=True)
class Loaded:
    """The files, in the order given, with what is allowed but looks wrong, or is other than it looks."""

    files: tuple[SloFile, ...]
    warnings: tuple[Problem, ...]
    notes: tuple[Problem, ...] = ()


def load(sources: Sequence[tuple[str, bytes]]) -> tuple[SloFile, ...]:
    """The files of (path, content) pairs. Raises `SloFileError` with every error of every file."""
    return load_with_warnings(sources).files


def load_with_warnings(sources: Sequence[tuple[str, bytes]]) -> Loaded:
    """Like `load`, with the warnings. Raises `SloFileError`; its problems then hold the warnings too."""
    problems: list[Problem] = []
    files: list[SloFile] = []
    agents: dict[str, Problem] = {}
    for path, data in sources:
        source = yaml_source.parse(path, data)
        report = Report(path, list(source.problems))
        found = report.problems
        if source.root:
            root = At(source.root, "", report)
            files += (read := _read(root, agents))
            found = [*found, *_linted(root, read)]
        problems += sorted(found, key=lambda problem: (problem.line, problem.column))
    if any(problem.severity == "error" for problem in problems):
        raise SloFileError([problem for problem in problems if problem.severity != "note"])
    notes = [problem for problem in problems if problem.severity == "note"]
    return Loaded(tuple(files), tuple(p for p in problems if p.severity == "warning"), tuple(notes))


def _linted(root: At, read: list[SloFile]) -> list[Problem]:
    """What the arithmetic of a file without errors gives to tell, each once. It does not count towards a limit."""
    if any(problem.severity == "error" for problem in root.report.problems):
        return []
    told: dict[Problem, None] = {}
    for file in read:
        for finding in lint.findings(file):
            at = next((at for place in finding.places if (at := reading.find(root, place))), root)
            node = at.node
            told[Problem(file.path, node.line, node.column, at.field, finding.message, finding.severity)] = None
    return list(told)


def _read(root: At, agents: dict[str, Problem]) -> list[SloFile]:
    try:
        _check_agent(root, agents)
        return [_file(root)] if _readable(root) else []
    except TooManyProblems:
        return []


def _readable(root: At) -> bool:
    """Whether the file is of the version that this release reads: of another, every key might mean something else."""
    if not isinstance(root.node, yaml_source.Mapping):
        root.error(f"has to be a mapping that begins with version: {VERSION}")
        return False
    for key, value in root.node.entries:
        if key.text == "version" and (not isinstance(value, yaml_source.Scalar) or value.text != VERSION):
            root.child(value, "version").error(f"{reading.found(value)} is not known; write {VERSION}")
            return False
    return True


def _check_agent(root: At, agents: dict[str, Problem]) -> None:
    """The same agent in two files would write the same series twice."""
    if not isinstance(root.node, yaml_source.Mapping):
        return
    for key, value in root.node.entries:
        if key.text != "agent" or not isinstance(value, yaml_source.Scalar):
            continue
        here = Problem(root.report.path, value.line, value.column, "agent", "")
        first = agents.setdefault(value.text, here)
        if first is not here:
            place = f"{first.path}:{first.line}"
            root.child(value, "agent").error(f"{shown(value.text)} is already the agent of {place}")


def _file(root: At) -> SloFile:
    values = reading.entries(root, KEYS, REQUIRED)
    agent = reading.read(values, "agent", reading.name, "")
    declared = reading.read(values, "segments", segments, dict[str, Segment]())
    exclusions = reading.read(
        values, "exclusions",
        lambda at: reading.every(at, lambda item: file_exclusion(item, declared), empty=True),
        None if "exclusions" in values else (),
    )  # fmt: skip
    inherited = Inherited(
        agent=agent,
        owner=reading.read(values, "owner", reading.text, ""),
        period=reading.read(values, "period", period, Period(30 * DAY)),
        budget_by=reading.read(
            values, "budget_by", lambda at: budget_by(at, declared), None if "budget_by" in values else ()
        ),
        segments=declared,
        exclusions=exclusions,
        outages=reading.read(
            values, "outages", lambda at: reading.every(at, lambda item: outage(item, declared), empty=True), ()
        ),
        alerting=reading.read(values, "alerting", lambda at: alerting(at, DEFAULT), DEFAULT),
        release_policy=reading.read(
            values, "release_policy", lambda at: release_policy(at, ReleasePolicy()), ReleasePolicy()
        ),
    )
    return _assembled(root.report.path, values, inherited)


def _assembled(path: str, values: Mapping[str, At], inherited: Inherited) -> SloFile:
    listed = reading.optional(values, "slos", reading.pairs)
    if listed == []:
        values["slos"].error("has no SLO")
    slos = [slo(key, value, inherited) for key, value in listed or ()]
    return SloFile(
        path=path,
        agent=inherited.agent,
        owner=inherited.owner,
        period=inherited.period.seconds,
        budget_by=inherited.budget_by or (),
        segments=inherited.segments,
        exclusions=inherited.exclusions or (),
        outages=inherited.outages,
        synthetics=reading.read(values, "synthetics", lambda at: _synthetics(at, inherited.segments), ()),
        business_hours=reading.optional(values, "business_hours", _business_hours),
        links=reading.read(values, "links", _links, Links()),
        prometheus=reading.read(
            values, "prometheus", lambda at: _prometheus(at, inherited.segments), PrometheusSettings()
        ),
        slos=tuple(one for one in slos if one is not None),
        alerting=inherited.alerting,
    )


def _synthetics(at: At, declared: Mapping[str, Segment]) -> tuple[Synthetic, ...] | None:
    read = reading.every(at, lambda item: _synthetic(item, declared), empty=True)
    seen: set[str] = set()
    for item, synthetic in zip(reading.items(at, empty=True) or () if read else (), read or (), strict=True):
        if synthetic.flow in seen:
            item.error(f"flow {synthetic.flow} has a schedule already")
        seen.add(synthetic.flow)
    return read


def _synthetic(at: At, declared: Mapping[str, Segment]) -> Synthetic | None:
    values = reading.entries(at, SYNTHETIC_KEYS, SYNTHETIC_KEYS[:3])
    flow = reading.optional(values, "flow", lambda at: _flow(at, declared))
    every = reading.optional(values, "every", reading.seconds(10, DAY))
    grace = reading.optional(values, "grace", reading.seconds(0, DAY))
    critical = reading.read(values, "critical", reading.boolean, False)
    if every is not None and grace is not None and grace > every:
        values["grace"].error(f"is longer than `every` ({quantities.prometheus_duration(every)})")
    if flow is None or every is None or grace is None:
        return None
    return Synthetic(flow, every, grace, critical)


def _flow(at: At, declared: Mapping[str, Segment]) -> str | None:
    if "flow" not in declared:
        at.error("there is no segment flow to hold it; declare it under `segments`")
        return None
    return segment_value(at, declared["flow"])


def _business_hours(at: At) -> BusinessHours | None:
    values = reading.entries(at, HOURS_KEYS, HOURS_KEYS)
    zone = reading.optional(values, "zone", reading.zone)
    days = reading.optional(values, "days", lambda at: reading.distinct(at, reading.choice(DAYS)))
    start = reading.optional(values, "from", _time_of_day)
    end = reading.optional(values, "to", _time_of_day)
    if start and end and end <= start:
        values["to"].error(f"has to be after `from` ({start})")
    return BusinessHours(zone, days, start, end) if zone and days and start and end else None


def _time_of_day(at: At) -> str | None:
    node = at.node
    if isinstance(node, yaml_source.Scalar) and node.plain and TIME_OF_DAY.fullmatch(node.text):
        at.error(f'has to be in quotes: "{node.text}"; YAML reads a bare {node.text} as a number')
        return None
    value = reading.text(at)
    if value is None or TIME_OF_DAY.fullmatch(value):
        return value
    at.error(f'"{shown(value)}" is not a time of day such as "09:00"')
    return None


def _links(at: At) -> Links:
    values = reading.entries(at, LINK_KEYS)
    links = Links(
        runbooks=reading.read(values, "runbooks", reading.url, ""),
        dashboards=reading.read(values, "dashboards", reading.url, ""),
        traces=reading.read(values, "traces", reading.url, ""),
    )
    if links.traces and TRACE_ID not in links.traces:
        values["traces"].error(f"has to contain {TRACE_ID}")
    return links


def _prometheus(at: At, declared: Mapping[str, Segment]) -> PrometheusSettings:
    values = reading.entries(at, PROMETHEUS_KEYS)
    interval = reading.seconds(1, LOOK_BACK)
    return PrometheusSettings(
        scrape_interval=reading.read(values, "scrape_interval", interval, 30),
        evaluation_interval=reading.read(values, "evaluation_interval", interval, 30),
        identity_labels=reading.read(
            values,
            "identity_labels",
            lambda at: reading.distinct(at, lambda item: identity_label(item, declared), empty=True),
            (),
        ),
    )
