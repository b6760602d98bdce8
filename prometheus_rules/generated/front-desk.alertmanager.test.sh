#!/bin/sh
# generated from slos/starter.yaml by voice-slo 0.1.0, do not edit
#
# Which receivers get which alert, asked of amtool. Of the fragment:  sh front-desk.alertmanager.test.sh
# Of your configuration, once the fragment is merged:  sh front-desk.alertmanager.test.sh alertmanager.yml
# AMTOOL names another amtool. It looks at no time interval, so a page of business hours shows both its receivers.
amtool=${AMTOOL:-amtool}
config=${1:-${0%.test.sh}.yaml}
wrong=0
command -v "$amtool" >/dev/null || { echo "$amtool is not there: it comes with Alertmanager" >&2; exit 2; }
checked=$("$amtool" check-config "$config" 2>&1) || { printf '%s
' "$checked" >&2; exit 2; }

goes_to() {
    receivers=$1
    shift
    "$amtool" config routes test --config.file="$config" --verify.receivers="$receivers" "$@" >/dev/null 2>&1 ||
        { wrong=$((wrong + 1)); printf 'does not go to %s: %s\n' "$receivers" "$*" >&2; }
}

goes_to 'voice-slo:front-desk:telephony:pager' 'alertname="VoiceSLOFastBurn"' 'alert_class="fast_burn"' 'agent="front-desk"' 'slo="connection-success"' 'flow="booking"' 'severity="page"' 'owner="telephony"' 'page_hours="always"' 'scope="segment"'
goes_to 'voice-slo:front-desk:telephony:pager' 'alertname="VoiceSLOFastBurn"' 'alert_class="fast_burn"' 'agent="front-desk"' 'slo="connection-success"' 'severity="page"' 'owner="telephony"' 'page_hours="always"' 'scope="all"'
goes_to 'voice-slo:front-desk:telephony:pager' 'alertname="VoiceSLOMediumBurn"' 'alert_class="medium_burn"' 'agent="front-desk"' 'slo="connection-success"' 'flow="booking"' 'severity="page"' 'owner="telephony"' 'page_hours="always"' 'scope="segment"'
goes_to 'voice-slo:front-desk:telephony:pager' 'alertname="VoiceSLOMediumBurn"' 'alert_class="medium_burn"' 'agent="front-desk"' 'slo="connection-success"' 'severity="page"' 'owner="telephony"' 'page_hours="always"' 'scope="all"'
goes_to 'voice-slo:front-desk:telephony:tickets' 'alertname="VoiceSLOSlowBurn"' 'alert_class="slow_burn"' 'agent="front-desk"' 'slo="connection-success"' 'flow="booking"' 'severity="ticket"' 'owner="telephony"' 'page_hours="always"' 'scope="segment"'
goes_to 'voice-slo:front-desk:telephony:tickets' 'alertname="VoiceSLOSlowBurn"' 'alert_class="slow_burn"' 'agent="front-desk"' 'slo="connection-success"' 'severity="ticket"' 'owner="telephony"' 'page_hours="always"' 'scope="all"'
goes_to 'voice-slo:front-desk:info' 'alertname="VoiceSLOBudgetLow"' 'alert_class="budget_low"' 'agent="front-desk"' 'slo="connection-success"' 'flow="booking"' 'severity="info"' 'owner="telephony"' 'page_hours="always"' 'scope="segment"'
goes_to 'voice-slo:front-desk:telephony:tickets' 'alertname="VoiceSLOBudgetExhausted"' 'alert_class="budget_exhausted"' 'agent="front-desk"' 'slo="connection-success"' 'flow="booking"' 'severity="ticket"' 'owner="telephony"' 'page_hours="always"' 'scope="segment"'
goes_to 'voice-slo:front-desk:info' 'alertname="VoiceSLOCountsDisagree"' 'alert_class="counts_disagree"' 'agent="front-desk"' 'slo="connection-success"' 'flow="booking"' 'severity="info"' 'owner="telephony"' 'page_hours="always"' 'scope="segment"'
goes_to 'voice-slo:front-desk:telephony:tickets' 'alertname="VoiceSLONoData"' 'alert_class="no_traffic"' 'agent="front-desk"' 'slo="connection-success"' 'flow="booking"' 'severity="ticket"' 'owner="telephony"' 'page_hours="always"' 'scope="segment"'
goes_to 'voice-slo:front-desk:telephony:tickets' 'alertname="VoiceSLONoData"' 'alert_class="counts_vanished"' 'agent="front-desk"' 'slo="connection-success"' 'severity="ticket"' 'owner="telephony"' 'page_hours="always"' 'scope="all"'
goes_to 'voice-slo:front-desk:telephony:tickets' 'alertname="VoiceSLOExclusionsHigh"' 'alert_class="exclusions_high"' 'agent="front-desk"' 'slo="connection-success"' 'severity="ticket"' 'owner="telephony"' 'page_hours="always"' 'scope="all"'
goes_to 'voice-slo:front-desk:telephony:tickets' 'alertname="VoiceSLOUnknownHigh"' 'alert_class="unknown_verdicts"' 'agent="front-desk"' 'slo="connection-success"' 'severity="ticket"' 'owner="telephony"' 'page_hours="always"' 'scope="all"'
goes_to 'voice-slo:front-desk:telephony:tickets' 'alertname="VoiceSLOUnknownHigh"' 'alert_class="unknown_segments"' 'agent="front-desk"' 'slo="connection-success"' 'severity="ticket"' 'owner="telephony"' 'page_hours="always"' 'scope="all"'
goes_to 'voice-slo:front-desk:telephony:tickets' 'alertname="VoiceSLODefinitionDrift"' 'alert_class="definition_drift"' 'agent="front-desk"' 'slo="connection-success"' 'severity="ticket"' 'owner="telephony"' 'page_hours="always"' 'scope="all"'
goes_to 'voice-slo:front-desk:voice-runtime:pager' 'alertname="VoiceSLOFastBurn"' 'alert_class="fast_burn"' 'agent="front-desk"' 'slo="turn-latency"' 'flow="booking"' 'severity="page"' 'owner="voice-runtime"' 'page_hours="always"' 'scope="segment"'
goes_to 'voice-slo:front-desk:voice-runtime:pager' 'alertname="VoiceSLOFastBurn"' 'alert_class="fast_burn"' 'agent="front-desk"' 'slo="turn-latency"' 'severity="page"' 'owner="voice-runtime"' 'page_hours="always"' 'scope="all"'
goes_to 'voice-slo:front-desk:voice-runtime:pager' 'alertname="VoiceSLOMediumBurn"' 'alert_class="medium_burn"' 'agent="front-desk"' 'slo="turn-latency"' 'flow="booking"' 'severity="page"' 'owner="voice-runtime"' 'page_hours="always"' 'scope="segment"'
goes_to 'voice-slo:front-desk:voice-runtime:pager' 'alertname="VoiceSLOMediumBurn"' 'alert_class="medium_burn"' 'agent="front-desk"' 'slo="turn-latency"' 'severity="page"' 'owner="voice-runtime"' 'page_hours="always"' 'scope="all"'
goes_to 'voice-slo:front-desk:voice-runtime:tickets' 'alertname="VoiceSLOSlowBurn"' 'alert_class="slow_burn"' 'agent="front-desk"' 'slo="turn-latency"' 'flow="booking"' 'severity="ticket"' 'owner="voice-runtime"' 'page_hours="always"' 'scope="segment"'
goes_to 'voice-slo:front-desk:voice-runtime:tickets' 'alertname="VoiceSLOSlowBurn"' 'alert_class="slow_burn"' 'agent="front-desk"' 'slo="turn-latency"' 'severity="ticket"' 'owner="voice-runtime"' 'page_hours="always"' 'scope="all"'
goes_to 'voice-slo:front-desk:info' 'alertname="VoiceSLOBudgetLow"' 'alert_class="budget_low"' 'agent="front-desk"' 'slo="turn-latency"' 'flow="booking"' 'severity="info"' 'owner="voice-runtime"' 'page_hours="always"' 'scope="segment"'
goes_to 'voice-slo:front-desk:voice-runtime:tickets' 'alertname="VoiceSLOBudgetExhausted"' 'alert_class="budget_exhausted"' 'agent="front-desk"' 'slo="turn-latency"' 'flow="booking"' 'severity="ticket"' 'owner="voice-runtime"' 'page_hours="always"' 'scope="segment"'
goes_to 'voice-slo:front-desk:info' 'alertname="VoiceSLOCountsDisagree"' 'alert_class="counts_disagree"' 'agent="front-desk"' 'slo="turn-latency"' 'flow="booking"' 'severity="info"' 'owner="voice-runtime"' 'page_hours="always"' 'scope="segment"'
goes_to 'voice-slo:front-desk:voice-runtime:tickets' 'alertname="VoiceSLONoData"' 'alert_class="no_traffic"' 'agent="front-desk"' 'slo="turn-latency"' 'flow="booking"' 'severity="ticket"' 'owner="voice-runtime"' 'page_hours="always"' 'scope="segment"'
goes_to 'voice-slo:front-desk:voice-runtime:tickets' 'alertname="VoiceSLONoData"' 'alert_class="counts_vanished"' 'agent="front-desk"' 'slo="turn-latency"' 'severity="ticket"' 'owner="voice-runtime"' 'page_hours="always"' 'scope="all"'
goes_to 'voice-slo:front-desk:voice-runtime:tickets' 'alertname="VoiceSLOExclusionsHigh"' 'alert_class="exclusions_high"' 'agent="front-desk"' 'slo="turn-latency"' 'severity="ticket"' 'owner="voice-runtime"' 'page_hours="always"' 'scope="all"'
goes_to 'voice-slo:front-desk:voice-runtime:tickets' 'alertname="VoiceSLOUnknownHigh"' 'alert_class="unknown_verdicts"' 'agent="front-desk"' 'slo="turn-latency"' 'severity="ticket"' 'owner="voice-runtime"' 'page_hours="always"' 'scope="all"'
goes_to 'voice-slo:front-desk:voice-runtime:tickets' 'alertname="VoiceSLOUnknownHigh"' 'alert_class="unknown_segments"' 'agent="front-desk"' 'slo="turn-latency"' 'severity="ticket"' 'owner="voice-runtime"' 'page_hours="always"' 'scope="all"'
goes_to 'voice-slo:front-desk:voice-runtime:tickets' 'alertname="VoiceSLODefinitionDrift"' 'alert_class="definition_drift"' 'agent="front-desk"' 'slo="turn-latency"' 'severity="ticket"' 'owner="voice-runtime"' 'page_hours="always"' 'scope="all"'
goes_to 'voice-slo:front-desk:voice-platform:pager' 'alertname="VoiceSLOFastBurn"' 'alert_class="fast_burn"' 'agent="front-desk"' 'slo="task-completion"' 'flow="booking"' 'severity="page"' 'owner="voice-platform"' 'page_hours="always"' 'scope="segment"'
goes_to 'voice-slo:front-desk:voice-platform:pager' 'alertname="VoiceSLOFastBurn"' 'alert_class="fast_burn"' 'agent="front-desk"' 'slo="task-completion"' 'severity="page"' 'owner="voice-platform"' 'page_hours="always"' 'scope="all"'
goes_to 'voice-slo:front-desk:voice-platform:pager' 'alertname="VoiceSLOMediumBurn"' 'alert_class="medium_burn"' 'agent="front-desk"' 'slo="task-completion"' 'flow="booking"' 'severity="page"' 'owner="voice-platform"' 'page_hours="always"' 'scope="segment"'
goes_to 'voice-slo:front-desk:voice-platform:pager' 'alertname="VoiceSLOMediumBurn"' 'alert_class="medium_burn"' 'agent="front-desk"' 'slo="task-completion"' 'severity="page"' 'owner="voice-platform"' 'page_hours="always"' 'scope="all"'
goes_to 'voice-slo:front-desk:voice-platform:tickets' 'alertname="VoiceSLOSlowBurn"' 'alert_class="slow_burn"' 'agent="front-desk"' 'slo="task-completion"' 'flow="booking"' 'severity="ticket"' 'owner="voice-platform"' 'page_hours="always"' 'scope="segment"'
goes_to 'voice-slo:front-desk:voice-platform:tickets' 'alertname="VoiceSLOSlowBurn"' 'alert_class="slow_burn"' 'agent="front-desk"' 'slo="task-completion"' 'severity="ticket"' 'owner="voice-platform"' 'page_hours="always"' 'scope="all"'
goes_to 'voice-slo:front-desk:info' 'alertname="VoiceSLOBudgetLow"' 'alert_class="budget_low"' 'agent="front-desk"' 'slo="task-completion"' 'flow="booking"' 'severity="info"' 'owner="voice-platform"' 'page_hours="always"' 'scope="segment"'
goes_to 'voice-slo:front-desk:voice-platform:tickets' 'alertname="VoiceSLOBudgetExhausted"' 'alert_class="budget_exhausted"' 'agent="front-desk"' 'slo="task-completion"' 'flow="booking"' 'severity="ticket"' 'owner="voice-platform"' 'page_hours="always"' 'scope="segment"'
goes_to 'voice-slo:front-desk:info' 'alertname="VoiceSLOCountsDisagree"' 'alert_class="counts_disagree"' 'agent="front-desk"' 'slo="task-completion"' 'flow="booking"' 'severity="info"' 'owner="voice-platform"' 'page_hours="always"' 'scope="segment"'
goes_to 'voice-slo:front-desk:voice-platform:tickets' 'alertname="VoiceSLONoData"' 'alert_class="no_traffic"' 'agent="front-desk"' 'slo="task-completion"' 'flow="booking"' 'severity="ticket"' 'owner="voice-platform"' 'page_hours="always"' 'scope="segment"'
goes_to 'voice-slo:front-desk:voice-platform:tickets' 'alertname="VoiceSLONoData"' 'alert_class="counts_vanished"' 'agent="front-desk"' 'slo="task-completion"' 'severity="ticket"' 'owner="voice-platform"' 'page_hours="always"' 'scope="all"'
goes_to 'voice-slo:front-desk:voice-platform:tickets' 'alertname="VoiceSLOExclusionsHigh"' 'alert_class="exclusions_high"' 'agent="front-desk"' 'slo="task-completion"' 'severity="ticket"' 'owner="voice-platform"' 'page_hours="always"' 'scope="all"'
goes_to 'voice-slo:front-desk:voice-platform:tickets' 'alertname="VoiceSLOUnknownHigh"' 'alert_class="unknown_verdicts"' 'agent="front-desk"' 'slo="task-completion"' 'severity="ticket"' 'owner="voice-platform"' 'page_hours="always"' 'scope="all"'
goes_to 'voice-slo:front-desk:voice-platform:tickets' 'alertname="VoiceSLOUnknownHigh"' 'alert_class="unknown_segments"' 'agent="front-desk"' 'slo="task-completion"' 'severity="ticket"' 'owner="voice-platform"' 'page_hours="always"' 'scope="all"'
goes_to 'voice-slo:front-desk:voice-platform:tickets' 'alertname="VoiceSLODefinitionDrift"' 'alert_class="definition_drift"' 'agent="front-desk"' 'slo="task-completion"' 'severity="ticket"' 'owner="voice-platform"' 'page_hours="always"' 'scope="all"'
goes_to 'voice-slo:front-desk:operations:pager' 'alertname="VoiceSLOFastBurn"' 'alert_class="fast_burn"' 'agent="front-desk"' 'slo="escalation-correctness"' 'flow="booking"' 'severity="page"' 'owner="operations"' 'page_hours="always"' 'scope="segment"'
goes_to 'voice-slo:front-desk:operations:pager' 'alertname="VoiceSLOFastBurn"' 'alert_class="fast_burn"' 'agent="front-desk"' 'slo="escalation-correctness"' 'severity="page"' 'owner="operations"' 'page_hours="always"' 'scope="all"'
goes_to 'voice-slo:front-desk:operations:pager' 'alertname="VoiceSLOMediumBurn"' 'alert_class="medium_burn"' 'agent="front-desk"' 'slo="escalation-correctness"' 'flow="booking"' 'severity="page"' 'owner="operations"' 'page_hours="always"' 'scope="segment"'
goes_to 'voice-slo:front-desk:operations:pager' 'alertname="VoiceSLOMediumBurn"' 'alert_class="medium_burn"' 'agent="front-desk"' 'slo="escalation-correctness"' 'severity="page"' 'owner="operations"' 'page_hours="always"' 'scope="all"'
goes_to 'voice-slo:front-desk:operations:tickets' 'alertname="VoiceSLOSlowBurn"' 'alert_class="slow_burn"' 'agent="front-desk"' 'slo="escalation-correctness"' 'flow="booking"' 'severity="ticket"' 'owner="operations"' 'page_hours="always"' 'scope="segment"'
goes_to 'voice-slo:front-desk:operations:tickets' 'alertname="VoiceSLOSlowBurn"' 'alert_class="slow_burn"' 'agent="front-desk"' 'slo="escalation-correctness"' 'severity="ticket"' 'owner="operations"' 'page_hours="always"' 'scope="all"'
goes_to 'voice-slo:front-desk:info' 'alertname="VoiceSLOBudgetLow"' 'alert_class="budget_low"' 'agent="front-desk"' 'slo="escalation-correctness"' 'flow="booking"' 'severity="info"' 'owner="operations"' 'page_hours="always"' 'scope="segment"'
goes_to 'voice-slo:front-desk:operations:tickets' 'alertname="VoiceSLOBudgetExhausted"' 'alert_class="budget_exhausted"' 'agent="front-desk"' 'slo="escalation-correctness"' 'flow="booking"' 'severity="ticket"' 'owner="operations"' 'page_hours="always"' 'scope="segment"'
goes_to 'voice-slo:front-desk:info' 'alertname="VoiceSLOCountsDisagree"' 'alert_class="counts_disagree"' 'agent="front-desk"' 'slo="escalation-correctness"' 'flow="booking"' 'severity="info"' 'owner="operations"' 'page_hours="always"' 'scope="segment"'
goes_to 'voice-slo:front-desk:operations:tickets' 'alertname="VoiceSLONoData"' 'alert_class="no_traffic"' 'agent="front-desk"' 'slo="escalation-correctness"' 'flow="booking"' 'severity="ticket"' 'owner="operations"' 'page_hours="always"' 'scope="segment"'
goes_to 'voice-slo:front-desk:operations:tickets' 'alertname="VoiceSLONoData"' 'alert_class="counts_vanished"' 'agent="front-desk"' 'slo="escalation-correctness"' 'severity="ticket"' 'owner="operations"' 'page_hours="always"' 'scope="all"'
goes_to 'voice-slo:front-desk:operations:tickets' 'alertname="VoiceSLOExclusionsHigh"' 'alert_class="exclusions_high"' 'agent="front-desk"' 'slo="escalation-correctness"' 'severity="ticket"' 'owner="operations"' 'page_hours="always"' 'scope="all"'
goes_to 'voice-slo:front-desk:operations:tickets' 'alertname="VoiceSLOUnknownHigh"' 'alert_class="unknown_verdicts"' 'agent="front-desk"' 'slo="escalation-correctness"' 'severity="ticket"' 'owner="operations"' 'page_hours="always"' 'scope="all"'
goes_to 'voice-slo:front-desk:operations:tickets' 'alertname="VoiceSLOUnknownHigh"' 'alert_class="unknown_segments"' 'agent="front-desk"' 'slo="escalation-correctness"' 'severity="ticket"' 'owner="operations"' 'page_hours="always"' 'scope="all"'
goes_to 'voice-slo:front-desk:operations:tickets' 'alertname="VoiceSLODefinitionDrift"' 'alert_class="definition_drift"' 'agent="front-desk"' 'slo="escalation-correctness"' 'severity="ticket"' 'owner="operations"' 'page_hours="always"' 'scope="all"'
goes_to 'voice-slo:front-desk:voice-platform:pager' 'alertname="VoiceSLOExporterDown"' 'alert_class="exporter_down"' 'agent="front-desk"' 'severity="page"' 'owner="voice-platform"' 'page_hours="always"' 'scope="agent"'
goes_to 'voice-slo:front-desk:voice-platform:tickets' 'alertname="VoiceSLONoData"' 'alert_class="source_silent"' 'agent="front-desk"' 'source="native"' 'severity="ticket"' 'owner="voice-platform"' 'page_hours="always"' 'scope="agent"'
echo "$((62 - wrong)) of 62 alerts go where they should"
[ "$wrong" = 0 ]
