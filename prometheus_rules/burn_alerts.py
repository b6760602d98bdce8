"""One alert per burn tier, about each budget and, where many quiet ones could hide an outage, about all together."""

from __future__ import annotations

from dataclasses import replace

from prometheus_rules import alert_rule, alert_text
from prometheus_rules.burn import burning
from prometheus_rules.rule import Alert
from prometheus_rules.scope import Scope, scopes
from prometheus_rules.slo_series import SloSeries
from voice_slo import names
from voice_slo.spec import Tier


def alerts(own: SloSeries) -> list[Alert]:
    return [_alert(scope, tier) for tier in own.tiers() for scope in scopes(own, tier)]


def _alert(scope: Scope, tier: Tier) -> Alert:
    """Agent, SLO and segments come from the series."""
    slo, alert_class = scope.own.slo, names.alert_class(tier.name)
    segments = slo.budget_by if scope.name == "segment" else ()
    alert = alert_rule.made(
        names.burn_alert(tier.name), alert_class, tier.severity, burning(scope, tier),
        {"owner": slo.owner, names.SCOPE: scope.name},
        {
            "summary": alert_text.summary(scope, tier),
            "description": alert_text.description(scope, tier),
            "burn_rate": alert_text.burn_rate(scope, tier),
            **alert_rule.links(scope.own.links, slo.agent, slo.name, alert_class, segments),
        },
    )  # fmt: skip
    return replace(alert, for_=tier.for_, keep_firing=tier.keep_firing)
