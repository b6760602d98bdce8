"""SLO file → one page for each alert class of each SLO, as Markdown, and an index: what to do at three in the morning.

The prose is in templates/runbooks. What a template shows is escaped unless it is `Markdown`; a text of the SLO file is
never a template.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from prometheus_rules import enabled_alerts, slo_series
from prometheus_rules.agent_rules import overdue
from prometheus_rules.alert_text import spelled
from prometheus_rules.enabled_alerts import EnabledAlert
from prometheus_rules.in_words import exact_percent
from prometheus_rules.markdown import Markdown, code, link, text
from prometheus_rules.origin import origin
from prometheus_rules.runbook_queries import AgentQueries, SloQueries
from prometheus_rules.runbook_reasons import impact, mitigation
from prometheus_rules.runbook_templates import template
from prometheus_rules.runbook_views import period, slo_view, tier_view
from prometheus_rules.silences import silence
from prometheus_rules.slo_series import SloSeries
from voice_slo import names
from voice_slo.spec import NEVER_ENFORCED, Severity, SloFile

_BURN = "burn"
_SEVERITIES: Mapping[Severity, str] = {"page": "Page", "ticket": "Ticket", "info": "For information"}

Context = dict[str, Any]


def generate(slo_file: SloFile, version: str) -> dict[str, bytes]:
    """Path → content of every page. The same input gives the same bytes."""
    shared: Context = {
        "agent": slo_file.agent, "file_owner": slo_file.owner, "origin": text(origin(slo_file.path, version)),
        "ask_agent": AgentQueries(slo_file.agent), "identity": slo_file.prometheus.identity_labels,
    }  # fmt: skip
    made = {index_path(slo_file.agent): _index(slo_file, shared)}
    for own in slo_series.of(slo_file):
        made |= _pages_of_slo(slo_file, own, shared)
    made |= _pages_of_agent(slo_file, shared)
    return {path: page.encode() for path, page in made.items()}


def path(agent: str, slo: str, alert_class: str) -> str:
    """Where the page is that an alert's `runbook_url` names. `slo` is empty for alerts about the agent."""
    return "/".join(part for part in (_folder(agent), slo, alert_class) if part) + ".md"


def index_path(agent: str) -> str:
    return f"{_folder(agent)}/README.md"


def _folder(agent: str) -> str:
    return f"prometheus_rules/generated/runbooks/{agent}"


def _pages_of_slo(slo_file: SloFile, own: SloSeries, shared: Context) -> dict[str, str]:
    slo = own.slo
    view = slo_view(slo, impact(slo), mitigation(slo))
    classes = _by_class(enabled_alerts.of_slo(own))
    burning = [name for name, alerts in classes.items() if alerts[0].tier]
    context = shared | {
        "slo": view,
        "ask": SloQueries(own),
        "owner": slo.owner,
        "title": view.title,
        "dashboard": _dashboard(slo_file, f"?var-{names.SLO}={quote(slo.name)}"),
        "burn_page": _page_link("the burn alert's page", burning[0]) if burning else Markdown(""),
        "exclusions": Markdown(", ".join(code(each) for each in dict.fromkeys(e.reason for e in slo.exclusions))),
        "sliced": any(name not in slo.budget_by for name in slo.segments),
        "never": Markdown(" and ".join(map(code, NEVER_ENFORCED))),
    }
    return {path(slo_file.agent, slo.name, name): _page(slo_file, context, alerts) for name, alerts in classes.items()}


def _pages_of_agent(slo_file: SloFile, shared: Context) -> dict[str, str]:
    context = shared | {
        "slo": None,
        "owner": slo_file.owner,
        "title": slo_file.agent,
        "dashboard": _dashboard(slo_file, ""),
        "hours": slo_file.business_hours,
        "synthetics": [
            {"flow": each.flow, "critical": each.critical, "every": spelled(each.every),
             "overdue": spelled(overdue(each.every, each.grace))} for each in slo_file.synthetics
        ],
    }  # fmt: skip
    classes = _by_class(enabled_alerts.of_agent(slo_file))
    return {path(slo_file.agent, "", name): _page(slo_file, context, alerts) for name, alerts in classes.items()}


def _page(slo_file: SloFile, context: Context, alerts: Sequence[EnabledAlert]) -> str:
    """Of one class, whose alerts differ in nothing but their scope."""
    alert = alerts[0]
    own: Context = {
        "alert_name": alert.alert,
        "kind": _kind(alert),
        "severity": _SEVERITIES[alert.severity],
        "paged": alert.severity == "page",
        "silence": silence(slo_file, alert),
    }
    if alert.slo is None or alert.tier is None:
        return template(alert.alert_class).render(context | own)
    tier = {"tier": tier_view(alert.slo, alert.tier), "rolled_up": len(alerts) > 1}
    return template(_BURN).render(context | own | tier)


def _index(slo_file: SloFile, shared: Context) -> str:
    rows = [
        {"title": own.slo.title or own.slo.name, "name": own.slo.name, "owner": own.slo.owner,
         "period": period(own.slo), "objective": exact_percent(own.slo.objective),
         "pages": _links(_by_class(enabled_alerts.of_slo(own)), own.slo.name)}
        for own in slo_series.of(slo_file)
    ]  # fmt: skip
    of_agent = _links(_by_class(enabled_alerts.of_agent(slo_file)), "")
    return template("index").render(shared, dashboard=_dashboard(slo_file, ""), of_agent=of_agent, slos=rows)


def _by_class(alerts: Iterable[EnabledAlert]) -> dict[str, list[EnabledAlert]]:
    found: dict[str, list[EnabledAlert]] = {}
    for alert in alerts:
        found.setdefault(alert.alert_class, []).append(alert)
    return found


def _links(classes: Mapping[str, Sequence[EnabledAlert]], slo: str) -> Markdown:
    """Relative, so that they hold wherever the folder is shown."""
    return Markdown(", ".join(_page_link(_kind(alerts[0]), name, slo) for name, alerts in classes.items()))


def _page_link(label: str, alert_class: str, slo: str = "") -> Markdown:
    return Markdown(f"[{text(label)}]({slo}{'/' if slo else ''}{alert_class}.md)")


def _kind(alert: EnabledAlert) -> str:
    """`fast burn`, `budget low`."""
    return alert.alert_class.replace("_", " ")


def _dashboard(slo_file: SloFile, query: str) -> Markdown:
    base = slo_file.links.dashboards.rstrip("/")
    if not base:
        return Markdown("")
    return link("operator dashboard", f"{base}/d/{names.dashboard_uid(slo_file.agent, 'operator')}{query}")
