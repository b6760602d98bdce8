"""Group `alerts`: the release state that lasts, and every alert about one SLO."""

from __future__ import annotations

from prometheus_rules import budget_alerts, burn_alerts, data_alerts
from prometheus_rules.rule import Bundle, Record
from prometheus_rules.slo_series import SloSeries
from voice_slo import names

_REMEMBERED = 86400
"""Seconds without rules after which a state before a new birth is forgotten."""


def settled(own: SloSeries) -> list[Bundle]:
    """Group `settled`: the last birth whose counts have had a state. It remembers itself, for births are forgotten."""
    created, raw = own.series(names.EVENTS_CREATED), own.series(names.RELEASE_STATE_RAW)
    before = own.last(own.series(names.SETTLED_CREATED), _REMEMBERED)
    return [[Record(names.SETTLED_CREATED, f"({created} and {raw} >= 0)\nor ({before} and {created})")]]


def bundles(own: SloSeries) -> list[Bundle]:
    found = [*burn_alerts.alerts(own), *budget_alerts.alerts(own), *data_alerts.alerts(own)]
    return [[_lasting_state(own)], *([alert] for alert in found)]


def _lasting_state(own: SloSeries) -> Record:
    """The worst of the last hour, so that a state does not flap; gone as soon as the state is unknown.

    After a new birth there is nothing to judge by yet: the state before it stays until the new counts have a state. It
    reads its own last value, for only that one knows what was before.
    """
    raw, lasting = own.series(names.RELEASE_STATE_RAW), own.series(names.RELEASE_STATE)
    worst = f"max_over_time({raw}[1h])"
    fresh = f"{own.series(names.EVENTS_CREATED)} > {own.series(names.SETTLED_CREATED)}"
    held = f"{own.last(lasting, _REMEMBERED)} >= 0 and {raw} < 0 and {fresh}"
    return Record(names.RELEASE_STATE, f"({worst} and {raw} >= 0)\nor ({held})\nor ({worst} and {raw})")
