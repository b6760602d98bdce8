"""The SLO file as frozen dataclasses: the one model that everything downstream reads.

Ratios are exact `Decimal`s between 0 and 1, durations are seconds (`Decimal` where a fraction makes
sense, `int` for windows and periods). Built by `voice_slo.loading`, never by hand outside tests.
"""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Literal

from voice_slo.conditions import Condition, describe

Unit = Literal["call", "turn", "task", "evaluation", "escalation", "handoff", "synthetic"]
Settles = Literal["operational", "quality"]
Mode = Literal["strict", "observe"]
Severity = Literal["page", "ticket", "info"]

OTHER = "other"
UNKNOWN = "unknown"
NEVER_ENFORCED = (OTHER, UNKNOWN)


@dataclass(frozen=True, slots=True)
class Segment:
    """A closed vocabulary (`values`, `aliases` → value) or an open one capped at `max_values`."""

    name: str
    values: tuple[str, ...] = ()
    aliases: Mapping[str, str] = field(default_factory=dict)
    max_values: int | None = None
    known: Literal["start", "connect", "end"] = "start"


@dataclass(frozen=True, slots=True)
class Reason:
    name: str
    when: Condition | None


@dataclass(frozen=True, slots=True)
class Exclusion:
    """`units` empty means every unit; `origin` is the place in the SLO file or catalog that wrote it."""

    reason: str
    when: Condition
    units: tuple[Unit, ...] = ()
    origin: str = ""


@dataclass(frozen=True, slots=True)
class Sli:
    """What is judged, which of it is eligible, what good means and the closed list of reasons for bad."""

    name: str
    unit: Unit
    settles: Settles
    eligible: Condition
    good: Condition
    reasons: tuple[Reason, ...]
    unknown_reasons: tuple[Reason, ...] = ()
    exclusions: tuple[Exclusion, ...] = ()
    threshold: Decimal | None = None
    parameters: Mapping[str, Decimal] = field(default_factory=dict)
    title: str = ""
    builtin: bool = True


@dataclass(frozen=True, slots=True)
class Target:
    """What holds for one label set. `error_budget` is exactly 1 − `objective`."""

    objective: Decimal
    mode: Mode
    threshold: Decimal | None
    sla: Decimal | None

    @property
    def error_budget(self) -> Decimal:
        return 1 - self.objective


@dataclass(frozen=True, slots=True)
class ObjectiveOverride:
    """One row of `objectives:`; `match` maps a `budget_by` label to the values it is for."""

    match: Mapping[str, tuple[str, ...]]
    target: Target

    def covers(self, labels: Mapping[str, str]) -> bool:
        return all(labels.get(name) in values for name, values in self.match.items())


@dataclass(frozen=True, slots=True)
class Tier:
    """One burn-rate alert: fires over `long` and `short` (seconds) at `burn` times the sustainable pace.

    `z` is the one-sided confidence of the Poisson bound (None: no guard), `budget` an alternative to `burn`:
    the share of the period's budget that `long` may spend.
    """

    name: str
    long: int
    short: int
    severity: Severity
    burn: Decimal | None = None
    budget: Decimal | None = None
    min_bad_callers: int = 0
    min_bad_events: int = 0
    z: Decimal | None = None
    for_: int = 0
    keep_firing: int = 0
    enabled: bool = True

    def factor(self, period: int) -> Decimal:
        """Burn factor; `budget` × period / long window where the tier is written as a share of the budget."""
        if self.burn is not None:
            return self.burn
        assert self.budget is not None
        return self.budget * period / self.long

    @property
    def guarded(self) -> bool:
        """Whether it asks for more than a share of bad events, so that a quiet budget alone may stay silent."""
        return bool(self.min_bad_callers or self.min_bad_events or self.z is not None)


@dataclass(frozen=True, slots=True)
class AlertPolicy:
    """`disabled`: alert classes that are switched off; `severities`: those of a severity other than the usual one."""

    name: str
    tiers: tuple[Tier, ...]
    disabled: frozenset[str] = frozenset()
    severities: Mapping[str, Severity] = field(default_factory=dict)

    @property
    def quickest_page(self) -> Tier | None:
        """The page tier with the shortest long window, which `on_fast_burn` is about; None where nothing pages."""
        pages = [tier for tier in self.tiers if tier.enabled and tier.severity == "page"]
        return min(pages, key=lambda tier: tier.long, default=None)


@dataclass(frozen=True, slots=True)
class ReleasePolicy:
    watch_below: Decimal = Decimal("0.5")
    freeze_below: Decimal = Decimal("0.2")
    on_fast_burn: Literal["watch", "freeze", "ignore"] = "watch"
    on_unknown: Literal["allow", "review", "block"] = "review"
    on_collecting: Literal["allow", "review", "block"] = "allow"


