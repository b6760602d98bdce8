"""Facts of a call → the units that SLOs judge, each with the values that are certain at this phase of the call."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import IntEnum

from voice_slo.conditions import Value
from voice_slo.facts import FIRST, MAIN, CallFacts, Cell, Cells, Ran
from voice_slo.fields import FIELDS, Capability, Field
from voice_slo.sources import capabilities, watches_calls
from voice_slo.turns import Turn, certain_turns, settled_turns

_FAILED_ENDS = ("agent_failure", "platform_failure")
_SHUTDOWN = "job_shutdown"
_FIELDS_OF: Mapping[str, tuple[Field, ...]] = {
    unit: tuple(f for f in FIELDS.values() if f.unit in ("call", unit)) for unit in {f.unit for f in FIELDS.values()}
}
_PROVIDERS = {"asr": "asr_provider", "llm": "llm_provider", "tts": "tts_provider"}


class Phase(IntEnum):
    """How far a call has settled. In each phase more silence means something."""

    OPEN = 0
    OPERATIONAL = 1
    QUALITY = 2


@dataclass(frozen=True, slots=True)
class UnitFacts:
    """One unit as known now. `values` holds only what can no longer change in this phase.

    `stated_unknown`: awaited fields whose evaluator said `unknown`. `unobservable`: fields without a value that no
    source of this call can observe. `failures`: (stage, provider) that failed in this unit. `parts`: other ids
    under which the same unit may have been counted. `at`: event time, µs.
    """

    call: str
    unit: str
    id: str
    at: int
    phase: Phase
    values: Mapping[str, Value]
    segments: Mapping[str, str]
    stated_unknown: frozenset[str] = frozenset()
    unobservable: frozenset[str] = frozenset()
    failures: frozenset[tuple[str, str]] = frozenset()
    parts: tuple[str, ...] = ()


def units(call: str, facts: CallFacts, phase: Phase) -> list[UnitFacts]:
    """Every unit of the call that certainly exists, sorted by kind and id."""
    view = _View(call, facts, phase)
    found = [
        *view.call_unit(), *view.turn_units(), *view.tasks(), *view.evaluations(), *view.escalations(),
        *view.handoffs(), *view.synthetics(),
    ]  # fmt: skip
    return sorted(found, key=lambda u: (u.unit, u.id))


class _View:
    """Reads one call at one phase; everything it derives is a pure function of the two."""

    def __init__(self, call: str, facts: CallFacts, phase: Phase) -> None:
        self.call, self.facts, self.phase = call, facts, phase
        self.settled = phase >= Phase.OPERATIONAL
        self.observed = capabilities(facts.reported)
        self.turns = settled_turns(facts) if self.settled else certain_turns(facts)
        self._index_stages()
        self.at = self._moment("connected_at") or self._moment("started_at") or self._moment("first_seen") or 0
        self.call_values = self._call_values()

    def _cell(self, name: str) -> Value | None:
        cell = self.facts.call.get(name)
        return None if cell is None else cell.value

    def _moment(self, name: str) -> int | None:
        value = self._cell(name)
        return None if value is None else int(value)  # type: ignore[arg-type]

    def _unit(
        self, unit: str, id_: str, at: int, own: Mapping[str, Value | None], *,
        stated_unknown: frozenset[str] = frozenset(), failures: frozenset[tuple[str, str]] = frozenset(),
        parts: tuple[str, ...] = (), segments: Mapping[str, str] | None = None,
    ) -> UnitFacts:  # fmt: skip
        values = self.call_values | {name: value for name, value in own.items() if value is not None}
        missing = [f for f in _FIELDS_OF[unit] if f.name not in values]
        if self.settled:
            values |= {f.name: f.at_settle for f in missing if f.at_settle is not None and self._observes(f)}
        return UnitFacts(
            self.call, unit, id_, at, self.phase, values, segments or self._segments(), stated_unknown,
            frozenset(f.name for f in missing if f.name not in values and not self._observes(f)), failures, parts,
        )  # fmt: skip

    def _observes(self, field: Field) -> bool:
        need: Capability | None = field.needs
        return need is None or need in self.observed

    def _segments(self) -> dict[str, str]:
        return {name: str(cell.value) for name, cell in self.facts.segments.items()}

    # The call ---------------------------------------------------------------------------------------------------

    def call_unit(self) -> Iterator[UnitFacts]:
        if watches_calls(self.facts.reported):
            segments = self._segments() | self._providers(None)
            yield self._unit("call", self.call, self.at, {}, failures=self._failures(None), segments=segments)

    def _call_values(self) -> dict[str, Value]:
        heard = self._heard()
        connected = True if heard or self._moment("connected_at") is not None or self.turns else None
        values: dict[str, Value | None] = {
            "call.direction": self._cell("direction"),
            "call.connected": connected,
            "call.first_audio": True if heard else None,
            "call.reached": self._cell("reached"),
            "call.synthetic": self._synthetic(),
        }
        if self.settled:
            values |= self._settled_call_values(heard)
        return {name: value for name, value in values.items() if value is not None}

    def _synthetic(self) -> bool | None:
        said = self._cell("synthetic")
        return None if said is None else bool(said)

    def _heard(self) -> bool:
        return (
            self._moment("first_audio_at") is not None
            or any(s.by == "agent" for s in self.facts.speech)
            or any(t.answered for t in self.turns)
        )

    def _settled_call_values(self, heard: bool) -> dict[str, Value | None]:
        ended, answered = self._moment("ended_at"), self._moment("connected_at")
        since = answered if answered is not None else self._moment("started_at")
        to_audio = self._first_audio_seconds(answered)
        end_reason = self._end_reason()
        explicit = self._cell("duration")
        return {
            "call.first_audio_seconds": to_audio,
            "call.route_ok": self._route_ok(),
            "call.end_reason": end_reason,
            "call.ended_by": self._cell("ended_by"),
            "call.waited_seconds": to_audio if heard else _seconds(since, ended),
            "call.duration_seconds": explicit if explicit is not None else _seconds(answered, ended),
            "call.tags": frozenset(self.facts.tags),
            "call.failed_stage": self._failed_stage(None),
            "call.handed_over": True if self._handed_over() or end_reason == "handed_off" else None,
            "call.reached": "voicemail" if end_reason == "voicemail" else self._cell("reached"),
        }

    def _first_audio_seconds(self, connected: int | None) -> float | None:
        said = self._cell("first_audio_after")
        if said is not None:
            return float(said)  # type: ignore[arg-type]
        starts = [s.started for s in self.facts.speech if s.by == "agent"]
        first = self._moment("first_audio_at")
        if first is not None:
            starts.append(first)
        return _seconds(connected, min(starts, default=None))

    def _route_ok(self) -> bool:
        pairs = (("expected_route", "route"), ("expected_agent", "answered_by_agent"))
        known = [(self._cell(a), self._cell(b)) for a, b in pairs]
        return all(a == b for a, b in known if a is not None and b is not None)

    def _end_reason(self) -> Value | None:
        reason = self._cell("end_reason")
        if reason == "callee_unreachable" and self._cell("direction") == "inbound":
            return "connect_failed"
        if self._cell("raw_reason") == _SHUTDOWN and reason == "operator_action" and self._open_turn():
            return "platform_failure"
        return reason

    def _open_turn(self) -> bool:
        """Whether the call ended in the middle of one: a question without answer, or somebody still speaking."""
        end = self._moment("ended_at") or 0
        cut_off = any(s.started <= end < (s.ended or s.started) for s in self.facts.speech)
        return cut_off or (bool(self.turns) and not self.turns[-1].answered)

    # Turns ------------------------------------------------------------------------------------------------------

    def turn_units(self) -> Iterator[UnitFacts]:
        for ordinal, turn in enumerate(self.turns, start=1):
            own: dict[str, Value | None] = {
                "turn.caller_spoke": True,
                "turn.answered": True if turn.answered else (turn.answered if self.settled else None),
                "turn.latency_seconds": turn.latency,
                "turn.tool_used": True if turn.tool_used else (turn.tool_used if self.settled else None),
                "turn.interrupted": True if turn.interrupted else (turn.interrupted if self.settled else None),
                "turn.wer": self._wer(turn, ordinal),
            }
            if self.settled:
                own |= {
                    "turn.waited_seconds": turn.waited,
                    "turn.superseded": turn.superseded,
                    "turn.failed_stage": self._failed_stage(turn),
                }
            yield self._unit(
                "turn", turn.id, turn.at, own, failures=self._failures(turn), parts=turn.parts,
                segments=self._segments() | self._providers(turn),
            )  # fmt: skip

    def _wer(self, turn: Turn, ordinal: int) -> Value | None:
        names = (*turn.parts, turn.id, str(ordinal)) if self.settled else turn.parts
        cells = [self.facts.units[("wer", name)] for name in names if ("wer", name) in self.facts.units]
        found = [c["wer"] for c in cells if "wer" in c]
        return min(found).value if found else None

    def _index_stages(self) -> None:
        """Stage runs by turn, each in order of time."""
        self._ran: dict[str, list[Ran]] = {}
        for run in sorted(self.facts.stages):
            self._ran.setdefault(run.turn, []).append(run)

    def _runs(self, turn: Turn | None) -> list[Ran]:
        """Of a turn, of the whole call for None. What failed without a turn failed the one left unanswered."""
        if turn is None:
            return sorted(run for runs in self._ran.values() for run in runs)
        own = [run for part in dict.fromkeys(turn.parts) for run in self._ran.get(part, ())]
        if self.turns and turn is self.turns[-1] and not turn.answered:
            own += [run for run in self._ran.get("", ()) if run.ok is False and run.at_us >= turn.at]
        return sorted(own)

    def _failed(self, turn: Turn | None) -> list[tuple[int, str, str]]:
        """Failed stage runs of a turn (of the whole call for None) as (time, stage, provider)."""
        found = [(s.at_us, s.stage, s.provider) for s in self._runs(turn) if s.ok is False]
        for part in (id_ for kind, id_ in self.facts.units if kind == "turn") if turn is None else turn.parts:
            cell = self.facts.units.get(("turn", part), {}).get("failed_stage")
            if cell is not None and not any(stage == cell.value for _, stage, _ in found):
                found.append((cell.at_us, str(cell.value), ""))
        return sorted(found)

    def _failed_stage(self, turn: Turn | None) -> str | None:
        return next((stage for _, stage, _ in self._failed(turn)), None)

    def _failures(self, turn: Turn | None) -> frozenset[tuple[str, str]]:
        return frozenset((stage, provider) for _, stage, provider in self._failed(turn))

    def _providers(self, turn: Turn | None) -> dict[str, str]:
        found: dict[str, str] = {}
        for run in self._runs(turn):
            if run.provider and run.stage in _PROVIDERS:
                found.setdefault(_PROVIDERS[run.stage], run.provider)
            if run.model and run.stage == "llm":
                found.setdefault("llm_model", run.model)
        return found

    # Verdicts of evaluators -------------------------------------------------------------------------------------

    def _of_kind(self, kind: str) -> list[tuple[str, Cells]]:
        return sorted((id_, cells) for (k, id_), cells in self.facts.units.items() if k == kind)

    def tasks(self) -> Iterator[UnitFacts]:
        found = dict(self._of_kind("task"))
        lost = self.phase is Phase.QUALITY and self._failed_after_caller_turn()
        if lost and not any("result" in cells for cells in found.values()):
            failed = {"result": Cell(0, self.at, "", "bad"), "cause": Cell(0, self.at, "", "agent")}
            found = {id_: {**failed, **cells} for id_, cells in found.items()} or {MAIN: failed}
        for id_, cells in found.items():
            result, unsure = _judged(cells, "task.result")
            own = {
                "task.name": id_,
                "task.result": result,
                "task.attempted": _value(cells, "attempted") if self.settled else None,
                "task.cause": _value(cells, "cause") if self.settled else None,
            }
            yield self._unit("task", id_, self.at, own, stated_unknown=unsure)

    def _failed_after_caller_turn(self) -> bool:
        return self.call_values.get("call.end_reason") in _FAILED_ENDS and bool(self.turns)

    def evaluations(self) -> Iterator[UnitFacts]:
        for id_, cells in self._of_kind("evaluation"):
            result, unsure = _judged(cells, "evaluation.result")
            own = {"evaluation.subject": id_.partition(":")[0], "evaluation.result": result}
            yield self._unit("evaluation", id_, self.at, own, stated_unknown=unsure)

    def _human_handoffs(self) -> list[Cells]:
        return [cells for _, cells in self._of_kind("handoff") if _value(cells, "to") == "human"]

    def _handed_over(self) -> bool:
        return any(_value(cells, "ok") is True for cells in self._human_handoffs())

    def escalations(self) -> Iterator[UnitFacts]:
        found = self._of_kind("escalation") or ([(FIRST, {})] if self._human_handoffs() else [])
        for id_, cells in found:
            audited = _value(cells, "audited") is not False
            own = {"escalation.required": _value(cells, "required") if audited else None}
            if self.settled:
                happened, context = _value(cells, "happened"), _value(cells, "context_preserved")
                handed = [c for c in self._human_handoffs() if _value(c, "ok") is True]
                kept = [v for c in handed if (v := _value(c, "context_preserved")) is not None]
                own |= {
                    "escalation.happened": happened if happened is not None else True if handed else None,
                    "escalation.context_preserved": context if context is not None else next(iter(kept), None),
                }
            yield self._unit("escalation", id_, self.at, own)

    def handoffs(self) -> Iterator[UnitFacts]:
        for id_, cells in self._of_kind("handoff"):
            own = {
                "handoff.to": _value(cells, "to"),
                "handoff.ok": _value(cells, "ok") if self.settled else None,
                "handoff.context_preserved": _value(cells, "context_preserved"),
            }
            yield self._unit("handoff", id_, self.at, own)

    def synthetics(self) -> Iterator[UnitFacts]:
        found = dict(self._of_kind("synthetic"))
        itself = f"{self._segments().get('flow', 'unknown')}/{self.call}"
        if not found and self._is_run() and self.settled:
            found = {self.call: {}}
        for run, cells in found.items():
            said, missed = _value(cells, "result"), _value(cells, "missed") is True
            result = said if said is not None else self._run_result() if self.settled and not missed else None
            flow = _value(cells, "flow") or self._segments().get("flow")
            own = {
                "synthetic.flow": flow,
                "synthetic.result": None if result == "unknown" else result,
                "synthetic.missed": True if missed else False if said is not None else None,
            }
            segments = self._segments() | ({"flow": str(flow)} if flow else {})
            # The call itself may have counted before anybody named its run.
            parts = (itself,) if run == min(found) and self._is_run() else ()
            yield self._unit(
                "synthetic", f"{flow or 'unknown'}/{run}", self.at, own, segments=segments, parts=parts
            )  # fmt: skip

    def _is_run(self) -> bool:
        return bool(self._synthetic()) and self.facts.has_lifecycle

    def _run_result(self) -> str | None:
        """A test call went well when it connected, was heard, no part of ours failed and its task did not fail."""
        values = self.call_values
        if not self.facts.has_lifecycle and not self.turns:
            return None
        if values.get("call.end_reason") in _FAILED_ENDS:
            return "bad"
        results = [_value(cells, "result") for _, cells in self._of_kind("task")]
        if "bad" in results or not values.get("call.connected") or not values.get("call.first_audio"):
            return "bad"
        return "good" if all(r == "good" for r in results) else None


def _seconds(start: int | None, end: int | None) -> float | None:
    if start is None or end is None or end < start:
        return None
    return (end - start) / 1e6


def _value(cells: Cells, name: str) -> Value | None:
    cell = cells.get(name)
    return None if cell is None else cell.value


def _judged(cells: Cells, field: str) -> tuple[Value | None, frozenset[str]]:
    """A verdict, and the field's name where the evaluator said that it could not tell."""
    result = _value(cells, "result")
    return (None, frozenset((field,))) if result == "unknown" else (result, frozenset())
