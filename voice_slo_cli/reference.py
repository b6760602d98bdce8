"""docs/reference.md, written from the tables that the code itself uses. `make docs` writes it, a test compares it."""

from __future__ import annotations

import argparse
import sys
import typing
from collections.abc import Iterable, Sequence
from pathlib import Path

from msgspec import inspect

from exporter.config import SETTINGS
from exporter.http import ROUTES
from exporter.sources import SOURCES, livekit
from exporter.sources.translation import DEFAULT_SEGMENTS, DEFAULT_SYNTHETIC
from prometheus_rules import state
from prometheus_rules.rule import Alert, Record
from prometheus_rules.rule_files import PARTS, SOURCES_PART, rule_groups
from voice_slo import events, names
from voice_slo.alert_classes import ALERT_CLASSES
from voice_slo.catalog import catalog
from voice_slo.conditions import describe
from voice_slo.fields import FIELDS, Capability, Field
from voice_slo.policies import DEFAULT, POLICIES
from voice_slo.quantities import plain, prometheus_duration
from voice_slo.sources import NATIVE, OBSERVES, capabilities
from voice_slo.spec import Reason, Sli, Slo, SloFile, Tier
from voice_slo_cli import reference_words as words
from voice_slo_cli import slo_files
from voice_slo_cli.main import COMMANDS
from voice_slo_cli.terminal import EXIT_DRIFT, EXIT_INVALID, EXIT_OK, say

PATH = "docs/reference.md"
STARTER = "slos/starter.yaml"
_NONE = "–"
_INTRODUCTION = """# Reference

Written by `make docs` from the tables in the code; a test fails where the two differ. Do not edit it by hand.
The other pages explain what these words mean: [SLO file](slo-file.md), [telemetry](telemetry.md),
[exporter](exporter.md), [rules](rules.md), [dashboards](dashboards.md)."""


def reference(starter: SloFile) -> str:
    """The page. `starter` is the SLO file whose rules stand as the example."""
    parts = (
        _INTRODUCTION, _commands(), _exit_codes(), _fields(), _catalog(), _kinds(), _livekit(), _metrics(),
        _recorded(starter), _release_states(), _policies(), _settings(), _endpoints(),
    )  # fmt: skip
    return "\n\n".join(parts) + "\n"


def main() -> None:
    """Write the page below the current folder."""
    (starter,) = slo_files.read([STARTER]).files
    path = Path(PATH)
    wanted = reference(starter).encode()
    if not path.exists() or path.read_bytes() != wanted:
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(wanted)
        say(f"{PATH}: written")
    sys.exit(EXIT_OK)


class _Recorder(argparse.ArgumentParser):
    """Keeps what a command declares; the text of argparse's own help differs between Python versions."""

    def __init__(self) -> None:
        self.declared: list[argparse.Action] = []
        super().__init__(add_help=False)

    def add_argument(self, *args: typing.Any, **kwargs: typing.Any) -> argparse.Action:
        action = super().add_argument(*args, **kwargs)
        self.declared.append(action)
        return action


def _commands() -> str:
    parts = ["## Commands\n\n`voice-slo --version` prints the version. Every command takes `--help`."]
    for name, module in COMMANDS.items():
        recorder = _Recorder()
        module.arguments(recorder)
        rows = [(_argument(action), action.help or _choices(action)) for action in recorder.declared]
        table = _table(("argument", "meaning"), rows) if rows else "No arguments."
        parts.append(f"### voice-slo {name}\n\n{_sentence(module.HELP)}\n\n{table}")
    return "\n\n".join(parts)


def _argument(action: argparse.Action) -> str:
    shown = action.metavar if isinstance(action.metavar, str) else action.dest
    if not action.option_strings:
        return f"`{shown} …`" if action.nargs == "*" else f"`{shown}`"
    takes = "" if action.nargs == 0 else f" {shown if action.choices is None or action.metavar else 'WORD'}"
    return f"`{action.option_strings[0]}{takes}`"


def _choices(action: argparse.Action) -> str:
    listed = " or ".join(f"`{choice}`" for choice in action.choices or ())
    return f"{listed} (default: `{action.default}`)" if listed else ""


