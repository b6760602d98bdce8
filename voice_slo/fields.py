"""The table of fields that conditions may read: unit, meaning, finality and value at settle. The docs print it."""

from __future__ import annotations

import typing
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from voice_slo import events
from voice_slo.conditions import Value

Type = Literal["bool", "enum", "number", "seconds", "text", "set"]
Finality = Literal["latched", "final", "operational", "awaited"]
"""`latched`: true is final. `final`: one value per unit. `operational`: known when the call's operation has settled.
`awaited`: an evaluation; without one the unit waits for it."""

Capability = Literal["connection", "first_audio", "first_word", "turns", "tool_use", "ended_by"]
"""What a source must be able to observe before silence may mean false (TELEMETRY.md 1)."""

SEGMENT_PREFIX = "segment."


@dataclass(frozen=True, slots=True)
class Field:
    """`at_settle` is the value once the call has settled and nobody said otherwise (None: it stays unknown)."""

    name: str
    type: Type
    meaning: str
    finality: Finality
    at_settle: Value | None = None
    needs: Capability | None = None
    values: tuple[str, ...] = ()

    @property
    def unit(self) -> str:
        return self.name.partition(".")[0]


_STAGES = typing.get_args(events.Stage)
_END_REASONS = typing.get_args(events.EndReason)
_PARTIES = typing.get_args(events.Party)
_JUDGED = ("good", "bad")

_TABLE = (
    Field("call.direction", "enum", "who called", "final", values=("inbound", "outbound")),
    Field("call.connected", "bool", "the call reached the agent's side of the line", "latched", False, "connection"),
    Field("call.reached", "enum", "who was connected", "final", "person", values=("person", "voicemail")),
    Field("call.first_audio", "bool", "the caller heard the agent at least once", "latched", False, "first_audio"),
    Field("call.first_audio_seconds", "seconds", "from connected to the agent's first audio", "operational",
          needs="first_word"),
    Field("call.route_ok", "bool", "expected and actual route (or agent) are equal", "operational", True),
    Field("call.end_reason", "enum", "why the call ended", "operational", "unknown", values=_END_REASONS),
    Field("call.ended_by", "enum", "who ended the call", "operational", needs="ended_by", values=_PARTIES),
    Field("call.waited_seconds", "seconds", "from the answer (else the first ring) to first audio or the end",
          "operational"),
    Field("call.duration_seconds", "seconds", "from connected to the end", "operational"),
    Field("call.synthetic", "bool", "a test call", "final", False),
    Field("call.tags", "set", "names of the call's tags", "operational", frozenset()),
    Field("call.failed_stage", "enum", "the first stage that failed", "operational", values=_STAGES),
    Field("call.handed_over", "bool", "a human took the call over", "operational", False),
    Field("turn.caller_spoke", "bool", "the caller said something (a greeting is no caller turn)", "latched", False),
    Field("turn.answered", "bool", "the agent's answer began", "latched", False, "turns"),
    Field("turn.latency_seconds", "seconds", "from the end of the caller's speech to the start of the answer", "final"),
    Field("turn.waited_seconds", "seconds", "how long the caller waited: to the answer, the next word or the hang-up",
          "operational"),
    Field("turn.tool_used", "bool", "a tool ran before the answer", "latched", False, "tool_use"),
    Field("turn.interrupted", "bool", "the caller cut the answer off", "latched", False),
    Field("turn.superseded", "bool", "the caller spoke again before an answer", "operational", False),
    Field("turn.failed_stage", "enum", "the first stage of the turn that failed", "operational", values=_STAGES),
    Field("turn.wer", "number", "word error rate against a reference (0.12 is 12 %)", "awaited"),
    Field("task.name", "text", "name of the task", "final"),
    Field("task.attempted", "bool", "the agent had enough information to try", "operational", True),
    Field("task.result", "enum", "verdict on the task", "awaited", values=_JUDGED),
    Field("task.cause", "enum", "who caused a miss", "operational", "agent", values=("agent", "caller", "dependency")),
    Field("evaluation.subject", "enum", "what was evaluated", "final", values=("intent", "prompt")),
    Field("evaluation.result", "enum", "verdict of the evaluation", "awaited", values=_JUDGED),
    Field("escalation.required", "bool", "a human was needed", "awaited"),
    Field("escalation.happened", "bool", "a human was reached", "operational", False),
    Field("escalation.context_preserved", "bool", "what the human needed arrived", "operational"),
    Field("handoff.to", "enum", "to whom", "final", values=("human", "agent")),
    Field("handoff.ok", "bool", "the handoff succeeded", "operational"),
    Field("handoff.context_preserved", "bool", "summary and required fields arrived", "awaited"),
    Field("synthetic.flow", "text", "flow of the scheduled run", "final"),
    Field("synthetic.result", "enum", "outcome of the run", "final", values=_JUDGED),
    Field("synthetic.missed", "bool", "the scheduled run never came", "latched", False),
)  # fmt: skip

FIELDS: Mapping[str, Field] = {field.name: field for field in _TABLE}


def allowed(name: str, unit: str) -> bool:
    """Whether a condition on `unit` may read the field: its own fields, the call's and every `segment.<name>`."""
    return name.startswith(("call.", SEGMENT_PREFIX, unit + "."))