@dataclass(frozen=True, slots=True)
class Outage:
    """A declared external outage: excludes units that would be bad, inside [start, end) and matching."""

    reason: str
    start: datetime
    end: datetime
    match: Mapping[str, str]
    ticket: str
    approved_by: str


@dataclass(frozen=True, slots=True)
class Synthetic:
    flow: str
    every: int
    grace: int
    critical: bool


@dataclass(frozen=True, slots=True)
class BusinessHours:
    zone: str
    days: tuple[str, ...]
    start: str
    end: str


@dataclass(frozen=True, slots=True)
class Links:
    runbooks: str = ""
    dashboards: str = ""
    traces: str = ""


@dataclass(frozen=True, slots=True)
class PrometheusSettings:
    """Intervals in seconds. `identity_labels`: of the scrape, such as `cluster`; each value has counts of its own."""

    scrape_interval: int = 30
    evaluation_interval: int = 30
    identity_labels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Slo:
    """One objective. `exclusions` are those in force: the SLI's own first, then the file's that hold here."""

    agent: str
    name: str
    sli: Sli
    objective: Decimal
    owner: str
    title: str = ""
    period: int = 30 * 86400
    calendar: str = ""
    """Time zone of a period that is the calendar month; `period` are then the 30 days that factors refer to."""
    budget_by: tuple[str, ...] = ()
    mode: Mode = "strict"
    threshold: Decimal | None = None
    sla: Decimal | None = None
    objectives: tuple[ObjectiveOverride, ...] = ()
    exclusions: tuple[Exclusion, ...] = ()
    outages: tuple[Outage, ...] = ()
    alerting: AlertPolicy = AlertPolicy("guarded", ())
    release_policy: ReleasePolicy = ReleasePolicy()
    expected_traffic: Decimal | None = None
    """Events per second over the whole SLO."""
    segments: Mapping[str, Segment] = field(default_factory=dict)
    """The file's segments, by name."""
    audit_horizon: int = 30 * 86400
    """Seconds that a unit may wait for its evaluation."""

    def target(self, labels: Mapping[str, str]) -> Target:
        """The target of one label set: the first matching row of `objectives:`, else the SLO's own."""
        for row in self.objectives:
            if row.covers(labels):
                return row.target
        return Target(self.objective, self.mode, self.threshold, self.sla)

    def enforced(self, labels: Mapping[str, str]) -> bool:
        """False for observe mode and for the `other` and `unknown` values, which never page or block."""
        if any(labels.get(name) in NEVER_ENFORCED for name in self.budget_by):
            return False
        return self.target(labels).mode == "strict"

    def label_sets(self) -> Iterator[dict[str, str]]:
        """Every declared combination of the budget segments' values, in the file's order."""
        values = [self.segments[name].values for name in self.budget_by]
        for combination in itertools.product(*values):
            yield dict(zip(self.budget_by, combination, strict=True))

    @property
    def core_definition(self) -> str:
        """Hash over everything that decides a verdict but the vocabularies."""
        return _digest(self._judging())

    @property
    def definition(self) -> str:
        """Hash over unit, eligible, good, thresholds, exclusions, budget_by and vocabularies (12 hex digits)."""
        return _digest([self._judging(), self.vocabulary()])

    def vocabulary(self) -> dict[str, list[list[str]]]:
        """Segment → sorted pairs of accepted spelling and value."""
        return {
            name: sorted([[v, v] for v in segment.values] + [[a, v] for a, v in segment.aliases.items()])
            for name, segment in sorted(self.segments.items())
        }

    def _judging(self) -> object:
        rules = [[r.name, describe(r.when) if r.when else ""] for r in (*self.sli.reasons, *self.sli.unknown_reasons)]
        return [
            self.sli.unit,
            self.sli.settles,
            describe(self.sli.eligible),
            describe(self.sli.good),
            rules,
            [[e.reason, describe(e.when), list(e.units)] for e in self.exclusions],
            str(self.threshold),
            {name: str(value) for name, value in sorted(self.sli.parameters.items())},
            [
                [sorted((k, list(v)) for k, v in row.match.items()), str(row.target.threshold)]
                for row in self.objectives
                if row.target.threshold != self.threshold
            ],
            list(self.budget_by),
        ]


@dataclass(frozen=True, slots=True)
class SloFile:
    """One file, one voice agent."""

    path: str
    agent: str
    owner: str
    period: int
    budget_by: tuple[str, ...]
    segments: Mapping[str, Segment]
    exclusions: tuple[Exclusion, ...]
    outages: tuple[Outage, ...]
    synthetics: tuple[Synthetic, ...]
    business_hours: BusinessHours | None
    links: Links
    prometheus: PrometheusSettings
    slos: tuple[Slo, ...]
    alerting: AlertPolicy = AlertPolicy("guarded", ())
    """For alerts about the agent and none of its SLOs, and for SLOs that have no policy of their own."""


def _digest(value: object) -> str:
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:12]
