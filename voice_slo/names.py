"""Every name that users see in Prometheus and Grafana, defined once: metrics, labels, recorded series, alerts, uids."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

MetricType = Literal["counter", "gauge"]


@dataclass(frozen=True, slots=True)
class Metric:
    """`labels` beside the budget segments that every SLI metric also carries (`per_segment`)."""

    name: str
    type: MetricType
    help: str
    labels: tuple[str, ...]
    per_segment: bool = False


AGENT, SLO, REASON, VERDICT, FROM, TO = "agent", "slo", "reason", "verdict", "from", "to"
DIMENSION, SLICE_VALUE, FLOW, SOURCE, SCOPE = "dimension", "value", "flow", "source", "scope"
ALERT_CLASS = "alert_class"

RESERVED_LABELS = frozenset(
    "agent slo reason verdict dimension value le job instance severity alertname owner env cluster region zone "
    "service stage namespace pod container endpoint prometheus replica alert_class page_hours scope sli unit "
    "definition title period from to "
    # PromQL cannot group by these.
    "inf Inf INF nan NaN NAN without".split()
)

EXTERNAL_LABELS = frozenset("env cluster region zone service stage".split())
"""Reserved for what a scrape or a Prometheus adds; an SLO file may name one as an identity label."""


def _sli(name: str, type_: MetricType, help_: str, *labels: str) -> Metric:
    return Metric(name, type_, help_, (AGENT, SLO, *labels), per_segment=True)


ELIGIBLE = _sli("voice_sli_eligible_total", "counter", "Eligible units judged good or bad.")
GOOD = _sli("voice_sli_good_total", "counter", "Eligible units judged good.")
BAD = _sli("voice_sli_bad_total", "counter", "Eligible units judged bad, by reason.", REASON)
BAD_CALLERS = _sli(
    "voice_sli_bad_callers_total", "counter", "Bad units whose caller had no other bad unit there within 15 minutes."
)
EXCLUDED = _sli(
    "voice_sli_excluded_total", "counter", "Units left out of the budget, with the verdict they would have had.",
    REASON, VERDICT,
)  # fmt: skip
UNKNOWN = _sli("voice_sli_unknown_total", "counter", "Eligible units of which a deciding fact stayed unknown.")
UNKNOWN_RESOLVED = _sli(
    "voice_sli_unknown_resolved_total", "counter", "Units counted as unknown whose fact arrived later."
)
AWAITING = _sli("voice_sli_awaiting", "gauge", "Units that wait for their evaluation.")
CREATED = _sli(
    "voice_sli_created_timestamp_seconds", "gauge", "When the counters of this label set started from 0 (Unix time)."
)
WINDOW_EVENTS = _sli(
    "voice_sli_window_events", "gauge", "Units by event time over the SLO's period: eligible and bad.", VERDICT
)
CORRECTED = _sli(
    "voice_sli_corrected_total", "counter",
    "Counted units whose verdict a changed outage turned from one into another, by the outage's reason.",
    FROM, TO, REASON,
)  # fmt: skip
SLICES = _sli(
    "voice_sli_slice_total", "counter",
    "Good and bad units by one segment that has no budget of its own: its name (dimension) and its value.",
    DIMENSION, SLICE_VALUE, VERDICT,
)  # fmt: skip
PERIOD_START = Metric(
    "voice_sli_period_start_timestamp_seconds", "gauge", "When the SLO's calendar month began (Unix time).",
    (AGENT, SLO),
)  # fmt: skip
PERIOD_END = Metric(
    "voice_sli_period_end_timestamp_seconds", "gauge", "When the SLO's calendar month ends (Unix time).", (AGENT, SLO)
)
DEFINITION_INFO = Metric(
    "voice_sli_definition_info", "gauge", "1, with the hash of the definition that judges.", (AGENT, SLO, "definition")
)

SLI_METRICS = (
    ELIGIBLE, GOOD, BAD, BAD_CALLERS, EXCLUDED, UNKNOWN, UNKNOWN_RESOLVED, AWAITING, CREATED, WINDOW_EVENTS, CORRECTED,
    SLICES, PERIOD_START, PERIOD_END, DEFINITION_INFO,
)  # fmt: skip


def _synthetic(name: str, type_: MetricType, help_: str, *labels: str) -> Metric:
    return Metric("voice_synthetic_" + name, type_, help_, (AGENT, FLOW, *labels))


SYNTHETIC_RUNS = _synthetic(
    "runs_total", "counter", "Scheduled test calls by result: good, bad, missed, unknown.", "result"
)
SYNTHETIC_FAILURES = _synthetic(
    "consecutive_failures", "gauge", "Failed or missed runs since the last one that passed."
)
SYNTHETIC_LAST_RUN = _synthetic(
    "last_run_timestamp_seconds", "gauge", "When the last run came (Unix time); absent before the first."
)
SYNTHETIC_INTERVAL = _synthetic("interval_seconds", "gauge", "How often a run is due, from the SLO file.")

SYNTHETIC_METRICS = (SYNTHETIC_RUNS, SYNTHETIC_FAILURES, SYNTHETIC_LAST_RUN, SYNTHETIC_INTERVAL)


def _own(name: str, type_: MetricType, help_: str, *labels: str) -> Metric:
    return Metric("voice_exporter_" + name, type_, help_, labels)


BUILD_INFO = _own("build_info", "gauge", "1, with the version of voice-slo.", "version")
EVENTS_RECEIVED = _own(
    "events_received_total", "counter",
    "Events received by source; equals accepted + duplicate + rejected of that source.", "source",
)  # fmt: skip
EVENTS = _own("events_total", "counter", "Events by source and outcome.", "source", "outcome")
ACCEPTED = _own(
    "events_accepted_total", "counter",
    "Events accepted by voice agent and source; shown at 0 for every source an agent may come from.", AGENT, SOURCE,
)  # fmt: skip
REJECTED = _own("rejected_total", "counter", "Rejected events or requests by source and reason.", "source", "reason")
DROPPED_VALUES = _own(
    "dropped_values_total", "counter", "Values of accepted events that were set aside.", "source", "reason"
)
UNMAPPED_END_REASONS = _own(
    "unmapped_end_reasons_total", "counter", "Call ends whose literal is in no table.", "source"
)
LAST_EVENT = _own("last_event_timestamp_seconds", "gauge", "Arrival of the newest accepted event.", "source")
LATE_FACTS = _own(
    "late_facts_total", "counter", "Facts that came after their unit was counted and disagree with it.", AGENT, SLO
)
LATE_UNITS = _own("late_units_total", "counter", "Units counted over 2 h after their call.", AGENT, SLO)
MERGED_UNITS = _own(
    "merged_units_total", "counter", "Units counted twice before their calls turned out to be one.", AGENT, SLO
)
NOT_REJUDGED = _own(
    "units_not_rejudged_total", "counter", "Units inside a changed outage whose call's facts are gone.", AGENT, SLO
)
WITHOUT_CALLER = _own(
    "units_without_caller_total", "counter", "Bad units whose call stands for the unknown caller.", AGENT, SLO
)
UNITS_SEEN = _own(
    "units_seen", "gauge",
    "Distinct units seen; equals the sum of voice_exporter_units over its verdicts.", AGENT, SLO,
)  # fmt: skip
UNITS = _own(
    "units", "gauge",
    "Distinct units by present verdict: good, bad, excluded, unknown, not_concerned, awaiting, pending.",
    AGENT, SLO, VERDICT,
)  # fmt: skip
NOT_OBSERVABLE = _own(
    "not_observable_total", "counter", "Units left out because no source of the call can observe a field.",
    AGENT, SLO, "field",
)  # fmt: skip
CALLS_OPEN = _own("calls_open", "gauge", "Calls that have not settled.", AGENT)
CALLS_ABANDONED = _own("calls_abandoned_total", "counter", "Calls settled without an end.", AGENT)
QUEUE_EVENTS = _own("queue_events", "gauge", "Events waiting for the writer.")
COMMITS = _own("commits_total", "counter", "Transactions committed.")
COMMIT_SECONDS = _own("commit_seconds_total", "counter", "Time spent in commits.")
STORE_BYTES = _own("store_bytes", "gauge", "Size of the store's files.")
RELOAD_SUCCESS = _own("config_last_reload_successful", "gauge", "Whether the last load of the SLO files succeeded.")
RELOAD_TIME = _own(
    "config_last_reload_success_timestamp_seconds", "gauge", "When the SLO files were last loaded successfully."
)

EXPORTER_METRICS = (
    BUILD_INFO, EVENTS_RECEIVED, EVENTS, ACCEPTED, REJECTED, DROPPED_VALUES, UNMAPPED_END_REASONS, LAST_EVENT,
    LATE_FACTS, LATE_UNITS, MERGED_UNITS, NOT_REJUDGED, WITHOUT_CALLER, UNITS_SEEN, UNITS, NOT_OBSERVABLE, CALLS_OPEN,
    CALLS_ABANDONED, QUEUE_EVENTS, COMMITS, COMMIT_SECONDS, STORE_BYTES, RELOAD_SUCCESS, RELOAD_TIME,
)  # fmt: skip

METRICS = SLI_METRICS + SYNTHETIC_METRICS + EXPORTER_METRICS

RECORDED_PREFIX = "voice_slo:"
Kind = Literal[
    "eligible", "bad", "bad_callers", "bad_reason", "taken_out", "put_back",
    "counted", "excluded", "unknown_verdict", "unknown_segment",
]  # fmt: skip
"""Of one budget up to `put_back`, then of the whole SLO.

