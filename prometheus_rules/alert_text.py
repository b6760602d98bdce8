"""What an alert says to the person it wakes: how much failed, for how many callers, and what is left."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from prometheus_rules.burn import SLACK
from prometheus_rules.go_template import VALUE, Template, label, literal, with_result
from prometheus_rules.slo_series import SloSeries
from voice_slo import names
from voice_slo.spec import Tier, Unit

_UNITS: dict[Unit, str] = {
    "call": "calls",
    "turn": "turns",
    "task": "tasks",
    "evaluation": "evaluations",
    "escalation": "escalation decisions",
    "handoff": "handoffs",
    "synthetic": "synthetic runs",
}
_MINUTE, _HOUR, _DAY = 60, 3600, 86400
_SPANS = ((_DAY, "day"), (_HOUR, "hour"), (_MINUTE, "minute"), (1, "second"))
_MINUTES_UP_TO, _HOURS_UP_TO = 90 * _MINUTE, 48 * _HOUR
"""Seconds; the unit in which the time left is told."""


def summary(own: SloSeries, tier: Tier) -> str:
    """The same for every budget of the SLO, so that alerts grouped together share it."""
    kind = tier.name.replace("_", " ").replace("-", " ")
    return f"{literal(own.slo.title or own.slo.name)} ({own.slo.agent}): {kind} burn of the error budget"


def description(own: SloSeries, tier: Tier) -> Template:
    """`7 of 31 calls failed in 15 minutes, 4 callers; 42 % of the 30-day budget left, gone in 3 h at this pace`."""
    return (
        Template('{{ printf "%.0f" $value }}')
        + _figure(own, lambda matchers: own.events("eligible", tier.long, *matchers), f" of {_number(VALUE)}")
        + f" {_UNITS[own.slo.sli.unit]} failed in {_spelled(tier.long)}"
        + _callers(own, tier)
        + _budget_left(own, tier)
        + _segments(own)
    )


def links(own: SloSeries, alert_class: str) -> dict[str, str]:
    """Where the runbook and the dashboard are; nothing for what the SLO file has no link to."""
    found = {}
    if own.links.runbooks:
        found["runbook_url"] = f"{literal(own.links.runbooks.rstrip('/'))}/{alert_class}"
    if own.links.dashboards:
        uid = names.dashboard_uid(own.slo.agent, "operator")
        chosen = "".join(
            f"&var-{names.dashboard_variable(name)}={{{{ {label(name)} | urlquery }}}}" for name in own.slo.budget_by
        )
        base = literal(own.links.dashboards.rstrip("/"))
        found["dashboard_url"] = f"{base}/d/{uid}?var-{names.SLO}={own.slo.name}{chosen}"
    return found


def _figure(own: SloSeries, query: Callable[[Sequence[str]], str], then: Template | str) -> Template:
    return with_result(own.slo.budget_by, query, then)


def _callers(own: SloSeries, tier: Tier) -> Template:
    """Synthetic runs have none."""
    if own.slo.sli.unit == "synthetic":
        return Template("")
    plural = "{{ if ne (" + VALUE + ") 1.0 }}s{{ end }}"
    return _figure(
        own, lambda matchers: own.events("bad_callers", tier.long, *matchers), f", {_number(VALUE)} caller{plural}"
    )


def _budget_left(own: SloSeries, tier: Tier) -> Template:
    """Worked out from the counts that the alert itself reads: the recorded budget may lag them by an evaluation."""
    budget = f"{_adjective(own.slo.period)} budget"
    share = "{{ if lt $left 1.0 }}under 1{{ else }}" + _number("$left") + "{{ end }} %"
    some = Template(f"{share} of the {budget} left") + _time_left(own, tier)
    spent = (
        Template(f"the {budget} is spent")
        + _figure(own, lambda matchers: own.events("bad", None, *matchers), f": {_number(VALUE)} failed")
        + _figure(own, lambda matchers: f"floor({_allowed(own, matchers)} + {SLACK})", f", {_number(VALUE)} allowed")
    )
    return _figure(
        own,
        lambda matchers: f"100 * ({_remaining(own, matchers)}) / ({_allowed(own, matchers)} > 0)",
        Template(f"{{{{ $left := {VALUE} }}}}; {{{{ if gt $left 0.0 }}}}") + some + "{{ else }}" + spent + "{{ end }}",
    )


def _allowed(own: SloSeries, matchers: Sequence[str]) -> str:
    return f"{own.series(names.ERROR_BUDGET_RATIO, *matchers)} * {own.events('eligible', None, *matchers)}"


def _remaining(own: SloSeries, matchers: Sequence[str]) -> str:
    return f"{_allowed(own, matchers)} - {own.events('bad', None, *matchers)}"


def _time_left(own: SloSeries, tier: Tier) -> Template:
    """How long the budget lasts at the pace of the tier's long window."""

    def seconds(matchers: Sequence[str]) -> str:
        bad = own.events("bad", tier.long, *matchers)
        return f"({_remaining(own, matchers)}) / ({bad} > 0) * {tier.long}"

    told = (
        f"{{{{ if le $seconds {_MINUTES_UP_TO}.0 }}}}{_divided('$seconds', _MINUTE)} min"
        f"{{{{ else if le $seconds {_HOURS_UP_TO}.0 }}}}{_divided('$seconds', _HOUR)} h"
        f"{{{{ else }}}}{_divided('$seconds', _DAY)} d{{{{ end }}}}"
    )
    return _figure(own, seconds, f"{{{{ $seconds := {VALUE} }}}}, gone in {told} at this pace")


def _divided(value: str, by: int) -> str:
    """Go templates cannot divide; Prometheus can."""
    return f'{{{{ printf "vector(%f / {by})" {value} | query | first | value | printf "%.0f" }}}}'


def _segments(own: SloSeries) -> str:
    if not own.slo.budget_by:
        return ""
    return f" ({', '.join(f'{name}: {{{{ {label(name)} }}}}' for name in own.slo.budget_by)})"


def _number(value: str) -> str:
    return f'{{{{ {value} | printf "%.0f" }}}}'


def _spelled(seconds: int) -> str:
    """`900` → `15 minutes`, `86400` → `1 day`."""
    count, unit = _in_words(seconds)
    return f"{count} {unit}" if count == 1 else f"{count} {unit}s"


def _adjective(seconds: int) -> str:
    """`2592000` → `30-day`."""
    return "{}-{}".format(*_in_words(seconds))


def _in_words(seconds: int) -> tuple[int, str]:
    return next((seconds // size, word) for size, word in _SPANS if seconds % size == 0)
