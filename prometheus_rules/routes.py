"""The routes of an Alertmanager fragment: by agent, then by owner and severity."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from prometheus_rules.alertmanager_matchers import equals, matches
from prometheus_rules.enabled_alerts import EnabledAlert
from prometheus_rules.receivers import Receivers
from prometheus_rules.yaml_text import Node
from voice_slo import names
from voice_slo.spec import PrometheusSettings, Severity

Route = Mapping[str, Node]
Alerts = Sequence[EnabledAlert]

_PAGE: Route = {"group_wait": "10s", "repeat_interval": "4h"}
_TICKET: Route = {"group_wait": "30s", "group_interval": "5m", "repeat_interval": "24h"}
_INFO: Route = {"repeat_interval": "24h"}


def of_agent(alerts: Alerts, receivers: Receivers, hours: str, prometheus: PrometheusSettings) -> Route:
    """The one route to merge. `hours`: name of the time interval.

    One notification is of one class (two may share the name of an alert), for all segments of an SLO or all sources.
    What no owner's route takes goes to the owner of the file: the rules may be newer than what was merged.
    """
    return {
        "matchers": [equals(names.AGENT, receivers.agent), matches(names.ALERT_CLASS, ".+")],
        "receiver": receivers.tickets(receivers.owner),
        "group_by": ["alertname", names.ALERT_CLASS, names.AGENT, *prometheus.identity_labels, names.SLO],
        **_TICKET,
        "routes": [
            *_if_any(alerts, "info", receivers.info, _INFO),
            *_owners(alerts, receivers, hours),
            *_if_any(alerts, "page", receivers.pager(receivers.owner), _PAGE),
        ],
    }


def _owners(alerts: Alerts, receivers: Receivers, hours: str) -> list[Route]:
    told = [alert for alert in alerts if alert.severity != "info"]
    return [
        _owner(owner, [alert for alert in told if alert.owner == owner], receivers, hours)
        for owner in dict.fromkeys(alert.owner for alert in told)
    ]


def _owner(owner: str, alerts: Alerts, receivers: Receivers, hours: str) -> Route:
    route = {"matchers": [equals("owner", owner)], "receiver": receivers.tickets(owner)}
    timed = _in_hours(alerts, receivers, hours)
    return _with_routes(route, [*timed, *_if_any(alerts, "page", receivers.pager(owner), _PAGE)])


def _in_hours(alerts: Alerts, receivers: Receivers, hours: str) -> list[Route]:
    """Two routes, of which one is muted at any time: a muted route keeps the alert from those after it."""
    timed = [told for alert in alerts if len(told := receivers.of(alert)) > 1]
    if not timed:
        return []
    pager, tickets = timed[0]
    matchers = [equals("severity", "page"), equals("page_hours", "business")]
    return [
        {"matchers": matchers, "receiver": pager, **_PAGE, "active_time_intervals": [hours], "continue": True},
        {"matchers": matchers, "receiver": tickets, "mute_time_intervals": [hours]},
    ]


def _if_any(alerts: Alerts, severity: Severity, receiver: str, timing: Route) -> list[Route]:
    if not any(alert.severity == severity for alert in alerts):
        return []
    return [{"matchers": [equals("severity", severity)], "receiver": receiver, **timing}]


def _with_routes(route: Route, routes: list[Route]) -> Route:
    return {**route, "routes": routes} if routes else route
