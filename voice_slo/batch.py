"""A finite stream of canonical events → the verdicts of all its units at the end of input."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from voice_slo.events import Event, rfc3339
from voice_slo.facts import CallFacts, call_key, fold
from voice_slo.judge import Verdict, judge
from voice_slo.spec import Slo, SloFile
from voice_slo.units import Phase, UnitFacts, units


@dataclass(frozen=True, slots=True)
class Judged:
    """One unit of one SLO with its verdict."""

    slo: Slo
    unit: UnitFacts
    verdict: Verdict

    def line(self) -> dict[str, object]:
        """The JSON object of `voice-slo judge`."""
        return {
            "agent": self.slo.agent,
            "slo": self.slo.name,
            "sli": self.slo.sli.name,
            "call": self.unit.call,
            "unit": self.unit.unit,
            "id": self.unit.id,
            "at": rfc3339(self.unit.at),
            "verdict": self.verdict.outcome,
            "reason": self.verdict.reason or None,
            "would_be": self.verdict.would_be or None,
            "segments": dict(self.verdict.labels),
            "rule": self.verdict.rule,
            "definition": self.slo.definition,
        }


class UnknownAgent(ValueError):
    """An event whose agent no SLO file is for, or that names none while several are loaded."""


def calls(stream: Iterable[Event], files: Sequence[SloFile]) -> dict[tuple[str, str], list[Event]]:
    """Events by agent and call. Calls of one agent that share any id are one; the key first seen stays."""
    only = files[0].agent if len(files) == 1 else None
    known = {file.agent for file in files}
    holder: dict[tuple[str, str, str], tuple[str, str]] = {}
    found: dict[tuple[str, str], list[Event]] = {}
    for event in stream:
        agent = event.agent or only
        if agent not in known:
            raise UnknownAgent(f"agent {agent!r} has no SLO file" if agent else "agent is missing, and several files")
        assert agent is not None
        pairs = event.ids.pairs() if event.ids else []
        keys = [(agent, kind, value) for kind, value in [("call", call_key(event)), *pairs]]
        same = sorted({holder[k] for k in keys if k in holder}, key=list(found).index)
        call = same[0] if same else (agent, call_key(event))
        merged = found.setdefault(call, [])
        for other in same[1:]:
            merged += found.pop(other)
            holder.update({k: call for k, held in holder.items() if held == other})
        merged.append(event)
        holder.update(dict.fromkeys(keys, call))
    return found


def judge_stream(stream: Iterable[Event], files: Sequence[SloFile]) -> list[Judged]:
    """Every verdict at the end of input, sorted by call, unit, id and SLO. Raises `UnknownAgent`."""
    by_agent = {file.agent: file for file in files}
    found = [
        judged
        for (agent, call), events in calls(stream, files).items()
        for judged in judge_call(call, fold(events), by_agent[agent].slos)
    ]
    return sorted(found, key=lambda j: (j.unit.call, j.unit.unit, j.unit.id, j.slo.name))


def judge_call(call: str, facts: CallFacts, slos: Iterable[Slo], phase: Phase = Phase.QUALITY) -> Iterator[Judged]:
    """The verdicts of one call as far as it has settled."""
    seen = units(call, facts, phase)
    for slo in slos:
        for unit in seen:
            if unit.unit == slo.sli.unit:
                verdict = judge(slo, unit)
                if verdict is not None:
                    yield Judged(slo, unit, verdict)