def _exit_codes() -> str:
    rows = [(f"`{code}`", meaning) for code, meaning in words.exit_codes(EXIT_OK, EXIT_INVALID, EXIT_DRIFT)]
    return "## Exit codes\n\n" + _table(("code", "meaning"), rows)


def _fields() -> str:
    head = ("field", "type", "meaning", "finality", "value at settle", "needs")
    rows = [
        (f"`{f.name}`", _field_type(f), f.meaning, f.finality, _at_settle(f), f.needs or _NONE) for f in FIELDS.values()
    ]
    rows.append(
        ("`segment.<name>`", "a value of the segment, `other` or `unknown`", "a segment of the call", "final",
         "`unknown`", _NONE)
    )  # fmt: skip
    finality = [(f"`{word}`", meaning) for word, meaning in words.FINALITY.items()]
    return "\n\n".join((
        "## Fields of conditions",
        words.FIELDS,
        _table(head, rows),
        _table(("finality", "meaning"), finality),
        "### What a source can observe",
        words.CAPABILITIES,
        _table(("source", *typing.get_args(Capability)), _observations()),
    ))  # fmt: skip


def _field_type(field: Field) -> str:
    return " \\| ".join(f"`{value}`" for value in field.values) if field.values else field.type


def _at_settle(field: Field) -> str:
    if field.at_settle is None:
        return "none"
    if isinstance(field.at_settle, frozenset):
        return "empty set"
    return f"`{str(field.at_settle).lower() if isinstance(field.at_settle, bool) else field.at_settle}`"


def _observations() -> list[tuple[str, ...]]:
    found = {f"{NATIVE}, with `call.*` events": capabilities({NATIVE: ["call.started"]}),
             f"{NATIVE}, turns only": capabilities({NATIVE: ["turn"]})}  # fmt: skip
    found |= {source: OBSERVES[source] for source in SOURCES if source in OBSERVES}
    return [
        (source, *("yes" if can in seen else "no" for can in typing.get_args(Capability)))
        for source, seen in found.items()
    ]


def _catalog() -> str:
    summary = [(f"[`{s.name}`](#{s.name})", s.title, s.unit, s.settles, _quantity(s)) for s in catalog().values()]
    head = ("SLI", "title", "unit", "settles", "threshold")
    return "\n\n".join(("## Catalog of SLIs", words.CATALOG, _table(head, summary), *map(_sli, catalog().values())))


def _sli(sli: Sli) -> str:
    rows = [("eligible", f"`{describe(sli.eligible)}`"), ("good", f"`{describe(sli.good)}`")]
    rows.append(("reasons for bad", _reasons(sli.reasons)))
    if sli.unknown_reasons:
        rows.append(("reasons for unknown", _reasons(sli.unknown_reasons)))
    if sli.exclusions:
        listed = "<br>".join(f"`{e.reason}` when `{describe(e.when)}`" for e in sli.exclusions)
        rows.append(("exclusions of its own", listed))
    if sli.parameters:
        rows.append(("parameters", ", ".join(f"`{name}` {plain(value)}" for name, value in sli.parameters.items())))
    return f"### {sli.name}\n\n" + _table(("part", "value"), rows)


def _quantity(sli: Sli) -> str:
    return _NONE if sli.threshold is None else plain(sli.threshold)


def _reasons(reasons: Iterable[Reason]) -> str:
    return "<br>".join(
        f"`{reason.name}` " + (f"when `{describe(reason.when)}`" if reason.when else "otherwise") for reason in reasons
    )


def _kinds() -> str:
    common = inspect.type_info(events.Base)
    assert isinstance(common, inspect.StructType)
    shared = {field.name for field in common.fields}
    parts = ["## Canonical events", words.EVENTS, "### Every event", _struct(common.fields)]
    for kind in events.KINDS:
        found = inspect.type_info(kind)
        assert isinstance(found, inspect.StructType)
        parts.append(f"### {found.tag}\n\n" + words.KINDS[str(found.tag)])
        own = [field for field in found.fields if field.name not in shared]
        if own:
            parts.append(_struct(own))
    listed = _bullets(f"`{reason}`: {words.END_REASONS[reason]}" for reason in typing.get_args(events.EndReason))
    return "\n\n".join((*parts, "### End reasons", listed))


