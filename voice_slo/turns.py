"""The caller turns of a call, read off its facts: who answered what, how long the caller waited."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from voice_slo.events import MAX_LATENCY_SECONDS
from voice_slo.facts import CallFacts, Cells, Spoken
from voice_slo.sources import PAIRED_TURNS, turn_rank


@dataclass(frozen=True, slots=True)
class Turn:
    """One caller turn. Times in µs, durations in seconds; None where nobody said.

    `parts` are the ids under which sources reported on it (a LiveKit exchange has two), `asked` the end of the
    caller's speech, `waited` the time to the answer, else to the caller's next word or the end of the call.
    """

    id: str
    parts: tuple[str, ...]
    at: int
    asked: int | None
    answered: bool | None
    latency: float | None
    waited: float | None
    superseded: bool
    tool_used: bool | None
    interrupted: bool | None


class _Record(NamedTuple):
    id: str
    cells: Cells
    caller: tuple[Spoken, ...]
    agent: tuple[Spoken, ...]
    paired: bool

    @property
    def spoke(self) -> bool | None:
        """Whether the caller spoke; a latency is evidence of it, a greeting of the contrary."""
        if _flag(self.cells, "greeting"):
            return False
        said = _flag(self.cells, "caller_spoke")
        if said is not None:
            return said
        if self.caller or "latency_seconds" in self.cells:
            return True
        return None

    @property
    def at(self) -> int:
        cell = self.cells.get("at")
        return int(cell.value) if cell else min(s.started for s in self.caller + self.agent)

    @property
    def asked(self) -> int | None:
        return max((s.ended or s.started for s in self.caller), default=None)

    @property
    def replied(self) -> bool:
        return bool(self.agent) or _flag(self.cells, "answered") is True

    @property
    def is_question(self) -> bool:
        return bool(self.caller) and not self.replied


def certain_turns(facts: CallFacts) -> list[Turn]:
    """Turns that no further event can take away, while the call is open: only what was stated, nothing derived."""
    owner = _owner(facts)
    found = [r for r in _records(facts, owner) if r.spoke and not r.id.startswith("@")]
    return [_stated(r, facts) for r in found if not (r.paired and r.is_question)]


def settled_turns(facts: CallFacts) -> list[Turn]:
    """Every caller turn of a call whose facts no longer change, in the order they were spoken."""
    records = [r for r in _records(facts, _owner(facts)) if r.spoke is not False]
    groups = _exchanges(sorted(records, key=lambda r: (r.at, r.id)))
    voices = [s for s in facts.speech if s.by == "agent"]
    starts = _question_starts(groups)
    end = facts.call.get("ended_at")
    end_us = int(end.value) if end else None
    turns = [_settled(g, facts, voices, starts, end_us) for g in groups]
    return [_numbered(t, n) for n, t in enumerate(turns, start=1)]


def _owner(facts: CallFacts) -> str | None:
    """The source whose turns count: the first of the order of precedence that reported any."""
    turns = (cells for (kind, _), cells in facts.units.items() if kind == "turn")
    named = {str(cells["source"].value) for cells in turns}
    named |= {s.source for s in facts.speech if s.by == "caller"}
    return min(named, key=lambda name: (turn_rank(name), name), default=None)


def _records(facts: CallFacts, owner: str | None) -> list[_Record]:
    spoken: dict[str, list[Spoken]] = {}
    for s in facts.speech:
        if s.source == owner and (s.turn or s.by == "caller"):
            spoken.setdefault(s.turn or f"@{s.started:020d}", []).append(s)
    records = []
    for id_ in {id_ for kind, id_ in facts.units if kind == "turn"} | spoken.keys():
        cells = facts.units.get(("turn", id_), {})
        if cells and cells["source"].value != owner:
            continue
        mine = spoken.get(id_, [])
        caller = tuple(sorted(s for s in mine if s.by == "caller"))
        agent = tuple(sorted(s for s in mine if s.by == "agent"))
        if cells or caller:
            records.append(_Record(id_, cells, caller, agent, owner in PAIRED_TURNS))
    return records


def _exchanges(records: Sequence[_Record]) -> list[tuple[_Record, ...]]:
    """Records that tell of one exchange: (question, answers …) for sources that report two sides, else alone.

    An answer belongs to the newest question that began before it. Of several answers to one question those that
    never spoke (a reply prepared early and thrown away) are no turns of their own.
    """
    questions = [r for r in records if r.paired and r.is_question]
    asked: dict[str, list[_Record]] = {}
    alone: list[tuple[_Record, ...]] = []
    for record in records:
        if record.paired and record.is_question:
            continue
        before = [q for q in questions if record.paired and q.caller[0].started <= record.at]
        if before:
            asked.setdefault(before[-1].id, []).append(record)
        else:
            alone.append((record,))
    for question in questions:
        answers = asked.get(question.id, [])
        spoken = [a for a in answers if a.replied]
        kept = spoken or answers[:1]
        alone.append((question, *kept[:1]))
        alone.extend((a,) for a in kept[1:] if "latency_seconds" in a.cells)
    return sorted(alone, key=lambda g: (g[0].at, g[-1].id))


def _question_starts(groups: Sequence[tuple[_Record, ...]]) -> list[int]:
    """When the caller began to speak in each exchange; its time stands in where no speech is known."""
    return sorted(min((s.started for r in g for s in r.caller), default=g[0].at) for g in groups)


def _settled(
    group: tuple[_Record, ...], facts: CallFacts, voices: Sequence[Spoken], starts: Sequence[int], end: int | None
) -> Turn:
    record = group[-1]
    stated = _stated(record, facts)
    asked = max((r.asked for r in group if r.asked is not None), default=None)
    since = record.at if asked is None else asked
    next_word = min((s for s in starts if s > since), default=None)
    heard = [v.started for v in voices if v.started >= since and (next_word is None or v.started < next_word)]
    latency = stated.latency
    answered = stated.answered or bool(heard and asked is not None) or bool(record.agent)
    if latency is None and asked is not None and heard and (min(heard) - asked) / 1e6 <= MAX_LATENCY_SECONDS:
        latency = (min(heard) - asked) / 1e6 or None
    until = next_word if next_word is not None else end
    waited = latency if answered else None if until is None or until < since else (until - since) / 1e6
    return Turn(
        id=record.id,
        parts=tuple(r.id for r in group),
        at=group[0].at,
        asked=asked,
        answered=True if answered else stated.answered,
        latency=latency,
        waited=waited,
        superseded=not answered and next_word is not None,
        tool_used=_tool_used(group, facts),
        interrupted=stated.interrupted,
    )


def _stated(record: _Record, facts: CallFacts) -> Turn:
    latency = record.cells.get("latency_seconds")
    answered = True if record.agent else _flag(record.cells, "answered")
    return Turn(
        id=record.id,
        parts=(record.id,),
        at=record.at,
        asked=record.asked,
        answered=answered,
        latency=float(latency.value) if latency else None,
        waited=None,
        superseded=False,
        tool_used=_tool_used((record,), facts),
        interrupted=_flag(record.cells, "interrupted"),
    )


def _tool_used(group: Sequence[_Record], facts: CallFacts) -> bool | None:
    ids = {r.id for r in group}
    if any(s.stage == "tool" and s.turn in ids for s in facts.stages):
        return True
    flags = [_flag(r.cells, "tool_used") for r in group]
    return True if True in flags else False if False in flags else None


def _numbered(turn: Turn, ordinal: int) -> Turn:
    if not turn.id.startswith("@"):
        return turn
    return replace(turn, id=str(ordinal))


def _flag(cells: Cells, name: str) -> bool | None:
    cell = cells.get(name)
    return None if cell is None else bool(cell.value)
