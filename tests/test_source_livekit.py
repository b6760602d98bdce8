"""LiveKit spans as canonical events, on the recorded sessions and on spans that those do not show."""

from __future__ import annotations

import random
from typing import Any, TypeVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exporter.payload import Limits
from exporter.sources import SOURCES, translate_traces
from exporter.sources.livekit import SCOPE, selection, translate
from exporter.sources.translation import DEFAULT_SEGMENTS, SourceSettings
from exporter.spans import Batch, Span
from tests.livekit_samples import EXPECTED, SCENARIOS, bodies, content
from voice_slo.events import (
    Base,
    CallConnected,
    CallEnded,
    CallStarted,
    Event,
    Handoff,
    Speech,
    StageRun,
    Turn,
    decode,
    encode,
)

NAMES = sorted(selection(SourceSettings()).spans)


def session(scenario: str, settings: SourceSettings | None = None) -> list[Event]:
    found = [SOURCES["livekit"](body, settings or SourceSettings(), Limits()) for body in bodies(scenario)]
    assert not any(t.rejected or t.dropped or t.unmapped_end_reasons for t in found)
    return [event for t in found for event in t.events]


E = TypeVar("E", bound=Base)


def of_kind(events: list[Event], kind: type[E]) -> list[E]:
    return [event for event in events if isinstance(event, kind)]


def span(name: str, *, error: bool = False, seconds: float = 1.5, **attributes: Any) -> Span:
    named = {key.replace("__", "."): value for key, value in attributes.items()}
    end = 1_795_432_356_000_000 + round(seconds * 1e6)
    return Span(3, "a" * 32, "b" * 16, "c" * 16, SCOPE, name, 1_795_432_356_000_000, end, error, named, {})


def events_of(*spans: Span, settings: SourceSettings | None = None) -> tuple[Event, ...]:
    return translate(Batch(spans, ()), settings or SourceSettings()).events


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_turns_are_as_expected(scenario: str) -> None:
    events, expected = session(scenario), EXPECTED[scenario]
    answers = [t for t in of_kind(events, Turn) if t.interrupted is not None and t.caller_spoke]
    answers.sort(key=lambda turn: turn.at_us)
    tools = {s.turn for s in of_kind(events, StageRun) if s.stage == "tool"}
    assert [
        (None if t.latency_seconds is None else round(t.latency_seconds, 3), t.turn in tools, t.interrupted, t.answered)
        for t in answers
    ] == [(e["latency_s"], e["tool"], e["interrupted"], e["latency_s"] is not None or None) for e in expected["turns"]]


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_first_audio_is_as_expected(scenario: str) -> None:
    events = session(scenario)
    (connected,) = of_kind(events, CallConnected)
    spoken = [s.at_us for s in of_kind(events, Speech) if s.by == "agent"]
    after = round((min(spoken) - connected.at_us) / 1e6, 3) if spoken else None
    assert after == EXPECTED[scenario]["time_to_first_audio_s"]


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_the_end_is_as_expected(scenario: str) -> None:
    ended, torn_down = sorted(of_kind(session(scenario), CallEnded), key=lambda e: e.at_us)
    reason = EXPECTED[scenario]["close_reason"]
    by = "caller" if reason == "participant_disconnected" else "agent"
    assert (ended.reason, ended.by, ended.raw_reason) == ("normal", by, reason)
    assert (torn_down.reason, torn_down.by, torn_down.raw_reason) == (None, None, None)


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_failed_stages_are_as_expected(scenario: str) -> None:
    failed = {f"{s.stage}_node" for s in of_kind(session(scenario), StageRun) if s.ok is False}
    assert failed == {name for name in EXPECTED[scenario]["error_spans"] if name.endswith("_node")}


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_every_event_is_a_valid_native_event_of_one_call(scenario: str) -> None:
    events = session(scenario)
    assert [decode(encode(event)) for event in events] == events
    assert len({event.id for event in events}) == len(events)
    (call,) = {event.call for event in events}
    assert call is not None
    assert call.startswith("RM_")
    for event in events:
        assert event.synthetic is False
        assert event.source == "livekit"
        assert event.agent is None
        assert event.segments == {
            "flow": "order_status", "route": "pstn-us", "prompt_version": "p-41", "language": "en-US",
            "agent_version": "2026.11.3",
        }  # fmt: skip
        assert event.ids is not None
        assert event.ids.vendor == f"call-{scenario}"


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_nothing_that_was_said_leaves(scenario: str) -> None:
    said = content(scenario)
    assert len(said) >= 3 or scenario == "hangup_before_greeting"
    events = b"\n".join(encode(event) for event in session(scenario)).decode()
    assert [text for text in said if text in events] == []


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_batches_in_any_order_give_the_same_events(scenario: str) -> None:
    events = sorted(encode(event) for event in session(scenario))
    shuffled = bodies(scenario, "json")
    random.Random(scenario).shuffle(shuffled)
    again = [event for body in shuffled for event in SOURCES["otlp"](body, SourceSettings(), Limits()).events]
    assert sorted(encode(event) for event in again) == events


