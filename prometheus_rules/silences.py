"""The command that silences one alert and no other."""

from __future__ import annotations

from collections.abc import Mapping

from prometheus_rules import enabled_alerts
from prometheus_rules.alertmanager_matchers import equals, shell_word
from prometheus_rules.enabled_alerts import EnabledAlert
from voice_slo.spec import Severity, SloFile

_FOR: Mapping[Severity, str] = {"page": "2h", "ticket": "1d", "info": "7d"}
"""Long enough to work in, short enough that it is not forgotten."""
_WHAT = 2
"""The first labels say what it is, those after them about whom."""


def silence(slo_file: SloFile, alert: EnabledAlert) -> str:
    """For amtool. The first value of each segment stands for the alert's own."""
    labels = enabled_alerts.identity(slo_file, alert)
    words = [shell_word(equals(*label)) for label in labels.items()]
    what, where = " ".join(words[:_WHAT]), " ".join(words[_WHAT:])
    return (
        'amtool silence add --alertmanager.url="$ALERTMANAGER_URL" --author="$USER" \\\n'
        f"  --duration={_FOR[alert.severity]} --comment='who works on it, and the ticket' \\\n"
        f"  {what} \\\n  {where}"
    )
