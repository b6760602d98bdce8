"""What the reference page says beside the tables. A new endpoint, kind or series without words fails `make docs`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence


def exit_codes(fine: int, invalid: int, drift: int) -> Sequence[tuple[int, str]]:
    """(code, meaning), in the order of the codes."""
    return (
        (fine, "fine, also with warnings"),
        (1, "a crash; please report it"),
        (invalid, "usage, an invalid file, or input of which something could not be taken; stderr says what"),
        (drift, "`voice-slo generate --check` or `--diff`: the generated files differ from the SLO files"),
        (130, "interrupted from the keyboard"),
    )


FIELDS = (
    "A condition may read the fields of its own unit, those of the call, and every segment. `needs` is what a source "
    "has to be able to observe before silence means false; without such a source the unit is not concerned."
)
FINALITY: Mapping[str, str] = {
    "latched": "true is final at once; false is known when the call's operation has settled",
    "final": "one value per unit, known as soon as a source says it",
    "operational": "known when the call's operation has settled",
    "awaited": "an evaluation; without one the unit waits for it",
}
CAPABILITIES = (
    "An own feed observes everything once it has reported the call itself (`call.*` events). With turns alone it "
    "observes turns, but not whether a tool ran."
)
CATALOG = (
    "Durations are seconds, ratios are between 0 and 1. Reasons are tried in order. `is absent` asks whether a field "
    "stayed without a value once the call had settled."
)
EVENTS = (
    "`POST /v1/events` takes these. Times are RFC 3339 with a zone, or Unix seconds. `null` and an absent field both "
    "say nothing. A field that is not listed is an error."
)
KINDS: Mapping[str, str] = {
    "call.started": "The call began: it rings, or it is dialled.",
    "call.connected": "The line is connected.",
    "call.first_audio": "The caller heard the agent for the first time.",
    "speech": "Somebody spoke from `started` to `ended`; both default to `at`.",
    "turn": "One exchange. Give `turn`, so that several events of one turn merge.",
    "stage": "One run of a part of the pipeline. Stage `tool` marks the turn as one with tool use.",
    "call.ended": "The call is over.",
    "tag": "A word about the call.",
    "task": "The verdict on what the caller wanted. Without `task` it is the task `main`.",
    "intent": "The verdict on a recognised intent; without `turn`, of the call.",
    "prompt": "The verdict on whether the agent kept to its prompt; without `turn`, of the call.",
    "transcript": "The word error rate of a turn: `wer` (0.12 is 12 %), or `errors` and `reference_words`.",
    "escalation": "A decision whether to hand over to a human; `n` tells several apart.",
    "handoff": "A transfer to a human or to another agent; `n` tells several apart.",
    "synthetic": "One run of a test call. Needs no `call`.",
    "release": "A version that went live. Accepted and kept; nothing counts it. Needs no `call`.",
    "media": "Where a trace or a recording is. Accepted and kept; never a label.",
}
END_REASONS: Mapping[str, str] = {
    "normal": "the call ended as calls do",
    "connect_failed": "the line could not be connected",
    "callee_unreachable": "an outbound call found nobody; for an inbound call it reads as connect_failed",
    "abandoned_before_connect": "the caller hung up while it rang",
    "agent_failure": "the agent's own code failed",
    "platform_failure": "what the agent runs on failed",
    "no_caller_audio": "nothing was heard of the caller",
    "policy_end": "a rule of yours ended the call, such as a longest duration",
    "handed_off": "a human took over",
    "handoff_failed": "the handoff did not work",
    "abuse": "the call was abusive",
    "voicemail": "a machine answered an outbound call",
    "operator_action": "an operator ended it, such as a deployment",
    "unknown": "the source has no word for it; any other word counts first",
}
SLI_METRICS = (
    "Durable: they survive restarts. Every one but `voice_sli_definition_info` also carries the SLO's `budget_by` "
    "segments as labels. Eligible, good, bad (for every reason), bad callers, unknown, awaiting, created and window "
    "events are there at 0 for every declared value from the start."
)
SYNTHETIC_METRICS = "Of the schedules under `synthetics:` in the SLO file, and of runs of other flows."
OWN_METRICS = (
    "These start at 0 with the process, but for the gauges that are read off the store. Beside them stand the usual "
    "`process_*` and `python_*` metrics."
)
RECORDED = (
    "As generated from `{path}`. Every series has the labels `agent`, `slo` and the budget segments, unless it is of "
    "the whole SLO; `voice_slo:info` has `agent`, `slo`, `title`, `owner`, `unit`, `sli`, `period` and `definition`."
)
_RECORDED: Mapping[str, str] = {
    "voice_slo:eligible:count": "eligible units since the birth of the counters",
    "voice_slo:bad:count": "bad units since then: eligible minus good",
    "voice_slo:bad_callers:count": "callers affected since then",
    "voice_slo:events:created": "birth of the counters, Unix time",
    "voice_slo:eligible:events<window>": "eligible units in the window",
    "voice_slo:bad:events<window>": "bad units in the window",
    "voice_slo:bad_callers:events<window>": "callers affected in the window",
    "voice_slo:eligible:events_period": "eligible units in the SLO's period",
    "voice_slo:bad:events_period": "bad units in the SLO's period",
    "voice_slo:objective:ratio": "the objective, 0.995 for 99.5 %",
    "voice_slo:error_budget:ratio": "1 minus the objective, exact",
    "voice_slo:error_budget:events": "bad units that the period's eligible ones allow",
    "voice_slo:error_budget_remaining:events": "what is left of them; below 0 once overspent",
    "voice_slo:error_budget_remaining:ratio": "the share that is left; absent while nothing is allowed",
    "voice_slo:enforced:bool": "1 where the budget pages, 0 in observe mode and for `other` and `unknown`",
    "voice_slo:info": "1, with the words about the SLO as labels",
    "voice_slo:error_budget_exhaustion:seconds":
        "until the budget is gone at the pace of the last 6 h; at most the period, 0 once spent",
    "voice_slo:release_state_raw:code": "the release state now",
    "voice_slo:release_state:code": "the worst release state of the last hour",
    "voice_slo:burn_rate:ratio<window>": "pace of spending; 1 spends the budget in exactly one period",
    "voice_slo:source:events<window>": "events accepted from the source in an hour; labels `agent`, `source`",
    "voice_slo:source:scrapes1h": "how often the source's counter was scraped in an hour; labels `agent`, `source`",
    "voice_slo:bad_reason:count": "bad units since the birth by reason; further label `reason`",
    "voice_slo:bad_reason:events<window>": "bad units in the window by reason",
    "voice_slo:bad_reason:events_period": "bad units in the period by reason, as counters; not of calendar months",
    "voice_slo:bad_reason:ratio_period": "share of each reason in the bad units of the period",
    "voice_slo:taken_out:count": "bad units that outages declared afterwards excluded, since the birth",
    "voice_slo:put_back:count": "units that outages withdrawn afterwards made bad again, since the birth",
    "voice_slo:counted:count": "eligible, excluded and unknown units of the whole SLO since the birth",
    "voice_slo:excluded:count": "excluded units of the whole SLO, but for declared outages",
    "voice_slo:unknown_verdict:count": "unknown verdicts of the whole SLO that were not resolved",
    "voice_slo:unknown_segment:count": "eligible units of the whole SLO that lack a declared value of a budget segment",
    "voice_slo:slo:created": "birth of the oldest counters of the whole SLO, Unix time",
    "voice_slo:counted:events<window>": "eligible, excluded and unknown units of the whole SLO in the window",
    "voice_slo:excluded:events<window>": "excluded units of the whole SLO in the window, but for declared outages",
    "voice_slo:unknown_verdict:events<window>": "unknown verdicts of the whole SLO in the window",
    "voice_slo:unknown_segment:events<window>": "eligible units without such a value in the window",
    "voice_slo:eligible:counted_period": "eligible units in the period by the counters alone; not of calendar months",
    "voice_slo:bad:counted_period": "bad units in the period by the counters alone",
    "voice_slo:taken_out:counted_period": "units that outages excluded afterwards, in the period",
    "voice_slo:put_back:counted_period": "units that became bad again, in the period",
    "voice_slo:settled:created": "the last birth whose counts have had a state other than idle and collecting",
    "voice_slo:error_budget_consumed:ratio":
        "bad units of this budget as a share of all that the whole SLO's budgets allow",
    "voice_slo:total_bad:events<window>": "bad units of the enforced budgets together",
    "voice_slo:total_eligible:events<window>": "eligible units of the enforced budgets together",
    "voice_slo:total_bad_callers:events<window>": "callers affected in the enforced budgets together",
    "voice_slo:total_allowed:events<window>": "bad units that the enforced budgets allow together",
    "voice_slo:total_bad:events_period": "bad units of the enforced budgets together in the period",
    "voice_slo:total_allowed:events_period": "bad units that they allow together in the period",
}  # fmt: skip


def recorded(series: str) -> str:
    """What a recorded series holds. Raises `KeyError` for one that has no words yet."""
    if series.endswith("_threshold:ratio"):
        tier = series.removeprefix("voice_slo:").removesuffix("_threshold:ratio")
        return f"share of bad units from which the tier {tier} burns"
    if series.endswith("_level:events<window>"):
        tier = series.removeprefix("voice_slo:total_").removesuffix("_level:events<window>")
        return f"bad units from which the tier {tier} burns, over the enforced budgets together"
    return _RECORDED[series]


ALERTS = (
    "Labels of every alert: `severity`, `alert_class`, `agent`, `slo`, the budget segments, `owner`, `page_hours` "
    "(`always` or `business`) and `scope`: `segment` is about one budget, `all` about the whole SLO, `agent` about the "
    "voice agent and none of its SLOs. Annotations: `summary`, `description`, `burn_rate` of burn alerts, and "
    "`runbook_url` and `dashboard_url` where the SLO file has the links.\n\n"
    "Burn alerts: one for each tier of the SLO's alert policy, for each budget by itself, and with `scope=\"all\"` for "
    "the enforced budgets together. A tier of your own with the name `very_fast` gives `VoiceSLOVeryFastBurn` and the "
    "class `very_fast_burn`."
)
ALERT_CLASSES = (
    "The others. `alerting:` in the SLO file switches classes off and grades them: "
    "[alerting](slo-file.md#alerting). The severities are those where nothing is said."
)
RELEASE = "An absent series is the state unknown."
RELEASE_STATES: Mapping[int, tuple[str, str]] = {
    -2: ("idle", "nothing was eligible in the period"),
    -1: ("collecting", "the budget is under 5 units and fewer than 5 are bad: too little for a verdict"),
    0: ("healthy", "none of the others"),
    1: ("watch", "at most `watch_below` of the budget is left, or a burn tier is true (fast: as `on_fast_burn` says)"),
    2: (
        "freeze",
        "below `freeze_below` and the last 1 h and 6 h both overspend, or tier fast is true and `on_fast_burn: freeze`",
    ),
    3: ("exhausted", "the budget is overspent"),
}
POLICIES = (
    "What `alerting:` names; `{default}` where nothing is said. `burn` 1 spends exactly the budget in "
    "one period. `callers at least` and `z` are the guard against chance: see [rules](rules.md)."
)
HTTP = (
    'Every error has the form `{"error": {"code": …, "message": …}}`. Each `GET` also answers `HEAD`. Bodies may be '
    "gzip."
)
ENDPOINTS: Mapping[str, str] = {
    "/v1/events": "native events: one JSON object, an array, or one object a line",
    "/v1/traces": "OTLP traces, protobuf or JSON",
    "/metrics": "for Prometheus, text format 0.0.4",
    "/": "status page",
    "/-/healthy": "200 while the process answers",
    "/-/ready": "200 once events are taken, else 503",
    "/-/reload": "read the SLO files again; on an error the old ones stay in force and the answer is 500",
    "/api/v1/slos": "every SLO with its counts and budget, JSON",
    "/api/v1/explain": "why one call was counted so, JSON; `?call=` with any of the call's ids",
}
