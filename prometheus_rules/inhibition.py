"""Which alert keeps quiet while another one fires, because that one says it already.

A label that is missing on both sides is equal to Alertmanager. So one list of labels serves SLOs of different budget
segments; and a rule that compares `slo` asks for an `slo` on both sides, or it would reach alerts of anything else.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from prometheus_rules.alertmanager_matchers import equals, matches
from prometheus_rules.enabled_alerts import EnabledAlert
from prometheus_rules.yaml_text import Node
from voice_slo import alert_classes, names
from voice_slo.spec import Severity, SloFile

_BURN = ".+_burn"
_BY_URGENCY: Sequence[Severity] = ("page", "ticket", "info")

Rule = dict[str, Node]
Alerts = Sequence[EnabledAlert]


def rules(slo_file: SloFile, alerts: Alerts) -> list[Rule]:
    budget = _labels_of_budgets(slo_file)
    exporter_down, source_silent = alert_classes.EXPORTER_DOWN.name, alert_classes.SOURCE_SILENT.name
    follows_from_no_exporter = [
        alert_classes.COUNTS_VANISHED.name, alert_classes.NO_TRAFFIC.name, source_silent,
        alert_classes.SYNTHETIC_FAILING.name, alert_classes.SYNTHETIC_MISSING.name, _BURN,
    ]  # fmt: skip
    exhausted, low = alert_classes.BUDGET_EXHAUSTED.name, alert_classes.BUDGET_LOW.name
    return [
        *_roll_up(slo_file, alerts),
        *_page_over_ticket(slo_file, alerts, budget),
        *_speaks_for(slo_file, alerts, exporter_down, follows_from_no_exporter, [names.AGENT]),
        *_speaks_for(slo_file, alerts, source_silent, [alert_classes.NO_TRAFFIC.name], [names.AGENT]),
        *_speaks_for(slo_file, alerts, exhausted, [low], budget),
    ]


def _roll_up(slo_file: SloFile, alerts: Alerts) -> list[Rule]:
    """The alert over all segments of an SLO speaks for the same tier's alerts of each."""
    if not any(alert.tier and alert.scope == "all" for alert in alerts):
        return []
    burn = matches(names.ALERT_CLASS, _BURN)
    equal = [names.AGENT, names.SLO, names.ALERT_CLASS]
    return [_rule(slo_file, [burn, equals(names.SCOPE, "all")], [burn, equals(names.SCOPE, "segment")], equal)]


def _page_over_ticket(slo_file: SloFile, alerts: Alerts, budget: Sequence[str]) -> list[Rule]:
    """Somebody is at it. The ticket follows when the page is over and the slower burn is not."""
    severities = _found(alert.severity for alert in alerts if alert.tier)
    if severities[:1] != ["page"] or len(severities) == 1:
        return []
    burn = matches(names.ALERT_CLASS, _BURN)
    slower = matches("severity", *severities[1:])
    return [_rule(slo_file, [burn, equals("severity", "page")], [burn, slower], budget)]


def _speaks_for(
    slo_file: SloFile, alerts: Alerts, source: str, targets: Sequence[str], equal: Sequence[str]
) -> list[Rule]:
    """One rule for each severity that the source has in this file: it never silences what is more urgent."""
    found = []
    for severity in _found(alert.severity for alert in alerts if alert.alert_class == source):
        no_worse = _BY_URGENCY[_BY_URGENCY.index(severity) :]
        reached = {_BURN if alert.tier else alert.alert_class for alert in alerts if alert.severity in no_worse}
        classes = [pattern for pattern in targets if pattern in reached]
        if classes:
            limit = [] if severity == "page" else [matches("severity", *no_worse)]
            from_ = [equals(names.ALERT_CLASS, source), equals("severity", severity)]
            found.append(_rule(slo_file, from_, [matches(names.ALERT_CLASS, *classes), *limit], equal))
    return found


def _rule(slo_file: SloFile, source: Sequence[str], target: Sequence[str], equal: Sequence[str]) -> Rule:
    both = [equals(names.AGENT, slo_file.agent), *([matches(names.SLO, ".+")] if names.SLO in equal else [])]
    alike = [names.AGENT, *slo_file.prometheus.identity_labels, *(label for label in equal if label != names.AGENT)]
    return {"source_matchers": [*both, *source], "target_matchers": [*both, *target], "equal": alike}


def _labels_of_budgets(slo_file: SloFile) -> list[str]:
    segments = dict.fromkeys(name for slo in slo_file.slos for name in slo.budget_by)
    return [names.AGENT, names.SLO, *segments]


def _found(severities: Iterable[Severity]) -> list[Severity]:
    """The most urgent first."""
    return sorted(set(severities), key=_BY_URGENCY.index)
