"""The routes of an Alertmanager fragment: by agent, then by owner and severity."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from prometheus_rules.alertmanager_matchers import equals, matches
from prometheus_rules.enabled_alerts import EnabledAlert
from prometheus_rules.receivers import TOGETHER, Receivers
from prometheus_rules.yaml_text import Node
from voice_slo import names
from voice_slo.quantities import prometheus_duration
from voice_slo.spec import PrometheusSettings, Severity

BY_AGENT = ("alertname", names.ALERT_CLASS, names.AGENT)
"""Two classes may share the name of an alert. With `slo` it is one notification for all segments of an SLO."""

Route = Mapping[str, Node]
Alerts = Sequence[EnabledAlert]

_PAGE: Route = {"group_wait": "10s", "repeat_interval": "4h"}
_TICKET: Route = {"group_wait": "30s", "group_interval": "5m", "repeat_interval": "24h"}
_INFO: Route = {"repeat_interval": "24h"}
_SHORTEST_WAIT = 30


def of_agent(alerts: Alerts, receivers: Receivers, hours: str, prometheus: PrometheusSettings) -> Route:
    """The one route to merge. `hours`: name of the time interval.

    What no owner's route takes goes to the owner of the file: the rules may be newer than what was merged.
    """
    return {
        "matchers": [equals(names.AGENT, receivers.agent), matches(names.ALERT_CLASS, ".+")],
        "receiver": receivers.tickets(receivers.owner),
        "group_by": [*BY_AGENT, *prometheus.identity_labels, names.SLO],
        **_TICKET,
        "routes": [
            *_together(alerts, receivers, prometheus),
            *_if_any(alerts, "info", receivers.info, _INFO),
            *_owners(alerts, receivers, hours),
            *_if_any(alerts, "page", receivers.pager(receivers.owner), _PAGE),
        ],
    }


def _together(alerts: Alerts, receivers: Receivers, prometheus: PrometheusSettings) -> list[Route]:
    """It waits until the rules of every SLO had their turn, or the first of them would be told alone."""
    found = [alert for alert in alerts if alert.alert_class in TOGETHER]
    if not found:
        return []
    route = {
        "matchers": [matches(names.ALERT_CLASS, *TOGETHER)],
        "receiver": receivers.tickets(receivers.owner),
        "group_by": [*BY_AGENT, *prometheus.identity_labels],
        "group_wait": prometheus_duration(max(_SHORTEST_WAIT, 2 * prometheus.evaluation_interval)),
    }
    pages = {key: value for key, value in _PAGE.items() if key != "group_wait"}
    severe = _if_any(found, "page", receivers.pager(receivers.owner), pages)
    return [_with_routes(route, [*severe, *_if_any(found, "info", receivers.info, _INFO)])]


def _owners(alerts: Alerts, receivers: Receivers, hours: str) -> list[Route]:
    told = [alert for alert in alerts if alert.severity != "info" and alert.alert_class not in TOGETHER]
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
