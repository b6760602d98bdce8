"""The JSON Schema (draft 7) of SLO files, for editors: what stands where, and what each key means.

Its keys, words and patterns are the parser's own; a key that only one of the two knows is an error here. What a schema
cannot say (names declared elsewhere, what depends on the SLI, ranges of durations) `voice-slo check` alone knows.
"""

from __future__ import annotations

from voice_slo import loading, parse_alerting, parse_exclusions, parse_objectives, parse_segments, parse_sli, parse_slo
from voice_slo import schema_values as of
from voice_slo.catalog import catalog
from voice_slo.names import EXTERNAL_LABELS, RESERVED_LABELS
from voice_slo.policies import DEFAULT, POLICIES
from voice_slo.schema_values import Schema, closed, listed, ref, says
from voice_slo.spec import NEVER_ENFORCED, Sli, Unit

DIALECT = "http://json-schema.org/draft-07/schema#"
"""The draft that editors know best."""
_EXCLUSION, _ALERTING, _RELEASE_POLICY, _BUDGET_BY = "exclusion", "alerting", "release-policy", "budget-by"


def schema() -> Schema:
    """The whole schema. Raises `ValueError` where parser and schema know different keys."""
    return {
        "$schema": DIALECT,
        "title": "SLO file of voice-slo",
        **_file(),
        "definitions": {
            "segment": _segment(),
            _EXCLUSION: _exclusion(),
            "outage": _outage(),
            "synthetic": _synthetic(),
            "slo": _slo(),
            "sli": _sli(),
            "objectives-row": _row(),
            _ALERTING: _alerting(),
            "tier": _tier(),
            _RELEASE_POLICY: _release_policy(),
            _BUDGET_BY: listed(of.without(of.text(), parse_segments.ROW_KEYS), empty=True, distinct=True),
            **of.conditions(parse_sli.UNITS),
        },
    }


def _file() -> Schema:
    slos = {"type": "object", "minProperties": 1, "propertyNames": of.name(), "additionalProperties": ref("slo")}
    return closed(loading.KEYS, loading.REQUIRED, {
        "version": says("the version of this language", {"const": loading.VERSION}),
        "agent": says("name of the voice agent; the label `agent` on everything", of.name()),
        "owner": says("who answers for an SLO that names nobody else", of.text()),
        "slos": says("the SLOs, by name", slos),
        "period": says("of the error budgets: whole days such as 30d, or a calendar month", _period()),
        "budget_by": says("segments whose every value has a budget of its own", ref(_BUDGET_BY)),
        "segments": says("what a call may be labelled with", {
            "type": "object", "propertyNames": _label_name(), "additionalProperties": ref("segment"),
        }),
        "exclusions": says("what is left out of budgets", listed(ref(_EXCLUSION), empty=True)),
        "outages": says("declared outages of others", listed(ref("outage"), empty=True)),
        "synthetics": says("schedules of test calls", listed(ref("synthetic"), empty=True)),
        "business_hours": says("when people are at work", _business_hours()),
        "links": says("addresses in alerts and dashboards", _links()),
        "prometheus": says("intervals of your Prometheus", closed(loading.PROMETHEUS_KEYS, (), {
            "scrape_interval": says("1s to 5m, default 30s", of.duration()),
            "evaluation_interval": says("1s to 5m, default 30s", of.duration()),
            "identity_labels": says("labels of the scrape, such as cluster, each value of which has counts of its own",
                                    listed(_identity_label(), empty=True, distinct=True)),
        })),
        "alerting": says("alert policy of SLOs without one of their own", ref(_ALERTING)),
        "release_policy": says("limits of the release state", ref(_RELEASE_POLICY)),
    })  # fmt: skip


def _period() -> Schema:
    return of.any_of(of.duration(), closed(parse_slo.CALENDAR_KEYS, parse_slo.CALENDAR_KEYS, {
        "calendar": says("a budget that begins anew on the first", of.words((parse_slo.CALENDAR,))),
        "zone": says("of the first midnight, such as Europe/Berlin", of.text()),
    }))  # fmt: skip


