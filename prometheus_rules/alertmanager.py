"""SLO file → a fragment of an Alertmanager configuration, and which alert has to reach whom, as commands to run.

Facts: a muted route still takes the alert, so business hours need a pair of routes; both Alertmanager's parsers of
matchers agree on values in double quotes (0.27 brought a second one).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from prometheus_rules import enabled_alerts, inhibition, receivers, routes, yaml_text
from prometheus_rules.alertmanager_matchers import equals, shell_word
from prometheus_rules.enabled_alerts import EnabledAlert
from prometheus_rules.origin import origin
from prometheus_rules.receivers import Receivers
from prometheus_rules.yaml_text import Node
from voice_slo import names
from voice_slo.spec import BusinessHours, SloFile

ROOT_RECEIVER = "your-root-receiver"
_DAYS = {
    "mon": "monday", "tue": "tuesday", "wed": "wednesday", "thu": "thursday", "fri": "friday", "sat": "saturday",
    "sun": "sunday",
}  # fmt: skip


def generate(slo_file: SloFile, version: str) -> dict[str, bytes]:
    """Path → content of the fragment and of its checks. The same input gives the same bytes."""
    alerts = enabled_alerts.of_file(slo_file)
    to = receivers.of(slo_file)
    written = origin(slo_file.path, version)
    return {
        fragment_path(slo_file.agent): f"# {written}\n{_fragment(slo_file, alerts, to)}".encode(),
        checks_path(slo_file.agent): _checks(slo_file, alerts, to, written).encode(),
    }


def fragment_path(agent: str) -> str:
    return f"prometheus_rules/generated/{agent}.alertmanager.yaml"


def checks_path(agent: str) -> str:
    return f"prometheus_rules/generated/{agent}.alertmanager.test.sh"


def hours_name(agent: str) -> str:
    return f"voice-slo:{agent}:business-hours"


_ABOUT = """\
#
# A snippet to merge into your alertmanager.yml: the route under `routes`, and the entries of the other lists, go into
# yours. The root route is yours already; here it makes this a whole file, so that amtool can check it.
# Give each receiver an integration (pagerduty_configs, slack_configs ...) and keep its name.
# Then run the commands beside this file on what you merged: sh {checks} alertmanager.yml
"""
_INHIBITION = "\n# While the source fires, the target is not told: the source says it already.\n"
_RECEIVERS = "\n# By the owner's part. `info` is for whoever decides over releases, and is no pager.\n"
_HOURS = "\n# From `business_hours` of the SLO file. Outside them a page of business hours is a ticket.\n"
_ANY_HOUR = "\n# The SLO file says no `business_hours`: every page comes at any hour.\n"


def _fragment(slo_file: SloFile, alerts: Sequence[EnabledAlert], to: Receivers) -> str:
    agent = routes.of_agent(alerts, to, hours_name(slo_file.agent), slo_file.prometheus)
    named: list[Node] = [{"name": name} for name in [ROOT_RECEIVER, *sorted(_named_in(agent))]]
    rules = inhibition.rules(slo_file, alerts)
    checks = checks_path(slo_file.agent).rpartition("/")[2]
    return (
        _ABOUT.format(checks=checks)
        + yaml_text.dump({"route": {"receiver": ROOT_RECEIVER, "routes": [agent]}})
        + _RECEIVERS
        + yaml_text.dump({"receivers": named})
        + (_INHIBITION + yaml_text.dump({"inhibit_rules": rules}) if rules else "")
        + _time_intervals(slo_file, alerts)
    )


def _named_in(route: Node) -> set[str]:
    """Every receiver of a route and of those below it."""
    assert isinstance(route, Mapping)
    below = route.get("routes", ())
    assert isinstance(below, Sequence)
    return {str(route["receiver"])}.union(*(_named_in(child) for child in below))


def _time_intervals(slo_file: SloFile, alerts: Sequence[EnabledAlert]) -> str:
    if slo_file.business_hours is None:
        return _ANY_HOUR
    if not any(alert.severity == "page" and alert.page_hours == "business" for alert in alerts):
        return ""
    interval = _interval(slo_file.business_hours)
    return _HOURS + yaml_text.dump(
        {"time_intervals": [{"name": hours_name(slo_file.agent), "time_intervals": [interval]}]}
    )


def _interval(hours: BusinessHours) -> Node:
    """`end_time` is exclusive, as `to` is."""
    return {
        "times": [{"start_time": hours.start, "end_time": hours.end}],
        "weekdays": [_DAYS[day] for day in hours.days],
        "location": hours.zone,
    }


_SCRIPT = """\
#!/bin/sh
# {written}
#
# Which receivers get which alert, asked of amtool. Of the fragment:  sh {name}
# Of your configuration, once the fragment is merged:  sh {name} alertmanager.yml
# AMTOOL names another amtool. It looks at no time interval, so a page of business hours shows both its receivers.
amtool=${{AMTOOL:-amtool}}
config=${{1:-${{0%.test.sh}}.yaml}}
wrong=0
command -v "$amtool" >/dev/null || {{ echo "$amtool is not there: it comes with Alertmanager" >&2; exit 2; }}
checked=$("$amtool" check-config "$config" 2>&1) || {{ printf '%s\n' "$checked" >&2; exit 2; }}

goes_to() {{
    receivers=$1
    shift
    "$amtool" config routes test --config.file="$config" --verify.receivers="$receivers" "$@" >/dev/null 2>&1 ||
        {{ wrong=$((wrong + 1)); printf 'does not go to %s: %s\\n' "$receivers" "$*" >&2; }}
}}

{commands}
echo "$(({count} - wrong)) of {count} alerts go where they should"
[ "$wrong" = 0 ]
"""


def _checks(slo_file: SloFile, alerts: Sequence[EnabledAlert], to: Receivers, written: str) -> str:
    commands = []
    for alert in _one_of_each(alerts):
        words = [",".join(to.of(alert)), *(equals(*label) for label in _labels(slo_file, alert).items())]
        commands.append(" ".join(["goes_to", *(shell_word(word) for word in words)]))
    name = checks_path(slo_file.agent).rpartition("/")[2]
    return _SCRIPT.format(written=written, name=name, commands="\n".join(commands), count=len(commands))


def _one_of_each(alerts: Sequence[EnabledAlert]) -> Iterator[EnabledAlert]:
    """The routes look at nothing else, so one SLO stands for all that agree in these."""
    seen = set()
    for alert in alerts:
        key = (alert.alert_class, alert.severity, alert.owner, alert.page_hours, alert.scope)
        if key not in seen:
            seen.add(key)
            yield alert


def _labels(slo_file: SloFile, alert: EnabledAlert) -> dict[str, str]:
    return enabled_alerts.identity(slo_file, alert) | {
        "severity": alert.severity, "owner": alert.owner, "page_hours": alert.page_hours, names.SCOPE: alert.scope,
    }  # fmt: skip