def _struct(fields: Sequence[inspect.Field]) -> str:
    rows = [(f"`{f.encode_name}`", _type(f.type), "yes" if f.required else "") for f in fields]
    return _table(("field", "type", "required"), rows)


def _type(found: inspect.Type) -> str:
    match found:
        case inspect.UnionType(types):
            return " or ".join(_type(t) for t in types if not isinstance(t, inspect.NoneType))
        case inspect.LiteralType(values):
            return " \\| ".join(f"`{value}`" for value in sorted(map(str, values)))
        case inspect.StrType(max_length=longest):
            return f"text of at most {longest} characters"
        case inspect.FloatType(le=most):
            return f"number from 0 to {most:g}" if most is not None else "number"
        case inspect.IntType(le=most):
            return f"whole number from 0 to {most}" if most is not None else "whole number"
        case inspect.BoolType():
            return "true or false"
        case inspect.DateTimeType():
            return "RFC 3339 time with a zone"
        case inspect.DictType(value_type=value, max_length=most):
            return f"object of at most {most} names, each {_type(value)}"
        case inspect.StructType(fields=fields):
            return "object of " + ", ".join(f"`{field.encode_name}`" for field in fields)
    raise TypeError(f"no words for {type(found).__name__}")


def _livekit() -> str:
    segments = [(f"`{name}`", ", else ".join(f"`{p}`" for p in paths)) for name, paths in DEFAULT_SEGMENTS.items()]
    segments.append(("a test call (`synthetic`)", f"`{DEFAULT_SYNTHETIC}`"))
    closes = [(f"`{word}`", f"`{reason}`", f"`{by}`") for word, (reason, by) in livekit.CLOSE_REASONS.items()]
    return "\n\n".join((
        "## LiveKit mapping",
        f"Spans of the OTLP scope `{livekit.SCOPE}`. Which span tells what is on the page [telemetry](telemetry.md).",
        _table(("segment", "attribute of any span, or of the resource"), segments),
        _table(("`lk.close_reason`", "end reason", "ended by"), closes),
    ))  # fmt: skip


def _metrics() -> str:
    return "\n\n".join((
        "## Metrics",
        "### SLI counters",
        words.SLI_METRICS,
        _table(("metric", "type", "labels", "help"), map(_metric, names.SLI_METRICS)),
        "### Scheduled test calls",
        words.SYNTHETIC_METRICS,
        _table(("metric", "type", "labels", "help"), map(_metric, names.SYNTHETIC_METRICS)),
        "### The exporter's own",
        words.OWN_METRICS,
        _table(("metric", "type", "labels", "help"), map(_metric, names.EXPORTER_METRICS)),
        "### Reserved label names",
        "A segment cannot have one of these names: " + ", ".join(f"`{n}`" for n in sorted(names.RESERVED_LABELS)) + ".",
    ))  # fmt: skip


def _metric(metric: names.Metric) -> tuple[str, ...]:
    labels = [f"`{label}`" for label in metric.labels] + (["budget segments"] if metric.per_segment else [])
    return f"`{metric.name}`", metric.type, ", ".join(labels) or _NONE, metric.help


def _recorded(starter: SloFile) -> str:
    first = starter.slos[0]
    rows: dict[str, tuple[str, list[str]]] = {}
    alerts = []
    made = rule_groups(starter)
    for part, prefix in _parts(first):
        for group in made:
            if group.name != prefix and not group.name.startswith(prefix + "-"):
                continue
            for rule in group.rules:
                if isinstance(rule, Record):
                    name, window = _without_window(rule.record)
                    rows.setdefault(name, (part, []))[1].extend([window] if window else [])
                elif rule.alert.endswith("Burn") and rule.labels[names.SCOPE] == "segment":
                    alerts.append(_alert(rule, first.alerting.tiers))
    listed = [(f"`{name}`", part, ", ".join(ws) or _NONE, words.recorded(name)) for name, (part, ws) in rows.items()]
    head = ("alert", "severity", "long and short window", "`alert_class`", "keeps firing")
    classes = [
        (f"`{each.alert}`", each.severity, f"`{each.name}`", each.about, each.meaning)
        for each in ALERT_CLASSES.values()
    ]
    return "\n\n".join((
        "## Recorded series",
        words.RECORDED.format(path=starter.path),
        _table(("series", "group", "windows", "value"), listed),
        "## Alerts",
        words.ALERTS,
        _table(head, alerts),
        words.ALERT_CLASSES,
        _table(("alert", "severity", "`alert_class`", "about one", "when"), classes),
    ))  # fmt: skip


