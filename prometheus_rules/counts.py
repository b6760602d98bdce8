"""Group `counts`: the exporter's counters as one series per budget, without the labels of the scrape."""

from __future__ import annotations

from prometheus_rules.rule import Bundle, Record
from prometheus_rules.slo_series import SloSeries
from voice_slo import names


def bundles(own: SloSeries) -> list[Bundle]:
    """The birth comes last, so that it is never newer than the counts beside it."""
    eligible, good = newest(own, names.ELIGIBLE.name), newest(own, names.GOOD.name)
    return [
        [
            Record(names.count("eligible"), eligible),
            Record(names.count("bad"), f"{eligible} - {good}"),
            Record(names.count("bad_callers"), newest(own, names.BAD_CALLERS.name)),
            Record(names.EVENTS_CREATED, f"max by {own.by} ({own.scraped(names.CREATED.name)})"),
        ]
    ]


def newest(own: SloSeries, metric: str, *matchers: str, ignoring: str = "") -> str:
    """The largest value among the targets that show the newest birth.

    A rolling deploy with a changed definition, a lost store or a new pod would otherwise pair old counts with a new
    birth for as long as the look-back still sees the old target. `ignoring`: a label that births do not have.
    """
    born = own.scraped(names.CREATED.name)
    matching = f"and ignoring ({ignoring})" if ignoring else "and"
    return (
        f"max by {own.by} ({own.scraped(metric, *matchers)}"
        f" {matching} ({born} == on {own.by} group_left () max by {own.by} ({born})))"
    )
