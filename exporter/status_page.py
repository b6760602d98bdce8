"""The page at `/`: what the exporter counts and from where, for a person who has only a browser."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from voice_slo.quantities import percent, prometheus_duration


@dataclass(frozen=True, slots=True)
class Link:
    label: str
    url: str


@dataclass(frozen=True, slots=True)
class SloView:
    """One SLO over its period, by event time. `budget` is how many bad events the eligible ones so far allow.

    `calendar` is the time zone of a period that is a calendar month, else empty. `state` is the most urgent of its
    budgets' states.
    """

    agent: str
    name: str
    title: str
    owner: str
    objective: Decimal
    period: int
    eligible: int
    bad: int
    excluded: int
    unknown: int
    awaiting: int
    pending: int
    budget: Decimal
    state: str
    calendar: str = ""

    @property
    def remaining(self) -> Decimal:
        return self.budget - self.bad

    @property
    def remaining_share(self) -> Decimal | None:
        """Of the budget so far, at most 1; None while nothing was eligible."""
        return None if self.budget <= 0 else min(self.remaining / self.budget, Decimal(1))


STATES = ("no events yet", "collecting", "in budget", "low", "exhausted")
"""From the least to the most urgent; the release state comes from the recording rules."""


def state_of(eligible: int, bad: int, allowed: Decimal) -> str:
    """What the figures of one budget say. Under 5 events allowed and fewer than 5 bad, they say nothing yet."""
    if eligible == 0:
        return "no events yet"
    if allowed < 5 and bad < 5:
        return "collecting"
    if bad > allowed:
        return "exhausted"
    return "low" if allowed - bad < allowed / 5 else "in budget"


@dataclass(frozen=True, slots=True)
class SourceView:
    """`received` = `accepted` + `duplicate` + `rejected`; `set_aside` are impossible values of accepted events."""

    name: str
    received: int
    accepted: int
    duplicate: int
    rejected: int
    set_aside: int
    unmapped_end_reasons: int
    last_event: datetime | None


@dataclass(frozen=True, slots=True)
class ScheduleView:
    """Scheduled test calls of one flow; `every` in seconds. `failures`: bad and missed ones since the last good one."""

    agent: str
    flow: str
    every: int
    last_run: datetime | None
    due: datetime
    good: int
    bad: int
    missed: int
    unknown: int
    failures: int


@dataclass(frozen=True, slots=True)
class StatusView:
    """All that the page shows. `warnings` are sentences: gaps, paths that never matched, a failed reload."""

    version: str
    now: datetime
    started: datetime
    not_ready: str | None
    store: str
    store_bytes: int
    calls_open: int
    last_reload: datetime | None
    slos: Sequence[SloView]
    sources: Sequence[SourceView]
    warnings: Sequence[str]
    links: Sequence[Link]
    schedules: Sequence[ScheduleView] = ()


def render(view: StatusView) -> str:
    """HTML without scripts, images or anything from elsewhere."""
    return _template().render(view=view, uptime=_span((view.now - view.started).total_seconds()))


@cache
def _template() -> Template:
    environment = Environment(
        loader=PackageLoader("exporter"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "percent": percent, "count": _count, "events": _events, "share": _share, "size": _size, "clock": _clock,
        "duration": _span,
    }  # fmt: skip
    environment.globals["ago"] = _ago
    environment.tests["web"] = _is_web
    return environment.get_template("status.html")


def _count(value: int) -> str:
    return f"{value:,}"


def _events(value: Decimal) -> str:
    """One decimal below a thousand, where it says something."""
    return f"{value:,.1f}" if abs(value) < 1000 and value != int(value) else f"{value:,.0f}"


def _share(value: Decimal) -> str:
    return f"{value * 100:.0f}%"


def _size(value: int) -> str:
    amount, unit = float(value), "B"
    for larger in ("KiB", "MiB", "GiB"):
        if amount < 1024:
            break
        amount, unit = amount / 1024, larger
    return f"{amount:.0f} {unit}" if unit == "B" or amount >= 100 else f"{amount:.1f} {unit}"


def _clock(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d %H:%M:%S UTC")


def _ago(now: datetime, moment: datetime) -> str:
    """`12s ago`; a clock that runs ahead reads as now."""
    return _span(max(now - moment, timedelta()).total_seconds()) + " ago"


def _span(seconds: float) -> str:
    """The two largest units."""
    whole = int(seconds)
    for unit, finer in ((86400, 3600), (3600, 60)):
        if whole >= unit:
            return prometheus_duration(whole - whole % finer)
    return prometheus_duration(whole)


def _is_web(url: str) -> bool:
    """Only these become links: a `javascript:` address from a file must not."""
    return url.startswith(("https://", "http://")) or (url.startswith("/") and not url.startswith("//"))
