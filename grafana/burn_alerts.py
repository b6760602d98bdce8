"""Row "Burn-rate alerts": what fires, what fired, and how far each window is from firing."""

from __future__ import annotations

from grafana import burn_tiers
from grafana.burn_tiers import worst_burn
from grafana.panels import (
    BLUE,
    GREEN,
    GREY,
    NOTHING,
    ORANGE,
    RED,
    YELLOW,
    Column,
    Frame,
    Json,
    Place,
    Query,
    Word,
    series_override,
    stat,
    state_timeline,
    table,
    thresholds,
)
from grafana.scope import BUDGET, Scope
from grafana.words import SEVERITIES
from voice_slo import names
from voice_slo.spec import SloFile

TITLE = "Burn-rate alerts"

_OURS = 'alertname=~"VoiceSLO.+"'
_FIRING = 'alertstate="firing"'
_WINDOWS = ("5m", "15m", "30m", "1h", "2h", "6h", "1d")
_FIRST_TIER = 13


def panels(scope: Scope, slo_file: SloFile) -> list[Json]:
    return [
        _counts(scope),
        _firing(scope),
        _timeline(scope),
        _by_window(scope),
        *burn_tiers.panels(scope, slo_file, below=_FIRST_TIER),
    ]


def _alerts(scope: Scope, *matchers: str) -> str:
    return scope.alerts("ALERTS", _OURS, _FIRING, *matchers)


def _counts(scope: Scope) -> Json:
    return stat(
        Frame(
            201,
            "Alerts firing",
            "Firing alerts of this agent by severity. 0 needs rules that run: without them there is no data.",
            Place(0, 0, 6, 6),
        ),
        [
            Query(_counted(scope, "page"), "pages"),
            Query(_counted(scope, "ticket"), "tickets"),
            Query(_counted(scope, "info"), "infos"),
        ],
        steps=((None, GREY), (0, GREEN), (1, BLUE)),
        named=True,
        overrides=[_alarming("pages", RED), _alarming("tickets", ORANGE)],
    )


def _alarming(legend: str, color: str) -> Json:
    return series_override(f"/^{legend}$/", {"thresholds": thresholds(((None, GREY), (0, GREEN), (1, color)))})


def _counted(scope: Scope, severity: str) -> str:
    severe = f'severity="{severity}"'
    return f"count({_alerts(scope, severe)}) or 0 * max({scope.info})"


def _firing(scope: Scope) -> Json:
    since = scope.alerts("ALERTS_FOR_STATE", _OURS)
    firing = f"1000 * ({since} and ignoring (alertstate) {_alerts(scope)})"
    rows = f"min by (alertname, severity, budget) ({_about_the_agent(scope.budgets(f'({firing})'), BUDGET)})"
    none = f"0 * max by (agent) ({scope.info}) unless on (agent) {_alerts(scope)}"
    for label, text in (("alertname", "no alert is firing"), ("severity", NOTHING), ("budget", NOTHING)):
        none = f'label_replace({none}, "{label}", "{text}", "", "")'
    return table(
        Frame(
            202,
            "Firing now",
            "Every firing alert of this agent, the longest first. The runbook and the figures stand in the alert "
            "itself.",
            Place(6, 0, 18, 6),
        ),
        [Query(f"{rows} or min by (alertname, severity, budget) ({none})")],
        [
            Column("alertname", "Alert", width=230),
            Column("severity", "Severity", width=90),
            Column("budget", "Budget"),
            Column("A", "Since", unit="dateTimeFromNow", width=150, words=[Word(0, NOTHING, GREY)]),
        ],
        sort="Since",
    )


def _timeline(scope: Scope) -> Json:
    by_severity = [f"{word.code} * {_alerts(scope, _severity(word.text))}" for word in SEVERITIES if word.code]
    worst = _about_the_agent(f"max by (slo) ({' or '.join(by_severity)})", names.SLO)
    return state_timeline(
        Frame(
            203,
            "Alerts over time: the most severe that fired, by SLO",
            "One lane per SLO, coloured by the most severe alert that fired: page, ticket, info or none. Alerts about "
            "the whole agent have one of their own once there are any. A gap: the rules did not run. Only where these "
            "rules are evaluated or remote-written does the history exist.",
            Place(0, 6, 24, 7),
        ),
        [Query(f"{worst} or max by (slo) (0 * {scope.info})", "{{slo}}")],
        words=SEVERITIES,
    )


def _about_the_agent(expr: str, label: str) -> str:
    """An exporter that is down, a silent source and a test call belong to no SLO."""
    return f'label_replace({expr}, "{label}", "the whole agent", "{label}", "")'


def _severity(name: str) -> str:
    return f'severity="{name}"'


def _by_window(scope: Scope) -> Json:
    return table(
        Frame(
            204,
            "Burn rate by window: the worst enforced budget of each SLO",
            "1 spends exactly the budget in one period, 10 spends a 30-day budget in 3 days. High on the left only: it "
            "has just begun. High on the right only: it is over. Empty: nothing was judged in that window.",
            Place(0, 13, 12, 9),
        ),
        [Query(worst_burn(scope, window)) for window in _WINDOWS],
        [
            Column("slo", "SLO"),
            *(
                Column(
                    chr(ord("A") + index),
                    window,
                    width=66,
                    decimals=1,
                    cell="color-text",
                    steps=((None, GREY), (0, GREEN), (1, YELLOW), (2, ORANGE), (5, RED)),
                )
                for index, window in enumerate(_WINDOWS)
            ),
        ],
        sort="15m",
        descending=True,
    )