def _parts(slo: Slo) -> list[tuple[str, str]]:
    """(part, name of its group) of one SLO, after what is about the agent."""
    of_slo = [(part, names.group(slo.agent, slo.name, part)) for part, _ in PARTS]
    return [(SOURCES_PART, names.group(slo.agent, SOURCES_PART)), *of_slo]


def _without_window(series: str) -> tuple[str, str]:
    name, _, last = series.rpartition(":")
    for stem in ("events", "ratio"):
        window = last.removeprefix(stem)
        if last.startswith(stem) and window[:1].isdigit():
            return f"{name}:{stem}<window>", window
    return series, ""


def _alert(rule: Alert, tiers: Sequence[Tier]) -> tuple[str, ...]:
    (tier,) = (tier for tier in tiers if names.burn_alert(tier.name) == rule.alert)
    windows = f"{prometheus_duration(tier.long)} and {prometheus_duration(tier.short)}"
    keeps = prometheus_duration(rule.keep_firing) if rule.keep_firing else _NONE
    return f"`{rule.alert}`", rule.labels["severity"], windows, f"`{rule.labels['alert_class']}`", keeps


def _release_states() -> str:
    codes = (state.IDLE, state.COLLECTING, state.HEALTHY, state.WATCH, state.FREEZE, state.EXHAUSTED)
    rows = [(f"`{code}`", *words.RELEASE_STATES[code]) for code in codes]
    return "## Release state codes\n\n" + words.RELEASE + "\n\n" + _table(("code", "state", "when"), rows)


def _policies() -> str:
    parts = ["## Alert policies", words.POLICIES.format(default=DEFAULT.name)]
    head = ("tier", "alert", "burn", "long", "short", "callers at least", "z", "keeps firing", "severity")
    tables = (f"### {policy.name}\n\n" + _table(head, map(_tier, policy.tiers)) for policy in POLICIES.values())
    return "\n\n".join((*parts, *tables))


def _tier(tier: Tier) -> tuple[str, ...]:
    assert tier.burn is not None
    return (
        tier.name, f"`{names.burn_alert(tier.name)}`", plain(tier.burn), prometheus_duration(tier.long),
        prometheus_duration(tier.short), str(tier.min_bad_callers) if tier.min_bad_callers else _NONE,
        _NONE if tier.z is None else plain(tier.z),
        prometheus_duration(tier.keep_firing) if tier.keep_firing else _NONE, tier.severity,
    )  # fmt: skip


def _settings() -> str:
    rows = [(f"`{s.name}`", s.default if " " in s.default else f"`{s.default}`", s.meaning) for s in SETTINGS]
    sources = ", ".join(f"`{name}`" for name in SOURCES)
    return "\n\n".join((
        "## Exporter settings",
        f"The configuration file of `voice-slo serve`. `<source>` is one of {sources}.",
        _table(("setting", "default", "meaning"), rows),
    ))  # fmt: skip


def _endpoints() -> str:
    rows = [(f"`{method} {path}`", words.ENDPOINTS[path]) for path, methods in ROUTES.items() for method in methods]
    return "\n\n".join(("## HTTP endpoints", words.HTTP, _table(("endpoint", "meaning"), rows)))


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("\n", " ") for cell in line) + " |" for line in lines)


def _bullets(lines: Iterable[str]) -> str:
    return "\n".join(f"* {line}" for line in lines)


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:] + "."


if __name__ == "__main__":
    main()
