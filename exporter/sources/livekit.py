"""LiveKit Agents: each span of a session, by itself, as canonical events.

No span needs another one: batches come in any order, children before parents, the session's own span last. What a
latency or an answer needs two spans for is derived from their times in `voice_slo.turns`.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Final, Literal, NamedTuple, TypedDict

from exporter.sources.translation import SourceSettings, Translated, latency_or_reason
from exporter.spans import Batch, Scalar, Selection, Span
from voice_slo.events import (
    CallConnected,
    CallEnded,
    CallStarted,
    EndReason,
    Event,
    Handoff,
    Ids,
    Party,
    SegmentValue,
    Speech,
    StageRun,
    Turn,
    from_us,
)
from voice_slo.events import Stage as StageName

NAME: Final = "livekit"
SCOPE: Final = "livekit-agents"

CLOSE_REASONS: Mapping[str, tuple[EndReason, Party]] = {
    "user_initiated": ("normal", "agent"),
    "task_completed": ("normal", "agent"),
    "participant_disconnected": ("normal", "caller"),
    "error": ("agent_failure", "system"),
    "job_shutdown": ("operator_action", "system"),
}
"""`user_initiated` is the agent's own code ending the session. A `job_shutdown` in the middle of a turn is a platform
failure, which only the fold of the whole call can see."""

CLOSE_ERRORS: Mapping[str, StageName] = {
    "stt_error": "asr", "llm_error": "llm", "realtime_model_error": "llm", "tts_error": "tts",
}  # fmt: skip
_CONVERSATION = ("gen_ai.conversation.id", "room_id", "job_id")
_ROOM = ("room_id", "lk.room_sid")
_JOB = ("job_id", "lk.job_id")
_VENDOR = ("call.id",)
_SIP = ("lk.sip.callIDFull", "lk.pii.sip.callIDFull", "lk.sip.callID", "lk.pii.sip.callID")
_TWILIO = ("lk.sip.twilio.callSid", "lk.pii.sip.twilio.callSid")
_PHONE = ("lk.pii.sip.phoneNumber", "lk.sip.phoneNumber")
_SIP_RULE = ("lk.sip.ruleID", "lk.pii.sip.ruleID")
_DIRECTION = ("voice.direction",)
_USER_INPUT = ("lk.pii.user_input", "lk.user_input")
_TRANSCRIPT = ("lk.pii.user_transcript", "lk.user_transcript")
_PROVIDER = ("lk.fallback.label", "gen_ai.provider.name")
_MODEL = ("gen_ai.request.model",)
_TOOL = ("lk.function_tool.name", "gen_ai.tool.name")
_MEASURED = (
    "lk.close_reason", "lk.e2e_latency", "lk.interrupted", "lk.transcription_delay", "lk.end_of_turn_delay",
    "lk.response.ttft", "lk.response.ttfb", "lk.function_tool.is_error", "lk.amd.category", "error.type",
    "exception.type",
)  # fmt: skip

Direction = Literal["inbound", "outbound"]

_MAX_ID = 200
_MAX_WORD = 100


class _Facts(NamedTuple):
    """What one span says; `dropped` are reasons, one for each value that was set aside."""

    events: tuple[Event, ...] = ()
    dropped: tuple[str, ...] = ()
    unmapped: int = 0


class _Envelope(TypedDict):
    at: datetime
    call: str
    source: str
    agent: str | None
    segments: dict[str, SegmentValue] | None
    synthetic: bool
    ids: Ids


def selection(settings: SourceSettings) -> Selection:
    """The spans and attributes that the mapping reads. Of what a caller said only that there was something."""
    segments = [name for paths in settings.segments.values() for name in paths]
    own = (_CONVERSATION, _ROOM, _JOB, _VENDOR, _SIP, _TWILIO, _PHONE, _SIP_RULE, _DIRECTION, _PROVIDER, _MODEL, _TOOL)
    attributes = {*_MEASURED, *segments, settings.synthetic_attribute}.union(*own)
    return Selection(
        spans=frozenset(_SPANS),
        attributes=frozenset(attributes),
        presence=frozenset(_USER_INPUT + _TRANSCRIPT),
        resource=frozenset(segments),
    )


def translate(batch: Batch, settings: SourceSettings) -> Translated:
    """Events of the spans of scope `livekit-agents`, `id` = trace id:span id[:n]."""
    events: list[Event] = []
    positions: list[int] = []
    dropped: Counter[str] = Counter()
    unmapped = 0
    for span in batch.spans:
        facts = _SPANS[span.name](span, _envelope(span, settings))
        events += facts.events
        positions += [span.position] * len(facts.events)
        dropped.update(facts.dropped)
        unmapped += facts.unmapped
    return Translated(tuple(events), batch.rejected, dropped, unmapped, tuple(positions))


def _agent_session(span: Span, envelope: _Envelope) -> _Facts:
    """The session starts when the caller is connected; the SIP participant's attributes are only here."""
    caller, direction = _text(span, _PHONE, _MAX_ID), _direction(span)
    route = (envelope["segments"] or {}).get("route")
    taken = route if isinstance(route, str) and len(route) <= _MAX_WORD else None
    connected = CallConnected(**envelope, id=_id(span), caller=caller, route=taken)
    # Releases before `session_close` tell the end of a call by this span only; where there is one, it began earlier.
    ended = CallEnded(**envelope | {"at": from_us(span.end_us)}, id=_id(span, 2))
    if direction is None:
        return _Facts((connected, ended))
    return _Facts((connected, ended, CallStarted(**envelope, id=_id(span, 1), caller=caller, direction=direction)))


