"""What a burn alert says to whom it wakes: how much failed, for how many callers, what is left, where to look."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from prometheus_rules.burn import SLACK
from prometheus_rules.go_template import VALUE, Template, label, literal, with_result
from prometheus_rules.scope import Scope
from voice_slo import names, promql
from voice_slo.spec import Slo, Tier, Unit

UNITS: dict[Unit, str] = {
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
_MOST = 3
"""Segments that are named where all of them are looked at."""
_STANDS_OUT = 1
"""Failures beyond a slice's share from which it is named; one may come from counts of two moments."""


def title(slo: Slo) -> str:
    return literal(slo.title or slo.name)


def summary(scope: Scope, tier: Tier) -> Template:
    """The same for every budget of the SLO, so that alerts grouped together share it."""
    kind = tier.name.replace("_", " ").replace("-", " ")
    over = " over all segments" if scope.name == "all" else ""
    return Template(f"{title(scope.own.slo)} ({scope.own.slo.agent}): {kind} burn of the error budget{over}")


def description(scope: Scope, tier: Tier) -> Template:
    """`7 of 31 calls failed in 15 minutes, 4 callers; 42 % of the 30-day budget left, gone in 3 h at this pace`."""
    return (
        Template(number("$value"))
        + figure(scope, lambda matchers: scope.events("eligible", tier.long, *matchers), f" of {number(VALUE)}")
        + f" {UNITS[scope.own.slo.sli.unit]} failed in {spelled(tier.long)}"
        + _callers(scope, tier)
        + _budget_left(scope, tier)
        + whose(scope)
        + _worst_segment(scope, tier)
        + _top_reason(scope, tier)
        + _suspect(scope, tier)
    )


def burn_rate(scope: Scope, tier: Tier) -> Template:
    """`40 times the budget's pace in 15 minutes; fires from 10 times (5 % failed)`: the factor as the cap leaves it."""

    def pace(matchers: Sequence[str]) -> str:
        return f"{scope.events('bad', tier.long, *matchers)} / ({scope.allowed(tier.long, *matchers)} > 0)"

    def factor(matchers: Sequence[str]) -> str:
        return f"{scope.level(tier, tier.long, *matchers)} / ({scope.allowed(tier.long, *matchers)} > 0)"

    def share(matchers: Sequence[str]) -> str:
        level = scope.level(tier, tier.long, *matchers)
        return f"100 * {level} / ({scope.events('eligible', tier.long, *matchers)} > 0)"

    return figure(
        scope,
        pace,
        Template(f"{_rounded(VALUE)} times the budget's pace in {spelled(tier.long)}")
        + figure(scope, factor, Template(f"; fires from {_rounded(VALUE)} times"))
        + figure(scope, share, f" ({_rounded(VALUE)} % failed)"),
    )


def budget_name(slo: Slo) -> str:
    """`30-day budget`, `month's budget`."""
    return "month's budget" if slo.calendar else f"{_adjective(slo.period)} budget"


def whose(scope: Scope) -> str:
    """` (flow: booking)`: the labels that tell what the alert is about."""
    own = scope.own.slo
    if scope.name == "all":
        named = ", ".join(own.budget_by)
        return f" (every {named} together{_named(scope.own.identity, ', ')})"
    return f" ({_named(scope.labels)})" if scope.labels else ""


def _named(labels: Sequence[str], before: str = "") -> str:
    text = ", ".join(f"{name}: {{{{ {label(name)} }}}}" for name in labels)
    return before + text if text else ""


def figure(scope: Scope, query: Callable[[Sequence[str]], str], then: Template | str) -> Template:
    """`then`, where `query` has a result for the budgets that the alert is about."""
    return with_result(scope.chosen, query, then)


def _callers(scope: Scope, tier: Tier) -> Template:
    """Synthetic runs have none."""
    if scope.own.slo.sli.unit == "synthetic":
        return Template("")
    plural = "{{ if ne (" + VALUE + ") 1.0 }}s{{ end }}"
    return figure(
        scope, lambda matchers: scope.events("bad_callers", tier.long, *matchers), f", {number(VALUE)} caller{plural}"
    )


def _budget_left(scope: Scope, tier: Tier) -> Template:
    """Worked out from the counts that the alert itself reads: the recorded budget may lag them by an evaluation."""
    budget = budget_name(scope.own.slo)
    some = Template(f"{left_share()} of the {budget} left") + time_left(scope, tier.long, " at this pace")
    spent = Template(f"the {budget} is spent") + used(scope)
    return left(scope, Template("; {{ if gt $left 0.0 }}") + some + "{{ else }}" + spent + "{{ end }}")


def left(scope: Scope, then: Template) -> Template:
    """`then`, with the percentage of the budget that is left as `$left`."""
    return figure(
        scope,
        lambda matchers: f"100 * ({_remaining(scope, matchers)}) / ({scope.allowed(None, *matchers)} > 0)",
        Template(f"{{{{ $left := {VALUE} }}}}") + then,
    )


def left_share() -> str:
    return "{{ if lt $left 1.0 }}under 1{{ else }}" + number("$left") + "{{ end }} %"


def used(scope: Scope) -> Template:
    """`: 31 failed, 30 allowed`."""
    return figure(
        scope, lambda matchers: scope.events("bad", None, *matchers), f": {number(VALUE)} failed"
    ) + figure(
        scope, lambda matchers: f"floor({scope.allowed(None, *matchers)} + {SLACK})", f", {number(VALUE)} allowed"
    )


