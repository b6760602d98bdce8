"""Group `windows`: whole events over each window and over the period, as differences of counters."""

from __future__ import annotations

from prometheus_rules.counts import newest
from prometheus_rules.rule import Bundle, Record
from prometheus_rules.slo_series import SloSeries, window_name
from voice_slo import names, promql

_MINUTE, _HOUR, _DAY = 60, 3600, 86400
ALWAYS = (5 * _MINUTE, 15 * _MINUTE, 30 * _MINUTE, _HOUR, 2 * _HOUR, 6 * _HOUR, _DAY)
"""Windows that dashboards and the release policy read, whatever the alert tiers are."""
NOW = 15 * _MINUTE
"""The dashboards' window for callers affected at present."""


def bundles(own: SloSeries) -> list[Bundle]:
    with_callers = {NOW, *(tier.long for tier in own.tiers())}
    return [*(_window(own, seconds, seconds in with_callers) for seconds in windows(own)), _period(own)]


def windows(own: SloSeries) -> list[int]:
    """Seconds, ascending: the usual ones and those that a tier names."""
    named = {seconds for tier in own.tiers() for seconds in (tier.long, tier.short)}
    return sorted(named.union(ALWAYS))


def _window(own: SloSeries, seconds: int, with_callers: bool) -> Bundle:
    kinds: tuple[names.Kind, ...] = ("eligible", "bad", "bad_callers") if with_callers else ("eligible", "bad")
    return [Record(names.events(kind, window_name(seconds)), _difference(own, kind, seconds)) for kind in kinds]


def _period(own: SloSeries) -> Bundle:
    kinds: tuple[names.Kind, ...] = ("eligible", "bad")
    return [Record(names.events(kind, "period"), _over_period(own, kind)) for kind in kinds]


def _over_period(own: SloSeries, kind: names.Kind) -> str:
    """The exporter's count by event time first: exact for late audits, corrections and from the first day."""
    verdict = promql.equals(names.VERDICT, kind)
    by_event_time = newest(own, names.WINDOW_EVENTS.name, verdict, ignoring=names.VERDICT)
    return f"{by_event_time} or ({_difference(own, kind, own.slo.period)})"


def _difference(own: SloSeries, kind: names.Kind, seconds: int) -> str:
    """Count now minus count at the start of the window, which is 0 where the series was born inside it.

    Without a birth or a value at the start it is absent, never the lifetime count; below 0 it is absent too.
    """
    count, created = own.count(kind), own.series(names.EVENTS_CREATED)
    born_inside = f"(0 * {count} and {created} > time() - {seconds})"
    return f"({count} - ({born_inside} or {own.recorded(count, seconds)})) >= 0"