def _session_close(span: Span, envelope: _Envelope) -> _Facts:
    """The close begins when the call is over; it lasts until everything is torn down."""
    literal = _text(span, ("lk.close_reason",), _MAX_ID)
    stage = CLOSE_ERRORS.get(_text(span, ("exception.type",), _MAX_WORD) or "")
    if literal == "error" and stage is not None:
        failed = _stage(span, envelope, stage, "", None, failed=True, n=1)
        ended = CallEnded(**envelope, id=_id(span), reason="agent_failure", by="system", raw_reason=literal)
        return _Facts((ended, failed))
    if literal is None:
        return _Facts((CallEnded(**envelope, id=_id(span)),))
    if literal not in CLOSE_REASONS:
        return _Facts((CallEnded(**envelope, id=_id(span), raw_reason="other"),), unmapped=1)
    reason, by = CLOSE_REASONS[literal]
    return _Facts((CallEnded(**envelope, id=_id(span), reason=reason, by=by, raw_reason=literal),))


def _agent_speaking(span: Span, envelope: _Envelope) -> _Facts:
    return _speech(span, envelope, "agent")


def _user_speaking(span: Span, envelope: _Envelope) -> _Facts:
    return _speech(span, envelope, "caller")


def _speech(span: Span, envelope: _Envelope, by: Literal["caller", "agent"]) -> _Facts:
    if span.end_us - span.start_us > _DAY_US:
        return _Facts(dropped=("speech_over_a_day",))
    turn, started, ended = span.parent_id or None, envelope["at"], from_us(span.end_us)
    return _Facts((Speech(**envelope, id=_id(span), by=by, turn=turn, started=started, ended=ended),))


def _user_turn(span: Span, envelope: _Envelope) -> _Facts:
    """A turn without a transcript is noise that woke the voice detection, not something to answer."""
    spoke = any(name in span.attributes for name in _TRANSCRIPT) or _committed(span)
    turn = Turn(**envelope, id=_id(span), turn=span.span_id, caller_spoke=spoke)
    if not spoke and not span.error:
        return _Facts((turn,))
    return _Facts((turn, _stage(span, envelope, "asr", span.span_id, _seconds(span, "lk.transcription_delay"), n=1)))


def _committed(span: Span) -> bool:
    """Whether LiveKit took what it heard for a turn: then it writes delays, also where content is stripped.

    The empty turn that closing a session commits has zeros.
    """
    return any(_seconds(span, name) is not None for name in ("lk.end_of_turn_delay", "lk.transcription_delay"))


def _agent_turn(span: Span, envelope: _Envelope) -> _Facts:
    """One utterance of the agent: an answer where there was input, else a greeting or a word of its own."""
    latency, reason = latency_or_reason(span.attributes.get("lk.e2e_latency"))
    answers = latency is not None or any(name in span.attributes for name in _USER_INPUT)
    turn = Turn(
        **envelope,
        id=_id(span),
        turn=span.span_id,
        caller_spoke=answers,
        greeting=None if answers else True,
        latency_seconds=latency,
        answered=None if latency is None else True,
        interrupted=_flag(span, "lk.interrupted"),
    )
    return _Facts((turn,), () if reason is None else (reason,))


def _llm_node(span: Span, envelope: _Envelope) -> _Facts:
    return _Facts((_stage(span, envelope, "llm", span.parent_id, _seconds(span, "lk.response.ttft")),))


def _tts_node(span: Span, envelope: _Envelope) -> _Facts:
    return _Facts((_stage(span, envelope, "tts", span.parent_id, _seconds(span, "lk.response.ttfb")),))


def _function_tool(span: Span, envelope: _Envelope) -> _Facts:
    """A tool that failed says so in an attribute; the status of its span stays unset."""
    failed = span.error or _flag(span, "lk.function_tool.is_error") is True
    lasted = span.end_us - span.start_us
    seconds = lasted / 1_000_000 if lasted <= _DAY_US else None
    stage = _stage(span, envelope, "tool", span.parent_id, seconds, failed, _text(span, _TOOL, _MAX_WORD))
    return _Facts((stage,), ("tool_over_a_day",) if seconds is None else ())