def test_the_session_hand_over_goes_to_another_agent() -> None:
    (handoff,) = of_kind(session("handoff"), Handoff)
    assert (handoff.to, handoff.ok) == ("agent", True)
    assert handoff.n is not None


def test_configured_agent_and_segments() -> None:
    settings = SourceSettings(agent="front-desk", segments={"agent_version": ("nowhere", "service.version")})
    (connected,) = of_kind(session("good", settings), CallConnected)
    assert connected.agent == "front-desk"
    assert connected.segments == {"agent_version": "2026.11.3"}


@pytest.mark.parametrize(
    ("latency", "seconds", "reason"),
    [
        (0.7, 0.7, None), (120.0, 120.0, None), (2, 2.0, None), (None, None, None), ("fast", None, None),
        (-1.0, None, "latency_negative"), (0.0, None, "latency_zero"), (120.1, None, "latency_over_120s"),
        (float("nan"), None, "latency_not_finite"), (float("inf"), None, "latency_not_finite"),
    ],
)  # fmt: skip
def test_impossible_latencies_are_set_aside_and_counted(
    latency: Any, seconds: float | None, reason: str | None
) -> None:
    attributes: dict[str, Any] = {} if latency is None else {"lk__e2e_latency": latency}
    translated = translate(Batch((span("agent_turn", lk__user_input=True, **attributes),), ()), SourceSettings())
    (turn,) = translated.events
    assert isinstance(turn, Turn)
    assert (turn.latency_seconds, turn.answered) == (seconds, None if seconds is None else True)
    assert dict(translated.dropped) == ({reason: 1} if reason else {})


@pytest.mark.parametrize("spelling", ["lk__pii__user_input", "lk__user_input"])
def test_an_agent_turn_without_input_is_a_greeting(spelling: str) -> None:
    answer, greeting = events_of(span("agent_turn", **{spelling: True}), span("agent_turn"))
    assert isinstance(answer, Turn)
    assert (answer.caller_spoke, answer.greeting) == (True, None)
    assert isinstance(greeting, Turn)
    assert (greeting.caller_spoke, greeting.greeting) == (False, True)


@pytest.mark.parametrize("spelling", ["lk__pii__user_transcript", "lk__user_transcript"])
def test_a_user_turn_with_words(spelling: str) -> None:
    turn, asr = events_of(
        span("user_turn", lk__transcription_delay=0.2, gen_ai__provider__name="acme", **{spelling: True})
    )
    assert isinstance(turn, Turn)
    assert turn.caller_spoke
    assert turn.turn == "b" * 16
    assert isinstance(asr, StageRun)
    assert (asr.stage, asr.duration_seconds, asr.provider, asr.ok, asr.turn) == ("asr", 0.2, "acme", True, "b" * 16)
    assert (turn.id, asr.id) == (f"{'a' * 32}:{'b' * 16}", f"{'a' * 32}:{'b' * 16}:1")


def test_a_user_turn_without_words_is_noise() -> None:
    (turn,) = events_of(span("user_turn", lk__transcription_delay=0.0))
    assert isinstance(turn, Turn)
    assert turn.caller_spoke is False


@pytest.mark.parametrize(("delay", "seconds"), [(0.0, None), (-1.0, None), (0.3, 0.3)])
@pytest.mark.parametrize(("name", "key"), [("llm_node", "lk__response__ttft"), ("tts_node", "lk__response__ttfb")])
def test_sentinels_are_no_durations(name: str, key: str, delay: float, seconds: float | None) -> None:
    attributes: dict[str, Any] = {key: delay}
    (stage,) = events_of(span(name, **attributes))
    assert isinstance(stage, StageRun)
    assert stage.duration_seconds == seconds
    assert stage.turn == "c" * 16


def test_the_provider_that_served_in_the_end() -> None:
    (stage,) = events_of(span("tts_node", lk__fallback__label="second", gen_ai__provider__name="first"))
    assert isinstance(stage, StageRun)
    assert stage.provider == "second"


@pytest.mark.parametrize(
    ("is_error", "status", "ok"), [(False, False, True), (True, False, False), (False, True, False)]
)
def test_a_tool_fails_by_attribute_or_by_status(is_error: bool, status: bool, ok: bool) -> None:
    attributes = {"lk__function_tool__is_error": is_error, "lk__function_tool__name": "lookup"}
    (stage,) = events_of(span("function_tool", error=status, seconds=2.2, **attributes))
    assert isinstance(stage, StageRun)
    assert (stage.stage, stage.ok, stage.name, stage.duration_seconds) == ("tool", ok, "lookup", 2.2)


