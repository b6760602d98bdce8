"""The JSON Schema for editors: true to the parser in keys, in what it takes and in what it refuses."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft7Validator

from tests.command_line import FULL, STARTER, voice_slo
from tests.slo_schema import refusals
from tests.slo_texts import EVERY_SLI
from voice_slo import (
    loading,
    parse_alerting,
    parse_conditions,
    parse_exclusions,
    parse_segments,
    parse_sli,
    parse_slo,
    quantities,
    reading,
    yaml_source,
)
from voice_slo.diagnostics import SloFileError
from voice_slo.reading import At
from voice_slo.schema import schema

BROKEN = Path(__file__).parent / "broken_slos"
HEAD = "version: voice-slo/v1\nagent: front-desk\nowner: voice-platform\n"
BEYOND = {
    "alerting_tiers_twice": "two tiers of one name",
    "custom_sli_unused_parameters": "which parameters the conditions use",
    "exclusions_of_slo_without_any": "which exclusions the file declares",
    "known_too_late": "which segments are known late",
    "known_too_late_inherited": "which segments are known late",
    "objectives_alias": "which values a segment has",
    "objectives_row_covered": "whether a row can match",
    "objectives_without_budget_by": "which segments are in budget_by",
    "sla_tighter": "one figure against another",
    "synthetics_twice": "two schedules of one flow",
    "synthetics_without_flow": "which segments the file declares",
    "too_many_label_sets": "a product of lengths",
}
"""Broken file → what a schema would have to know of the rest of the file to refuse it."""


def is_yaml(path: Path) -> bool:
    source = yaml_source.parse(path.name, path.read_bytes())
    return source.root is not None and not source.problems


def slo(body: str, before: str = "") -> bytes:
    return f"{HEAD}{before}slos: {{the-slo: {{{body}}}}}\n".encode()


def is_loaded(content: bytes) -> bool:
    try:
        loading.load([("a.yaml", content)])
    except SloFileError:
        return False
    return True


# What it takes and refuses


def test_it_is_a_schema() -> None:
    Draft7Validator.check_schema(schema())


@pytest.mark.parametrize(
    "content",
    [STARTER.read_bytes(), FULL.read_bytes(), EVERY_SLI.replace("BUDGET_BY", "[flow, language]").encode()],
    ids=["starter", "full", "every SLI"],
)
def test_a_valid_file_is_taken(content: bytes) -> None:
    assert refusals(content) == []


@pytest.mark.parametrize("path", [p for p in sorted(BROKEN.glob("*.yaml")) if is_yaml(p)], ids=lambda path: path.stem)
def test_a_broken_file_is_refused_unless_it_takes_the_rest_of_the_file_to_see_it(path: Path) -> None:
    assert bool(refusals(path.read_bytes())) == (path.stem not in BEYOND)


def test_what_is_beyond_a_schema_is_still_in_the_tests() -> None:
    assert [name for name in BEYOND if not is_yaml(BROKEN / f"{name}.yaml")] == []


@pytest.mark.parametrize(
    ("content", "place"),
    [
        (slo("sli: turn_latency, objektive: 95%"), "slos.the-slo: "),
        (slo("sli: turn_latncy, objective: 95%"), "slos.the-slo.sli: "),
        (slo("sli: turn_latency, objective: 95"), "slos.the-slo.objective: "),
        (slo("sli: task_completion, objective: 95%, threshold: 1s"), "slos.the-slo: "),
        (slo("sli: asr_quality, objective: 95%, threshold: 1s"), "slos.the-slo.threshold: "),
        (slo("sli: turn_latency, objective: 95%, parameters: {patience: 1s}"), "slos.the-slo.parameters: "),
        (slo("sli: turn_latency, objective: 95%, alerting: {tiers: []}"), "slos.the-slo.alerting: "),
        (
            slo("objective: 95%, sli: {unit: call, settles: operational, eligible: {}, good: {turn.answered: true}}"),
            "slos.the-slo.sli: ",
        ),
        (
            slo("objective: 95%, sli: {unit: call, settles: quality, eligible: {}, good: {call.connected: {lt: 3}}}"),
            "slos.the-slo.sli: ",
        ),
        (
            slo("sli: turn_latency, objective: 95%", "exclusions: [{reason: x, when: {turn.interrupted: true}}]\n"),
            "exclusions.0.when: ",
        ),
        (
            slo("sli: turn_latency, objective: 95%", "segments: {flow: [other]}\n"),
            "segments.flow: ",
        ),
    ],
)  # fmt: skip
def test_a_mistake_is_seen_where_it_stands(content: bytes, place: str) -> None:
    assert not is_loaded(content)
    assert [line for line in refusals(content) if line.startswith(place)]


def test_an_exclusion_of_one_unit_may_read_its_fields() -> None:
    exclusion = "exclusions: [{reason: cut, when: {turn.interrupted: true}, units: [turn]}]\n"
    content = slo("sli: turn_latency, objective: 95%", exclusion)
    assert is_loaded(content)
    assert refusals(content) == []


DIGITS = st.sampled_from(["0", "1", "5", "15", "95", "99.5", "100", "0.95", "1.2", "007", "1234567890", "0.0", "1.0"])
TEXTS = st.one_of(
    st.tuples(DIGITS, st.sampled_from(["", "%", "ms", "s", "m", "h", "d", "/d", "/s", "h30m", "d12h"])).map("".join),
    st.sampled_from(["true", "guarded", "strict", "observe", "[]", "{}", "~", '"95%"', '"0.95"', "a b", "Größe", "$x"]),
)
KEYS_OF_VALUES = [key for key in parse_slo.KEYS if key not in parse_slo.REQUIRED]


@settings(deadline=None)  # the first example builds the schema
@given(st.sampled_from(KEYS_OF_VALUES), TEXTS, st.sampled_from(["turn_latency", "asr_quality", "task_completion"]))
def test_what_the_parser_takes_the_schema_takes(key: str, value: str, sli: str) -> None:
    for body in (f"sli: {sli}, objective: {value}", f"sli: {sli}, objective: 1%, {key}: {value}"):
        content = slo(body)
        if is_loaded(content):
            assert refusals(content) == []


TIER = {"name": "fast", "burn": "10", "long": "1h", "short": "5m", "severity": "page"}


@settings(deadline=None)  # the first example builds the schema
@given(st.sampled_from(parse_alerting.TIER_KEYS), TEXTS)
def test_what_the_parser_takes_in_a_tier_the_schema_takes(key: str, value: str) -> None:
    written = {name: text for name, text in TIER.items() if (name, key) != ("burn", "budget")} | {key: value}
    tier = ", ".join(f"{name}: {text}" for name, text in written.items())
    content = slo(f"sli: turn_latency, objective: 95%, alerting: {{tiers: [{{{tier}}}]}}")
    if is_loaded(content):
        assert refusals(content) == []


# The same definition


def mappings(node: object) -> Iterator[dict[str, Any]]:
    """Every mapping with named keys that the schema describes."""
    if isinstance(node, dict):
        if "properties" in node and "additionalProperties" in node:
            yield node
        for inner in node.values():
            yield from mappings(inner)
    elif isinstance(node, list):
        for inner in node:
            yield from mappings(inner)


def test_every_mapping_that_the_parser_reads_is_one_of_the_schema(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the parser asks `entries` for while it reads a file with every setting, the schema says too."""
    asked: set[tuple[frozenset[str], frozenset[str]]] = set()
    real = reading.entries

    def recorded(at: At, allowed: Collection[str], required: Collection[str] = ()) -> dict[str, At]:
        segments = {"flow", "language", "route", "intent", "agent_version", "prompt_version", "llm_model"}
        of_a_row = set(parse_segments.ROW_KEYS) < set(allowed) <= segments | set(parse_segments.ROW_KEYS)
        asked.add((frozenset(allowed) - (segments if of_a_row else set()), frozenset(required)))
        return real(at, allowed, required)

    monkeypatch.setattr(reading, "entries", recorded)
    loading.load([("full.yaml", FULL.read_bytes())])
    known = {(frozenset(m["properties"]), frozenset(m.get("required", ()))) for m in mappings(schema())}
    assert asked - known == set()
    assert {frozenset(keys) for keys in (loading.KEYS, parse_slo.KEYS, parse_sli.KEYS)} <= {keys for keys, _ in asked}
    assert len(asked) == len(KEY_SETS) - len(NOT_IN_FULL)