def _label_name() -> Schema:
    name = of.matching(rf"(?!__){parse_segments.LABEL_NAME.pattern}") | {"maxLength": 63}
    return of.without(name, RESERVED_LABELS)


def _identity_label() -> Schema:
    return of.without(of.matching(rf"(?!__){parse_segments.LABEL_NAME.pattern}"), RESERVED_LABELS - EXTERNAL_LABELS)


def _segment() -> Schema:
    value = of.without(of.text(), NEVER_ENFORCED)
    values = listed(value, distinct=True) | {"maxItems": parse_segments.MAX_VALUES}
    aliased = {
        "type": "object",
        "propertyNames": value,
        "minProperties": 1,
        "maxProperties": parse_segments.MAX_VALUES,
        "additionalProperties": listed(value, empty=True),
    }
    long_form = closed(parse_segments.LONG_FORM, (), {
        "values": says("the closed vocabulary", of.any_of(values, aliased)),
        "max": says("open: so many values at a time", of.integer(1, parse_segments.MAX_VALUES)),
        "known": says("from when a call has its value; default start", of.words(parse_segments.KNOWN)),
    })  # fmt: skip
    one_of = {"oneOf": [{"required": ["values"]}, {"required": ["max"]}]}
    short = {"allOf": [aliased, {"propertyNames": {"not": {"enum": list(parse_segments.LONG_FORM)}}}]}
    return of.any_of(values, short, long_form | one_of)


def _exclusion() -> Schema:
    exclusion = closed(parse_exclusions.FILE_RULE_KEYS, parse_exclusions.RULE_KEYS, {
        "reason": says("the label of what is excluded", of.word()),
        "when": says("what has to hold", {}),
        "units": says("the units it is for; default all", listed(of.words(parse_exclusions.EXCLUDABLE), distinct=True)),
    })  # fmt: skip
    single = {unit: {"required": ["units"], "properties": {"units": {"const": [unit]}}}
              for unit in parse_exclusions.EXCLUDABLE if unit != "call"}  # fmt: skip
    several = {"not": {"anyOf": list(single.values())}}
    own = [_where(only, {"when": of.decisive(unit)}) for unit, only in single.items()]
    return exclusion | {"allOf": [*own, _where(several, {"when": of.decisive("call")})]}


def _where(holds: Schema, then: Schema) -> Schema:
    return {"if": holds, "then": {"properties": then}}


def _is(key: str, value: str) -> Schema:
    return {"required": [key], "properties": {key: {"const": value}}}


def _outage() -> Schema:
    match = {
        "type": "object",
        "minProperties": 1,
        "properties": {"stage": of.words(parse_exclusions.STAGES), "provider": of.text()},
        "additionalProperties": of.text(),
    }
    return closed(parse_exclusions.OUTAGE_KEYS, parse_exclusions.OUTAGE_KEYS, {
        "reason": says("the label of what is excluded", of.word()),
        "from": says("from this moment, with its zone", of.timestamp()),
        "to": says("until before this moment", of.timestamp()),
        "match": says("the failing stage and its provider, or declared segments", match),
        "ticket": says("where it is written down", of.text()),
        "approved_by": says("who reviewed it", of.text()),
    })  # fmt: skip


def _synthetic() -> Schema:
    return closed(loading.SYNTHETIC_KEYS, loading.SYNTHETIC_KEYS[:3], {
        "flow": says("the flow that is called", of.text()),
        "every": says("one run in each, 10s to 1d", of.duration()),
        "grace": says("how late a run may come", of.duration()),
        "critical": says("a flow that must not be silent", of.BOOLEAN),
    })  # fmt: skip


