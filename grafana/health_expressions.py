"""PromQL of the SLO health row. Figures come from recorded series; no data stays absent and never becomes 0."""

from __future__ import annotations

from grafana.scope import BUDGET, Scope
from grafana.words import AFFECTED, COLLECTING, HEALTHY, IDLE, OBSERVED, QUIET, SERVED, SOME, UNKNOWN
from voice_slo import names
from voice_slo.promql import one_of
from voice_slo.spec import SloFile

NOW = "15m"
"""Window of "now": long enough for a verdict at a few calls an hour, short enough to end with an outage."""

_DAY = 86400
_SLACK = "1e-9"
"""Keeps 119.99999999 allowed failures from being shown as 119."""


def affected(scope: Scope, slo_file: SloFile, by: str) -> str:
    """Worst verdict of the last 15 minutes by `by` ("" for one figure): the codes of `words.CALLERS`."""
    judged, bad = scope.series(names.events("eligible", NOW)), scope.series(names.events("bad", NOW))
    callers, allowed = scope.series(names.events("bad_callers", NOW)), scope.series(names.ERROR_BUDGET_RATIO)
    parts = [_page_firing(scope, slo_file)]
    thresholds = _page_thresholds(scope, slo_file)
    if thresholds:
        parts.append(
            f"(0 * {judged} + {AFFECTED} and {bad} > 0 and {bad} >= ({thresholds}) * {judged} and {callers} >= 3)"
        )
    parts += [
        f"(0 * {judged} + {SOME} and {bad} > {allowed} * {judged} + {_SLACK})",
        f"(0 * {judged} + {SERVED} and {judged} > 0)",
        f"(0 * {judged} + {QUIET})",
    ]
    return f"{_fold('max', by)} ({' or '.join(part for part in parts if part)})"


def gone_bad(scope: Scope) -> tuple[str, str, str]:
    """Failing callers, failed units and judged units of the last 15 minutes, per SLO."""
    kinds: tuple[names.Kind, ...] = ("bad_callers", "bad", "eligible")
    callers, bad, judged = (f"sum by (slo) ({scope.series(names.events(kind, NOW))})" for kind in kinds)
    return callers, bad, judged


def release_state(scope: Scope) -> str:
    """Worst state of each SLO's enforced budgets, with its owner.

    Observed where none is enforced, unknown where the rules run and give no state.
    """
    worst = f"max by (slo) ({_state_or_observed(scope)})"
    unknown = f"max by (slo) (0 * {scope.info} + {UNKNOWN})"
    return f"max by (slo, owner) (({worst} or {unknown}) * on (slo) group_left (owner) {scope.info})"


def compliance(scope: Scope) -> tuple[str, str, str, str]:
    """SLI, objective, the difference and the judged units over the period, per budget."""
    judged, bad = scope.series(names.events("eligible", "period")), scope.series(names.events("bad", "period"))
    objective = scope.series(names.OBJECTIVE_RATIO)
    sli = f"1 - {bad} / ({judged} > 0)"
    return (
        f"max by (budget) ({scope.budgets(f'({sli})')})",
        f"max by (budget) ({scope.budgets(objective)})",
        f"max by (budget) ({scope.budgets(f'({sli} - {objective})')})",
        f"max by (budget) ({scope.budgets(judged)})",
    )


def budgets(scope: Scope, slo_file: SloFile) -> tuple[str, str, str, str]:
    """State, remaining ratio, failures left in words (label `left`) and seconds left, per budget."""
    state = scope.series(names.RELEASE_STATE)
    remaining, seconds = scope.series(names.REMAINING_RATIO), scope.series(names.EXHAUSTION_SECONDS)
    return (
        f"max by (budget) ({scope.budgets(_state_or_observed(scope))})",
        f"max by (budget) ({scope.budgets(f'({remaining} and {state} >= {HEALTHY})')})",
        f"max by (budget, left) ({scope.budgets(f'({_left_in_words(scope, slo_file)})')})",
        f"max by (budget) ({scope.budgets(f'({seconds} and {state} >= {HEALTHY})')})",
    )


def next_exhaustion(scope: Scope) -> str:
    """Seconds until the first enforced budget is gone, with its name; a code of the state where none can tell yet."""
    state, enforced = scope.series(names.RELEASE_STATE), scope.series(names.ENFORCED)
    seconds = scope.series(names.EXHAUSTION_SECONDS)
    first = scope.budgets(f"({seconds} and {state} >= {HEALTHY} and {enforced} == 1)")
    early = f'label_replace(max({state} < {HEALTHY} and {enforced} == 1), "{BUDGET}", "every budget", "", "")'
    return f"bottomk(1, min by (budget) ({first})) or on () {early}"


def worst_budget(scope: Scope) -> str:
    """Remaining ratio of each SLO's worst enforced budget that has stopped collecting."""
    remaining, enforced = scope.series(names.REMAINING_RATIO), scope.series(names.ENFORCED)
    return f"min by (slo) ({remaining} and {enforced} == 1 and {scope.series(names.RELEASE_STATE)} >= {HEALTHY})"


def failures(scope: Scope) -> tuple[str, str, str, str]:
    """Raw failures, excluded ones, those that count and unknown verdicts of the last day, per SLO."""
    counted = f"sum by (slo) ({scope.series(names.events('bad', '1d'))})"
    excluded = _or_none(f"sum by (slo) ({_since_yesterday(scope, names.EXCLUDED.name, _FAILED)})", counted)
    unknown = _or_none(f"sum by (slo) ({_since_yesterday(scope, names.UNKNOWN.name)})", counted)
    return f"{counted} + ({excluded})", excluded, counted, unknown