@pytest.mark.parametrize(
    ("literal", "reason", "by"),
    [
        ("user_initiated", "normal", "agent"), ("task_completed", "normal", "agent"),
        ("participant_disconnected", "normal", "caller"), ("error", "agent_failure", "system"),
        ("job_shutdown", "operator_action", "system"),
    ],
)  # fmt: skip
def test_close_reasons(literal: str, reason: str, by: str) -> None:
    (ended,) = events_of(span("session_close", lk__close_reason=literal))
    assert isinstance(ended, CallEnded)
    assert (ended.reason, ended.by, ended.raw_reason) == (reason, by, literal)
    assert ended.at_us == 1_795_432_356_000_000


def test_a_new_close_reason_is_unknown_and_counted_never_quoted() -> None:
    translated = translate(
        Batch((span("session_close", lk__close_reason="call +15550100001 instead"),), ()), SourceSettings()
    )
    (ended,) = translated.events
    assert isinstance(ended, CallEnded)
    assert (ended.reason, ended.raw_reason) == (None, "other")
    assert translated.unmapped_end_reasons == 1


@pytest.mark.parametrize(
    ("category", "reached"),
    [("human", "person"), ("machine-vm", "voicemail"), ("machine-ivr", "voicemail"),
     ("machine-unavailable", "voicemail"), ("uncertain", None)],
)  # fmt: skip
def test_answering_machines(category: str, reached: str | None) -> None:
    events = events_of(span("amd", lk__amd__category=category))
    assert [event.reached for event in events if isinstance(event, CallConnected)] == ([reached] if reached else [])


@pytest.mark.parametrize("prefix", ["lk__sip__", "lk__pii__sip__"])
def test_sip_participants_correlate(prefix: str) -> None:
    names = {
        "callID": "SCL_1",
        "callIDFull": "1-2@sip.example.com",
        "twilio__callSid": "CA0",
        "phoneNumber": "+15550100001",
    }
    sip: dict[str, Any] = {prefix + name: value for name, value in names.items()}
    connected, _, started = events_of(span("agent_session", **sip))
    assert connected.caller == "+15550100001"
    assert connected.ids is not None
    assert (connected.ids.sip, connected.ids.twilio) == ("1-2@sip.example.com", "CA0")
    assert isinstance(started, CallStarted)
    assert started.direction == "outbound"
    inbound = events_of(span("agent_session", **sip | {prefix + "ruleID": "SDR_1"}))[2]
    assert isinstance(inbound, CallStarted)
    assert inbound.direction == "inbound"


def test_the_call_key_falls_back() -> None:
    keys: dict[str, Any] = {"gen_ai__conversation__id": "RM_1", "room_id": "RM_2", "job_id": "AJ_1"}
    found = []
    while True:
        (event,) = events_of(span("update_agent", **keys))
        found.append(event.call)
        if not keys:
            break
        keys.pop(next(iter(keys)))
    assert found == ["RM_1", "RM_2", "AJ_1", "a" * 32]


@pytest.mark.parametrize(
    ("value", "synthetic"), [(True, True), ("true", True), ("false", False), (False, False), (1, True)]
)
def test_synthetic_calls(value: Any, synthetic: bool) -> None:
    (event,) = events_of(span("update_agent", voice__synthetic=value))
    assert event.synthetic is synthetic


def test_only_resources_and_spans_give_segments_of_a_usable_length() -> None:
    (event,) = events_of(span("update_agent", voice__flow="x" * 201, voice__language="", voice__route=7))
    assert event.segments == {"route": 7}


def test_spans_of_other_scopes_and_of_sources_that_may_not_speak() -> None:
    body = bodies("good")[0]
    assert translate_traces(body, "protobuf", {}, Limits())["otlp"].dropped == {"unknown_scope": 9}


_SCALAR = st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats() | st.text(max_size=250)


@settings(deadline=None)
@given(
    st.sampled_from(NAMES),
    st.dictionaries(st.sampled_from(sorted(selection(SourceSettings()).attributes)), _SCALAR),
    st.integers(1, 2**64 // 1000), st.integers(0, 10**12), st.booleans(), st.sampled_from(["", "c" * 16]),
)  # fmt: skip
def test_any_span_becomes_valid_events(
    name: str, attributes: dict[str, Any], start: int, length: int, error: bool, parent: str
) -> None:
    one = Span(0, "a" * 32, "b" * 16, parent, SCOPE, name, start, start + length, error, attributes, {})
    translated = translate(Batch((one,), ()), SourceSettings(segments=DEFAULT_SEGMENTS))
    assert set(translated.dropped) <= {
        "latency_negative", "latency_over_120s", "latency_zero", "latency_not_finite", "speech_over_a_day",
        "tool_over_a_day",
    }  # fmt: skip
    assert len(translated.positions) == len(translated.events)
    assert [decode(encode(event)) for event in translated.events] == list(translated.events)
