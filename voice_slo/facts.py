"""Facts of one call: canonical events merged field by field, so that the result never depends on their order.

The state is a join semilattice: every cell keeps the smallest of (rank, time, value), every set grows. Adding an
event twice, or the events in another order, gives the same state. What needs two events (a latency from two
spoken intervals, which answer belongs to which question) is read off the state in `voice_slo.units`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from voice_slo import events as ev
from voice_slo.conditions import Scalar
from voice_slo.sources import NATIVE, line_rank, turn_rank, verdict_rank

MAX_UNITS = 2_000
MAX_RECORDS = 10_000
MAX_SOURCES = 16
MAX_SEGMENTS = 64
MAX_IDS = 64
"""A call that reports more than this is a broken client; the rest is dropped and the call says so (`overflow`)."""

MAIN = "main"
FIRST = "1"
LIFECYCLE = frozenset(("call.started", "call.connected", "call.first_audio", "call.ended"))


class Cell(NamedTuple):
    """A value with what decides between contradicting ones: rank of the source, time (µs), then the value itself."""

    rank: int
    at_us: int
    order: str
    value: Scalar


class Spoken(NamedTuple):
    """An interval of speech, µs; `turn` empty where the event named none."""

    by: str
    turn: str
    started: int
    ended: int | None
    source: str


class Ran(NamedTuple):
    """One run of a pipeline stage."""

    at_us: int
    turn: str
    stage: str
    ok: bool | None
    provider: str
    model: str


Cells = dict[str, Cell]
_Verdict = ev.Task | ev.Intent | ev.Prompt | ev.Transcript | ev.Escalation | ev.Handoff | ev.SyntheticRun


@dataclass(slots=True)
class CallFacts:
    """Mutable only through `add` and `join`."""

    call: Cells = field(default_factory=dict)
    units: dict[tuple[str, str], Cells] = field(default_factory=dict)
    segments: Cells = field(default_factory=dict)
    speech: set[Spoken] = field(default_factory=set)
    stages: set[Ran] = field(default_factory=set)
    tags: set[str] = field(default_factory=set)
    ids: set[tuple[str, str]] = field(default_factory=set)
    reported: dict[str, set[str]] = field(default_factory=dict)
    last_at: int = 0
    overflow: bool = False

    @property
    def ended(self) -> bool:
        return "ended_at" in self.call

    @property
    def has_lifecycle(self) -> bool:
        return any(kinds & LIFECYCLE for kinds in self.reported.values())

    @property
    def caller(self) -> str | None:
        cell = self.call.get("caller")
        return str(cell.value) if cell else None

    @property
    def trace(self) -> str | None:
        return min((value for kind, value in self.ids if kind == "trace"), default=None)


def fold(stream: Iterable[ev.Event]) -> CallFacts:
    """The facts of one call from all its events, in any order."""
    facts = CallFacts()
    for event in stream:
        add(facts, event)
    return facts


def missed_run(flow: str, due: int, known_at: int) -> CallFacts:
    """Facts of a scheduled test call that never came: due at `due`, given up at `known_at` (µs)."""
    cells = {name: Cell(0, due, _order(value), value) for name, value in (("flow", flow), ("missed", True))}
    first_seen = {"first_seen": Cell(0, due, _order(due), due)}
    return CallFacts(call=first_seen, units={("synthetic", ev.rfc3339(due)): cells}, last_at=known_at)


def call_key(event: ev.Event) -> str:
    """The call an event belongs to; runs and releases that name none stand for themselves."""
    if event.call is not None:
        return event.call
    if isinstance(event, ev.SyntheticRun):
        return f"run:{event.flow or ''}:{event.run or event.at_us}"
    assert isinstance(event, ev.Release)
    return f"release:{event.component}:{event.version}"


def add(facts: CallFacts, event: ev.Event) -> None:
    """Merge one event into the facts."""
    source, at = event.source or NATIVE, event.at_us
    if source not in facts.reported and len(facts.reported) >= MAX_SOURCES:
        facts.overflow = True
        return
    facts.reported.setdefault(source, set()).add(event.kind)
    if not isinstance(event, ev.Task | ev.Intent | ev.Prompt | ev.Transcript | ev.Escalation | ev.Release | ev.Media):
        facts.last_at = max(facts.last_at, at)
    _envelope(facts, event, source, at)
    match event:
        case ev.Speech():
            _speech(facts, event, source, at)
        case ev.Turn():
            _turn(facts, event, source, at)
        case ev.StageRun():
            _stage(facts, event, at)
        case ev.Tag():
            if len(facts.tags) < MAX_RECORDS:
                facts.tags.add(event.name)
        case ev.CallStarted() | ev.CallConnected() | ev.CallFirstAudio() | ev.CallEnded():
            _lifecycle(facts, event, line_rank(source), at)
        case ev.Release() | ev.Media():
            pass
        case _:
            _verdict(facts, event, source, at)


def join(into: CallFacts, other: CallFacts) -> None:
    """Merge the facts of a call that turned out to be the same call."""
    for mine, theirs in ((into.call, other.call), (into.segments, other.segments)):
        _join_cells(mine, theirs)
    for key, cells in other.units.items():
        _join_cells(into.units.setdefault(key, {}), cells)
    into.speech |= other.speech
    into.stages |= other.stages
    into.tags |= other.tags
    into.ids |= other.ids
    for source, kinds in other.reported.items():
        into.reported.setdefault(source, set()).update(kinds)
    into.last_at = max(into.last_at, other.last_at)
    into.overflow |= other.overflow


def _join_cells(mine: Cells, theirs: Cells) -> None:
    for name, cell in theirs.items():
        held = mine.get(name)
        if held is None or cell < held:
            mine[name] = cell


def _put(cells: Cells, name: str, value: Scalar | None, rank: int, at: int) -> None:
    """`null` never overwrites; source precedence, then earliest, then smallest."""
    if value is None:
        return
    cell = Cell(rank, at, _order(value), value)
    held = cells.get(name)
    if held is None or cell < held:
        cells[name] = cell


def _order(value: Scalar) -> str:
    """A text that sorts as the value does: numbers by size, not by spelling."""
    return f"{value:032.9f}" if isinstance(value, int | float) and not isinstance(value, bool) else str(value)


def _latch(cells: Cells, name: str, value: bool | None, rank: int, at: int) -> None:
    """True wins whoever says it."""
    if value is not None:
        _put(cells, name, value, -1 if value else rank, at)


def _envelope(facts: CallFacts, event: ev.Event, source: str, at: int) -> None:
    line = line_rank(source)
    _put(facts.call, "caller", event.caller, line, at)
    # Decided by the first event: one that says so, or a start that says nothing of it.
    silent_start = event.synthetic is None and isinstance(event, ev.CallStarted)
    _put(facts.call, "synthetic", False if silent_start else event.synthetic, 0, at)
    if event.kind != "release":
        _put(facts.call, "first_seen", at, 0, at)
    for pair in event.ids.pairs() if event.ids is not None else ():
        if pair in facts.ids or len(facts.ids) < MAX_IDS:
            facts.ids.add(pair)
        else:
            facts.overflow = True
    for name, value in (event.segments or {}).items():
        if name not in facts.segments and len(facts.segments) >= MAX_SEGMENTS:
            facts.overflow = True
        elif value is not None and value != "":
            _put(facts.segments, name, str(value).lower() if isinstance(value, bool) else str(value),
                 turn_rank(source), at)  # fmt: skip


def _lifecycle(
    facts: CallFacts, event: ev.CallStarted | ev.CallConnected | ev.CallFirstAudio | ev.CallEnded, rank: int, at: int
) -> None:
    call = facts.call
    match event:
        case ev.CallStarted():
            _put(call, "started_at", at, rank, at)
            for name in ("direction", "expected_route", "expected_agent"):
                _put(call, name, getattr(event, name), rank, at)
        case ev.CallConnected():
            _put(call, "connected_at", at, rank, at)
            for name in ("route", "answered_by_agent", "reached"):
                _put(call, name, getattr(event, name), rank, at)
        case ev.CallFirstAudio():
            _put(call, "first_audio_at", at, rank, at)
            _put(call, "first_audio_after", event.after_seconds, rank, at)
        case ev.CallEnded():
            _put(call, "ended_at", at, rank, at)
            _put(call, "ended_by", event.by, rank, at)
            # `unknown` is what a source says that has no word for the reason: any other word counts first.
            _put(call, "end_reason", event.reason, rank + (100 if event.reason == "unknown" else 0), at)
            _put(call, "raw_reason", event.raw_reason, rank, at)
            _put(call, "duration", event.duration_seconds, rank, at)


def _cells_of(facts: CallFacts, kind: str, id_: str) -> Cells:
    key = (kind, id_)
    cells = facts.units.get(key)
    if cells is None:
        if len(facts.units) >= MAX_UNITS:
            facts.overflow = True
            return {}
        cells = facts.units[key] = {}
    return cells


def _turn(facts: CallFacts, event: ev.Turn, source: str, at: int) -> None:
    cells = _cells_of(facts, "turn", _turn_id(event.turn, at))
    rank = turn_rank(source)
    _put(cells, "at", at, rank, at)
    _put(cells, "source", source, rank, at)
    # 0.0 is what a framework writes when it measured nothing: an answer without a latency.
    if event.latency_seconds:
        _put(cells, "latency_seconds", event.latency_seconds, rank, at)
    _latch(cells, "answered", True if event.latency_seconds is not None else event.answered, rank, at)
    for name in ("tool_used", "interrupted", "greeting", "caller_spoke"):
        _latch(cells, name, getattr(event, name), rank, at)
    _put(cells, "failed_stage", event.failed_stage, rank, at)


def _speech(facts: CallFacts, event: ev.Speech, source: str, at: int) -> None:
    if len(facts.speech) >= MAX_RECORDS:
        facts.overflow = True
        return
    ended = None if event.ended is None else ev.to_us(event.ended)
    started = at if event.started is None else ev.to_us(event.started)
    turn = "" if event.turn is None else str(event.turn)
    facts.speech.add(Spoken(event.by, turn, min(started, ended or started), ended, source))
    facts.last_at = max(facts.last_at, ended or started)


def _stage(facts: CallFacts, event: ev.StageRun, at: int) -> None:
    turn = "" if event.turn is None else str(event.turn)
    if len(facts.stages) >= MAX_RECORDS:
        facts.overflow = True
        return
    ok = False if event.error is not None and event.ok is None else event.ok
    facts.stages.add(Ran(at, turn, event.stage, ok, event.provider or "", event.model or ""))


def _verdict(facts: CallFacts, event: _Verdict, source: str, at: int) -> None:
    rank = verdict_rank(source, getattr(event, "evaluator", None))
    cells = _cells_of(facts, *_unit_of(event, at))
    _put(cells, "at", at, 0, at)
    match event:
        case ev.Transcript():
            wer = event.wer
            if wer is None and event.errors is not None and event.reference_words:
                wer = event.errors / event.reference_words
            _put(cells, "wer", wer, rank, at)
        case ev.Escalation():
            for name in ("required", "happened", "context_preserved", "audited"):
                _put(cells, name, getattr(event, name), rank, at)
        case ev.Handoff():
            for name in ("to", "ok", "context_preserved"):
                _put(cells, name, getattr(event, name), rank, at)
        case _:
            # An evaluator's `unknown` gives way to any other word, its own rank or not.
            _put(cells, "result", event.result, rank + (100 if event.result == "unknown" else 0), at)
            for name in ("cause", "attempted", "flow"):
                _put(cells, name, getattr(event, name, None), rank, at)


def _unit_of(event: _Verdict, at: int) -> tuple[str, str]:
    match event:
        case ev.Task():
            return "task", event.task or MAIN
        case ev.Intent() | ev.Prompt():
            return "evaluation", f"{event.kind}:{'call' if event.turn is None else event.turn}"
        case ev.Transcript():
            return "wer", str(event.turn)
        case ev.Escalation() | ev.Handoff():
            return event.kind, FIRST if event.n is None else str(event.n)
        case ev.SyntheticRun():
            return "synthetic", event.run or event.call or str(at)


def _turn_id(turn: str | int | None, at: int) -> str:
    """A turn that names itself, else one known by its time until its ordinal is certain."""
    return f"@{at:020d}" if turn is None else str(turn)
