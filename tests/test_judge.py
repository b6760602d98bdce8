"""The rules of judging, by scenarios that were written from the rules before there was code."""

from __future__ import annotations

import json
import random
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from exporter.payload import Limits
from exporter.sources import SOURCES
from exporter.sources.translation import SourceSettings
from tests.livekit_samples import FOLDER, MORE, SCENARIOS, bodies
from tests.slo_texts import every_sli, one
from voice_slo.batch import UnknownAgent, judge_stream
from voice_slo.events import Event, decode

NATIVE = json.loads((Path(__file__).parent / "telemetry" / "native" / "scenarios.json").read_text())
LIVEKIT = json.loads((FOLDER / "verdicts.json").read_text())
LIVEKIT_MORE = json.loads((MORE / "verdicts.json").read_text())
COUNTED = {"good", "bad", "excluded", "unknown"}
Key = tuple[str, str, str]


def verdicts(events: Iterable[Event], budget_by: str = "[flow]") -> dict[Key, dict[str, Any]]:
    lines = [judged.line() for judged in judge_stream(events, [every_sli(budget_by)])]
    found = {(str(x["slo"]), str(x["unit"]), str(x["id"])): x for x in lines}
    assert len(found) == len(lines), "one verdict per SLO and unit"
    return found


def check(expected: dict[str, Any], found: dict[Key, dict[str, Any]]) -> None:
    wanted = {(v["slo"], v["unit"], v["id"]): v for v in expected["verdicts"]}
    spoken_of = {slo for slo, _, _ in wanted} | set(expected.get("none", {}))
    counted = {k: x for k, x in found.items() if x["verdict"] in COUNTED and k[0] in spoken_of}
    assert {k: x["verdict"] for k, x in counted.items()} == {k: v["verdict"] for k, v in wanted.items()}
    for key, verdict in wanted.items():
        for name in ("reason", "would_be"):
            if verdict.get(name):
                assert found[key][name] == verdict[name], (key, name)
        for segment, value in (verdict.get("segments") or {}).items():
            assert found[key]["segments"].get(segment, value) == value, (key, segment)


@pytest.mark.parametrize("scenario", NATIVE, ids=lambda s: s["name"])
def test_native_scenario(scenario: dict[str, Any]) -> None:
    budget_by = "[flow, language]" if "file" in scenario else "[flow]"
    found = verdicts([decode(json.dumps(e)) for e in scenario["events"]], budget_by)
    check(scenario, found)
    for unit in scenario.get("none_units", ()):
        held = found.get((unit["slo"], unit["unit"], unit["id"]))
        assert held is None or held["verdict"] == unit["none"]
    if "call_count" in scenario:
        assert len({x["call"] for x in found.values()}) == scenario["call_count"]


