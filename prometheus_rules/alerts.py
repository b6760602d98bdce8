"""Group `alerts`: the release state that lasts, and one alert per burn tier and budget."""

from __future__ import annotations

from prometheus_rules import alert_text
from prometheus_rules.burn import burning
from prometheus_rules.go_template import literal
from prometheus_rules.rule import Alert, Bundle, Record
from prometheus_rules.slo_series import SloSeries
from voice_slo import names
from voice_slo.spec import Tier


def bundles(own: SloSeries) -> list[Bundle]:
    return [[_lasting_state(own)], *([_burn_alert(own, tier)] for tier in own.tiers())]


def _lasting_state(own: SloSeries) -> Record:
    """The worst of the last hour, so that a state does not flap; gone as soon as the state is unknown."""
    raw = own.series(names.RELEASE_STATE_RAW)
    return Record(names.RELEASE_STATE, f"max_over_time({raw}[1h]) and {raw}")


def _burn_alert(own: SloSeries, tier: Tier) -> Alert:
    """Agent, SLO and segments come from the series."""
    alert_class = names.alert_class(tier.name)
    description = alert_text.description(own, tier)
    return Alert(
        alert=names.burn_alert(tier.name),
        expr=burning(own, tier),
        labels={
            "severity": tier.severity,
            "alert_class": alert_class,
            "owner": literal(own.slo.owner),
            "page_hours": "always",
            "scope": "segment",
        },
        annotations={
            "summary": alert_text.summary(own, tier),
            "description": description.text,
            **alert_text.links(own, alert_class),
        },
        for_=tier.for_,
        keep_firing=tier.keep_firing,
        queries=description.queries,
    )
