"""Group `counts`: the exporter's counters as one series per budget, without the labels of the scrape."""

from __future__ import annotations

from collections.abc import Sequence

from prometheus_rules.rule import Bundle, Record
from prometheus_rules.slo_series import SloSeries
from voice_slo import names, promql
from voice_slo.spec import UNKNOWN


def bundles(own: SloSeries) -> list[Bundle]:
    return [_per_budget(own), _per_slo(own)]


def _per_budget(own: SloSeries) -> Bundle:
    """The birth comes last, so that it is never newer than the counts beside it."""
    eligible, good = newest(own, names.ELIGIBLE.name), newest(own, names.GOOD.name)
    return [
        Record(names.count("eligible"), eligible),
        Record(names.count("bad"), f"{eligible} - {good}"),
        Record(names.count("bad_callers"), newest(own, names.BAD_CALLERS.name)),
        Record(names.count("bad_reason"), newest(own, names.BAD.name, keeping=(names.REASON,))),
        Record(names.count("corrected"), _corrected(own, eligible)),
        Record(names.EVENTS_CREATED, f"max by {own.by} ({own.scraped(names.CREATED.name)})"),
    ]


def _per_slo(own: SloSeries) -> Bundle:
    """Sums over all budgets, for what is compared as a share of the whole SLO."""
    eligible = newest(own, names.ELIGIBLE.name)
    excluded = newest(own, names.EXCLUDED.name, keeping=(names.REASON, names.VERDICT))
    unknown = newest(own, names.UNKNOWN.name)
    total = f"sum by {own.by_slo} ({eligible})"

    def whole(summed: str) -> str:
        return f"sum by {own.by_slo} ({summed}) or 0 * {total}"

    records = [
        Record(names.count("judged"), f"{total} + ({whole(unknown)}) + ({whole(excluded)})"),
        Record(names.count("excluded"), whole(excluded)),
        Record(names.count("unknown"), whole(unknown)),
    ]
    if own.slo.budget_by:
        unlabelled = " or ".join(
            newest(own, names.ELIGIBLE.name, promql.equals(label, UNKNOWN)) for label in own.slo.budget_by
        )
        records.append(Record(names.count("unlabelled"), whole(unlabelled)))
    oldest = f"min by {own.by_slo} (max by {own.by} ({own.scraped(names.CREATED.name)}))"
    return [*records, Record(names.SLO_CREATED, oldest)]


def _corrected(own: SloSeries, eligible: str) -> str:
    """Units that outages declared afterwards took out of the budget, less those that came back."""

    def turned(was: str, became: str) -> str:
        where = promql.equals(names.FROM, was), promql.equals(names.TO, became)
        moved = newest(own, names.CORRECTED.name, *where, keeping=(names.FROM, names.TO, names.REASON))
        return f"(sum by {own.by} ({moved}) or 0 * {eligible})"

    return f"{turned('bad', 'excluded')} - {turned('excluded', 'bad')}"


def newest(own: SloSeries, metric: str, *matchers: str, keeping: Sequence[str] = (), ignoring: str = "") -> str:
    """The largest value among the targets that show the newest birth.

    A rolling deploy with a changed definition, a lost store or a new pod would otherwise pair old counts with a new
    birth for as long as the look-back still sees the old target. `keeping`: further labels of the result, and
    `ignoring`: one that it loses; births have neither.
    """
    born = own.scraped(names.CREATED.name)
    foreign = (*keeping, *([ignoring] if ignoring else []))
    matching = f"and ignoring ({', '.join(foreign)})" if foreign else "and"
    by = f"({', '.join((*own.labels, *keeping))})"
    return (
        f"max by {by} ({own.scraped(metric, *matchers)}"
        f" {matching} ({born} == on {own.by} group_left () max by {own.by} ({born})))"
    )