def _business_hours() -> Schema:
    time_of_day = of.matching(loading.TIME_OF_DAY.pattern)
    return closed(loading.HOURS_KEYS, loading.HOURS_KEYS, {
        "zone": says("a time zone such as Europe/Berlin", of.text()),
        "days": says("days of the week", listed(of.words(loading.DAYS), distinct=True)),
        "from": says('such as "09:00", in quotes', time_of_day),
        "to": says('such as "18:00", in quotes', time_of_day),
    })  # fmt: skip


def _links() -> Schema:
    return closed(loading.LINK_KEYS, (), {
        "runbooks": says("the address below which runbooks are", of.url()),
        "dashboards": says("the address of Grafana", of.url()),
        "traces": says(f"the address of a trace, with {loading.TRACE_ID}", of.url(loading.TRACE_ID)),
    })  # fmt: skip


def _target() -> dict[str, Schema]:
    """The keys that an SLO and a row of `objectives` share."""
    return {
        "objective": says("share of eligible units that have to be good: 99.5% or 0.995", of.positive_ratio()),
        "mode": says("observe: shown, never pages; default strict", of.words(parse_objectives.MODES)),
        "threshold": says("for SLIs that have one, such as 1.2s", of.amount()),
        "sla": says("the promise to customers; never tighter than the objective", of.ratio()),
    }


def _slo() -> Schema:
    titles = [sli.title for sli in catalog().values()]
    rows = listed(ref("objectives-row"))
    slo = closed(parse_slo.KEYS, parse_slo.REQUIRED, {
        **_target(),
        "sli": says("a name from the catalog, or an SLI of your own",
                    of.any_of(of.words(tuple(catalog()), titles), ref("sli"))),
        "owner": says("who answers for it", of.text()),
        "title": says("its name for people", of.text()),
        "period": says("whole days or a calendar month; default the file's", _period()),
        "budget_by": says("segments whose every value has a budget of its own; default the file's", ref(_BUDGET_BY)),
        "parameters": says("for SLIs that have some, such as dead_air_after", {
            "type": "object", "propertyNames": of.word(), "additionalProperties": of.amount(),
        }),
        "objectives": says("other targets for some segments; the first row that matches holds", rows),
        "exclusions": says("which of the file's hold here", listed(of.word(), empty=True, distinct=True)),
        "expected_traffic": says("eligible units, such as 4000/d; `check` compares tiers with it", of.traffic()),
        "alerting": says("alert policy; default the file's", ref(_ALERTING)),
        "release_policy": says("limits of the release state; over the file's", ref(_RELEASE_POLICY)),
        "audit_horizon": says("how long a unit may wait for its evaluation, up to 90d", of.duration()),
    })  # fmt: skip
    return slo | {"allOf": [_where(_is("sli", sli.name), _measures(sli)) for sli in catalog().values()]}


def _measures(sli: Sli) -> Schema:
    """What an SLO may set of a catalog entry, and in which quantity."""
    threshold = sli.threshold is not None and of.measured(parse_sli.quantity_of(sli, parse_sli.THRESHOLD))
    own = {name: of.measured(parse_sli.quantity_of(sli, name)) for name in sli.parameters}
    return {
        "threshold": threshold,
        "parameters": closed(own, (), own),
        "objectives": {"items": {"properties": {"threshold": threshold}}},
    }


def _row() -> Schema:
    values = of.any_of(of.text(), listed(of.text(), distinct=True))
    row = closed(parse_segments.ROW_KEYS, (), _target())
    changes = [{"required": [key]} for key in parse_segments.ROW_KEYS]
    return row | {"additionalProperties": values, "minProperties": 2, "anyOf": changes}


