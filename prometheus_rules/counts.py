"""Group `counts`: the exporter's counters as one series per budget, without the labels of the scrape."""

from __future__ import annotations

from collections.abc import Sequence

from prometheus_rules.rule import Bundle, Record
from prometheus_rules.slo_series import SloSeries
from voice_slo import names, promql
from voice_slo.spec import NEVER_ENFORCED


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
        Record(names.count("taken_out"), _turned(own, "bad", "excluded", eligible)),
        Record(names.count("put_back"), _turned(own, "excluded", "bad", eligible)),
        Record(names.EVENTS_CREATED, f"max by {own.by} ({own.scraped(names.CREATED.name)})"),
    ]


def _turned(own: SloSeries, was: str, became: str, eligible: str) -> str:
    """Units whose verdict an outage declared afterwards turned; 0 where the exporter knows of none."""
    where = promql.equals(names.FROM, was), promql.equals(names.TO, became)
    moved = newest(own, names.CORRECTED.name, *where, keeping=(names.FROM, names.TO, names.REASON))
    return f"sum by {own.by} ({moved}) or 0 * {eligible}"


def _per_slo(own: SloSeries) -> Bundle:
    """Sums over all budgets, for what is compared as a share of the whole SLO.

    What a declared outage excludes was reviewed, so it is no surprise.
    """
    eligible = f"sum by {own.by_slo} ({newest(own, names.ELIGIBLE.name)})"
    reviewed = sorted({outage.reason for outage in own.slo.outages})
    surprising = [promql.none_of(names.REASON, reviewed)] if reviewed else []
    excluded = newest(own, names.EXCLUDED.name, *surprising, keeping=(names.REASON, names.VERDICT))
    unknown = f"{newest(own, names.UNKNOWN.name)} - {newest(own, names.UNKNOWN_RESOLVED.name)}"

    def whole(summed: str) -> str:
        return f"sum by {own.by_slo} ({summed}) or 0 * {eligible}"

    records = [
        Record(names.count("counted"), f"{eligible} + ({whole(unknown)}) + ({whole(excluded)})"),
        Record(names.count("excluded"), whole(excluded)),
        Record(names.count("unknown_verdict"), whole(unknown)),
    ]
    if own.slo.budget_by:
        lacking = " or ".join(
            newest(own, names.ELIGIBLE.name, promql.one_of(label, NEVER_ENFORCED)) for label in own.slo.budget_by
        )
        records.append(Record(names.count("unknown_segment"), whole(lacking)))
    oldest = f"min by {own.by_slo} (max by {own.by} ({own.scraped(names.CREATED.name)}))"
    return [*records, Record(names.SLO_CREATED, oldest)]


def newest(
    own: SloSeries, metric: str, *matchers: str, keeping: Sequence[str] = (), ignoring: str = "", shown: bool = False
) -> str:  # fmt: skip
    """The largest value among the targets that show the newest birth.

    A rolling deploy with a changed definition, a lost store or a new pod would otherwise pair old counts with a new
    birth for as long as the look-back still sees the old target. `keeping`: further labels of the result, and
    `ignoring`: one that it loses; births have neither. `shown`: only what targets show now, without the look-back.
    """
    born = own.scraped(names.CREATED.name)
    foreign = (*keeping, *([ignoring] if ignoring else []))
    matching = f"and ignoring ({', '.join(foreign)})" if foreign else "and"
    by = f"({', '.join((*own.labels, *keeping))})"
    values = own.series(metric, *matchers) if shown else own.scraped(metric, *matchers)
    return (
        f"max by {by} ({values}"
        f" {matching} ({born} == on {own.by} group_left () max by {own.by} ({born})))"
    )