def _remaining(scope: Scope, matchers: Sequence[str]) -> str:
    return f"{scope.allowed(None, *matchers)} - {scope.events('bad', None, *matchers)}"


def time_left(scope: Scope, window: int, then: str) -> Template:
    """How long the budget lasts at the pace of `window` seconds."""

    def seconds(matchers: Sequence[str]) -> str:
        bad = scope.events("bad", window, *matchers)
        return f"({_remaining(scope, matchers)}) / ({bad} > 0) * {window}"

    return figure(scope, seconds, f"{{{{ $seconds := {VALUE} }}}}, gone in {duration('$seconds')}{then}")


def duration(seconds: str) -> str:
    """A template variable in seconds, for a person: `40 min`, `3 h`, `5 d`."""
    return (
        f"{{{{ if le {seconds} {_MINUTES_UP_TO}.0 }}}}{_divided(seconds, _MINUTE)} min"
        f"{{{{ else if le {seconds} {_HOURS_UP_TO}.0 }}}}{_divided(seconds, _HOUR)} h"
        f"{{{{ else }}}}{_divided(seconds, _DAY)} d{{{{ end }}}}"
    )


def _divided(value: str, by: int) -> str:
    """Go templates cannot divide; Prometheus can."""
    return f'{{{{ printf "vector(%f / {by})" {value} | query | first | value | printf "%.0f" }}}}'


def _worst_segment(scope: Scope, tier: Tier) -> Template:
    """Which of the budgets that are summed failed most often."""
    if scope.name == "segment":
        return Template("")
    by = ", ".join(scope.own.slo.budget_by)

    def worst(matchers: Sequence[str]) -> str:
        bad, enforced = scope.own.events("bad", tier.long, *matchers), scope.own.series(names.ENFORCED, *matchers)
        return f"sort_desc(topk({_MOST}, sum by ({by}) ({bad} and {enforced} == 1) > 0))"

    named = " · ".join(f'{{{{ . | label "{name}" }}}}' for name in scope.own.slo.budget_by)
    each = f"{{{{ range $n, $_ := . }}}}{{{{ if $n }}}}, {{{{ end }}}}{named} {number('. | value')}{{{{ end }}}}"
    return figure(scope, worst, f". Most in {by}: {each}")


def _top_reason(scope: Scope, tier: Tier) -> Template:
    own = scope.own

    def reasons(matchers: Sequence[str]) -> str:
        failed = own.since(own.count("bad_reason", *matchers), tier.long, own.by)
        return f"topk(1, sum by ({names.REASON}) ({_enforced(scope, f'({failed})', matchers)}) > 0)"

    return figure(scope, reasons, f'. Mostly {{{{ . | first | label "{names.REASON}" }}}} ({number(VALUE)})')


def _suspect(scope: Scope, tier: Tier) -> Template:
    """The slice (agent version, provider …) with the most failures beyond its share of all units."""
    named = f'{{{{ . | first | label "{names.DIMENSION}" }}}} {{{{ . | first | label "{names.SLICE_VALUE}" }}}}'

    def excess(matchers: Sequence[str]) -> str:
        failed = _in_slices(scope, tier.long, matchers, promql.equals(names.VERDICT, "bad"))
        bad, eligible = scope.events("bad", tier.long, *matchers), scope.events("eligible", tier.long, *matchers)
        share = f"scalar({bad} / ({eligible} > 0))"
        return f"topk(1, ({failed} - {share} * {_in_slices(scope, tier.long, matchers)}) > {_STANDS_OUT})"

    return figure(scope, excess, f". {named} stands out: {number(VALUE)} failures more than its share")


def _in_slices(scope: Scope, window: int, matchers: Sequence[str], *more: str) -> str:
    """Units per slice in the window. A slice without a value at its start had none, if the counts had: both are shown
    together."""
    own = scope.own
    series = own.series(names.SLICES.name, *matchers, *more)
    budget, on = (own.labels, own.by) if scope.name == "all" else ((), "()")
    by = f"({', '.join((*budget, names.DIMENSION, names.SLICE_VALUE, names.VERDICT))})"
    now, before = f"max by {by} ({series})", f"max by {by} ({own.recorded(series, window)})"
    known = f"0 * {now} and on {on} {own.events('eligible', window, *matchers)}"
    moved = _enforced(scope, f"({now} - ({before} or ({known})))", matchers)
    return f"sum by ({names.DIMENSION}, {names.SLICE_VALUE}) ({moved})"


def _enforced(scope: Scope, expr: str, matchers: Sequence[str]) -> str:
    """`expr`, whose series have more labels than a budget, of the enforced budgets."""
    if scope.name == "segment":
        return expr
    return f"{expr} and on {scope.own.by} {scope.own.series(names.ENFORCED, *matchers)} == 1"


def number(value: str) -> str:
    return f'{{{{ {value} | printf "%.0f" }}}}'


def _rounded(value: str) -> str:
    """Four significant digits, none of them a trailing zero."""
    return f'{{{{ {value} | printf "%.4g" }}}}'


def spelled(seconds: int) -> str:
    """`900` → `15 minutes`, `86400` → `1 day`."""
    count, unit = _in_words(seconds)
    return f"{count} {unit}" if count == 1 else f"{count} {unit}s"


def _adjective(seconds: int) -> str:
    """`2592000` → `30-day`."""
    return "{}-{}".format(*_in_words(seconds))


def _in_words(seconds: int) -> tuple[int, str]:
    return next((seconds // size, word) for size, word in _SPANS if seconds % size == 0)
