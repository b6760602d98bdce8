"""The Operator dashboard: the page that on-call opens. A new row is a module and one entry of `ROWS`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from grafana import burn_alerts, slo_health
from grafana.layout import stacked
from grafana.panels import Json
from grafana.scope import Scope, scope_of
from voice_slo import names
from voice_slo.spec import SloFile

TAG = "voice-slo"


@dataclass(frozen=True, slots=True)
class Row:
    """`id_` is the row's own panel id; its panels use those that follow, up to the next hundred."""

    id_: int
    title: str
    panels: Callable[[Scope, SloFile], list[Json]]


ROWS: Sequence[Row] = (
    Row(100, slo_health.TITLE, slo_health.panels),
    Row(200, burn_alerts.TITLE, burn_alerts.panels),
)


def dashboard(slo_file: SloFile) -> Json:
    scope = scope_of(slo_file)
    return {
        "annotations": {"list": []},
        "editable": False,
        "fiscalYearStartMonth": 0,
        "graphTooltip": 1,
        "links": [_siblings()],
        "panels": stacked([(row.id_, row.title, row.panels(scope, slo_file)) for row in ROWS]),
        "refresh": "1m",
        "schemaVersion": 37,
        "tags": [TAG, slo_file.agent],
        "templating": {"list": scope.variables()},
        "time": {"from": "now-24h", "to": "now"},
        "timepicker": {},
        "timezone": "",
        "title": f"Voice SLO operator: {slo_file.agent}",
        "uid": names.dashboard_uid(slo_file.agent, "operator"),
        "weekStart": "",
    }


def _siblings() -> Json:
    return {
        "asDropdown": True,
        "icon": "external link",
        "includeVars": True,
        "keepTime": True,
        "tags": [TAG],
        "targetBlank": False,
        "title": "Voice SLO",
        "tooltip": "",
        "type": "dashboards",
        "url": "",
    }
