"""An alert of a class: its labels and links are the same whatever it is about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from urllib.parse import quote

from prometheus_rules.go_template import Template, label, literal
from prometheus_rules.rule import Alert
from voice_slo import names
from voice_slo.alert_classes import AlertClass, PageHours
from voice_slo.spec import AlertPolicy, Links, Severity


def of_class(
    kind: AlertClass, policy: AlertPolicy, expr: str, labels: Mapping[str, str], annotations: Mapping[str, Template],
    for_: int = 0,
) -> list[Alert]:  # fmt: skip
    """None where the policy has switched the class off. `labels`: `owner` and `scope`."""
    if kind.name in policy.disabled:
        return []
    severity = policy.severities.get(kind.name, kind.severity)
    alert = made(kind.alert, kind.name, severity, expr, labels, annotations, kind.page_hours)
    return [replace(alert, for_=for_)]


def made(
    alert: str, alert_class: str, severity: Severity, expr: str, labels: Mapping[str, str],
    annotations: Mapping[str, Template], page_hours: PageHours = "always",
) -> Alert:  # fmt: skip
    return Alert(
        alert=alert,
        expr=expr,
        labels={
            "severity": severity,
            names.ALERT_CLASS: alert_class,
            "owner": literal(labels["owner"]),
            "page_hours": page_hours,
            names.SCOPE: labels[names.SCOPE],
        },
        annotations={name: template.text for name, template in annotations.items() if template.body},
        queries=tuple(query for template in annotations.values() for query in template.queries),
    )


def links(
    given: Links, agent: str, slo: str, alert_class: str, segments: Sequence[str] = ()
) -> dict[str, Template]:
    """Where the runbook and the dashboard are; nothing for what the SLO file has no link to. `slo` may be empty."""
    found = {}
    if given.runbooks:
        page = "/".join(part for part in (literal(given.runbooks.rstrip("/")), agent, slo, alert_class) if part)
        found["runbook_url"] = Template(page + _query("?", {name: name for name in segments}))
    if given.dashboards:
        base = f"{literal(given.dashboards.rstrip('/'))}/d/{names.dashboard_uid(agent, 'operator')}"
        of_slo = f"?var-{names.SLO}={quote(slo)}" if slo else ""
        chosen = {f"var-{names.dashboard_variable(name)}": name for name in segments}
        found["dashboard_url"] = Template(base + of_slo + _query("&" if of_slo else "?", chosen))
    return found


def _query(first: str, parameters: Mapping[str, str]) -> str:
    """Parameter → label whose value it gets."""
    pairs = [f"{parameter}={{{{ {label(name)} | urlquery }}}}" for parameter, name in parameters.items()]
    return first + "&".join(pairs) if pairs else ""