`taken_out`, `put_back`: bad units that outages declared afterwards excluded, or no longer do. `counted`: eligible,
excluded and unknown. `unknown_segment`: eligible without a declared value of some budget segment.
"""
TotalKind = Literal["eligible", "bad", "bad_callers", "allowed"]
"""Summed over the enforced budgets of an SLO. `allowed`: bad events that their error budgets allow."""
WHOLE_SLO_KINDS: tuple[Kind, ...] = ("counted", "excluded", "unknown_verdict", "unknown_segment")

EVENTS_CREATED = "voice_slo:events:created"
SLO_CREATED = "voice_slo:slo:created"
SETTLED_CREATED = "voice_slo:settled:created"
OBJECTIVE_RATIO = "voice_slo:objective:ratio"
ERROR_BUDGET_RATIO = "voice_slo:error_budget:ratio"
ERROR_BUDGET_EVENTS = "voice_slo:error_budget:events"
REMAINING_EVENTS = "voice_slo:error_budget_remaining:events"
REMAINING_RATIO = "voice_slo:error_budget_remaining:ratio"
EXHAUSTION_SECONDS = "voice_slo:error_budget_exhaustion:seconds"
ENFORCED = "voice_slo:enforced:bool"
INFO = "voice_slo:info"
CONSUMED_RATIO = "voice_slo:error_budget_consumed:ratio"
REASON_RATIO = "voice_slo:bad_reason:ratio_period"
SOURCE_EVENTS = "voice_slo:source:events1h"
SOURCE_SCRAPES = "voice_slo:source:scrapes1h"
RELEASE_STATE_RAW = "voice_slo:release_state_raw:code"
RELEASE_STATE = "voice_slo:release_state:code"

FAST_BURN = "VoiceSLOFastBurn"
MEDIUM_BURN = "VoiceSLOMediumBurn"
SLOW_BURN = "VoiceSLOSlowBurn"
SYNTHETIC_FAILING_ALERT = "VoiceSLOSyntheticFailing"
SYNTHETIC_MISSING_ALERT = "VoiceSLOSyntheticMissing"
BUDGET_LOW_ALERT = "VoiceSLOBudgetLow"
BUDGET_EXHAUSTED_ALERT = "VoiceSLOBudgetExhausted"
EXPORTER_DOWN_ALERT = "VoiceSLOExporterDown"
NO_DATA_ALERT = "VoiceSLONoData"
EXCLUSIONS_HIGH_ALERT = "VoiceSLOExclusionsHigh"
UNKNOWN_HIGH_ALERT = "VoiceSLOUnknownHigh"
DEFINITION_DRIFT_ALERT = "VoiceSLODefinitionDrift"
COUNTS_DISAGREE_ALERT = "VoiceSLOCountsDisagree"


def count(kind: Kind) -> str:
    return f"voice_slo:{kind}:count"


def events(kind: Kind, window: str) -> str:
    """`window` as Prometheus writes it (15m, 6h, 1d) or `period`."""
    return f"voice_slo:{kind}:events_period" if window == "period" else f"voice_slo:{kind}:events{window}"


def total(kind: TotalKind, window: str) -> str:
    """Over the enforced budgets of an SLO together."""
    return f"voice_slo:total_{kind}:events_period" if window == "period" else f"voice_slo:total_{kind}:events{window}"


def level(tier: str, window: str) -> str:
    """Bad events from which a tier burns, over the enforced budgets of an SLO together."""
    return f"voice_slo:total_{tier.replace('-', '_')}_level:events{window}"


def counted_period(kind: Kind) -> str:
    """By the counters alone, whatever the count by event time says."""
    return f"voice_slo:{kind}:counted_period"


def burn_rate(window: str) -> str:
    return f"voice_slo:burn_rate:ratio{window}"


def threshold(tier: str) -> str:
    return f"voice_slo:{tier.replace('-', '_')}_threshold:ratio"


def group(*whose: str) -> str:
    """`whose`: agent, SLO and part of its rules; or agent and part, for rules about the agent and none of its SLOs."""
    return ":".join(("voice-slo", *whose))


WITHOUT_SLO = frozenset((
    SOURCE_EVENTS, SOURCE_SCRAPES, *(m.name for m in METRICS if AGENT in m.labels and SLO not in m.labels)
))  # fmt: skip
"""Series about an agent and none of its SLOs."""


def burn_alert(tier: str) -> str:
    """Alert name of a burn tier: `fast` → VoiceSLOFastBurn."""
    return "VoiceSLO" + "".join(part.capitalize() for part in re.split(r"[-_]", tier)) + "Burn"


def alert_class(tier: str) -> str:
    """Label `alert_class` of a burn tier, and the end of its runbook's address: `fast` → fast_burn."""
    return f"{tier.replace('-', '_')}_burn"


def dashboard_variable(segment: str) -> str:
    """Dashboard variable that chooses values of a segment; links spell it `var-flow`."""
    return f"segment_{segment}" if segment == "datasource" else segment


def dashboard_uid(agent: str, kind: str) -> str:
    """At most 40 characters (Grafana's limit): the agent's name is cut where it would not fit."""
    return f"voice-slo-{agent}"[: 39 - len(kind)].rstrip("-") + f"-{kind}"
