"""What runbook pages say of an SLO and of a burn tier: its own numbers, in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from prometheus_rules.alert_text import UNITS, budget_name, spelled
from prometheus_rules.data_alerts import fewest_of_day
from prometheus_rules.in_words import about, chance, exact_percent, last, percent
from prometheus_rules.markdown import Markdown, code, text
from voice_slo import burn_threshold, lint, parse_sli
from voice_slo.quantities import plain
from voice_slo.spec import Slo, Target, Tier

_HOUR = 3600


@dataclass(frozen=True, slots=True)
class SloView:
    """`by`: the budget segments in one word. `budget_name`: `30-day budget`. `spent_for`: how long it stays spent."""

    name: str
    title: str
    owner: str
    unit: str
    units: str
    objective: str
    budget: str
    sla: str
    period: str
    budget_name: str
    spent_for: str
    calendar: bool
    by: str
    budget_by: tuple[str, ...]
    enforced: bool
    thresholds_differ: bool
    freeze_below: str
    definition: str
    fewest_of_day: int
    many_per_call: bool
    waits_for_evaluations: bool
    impact: Markdown
    mitigation: Markdown


@dataclass(frozen=True, slots=True)
class RowView:
    """A row of `objectives`, or what the rows leave over."""

    whose: Markdown
    objective: str
    threshold: str
    pace: str
    limit: str
    enforced: bool


@dataclass(frozen=True, slots=True)
class TierView:
    """`pace` is the factor as a cap leaves it; `asked` the policy's, where that differs. Empty is: does not apply."""

    long_seconds: int
    short_seconds: int
    long: str
    last_long: str
    last_short: str
    long_under_an_hour: bool
    threshold: str
    pace: str
    asked: str
    spends: str
    lasts: str
    callers: int
    events: int
    chance: str
    z: str
    fewest: int
    has_callers: bool
    callers_as_one: int
    guarded: bool
    waits: str
    stays: str
    objective_is_all: bool
    rows: Sequence[RowView]


def slo_view(slo: Slo, impact: Markdown, mitigation: Markdown) -> SloView:
    units = UNITS[slo.sli.unit]
    budgets = lint.budgets(slo)
    return SloView(
        name=slo.name,
        title=slo.title or slo.name,
        owner=slo.owner,
        unit=units.removesuffix("s"),
        units=units,
        objective=exact_percent(slo.objective),
        budget=exact_percent(1 - slo.objective),
        sla="" if slo.sla is None else exact_percent(slo.sla),
        period=period(slo),
        budget_name=budget_name(slo),
        spent_for="the rest of the month" if slo.calendar else spelled(slo.period),
        calendar=bool(slo.calendar),
        by=" and ".join(slo.budget_by),
        budget_by=slo.budget_by,
        enforced=any(budget.target.mode == "strict" for budget in budgets),
        thresholds_differ=any(row.target.threshold != slo.threshold for row in slo.objectives),
        freeze_below=exact_percent(slo.release_policy.freeze_below),
        definition=slo.definition,
        fewest_of_day=fewest_of_day(slo.sli.unit),
        many_per_call=slo.sli.unit in burn_threshold.MANY_PER_CALL,
        waits_for_evaluations=slo.sli.settles == "quality",
        impact=impact,
        mitigation=mitigation,
    )


def period(slo: Slo) -> str:
    return f"the calendar month ({slo.calendar})" if slo.calendar else spelled(slo.period)


def tier_view(slo: Slo, tier: Tier) -> TierView:
    budget = lint.Budget(slo, None, _own(slo), {})
    factor, allowed = tier.factor(slo.period), budget.error_budget
    pace = budget.effective(tier)
    return TierView(
        long_seconds=tier.long,
        short_seconds=tier.short,
        long=spelled(tier.long),
        last_long=last(tier.long),
        last_short=last(tier.short),
        long_under_an_hour=tier.long < _HOUR,
        threshold=percent(burn_threshold.threshold(factor, allowed)),
        pace=_times(pace),
        asked=_times(factor) if pace != factor else "",
        spends=percent(pace * tier.long / slo.period),
        lasts=about(slo.period / pace),
        callers=tier.min_bad_callers,
        events=tier.min_bad_events,
        chance="" if tier.z is None else chance(tier.z),
        z="" if tier.z is None else plain(tier.z),
        fewest=burn_threshold.fewest_events(tier, allowed, slo.sli.unit),
        has_callers=slo.sli.unit != "synthetic",
        callers_as_one=burn_threshold.callers_as_one(tier, slo.sli.unit),
        guarded=bool(tier.min_bad_callers or tier.z is not None),
        waits=spelled(tier.for_) if tier.for_ else "",
        stays=spelled(tier.keep_firing) if tier.keep_firing else "",
        objective_is_all=not allowed,
        rows=[_row(each, tier, factor) for each in lint.budgets(slo)] if slo.objectives else (),
    )


def parameters(slo: Slo) -> dict[str, str]:
    """Names of the SLI's figures → what they are for this SLO: `threshold` → `1.2 seconds`."""
    given = {} if slo.threshold is None else {parse_sli.THRESHOLD: slo.threshold}
    return {name: _limit(slo, name, value) for name, value in (dict(slo.sli.parameters) | given).items()}


def _row(budget: lint.Budget, tier: Tier, factor: Decimal) -> RowView:
    slo, target = budget.slo, budget.target
    limit = "" if target.threshold is None else _limit(slo, parse_sli.THRESHOLD, target.threshold)
    return RowView(
        whose=_whose(budget.match),
        objective=exact_percent(target.objective),
        threshold=percent(burn_threshold.threshold(factor, budget.error_budget)),
        pace=_lowered(budget.effective(tier), factor),
        limit=limit,
        enforced=target.mode == "strict",
    )


def _whose(match: Mapping[str, Sequence[str]]) -> Markdown:
    if not match:
        return text("all others")
    return Markdown("; ".join(f"{text(name)} {', '.join(map(code, values))}" for name, values in match.items()))


def _limit(slo: Slo, name: str, value: Decimal) -> str:
    """Seconds, or a share such as a word error rate."""
    if parse_sli.quantity_of(slo.sli, name) != "seconds":
        return exact_percent(value)
    return f"{plain(value)} second{'' if value == 1 else 's'}"


def _own(slo: Slo) -> Target:
    return Target(slo.objective, slo.mode, slo.threshold, slo.sla)


def _lowered(pace: Decimal, asked: Decimal) -> str:
    return _times(pace) if pace == asked else f"{_times(pace)}, not {_times(asked)}"


def _times(factor: Decimal) -> str:
    return lint.factor(factor).removesuffix("x")
