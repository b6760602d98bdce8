"""The canonical events: partial facts with absolute times, the native input and what every source produces.

Several events of one call merge in `voice_slo.facts`. Seconds everywhere; `null` and an absent key both say nothing.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

MAX_LATENCY_SECONDS = 120
"""A longer turn latency is a slip of units or a broken clock, not an answer."""

Id = Annotated[str, Meta(min_length=1, max_length=200)]
Word = Annotated[str, Meta(min_length=1, max_length=100)]
Latency = Annotated[float, Meta(ge=0, le=MAX_LATENCY_SECONDS)]
Duration = Annotated[float, Meta(ge=0, le=7 * 86400)]
Count = Annotated[int, Meta(ge=0, le=10_000_000)]
Ratio = Annotated[float, Meta(ge=0, le=100)]
Moment = Annotated[datetime, Meta(tz=True)] | Annotated[float, Meta(ge=0, le=1e11)]
"""RFC 3339 with a zone, or Unix seconds."""
SegmentValue = Annotated[str, Meta(max_length=200)] | int | float | bool | None

Stage = Literal["asr", "llm", "tts", "tool", "telephony", "crm"]
Party = Literal["caller", "agent", "system"]
Result = Literal["good", "bad", "unknown"]
EndReason = Literal[
    "normal", "connect_failed", "callee_unreachable", "abandoned_before_connect", "agent_failure", "platform_failure",
    "no_caller_audio", "policy_end", "handed_off", "handoff_failed", "abuse", "voicemail", "operator_action", "unknown",
]  # fmt: skip
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Ids(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Other ids of the same call; calls of one agent that share one are one call."""

    twilio: Id | None = None
    sip: Id | None = None
    room: Id | None = None
    job: Id | None = None
    trace: Id | None = None
    vendor: Id | None = None

    def pairs(self) -> list[tuple[str, str]]:
        named: list[tuple[str, str | None]] = [(name, getattr(self, name)) for name in self.__struct_fields__]
        return [(name, value) for name, value in named if value]


class Base(
    msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", forbid_unknown_fields=True, omit_defaults=True
):
    """What every event carries. `caller` never leaves the edge in clear (`exporter.privacy`)."""

    at: Moment
    call: Id | None = None
    id: Id | None = None
    source: Word | None = None
    agent: Word | None = None
    segments: Annotated[dict[Word, SegmentValue], Meta(max_length=32)] | None = None
    synthetic: bool | None = None
    caller: Id | None = None
    ids: Ids | None = None

    @property
    def kind(self) -> str:
        return str(self.__struct_config__.tag)

    @property
    def at_us(self) -> int:
        """Microseconds since the epoch."""
        return to_us(self.at)


class CallStarted(Base, frozen=True, tag="call.started"):
    direction: Literal["inbound", "outbound"] | None = None
    expected_route: Word | None = None
    expected_agent: Word | None = None


class CallConnected(Base, frozen=True, tag="call.connected"):
    route: Word | None = None
    answered_by_agent: Word | None = None
    reached: Literal["person", "voicemail"] | None = None


class CallFirstAudio(Base, frozen=True, tag="call.first_audio"):
    after_seconds: Duration | None = None


class Speech(Base, frozen=True, tag="speech"):
    """`started` and `ended` default to `at`."""

    by: Literal["caller", "agent"]
    turn: Id | int | None = None
    started: Moment | None = None
    ended: Moment | None = None


class Turn(Base, frozen=True, tag="turn"):
    turn: Id | int | None = None
    latency_seconds: Latency | None = None
    answered: bool | None = None
    tool_used: bool | None = None
    interrupted: bool | None = None
    greeting: bool | None = None
    failed_stage: Stage | None = None
    caller_spoke: bool | None = None


class StageRun(Base, frozen=True, tag="stage"):
    stage: Stage
    turn: Id | int | None = None
    duration_seconds: Duration | None = None
    ok: bool | None = None
    error: Word | None = None
    provider: Word | None = None
    model: Word | None = None
    name: Word | None = None


class CallEnded(Base, frozen=True, tag="call.ended"):
    reason: EndReason | None = None
    by: Party | None = None
    raw_reason: Word | None = None
    duration_seconds: Duration | None = None


class Tag(Base, frozen=True, tag="tag"):
    name: Word


class Task(Base, frozen=True, tag="task"):
    task: Word | None = None
    result: Result | None = None
    cause: Literal["agent", "caller", "dependency"] | None = None
    attempted: bool | None = None
    evaluator: Word | None = None


class Intent(Base, frozen=True, tag="intent"):
    result: Result | None = None
    turn: Id | int | None = None
    evaluator: Word | None = None