KEY_SETS = [
    (loading, "KEYS"), (loading, "SYNTHETIC_KEYS"), (loading, "HOURS_KEYS"), (loading, "LINK_KEYS"),
    (loading, "PROMETHEUS_KEYS"), (parse_slo, "KEYS"), (parse_sli, "KEYS"), (parse_sli, "REASON_KEYS"),
    (parse_segments, "ROW_KEYS"), (parse_segments, "LONG_FORM"), (parse_exclusions, "RULE_KEYS"),
    (parse_exclusions, "FILE_RULE_KEYS"), (parse_exclusions, "OUTAGE_KEYS"), (parse_alerting, "POLICY_KEYS"),
    (parse_alerting, "TIER_KEYS"), (parse_alerting, "RELEASE_KEYS"), (parse_conditions, "OPERATORS"),
]  # fmt: skip
"""Where the parser names the keys of its mappings."""
NOT_IN_FULL = [(parse_exclusions, "RULE_KEYS")]
"""No SLI of one's own in slos/full.yaml has exclusions."""


@pytest.mark.parametrize(("module", "name"), KEY_SETS, ids=lambda value: value if isinstance(value, str) else "")
def test_a_key_of_the_parser_that_the_schema_lacks_fails(
    module: ModuleType, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, name, (*getattr(module, name), "colour"))
    with pytest.raises(ValueError, match="the parser and the schema differ in: colour"):
        schema()


# What an editor gets


def test_the_command_prints_it() -> None:
    ran = voice_slo("schema")
    assert (ran.code, ran.err) == (0, "")
    assert json.loads(ran.out) == schema()


def test_every_key_of_the_file_and_of_an_slo_has_words() -> None:
    whole = schema()
    for mapping in (whole, whole["definitions"]["slo"], whole["definitions"]["tier"], whole["definitions"]["sli"]):
        assert [key for key, value in mapping["properties"].items() if not value.get("description")] == []
    assert "turn.answered" in whole["definitions"]["condition.turn"]["properties"]
    assert "turn.answered" not in whole["definitions"]["condition.call"]["properties"]


def test_every_definition_is_used_and_defined() -> None:
    whole = json.dumps(schema())
    defined = set(schema()["definitions"])
    used = {part.partition('"')[0] for part in whole.split("#/definitions/")[1:]}
    assert used == defined


def test_durations_and_ratios_are_those_of_the_parser() -> None:
    for text in ("1h30m", "800ms", "1.2s", "30d"):
        assert quantities.duration(text)
        assert refusals(slo(f"sli: turn_latency, objective: 95%, threshold: {text}")) == []
    assert refusals(slo("sli: turn_latency, objective: 95%, threshold: 5 m")) != []
    assert refusals(slo("sli: turn_latency, objective: 95%, period: monthly")) != []
    assert refusals(slo("sli: turn_latency, objective: 95%, period: {calendar: week, zone: UTC}")) != []
    assert refusals(slo("sli: turn_latency, objective: 95%, period: {calendar: month, zone: UTC}")) == []