def _sli() -> Schema:
    reasons = listed(closed(parse_sli.REASON_KEYS, parse_sli.REASON_KEYS[:1], {
        "reason": says("the label of such a unit", of.word()),
        "when": says("what has to hold; the last reason has none", {}),
    }))  # fmt: skip
    exclusion = closed(parse_exclusions.RULE_KEYS, parse_exclusions.RULE_KEYS, {
        "reason": says("the label of what is excluded", of.word()), "when": says("what has to hold", {}),
    })  # fmt: skip
    sli = closed(parse_sli.KEYS, parse_sli.REQUIRED, {
        "unit": says("what is judged", of.words(parse_sli.UNITS)),
        "settles": says("quality: an evaluation may come later", of.words(parse_sli.SETTLES)),
        "eligible": says("which units count; {} is all", {}),
        "good": says("which of them are good", {}),
        "title": says("its name for people", of.text()),
        parse_sli.THRESHOLD: says("the default of $threshold", of.amount()),
        "parameters": says("further figures by name, for $name", {
            "type": "object", "propertyNames": of.without(of.word(), (parse_sli.THRESHOLD,)),
            "additionalProperties": of.amount(),
        }),
        "reasons": says("why a unit is bad; the first that holds", reasons),
        "unknown_reasons": says("why a unit stayed unknown; the first that holds", reasons),
        "exclusions": says("what is left out of the budget", listed(exclusion, empty=True)),
    })  # fmt: skip
    return sli | {"allOf": [_where(_is("unit", unit), _reads(unit)) for unit in parse_sli.UNITS]}


def _reads(unit: Unit) -> Schema:
    """The conditions of an SLI of one's own, which read the fields of its unit."""
    rules = {"items": {"properties": {"when": of.decisive(unit)}}}
    single = {"eligible": of.condition(unit), "good": of.decisive(unit)}
    return single | dict.fromkeys(("reasons", "unknown_reasons", "exclusions"), rules)


def _alerting() -> Schema:
    of_own = closed(parse_alerting.POLICY_KEYS, (), {
        "policy": says("the policy to begin with", of.words(tuple(POLICIES))),
        "tiers": says("tiers of your own; one of the same name replaces the policy's", listed(ref("tier"))),
        "disable": says("tiers and alert classes that are switched off", listed(of.word(), distinct=True)),
        "severity": says("of tiers and alert classes, where it is not the usual one", {
            "type": "object", "propertyNames": of.word(), "additionalProperties": of.words(parse_alerting.SEVERITIES),
        }),
    })  # fmt: skip
    return of.any_of(of.words(tuple(POLICIES)), of_own | {"minProperties": 1}) | {"default": DEFAULT.name}


def _tier() -> Schema:
    tier = closed(parse_alerting.TIER_KEYS, parse_alerting.TIER_REQUIRED, {
        "name": says("gives the alert its name", of.word()),
        "long": says("the long window, 1m to 30d", of.duration()),
        "short": says("the short window", of.duration()),
        "severity": says("page, ticket or info", of.words(parse_alerting.SEVERITIES)),
        "burn": says("factor; 1 spends the budget in one period", of.positive(parse_alerting.MAX_BURN)),
        "budget": says("instead of burn: the share of the budget that `long` may spend", of.positive_ratio()),
        "min_bad_callers": says("at least so many callers affected", of.integer(0, 10_000)),
        "min_bad_events": says("at least so many bad units", of.integer(0, 1_000_000)),
        "z": says("confidence of the guard against chance", of.positive(parse_alerting.MAX_Z)),
        "for": says("wait so long before the alert", of.duration()),
        "keep_firing": says("stay so long after it", of.duration()),
        "enabled": says("false switches the tier off", of.BOOLEAN),
    })  # fmt: skip
    return tier | {"oneOf": [{"required": ["burn"]}, {"required": ["budget"]}]}


def _release_policy() -> Schema:
    return closed(parse_alerting.RELEASE_KEYS, (), {
        "watch_below": says("of the budget left; default 50%", of.ratio()),
        "freeze_below": says("of the budget left; default 20%", of.ratio()),
        "on_fast_burn": says("default watch", of.words(parse_alerting.FAST_BURN)),
        "on_unknown": says("default review", of.words(parse_alerting.VERDICTS)),
        "on_collecting": says("default allow", of.words(parse_alerting.VERDICTS)),
    })  # fmt: skip