@pytest.mark.parametrize("scenario", NATIVE, ids=lambda s: s["name"])
def test_the_order_of_native_events_does_not_matter(scenario: dict[str, Any]) -> None:
    events = [decode(json.dumps(e)) for e in scenario["events"]]
    budget_by = "[flow, language]" if "file" in scenario else "[flow]"
    straight = verdicts(events, budget_by)
    for seed in range(5):
        again = events + random.Random(seed).sample(events, len(events) // 2)
        random.Random(seed).shuffle(again)
        assert _without_call(verdicts(again, budget_by)) == _without_call(straight)


def _without_call(found: dict[Key, dict[str, Any]]) -> list[str]:
    """A merged call goes by the key that was seen first; everything else must be equal."""
    calls = {x["call"] for x in found.values()}
    lines = ({k: "call" if str(v) in calls else v for k, v in x.items()} for x in found.values())
    return sorted(json.dumps(line, sort_keys=True) for line in lines)


def livekit_events(scenario: str, suffix: str = "bin", folder: Path = FOLDER) -> list[Event]:
    translate = SOURCES["livekit"]
    return [e for b in bodies(scenario, suffix, folder) for e in translate(b, SourceSettings(), Limits()).events]


@pytest.mark.parametrize("suffix", ["bin", "json"])
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_livekit_scenario(scenario: str, suffix: str) -> None:
    expected = LIVEKIT[scenario]
    found = verdicts(livekit_events(scenario, suffix))
    check(expected, found)
    assert {x["call"] for x in found.values()} == {expected["call"]}
    for x in found.values():
        if x["verdict"] in COUNTED:
            assert x["segments"] == expected["segments"]


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_the_order_of_livekit_spans_does_not_matter(scenario: str) -> None:
    events = livekit_events(scenario)
    straight = verdicts(events)
    for seed in range(5):
        again = events + random.Random(seed).sample(events, len(events) // 3)
        random.Random(seed).shuffle(again)
        assert verdicts(again) == straight


@pytest.mark.parametrize("scenario", sorted(LIVEKIT_MORE))
def test_further_livekit_scenario_in_any_order(scenario: str) -> None:
    expected, events = LIVEKIT_MORE[scenario], livekit_events(scenario, folder=MORE)
    straight = verdicts(events)
    check(expected, straight)
    assert {x["call"] for x in straight.values()} == {expected["call"]}
    for seed in range(3):
        again = events + random.Random(seed).sample(events, len(events) // 3)
        random.Random(seed).shuffle(again)
        assert verdicts(again) == straight


def test_all_livekit_calls_at_once_are_judged_as_each_alone() -> None:
    together = verdicts(e for scenario in SCENARIOS for e in livekit_events(scenario))
    alone = {k: v for scenario in SCENARIOS for k, v in verdicts(livekit_events(scenario)).items()}
    assert together == alone


OUTAGE = """version: voice-slo/v1
agent: front-desk
owner: voice-platform
segments: {flow: [faq]}
outages:
  - reason: external_outage
    from: "2026-11-20T10:00:00Z"
    to: "2026-11-20T11:00:00Z"
    match: {stage: tts, provider: acme-tts}
    ticket: INC-1042
    approved_by: sre-lead
slos:
  turns: {sli: turn_latency, objective: 95%}
"""


def _failed_turn(minute: int, provider: str, stage: str = "tts") -> list[Event]:
    at, call = f"2026-11-20T10:{minute:02d}:00Z", f"call-{minute}-{provider}-{stage}"
    lines = [
        {"kind": "call.connected", "call": call, "at": at},
        {"kind": "speech", "call": call, "at": at, "by": "caller", "turn": "t"},
        {"kind": "stage", "call": call, "at": at, "turn": "t", "stage": stage, "ok": False, "provider": provider},
        {"kind": "call.ended", "call": call, "at": at.replace(":00Z", ":30Z"), "by": "caller", "reason": "normal"},
    ]
    return [decode(json.dumps(line)) for line in lines]


def test_a_declared_outage_excludes_only_what_failed_in_its_stage_at_its_provider() -> None:
    file = one(OUTAGE)
    found = {}
    for events in (_failed_turn(5, "acme-tts"), _failed_turn(6, "other-tts"), _failed_turn(7, "acme-tts", "llm")):
        (judged,) = judge_stream(events, [file])
        found[judged.unit.call] = (judged.verdict.outcome, judged.verdict.reason, judged.verdict.would_be)
    assert found == {
        "call-5-acme-tts-tts": ("excluded", "external_outage", "bad"),
        "call-6-other-tts-tts": ("bad", "no_answer", ""),
        "call-7-acme-tts-llm": ("bad", "no_answer", ""),
    }


def test_an_event_without_an_agent_is_taken_only_where_one_is_meant() -> None:
    event = decode('{"kind":"call.connected","call":"c","at":1795000000}')
    assert judge_stream([event], [every_sli()])
    with pytest.raises(UnknownAgent, match="agent is missing"):
        judge_stream([event], [every_sli(), one(OUTAGE.replace("front-desk", "back-office"))])
    stranger = decode('{"kind":"call.connected","call":"c","at":1795000000,"agent":"night-desk"}')
    with pytest.raises(UnknownAgent, match="'night-desk' has no SLO file"):
        judge_stream([stranger], [every_sli()])
