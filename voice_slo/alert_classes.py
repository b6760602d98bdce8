"""Every alert beside those of burn tiers, as data: its name, its class, what one alert is about, how severe it is.

The class is the label `alert_class`, the name of the runbook page, and the word in an SLO file's `alerting`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from voice_slo import names
from voice_slo.spec import Severity

About = Literal["budget", "slo", "agent"]
PageHours = Literal["always", "business"]


@dataclass(frozen=True, slots=True)
class AlertClass:
    """`about`: whether one alert is about a budget segment, a whole SLO, or the voice agent and none of its SLOs."""

    name: str
    alert: str
    severity: Severity
    about: About
    meaning: str
    page_hours: PageHours = "always"


BUDGET_LOW = AlertClass(
    "budget_low", names.BUDGET_LOW_ALERT, "info", "budget",
    "under the release policy's `freeze_below` (20 %) of the period's error budget is left, and it is not spent",
)  # fmt: skip
BUDGET_EXHAUSTED = AlertClass(
    "budget_exhausted", names.BUDGET_EXHAUSTED_ALERT, "ticket", "budget", "the period's error budget is overspent"
)
COUNTS_DISAGREE = AlertClass(
    "counts_disagree", names.COUNTS_DISAGREE_ALERT, "info", "budget",
    "the count by event time and the counters differ by over 1 % of the budget, after corrections",
)  # fmt: skip
NO_TRAFFIC = AlertClass(
    "no_traffic", names.NO_DATA_ALERT, "ticket", "budget",
    "nothing was eligible for an hour, where each of the last weeks had ten or more units at this hour",
)  # fmt: skip
COUNTS_VANISHED = AlertClass(
    "counts_vanished", names.NO_DATA_ALERT, "ticket", "slo", "the exporter is up and does not show this SLO"
)
EXPORTER_DOWN = AlertClass(
    "exporter_down", names.EXPORTER_DOWN_ALERT, "page", "agent", "no exporter of this agent is scraped"
)
EXCLUSIONS_HIGH = AlertClass(
    "exclusions_high", names.EXCLUSIONS_HIGH_ALERT, "ticket", "slo",
    "the share of excluded units is beyond chance over twice that of the week before, plus 5 points",
)  # fmt: skip
UNKNOWN_VERDICTS = AlertClass(
    "unknown_verdicts", names.UNKNOWN_HIGH_ALERT, "ticket", "slo",
    "the share of unknown verdicts is beyond chance over twice that of the week before, plus 5 points",
)  # fmt: skip
UNKNOWN_SEGMENTS = AlertClass(
    "unknown_segments", names.UNKNOWN_HIGH_ALERT, "ticket", "slo",
    "the share of units without a declared budget segment is beyond chance over twice that of the week before, plus 5 "
    "points",
)  # fmt: skip
DEFINITION_DRIFT = AlertClass(
    "definition_drift", names.DEFINITION_DRIFT_ALERT, "ticket", "slo",
    "the exporter judges by another definition than the one the rules were made from",
)  # fmt: skip
SOURCE_SILENT = AlertClass(
    "source_silent", names.NO_DATA_ALERT, "ticket", "agent",
    "a source sent nothing for an hour, where each of the last weeks had ten or more events at this hour",
)  # fmt: skip
SYNTHETIC_FAILING = AlertClass(
    "synthetic_failing", names.SYNTHETIC_FAILING_ALERT, "page", "agent",
    "three or more scheduled runs of a critical flow failed in a row, the last of them lately", "business",
)  # fmt: skip
SYNTHETIC_MISSING = AlertClass(
    "synthetic_missing", names.SYNTHETIC_MISSING_ALERT, "ticket", "agent", "no scheduled run for two intervals"
)

ALERT_CLASSES = {
    each.name: each
    for each in (
        BUDGET_LOW, BUDGET_EXHAUSTED, COUNTS_DISAGREE, NO_TRAFFIC, COUNTS_VANISHED, EXPORTER_DOWN, EXCLUSIONS_HIGH,
        UNKNOWN_VERDICTS, UNKNOWN_SEGMENTS, DEFINITION_DRIFT, SOURCE_SILENT, SYNTHETIC_FAILING, SYNTHETIC_MISSING,
    )
}  # fmt: skip