def excluded_by_reason(scope: Scope) -> str:
    """Failures of the last day that an exclusion left out; an SLO without any has the reason `none`."""
    found = f"sum by (slo, reason) ({_since_yesterday(scope, names.EXCLUDED.name, _FAILED)}) > 0"
    none = f'label_replace(0 * sum by (slo) ({scope.series(names.events("bad", "1d"))}), "reason", "none", "", "")'
    return f"({found}) or ({none} unless on (slo) ({found}))"


def scrape_age(scope: Scope) -> str:
    """Seconds since Prometheus last had a sample of this agent from the exporter; absent after a day."""
    seen = f"timestamp({scope.whole_agent(names.DEFINITION_INFO.name)})"
    return f"time() - max({seen} or max_over_time({seen}[1d:1m]))"


def event_age(scope: Scope) -> str:
    """Seconds since the newest event of each source of the exporter that serves this agent."""
    mine = f"max by (job, instance) ({scope.whole_agent(names.DEFINITION_INFO.name)})"
    return f"time() - max by (source) ({names.LAST_EVENT.name} and on (job, instance) {mine})"


_FAILED = 'verdict="bad"'


def _state_or_observed(scope: Scope) -> str:
    state, enforced = scope.series(names.RELEASE_STATE), scope.series(names.ENFORCED)
    return f"({state} and {enforced} == 1 or 0 * {state} + {OBSERVED})"


def _fold(function: str, by: str) -> str:
    return f"{function} by ({by})" if by else function


def _page_firing(scope: Scope, slo_file: SloFile) -> str:
    tiers = [t.name for s in slo_file.slos for t in s.alerting.tiers if t.enabled and t.severity == "page"]
    alerts = "|".join(sorted({names.burn_alert(tier) for tier in tiers}))
    if not alerts:
        return ""
    firing = scope.alerts("ALERTS", f'alertname=~"{alerts}"', 'alertstate="firing"', 'severity="page"')
    return f"{AFFECTED} * {firing}"


def _page_thresholds(scope: Scope, slo_file: SloFile) -> str:
    by_tier: dict[str, list[str]] = {}
    for slo in slo_file.slos:
        tier = slo.alerting.quickest_page
        if tier:
            by_tier.setdefault(tier.name, []).append(slo.name)
    if len(by_tier) == 1:
        return scope.series(names.threshold(next(iter(by_tier))))
    return " or ".join(scope.series(names.threshold(tier), one_of(names.SLO, slos)) for tier, slos in by_tier.items())


def _left_in_words(scope: Scope, slo_file: SloFile) -> str:
    """Label `left`: `38 of 120`, `collecting, 3 of 30d`, `too few events` or `no calls yet`."""
    state = scope.series(names.RELEASE_STATE)
    by = scope.labels
    left = f'count_values by ({by}) ("failures", floor({scope.series(names.REMAINING_EVENTS)} + {_SLACK}))'
    allowed = f"floor({scope.series(names.ERROR_BUDGET_EVENTS)} + {_SLACK}) * on ({by}) group_left (failures) {left}"
    counted = f'count_values by ({by}, failures) ("allowed", {allowed})'
    born = _born_in_the_period(scope, slo_file)
    since = f'count_values by ({by}) ("days", floor((time() - ({born})) / {_DAY}))'
    collecting = f"{state} == {COLLECTING}"
    aged = f"{since} * on (agent, slo) group_left (period) {scope.info} and on ({by}) {collecting}"
    young = f'label_join({aged}, "left", " of ", "days", "period")'
    return " or ".join(
        (
            f'label_join({counted} and on ({by}) {state} >= {HEALTHY}, "left", " of ", "failures", "allowed")',
            f'label_replace({young}, "left", "collecting, $1", "left", "(.*)")',
            f'label_replace({collecting} unless on ({by}) ({born}), "left", "too few events", "", "")',
            f'label_replace({state} == {IDLE}, "left", "no calls yet", "", "")',
        )
    )


def _born_in_the_period(scope: Scope, slo_file: SloFile) -> str:
    by_period: dict[int, list[str]] = {}
    for slo in slo_file.slos:
        by_period.setdefault(slo.period, []).append(slo.name)
    return " or ".join(
        f"{scope.series(names.EVENTS_CREATED, one_of(names.SLO, slos))} > time() - {period}"
        for period, slos in by_period.items()
    )


def _since_yesterday(scope: Scope, counter: str, *matchers: str) -> str:
    """Growth of a counter over a day. A series that was absent yesterday has grown from 0, one that fell was reset.

    Absent where the failures of the day are: then Prometheus knows nothing of yesterday.
    """
    now = f"max by ({scope.labels}, reason) ({scope.series(counter, *matchers)})"
    before = f"max by ({scope.labels}, reason) (last_over_time({scope.series(counter, *matchers)}[1h] offset 1d))"
    known = scope.series(names.events("bad", "1d"))
    return f"((({now} - ({before} or 0 * {now})) >= 0 or {now}) and on ({scope.labels}) {known})"


def _or_none(found: str, alive: str) -> str:
    """0 only for SLOs whose counters are alive: the exporter makes these series with their first unit."""
    return f"{found} or 0 * {alive}"