class Prompt(Base, frozen=True, tag="prompt"):
    result: Result | None = None
    turn: Id | int | None = None
    evaluator: Word | None = None


class Transcript(Base, frozen=True, tag="transcript"):
    """`wer` as a ratio (0.12), or word `errors` and `reference_words`."""

    turn: Id | int
    wer: Ratio | None = None
    errors: Count | None = None
    reference_words: Count | None = None


class Escalation(Base, frozen=True, tag="escalation"):
    n: Id | int | None = None
    required: bool | None = None
    happened: bool | None = None
    context_preserved: bool | None = None
    audited: bool | None = None


class Handoff(Base, frozen=True, tag="handoff"):
    n: Id | int | None = None
    to: Literal["human", "agent"] | None = None
    ok: bool | None = None
    context_preserved: bool | None = None


class SyntheticRun(Base, frozen=True, tag="synthetic"):
    run: Id | None = None
    flow: Word | None = None
    result: Result | None = None
    failed_step: Word | None = None


class Release(Base, frozen=True, tag="release"):
    component: Literal[
        "agent", "prompt", "model", "provider", "asr", "tts", "routing", "tool", "knowledge_base", "config"
    ]
    version: Word
    flow: Word | None = None


class Media(Base, frozen=True, tag="media"):
    """For the review queue only; never labels."""

    trace_id: Id | None = None
    recording: Annotated[str, Meta(max_length=500)] | None = None


Event = (
    CallStarted | CallConnected | CallFirstAudio | Speech | Turn | StageRun | CallEnded | Tag | Task | Intent | Prompt
    | Transcript | Escalation | Handoff | SyntheticRun | Release | Media
)  # fmt: skip
KINDS: tuple[type[Base], ...] = Event.__args__
WITHOUT_CALL = (SyntheticRun, Release)
_decoder: msgspec.json.Decoder[Event] = msgspec.json.Decoder(Event)
_encoder = msgspec.json.Encoder(order="deterministic")


class EventError(ValueError):
    """A native event that cannot be taken. `field` is its path in the event, `error` what is wrong with it."""

    def __init__(self, field: str, error: str) -> None:
        super().__init__(f"{field}: {error}" if field else error)
        self.field, self.error = field, error


def decode(line: bytes | str) -> Event:
    """One canonical event from its JSON. Raises `EventError`; unknown fields are errors."""
    try:
        event = _decoder.decode(line)
    except msgspec.ValidationError as e:
        raise _explain(str(e)) from None
    except UnicodeDecodeError:
        raise EventError("", "not valid JSON: not UTF-8") from None
    except (msgspec.DecodeError, RecursionError) as e:
        raise EventError("", f"not valid JSON: {e}") from None
    return check(event)


def check(event: Event) -> Event:
    """The rules that the types cannot say. Raises `EventError`."""
    if event.call is None and not isinstance(event, WITHOUT_CALL):
        raise EventError("call", f"missing; only {' and '.join(str(t.__struct_config__.tag) for t in WITHOUT_CALL)} "
                                 "events stand without one")  # fmt: skip
    for name in ("started", "ended"):
        moment = getattr(event, name, None)
        if moment is not None and abs(to_us(moment) - event.at_us) > 86_400_000_000:
            raise EventError(name, "is more than a day away from `at`")
    if isinstance(event, Speech) and event.ended is not None and to_us(event.ended) < to_us(event.started or event.at):
        raise EventError("ended", "is before `started`")
    for value in (event.segments or {}).values():
        if isinstance(value, float) and not math.isfinite(value):
            raise EventError("segments", "a number is not finite")
    return event


def encode(event: Event) -> bytes:
    """Deterministic JSON of one event, without a newline."""
    return _encoder.encode(event)


def to_us(moment: datetime | float) -> int:
    """Microseconds since the epoch; a float of Unix seconds is rounded to the microsecond."""
    if isinstance(moment, datetime):
        return (moment - EPOCH) // timedelta(microseconds=1)
    return round(moment * 1_000_000)


def from_us(us: int) -> datetime:
    return EPOCH + timedelta(microseconds=us)


def rfc3339(us: int) -> str:
    return from_us(us).isoformat(timespec="microseconds").replace("+00:00", "Z")


def shift(event: Event, us: int) -> Event:
    """The same event moved by `us` microseconds; ids stay."""
    moments: Sequence[str] = [n for n in ("at", "started", "ended") if getattr(event, n, None) is not None]
    moved: dict[str, Any] = {name: from_us(to_us(getattr(event, name)) + us) for name in moments}
    return msgspec.structs.replace(event, **moved)


def _explain(message: str) -> EventError:
    text, _, path = message.partition(" - at `")
    return EventError(path.rstrip("`").removeprefix("$").removeprefix("."), text)
