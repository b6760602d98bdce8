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
SHARE_WINDOWS = (_DAY, 7 * _DAY)
"""The day, and the week that it is compared with."""
_PERIOD: tuple[names.Kind, ...] = ("eligible", "bad")
_CORRECTIONS: tuple[names.Kind, ...] = ("taken_out", "put_back")


def bundles(own: SloSeries) -> list[Bundle]:
    with_callers = {NOW, *(tier.long for tier in own.tiers())}
    return [
        *(_window(own, seconds, seconds in with_callers) for seconds in windows(own)),
        _period(own),
        *(_shares(own, seconds) for seconds in SHARE_WINDOWS),
    ]


def windows(own: SloSeries) -> list[int]:
    """Seconds, ascending: the usual ones and those that a tier names."""
    named = {seconds for tier in own.tiers() for seconds in (tier.long, tier.short)}
    return sorted(named.union(ALWAYS))


def _window(own: SloSeries, seconds: int, with_callers: bool) -> Bundle:
    kinds: tuple[names.Kind, ...] = ("eligible", "bad", "bad_callers") if with_callers else ("eligible", "bad")
    found = [Record(names.events(kind, window_name(seconds)), _difference(own, kind, seconds)) for kind in kinds]
    return [*found, _reasons(own, seconds)] if seconds == _DAY else found


def _reasons(own: SloSeries, seconds: int | None) -> Record:
    since = own.since(own.count("bad_reason"), seconds or own.slo.period, own.by)
    return Record(names.events("bad_reason", window_name(seconds)), f"({since}) >= 0")


def _period(own: SloSeries) -> Bundle:
    by_event_time = {kind: _by_event_time(own, kind) for kind in _PERIOD}
    if own.slo.calendar:
        return [Record(names.events(kind, "period"), by_event_time[kind]) for kind in _PERIOD]
    counted = {kind: _difference(own, kind, own.slo.period) for kind in _PERIOD}
    return [
        *(Record(names.events(kind, "period"), f"{by_event_time[kind]} or ({counted[kind]})") for kind in _PERIOD),
        _reasons(own, None),
        *(Record(names.counted_period(kind), counted[kind]) for kind in _PERIOD),
        *(Record(names.counted_period(kind), _difference(own, kind, own.slo.period)) for kind in _CORRECTIONS),
    ]


def _by_event_time(own: SloSeries, kind: names.Kind) -> str:
    """The exporter's own count: exact for late audits, corrections, calendar months, and from the first day.

    It goes down too: where a new pod took over, what the old one showed last may be the larger, and counts only until
    anything is shown now.
    """
    verdict = promql.equals(names.VERDICT, kind)
    now, lately = (
        newest(own, names.WINDOW_EVENTS.name, verdict, ignoring=names.VERDICT, shown=shown) for shown in (True, False)
    )
    return f"({now} or {lately})"


def _difference(own: SloSeries, kind: names.Kind, seconds: int) -> str:
    return f"({own.since(own.count(kind), seconds)}) >= 0"


def _shares(own: SloSeries, seconds: int) -> Bundle:
    kinds = [kind for kind in names.WHOLE_SLO_KINDS if kind != "unknown_segment" or own.slo.budget_by]
    born = own.series(names.SLO_CREATED)
    return [
        Record(names.events(kind, window_name(seconds)), f"({own.since(own.count(kind), seconds, born=born)}) >= 0")
        for kind in kinds
    ]
