"""Group `state`: burn rates for dashboards, when the budget is gone, and what the release policy says of it."""

from __future__ import annotations

from prometheus_rules.burn import SLACK, burning
from prometheus_rules.rule import Bundle, Record
from prometheus_rules.scope import Scope
from prometheus_rules.slo_series import SloSeries, window_name
from prometheus_rules.windows import windows
from voice_slo import names, promql

IDLE, COLLECTING, HEALTHY, WATCH, FREEZE, EXHAUSTED = -2, -1, 0, 1, 2, 3
FEWEST_EVENTS = 5
"""A budget of fewer events, with fewer bad, says nothing yet."""
_HOUR = 3600
_PACE = 6 * _HOUR
"""Window whose bad events are the pace of the forecast."""


def bundles(own: SloSeries) -> list[Bundle]:
    return [
        [Record(names.EXHAUSTION_SECONDS, _exhaustion(own))],
        [Record(names.RELEASE_STATE_RAW, _release_state(own))],
        *([] if own.slo.calendar else [[Record(names.REASON_RATIO, _reason_share(own))]]),
        *([Record(names.burn_rate(window_name(seconds)), _burn_rate(own, seconds))] for seconds in windows(own)),
    ]


def _burn_rate(own: SloSeries, seconds: int) -> str:
    """For dashboards only; alerts multiply. Absent while nothing was eligible, or no failure is allowed."""
    bad, eligible = own.events("bad", seconds), own.events("eligible", seconds)
    return f"{bad} / ({eligible} > 0) / ({own.series(names.ERROR_BUDGET_RATIO)} > 0)"


def _reason_share(own: SloSeries) -> str:
    bad = own.events("bad_reason", None)
    return f"{bad} / on {own.by} group_left () (sum by {own.by} ({bad}) > 0)"


def _exhaustion(own: SloSeries) -> str:
    """Seconds at the pace of the last 6 h, at most the period; 0 once spent, the period where nothing is bad."""
    remaining, bad = own.series(names.REMAINING_EVENTS), own.events("bad", _PACE)
    idle = f"{own.events('eligible', None)} == 0"
    pace = f"{remaining} / ({bad} > 0) * {_PACE}"
    capped, cap = _at_most_the_period(own, pace)
    return _first_of(
        f"(0 * {remaining} and {remaining} <= {SLACK}) unless {idle}",
        *capped,
        f"0 * {remaining} + {cap} and {bad} == 0",
    )


def _at_most_the_period(own: SloSeries, seconds: str) -> tuple[list[str], str]:
    """The alternatives that are `seconds` up to the cap, and the cap: a calendar month's budget lasts to its end."""
    if not own.slo.calendar:
        return [f"clamp_max({seconds}, {own.slo.period})"], str(own.slo.period)
    left = f"on {own.by_slo} group_left () (max by {own.by_slo} ({own.scraped(names.PERIOD_END.name)}) - time())"
    return [f"{seconds} <= {left}", f"0 * ({seconds}) + {left}"], left


def _release_state(own: SloSeries) -> str:
    """The first that holds, from idle to healthy. Absent where its inputs are: that is the state unknown.

    Bad events are what the budget lacks, so that all that is compared was recorded at one moment: a slip of one
    evaluation would stay for an hour in the lasting state.
    """
    policy, budget = own.slo.release_policy, own.series(names.ERROR_BUDGET_EVENTS)
    remaining = own.series(names.REMAINING_EVENTS)
    freezes, watches = _tiers_by_state(own)
    low = f"{remaining} < {promql.number(policy.freeze_below)} * {budget} - {SLACK}"
    shrinking = f"{remaining} <= {promql.number(policy.watch_below)} * {budget} + {SLACK}"

    def state(code: int, condition: str) -> str:
        return f"0 * {budget} + {code} and {condition}"

    return _first_of(
        f"0 * {budget} - {-IDLE} and {own.events('eligible', None)} == 0",
        f"0 * {budget} - {-COLLECTING} and {collecting(own)}",
        state(EXHAUSTED, f"{remaining} < -{SLACK}"),
        *(state(FREEZE, f"({tier})") for tier in freezes),
        state(FREEZE, f"{low} and {_over_budget(own, _HOUR)} and {_over_budget(own, _PACE)}"),
        state(WATCH, shrinking),
        *(state(WATCH, f"({tier})") for tier in watches),
        f"0 * {budget}",
    )


def collecting(own: SloSeries) -> str:
    """True for budgets of too few events to judge by, and with too few bad ones."""
    budget, remaining = own.series(names.ERROR_BUDGET_EVENTS), own.series(names.REMAINING_EVENTS)
    fewest = f"{FEWEST_EVENTS} - {SLACK}"
    return f"{budget} < {fewest} and {budget} - {remaining} < {fewest}"


def _tiers_by_state(own: SloSeries) -> tuple[list[str], list[str]]:
    """The conditions of the tiers that freeze, and of those that call for watching."""
    on_fast_burn, fast = own.slo.release_policy.on_fast_burn, own.slo.alerting.quickest_page
    each = Scope("segment", own)
    freezes = [burning(each, tier) for tier in own.tiers() if tier == fast and on_fast_burn == "freeze"]
    watches = [burning(each, tier) for tier in own.tiers() if tier != fast or on_fast_burn == "watch"]
    return freezes, watches


def _over_budget(own: SloSeries, seconds: int) -> str:
    bad, eligible = own.events("bad", seconds), own.events("eligible", seconds)
    return f"{bad} > {own.series(names.ERROR_BUDGET_RATIO)} * {eligible} + {SLACK}"


def _first_of(*cases: str) -> str:
    return "\nor ".join(f"({case})" for case in cases)