def _update_agent(span: Span, envelope: _Envelope) -> _Facts:
    """A hand-over inside the session: the caller stays with a machine."""
    return _Facts((Handoff(**envelope, id=_id(span), n=span.span_id, to="agent", ok=not span.error),))


def _amd(span: Span, envelope: _Envelope) -> _Facts:
    """Categories: human, machine-vm, machine-ivr, machine-unavailable, uncertain."""
    category = (_text(span, ("lk.amd.category",), _MAX_WORD) or "").lower()
    if "machine" in category or "voicemail" in category:
        return _Facts((CallConnected(**envelope, id=_id(span), reached="voicemail"),))
    if category == "human":
        return _Facts((CallConnected(**envelope, id=_id(span), reached="person"),))
    return _Facts()


_SPANS: Mapping[str, Callable[[Span, _Envelope], _Facts]] = {
    "agent_session": _agent_session,
    "session_close": _session_close,
    "agent_speaking": _agent_speaking,
    "user_speaking": _user_speaking,
    "user_turn": _user_turn,
    "agent_turn": _agent_turn,
    "llm_node": _llm_node,
    "realtime_inference": _llm_node,
    "tts_node": _tts_node,
    "function_tool": _function_tool,
    "update_agent": _update_agent,
    "amd": _amd,
}
_DIRECTIONS: Mapping[str, Direction] = {"inbound": "inbound", "outbound": "outbound"}
_DAY_US = 86_400_000_000


def _stage(
    span: Span,
    envelope: _Envelope,
    stage: StageName,
    turn: str,
    seconds: float | None,
    failed: bool | None = None,
    name: str | None = None,
    n: int | None = None,
) -> StageRun:
    return StageRun(
        **envelope,
        id=_id(span, n),
        stage=stage,
        turn=turn or None,
        duration_seconds=seconds,
        ok=not (span.error if failed is None else failed),
        error=_text(span, ("error.type",), _MAX_WORD),
        provider=_text(span, _PROVIDER, _MAX_WORD),
        model=_text(span, _MODEL, _MAX_WORD),
        name=name,
    )


def _envelope(span: Span, settings: SourceSettings) -> _Envelope:
    return {
        "at": from_us(span.start_us),
        "call": _text(span, _CONVERSATION, _MAX_ID) or span.trace_id,
        "source": NAME,
        "agent": settings.agent,
        "segments": _segments(span, settings) or None,
        "synthetic": _is_true(span.attributes.get(settings.synthetic_attribute)),
        "ids": Ids(
            twilio=_text(span, _TWILIO, _MAX_ID),
            sip=_text(span, _SIP, _MAX_ID),
            room=_text(span, _ROOM, _MAX_ID),
            job=_text(span, _JOB, _MAX_ID),
            trace=span.trace_id,
            vendor=_text(span, _VENDOR, _MAX_ID),
        ),
    }


def _segments(span: Span, settings: SourceSettings) -> dict[str, SegmentValue]:
    found = ((name, _first(span, paths)) for name, paths in settings.segments.items())
    return {name: value for name, value in found if value is not None}


def _first(span: Span, names: Iterable[str]) -> SegmentValue:
    for name in names:
        value = span.attributes.get(name, span.resource.get(name))
        if value is None or value == "" or (isinstance(value, float) and not math.isfinite(value)):
            continue
        if not isinstance(value, str) or len(value) <= _MAX_ID:
            return value
    return None


def _text(span: Span, names: Iterable[str], longest: int) -> str | None:
    """The first attribute that is a text of a usable length; LiveKit writes unknown ids as empty texts."""
    for name in names:
        value = span.attributes.get(name)
        if isinstance(value, str) and 0 < len(value) <= longest:
            return value
    return None


def _flag(span: Span, name: str) -> bool | None:
    value = span.attributes.get(name)
    return value if isinstance(value, bool) else None


def _is_true(value: Scalar | None) -> bool:
    return value.strip().lower() in ("true", "1", "yes") if isinstance(value, str) else bool(value)


def _seconds(span: Span, name: str) -> float | None:
    """A stage's duration; −1 and 0.0 stand for not measured."""
    return latency_or_reason(span.attributes.get(name))[0]


def _id(span: Span, n: int | None = None) -> str:
    return f"{span.trace_id}:{span.span_id}" + ("" if n is None else f":{n}")


def _direction(span: Span) -> Direction | None:
    """A dispatch rule exists only for calls that come in; without one a SIP participant was dialled."""
    said = _DIRECTIONS.get(_text(span, _DIRECTION, _MAX_WORD) or "")
    if said is not None or _text(span, _SIP, _MAX_ID) is None:
        return said
    return "outbound" if _text(span, _SIP_RULE, _MAX_ID) is None else "inbound"
