"""The caller turns of a call, read off its facts: who answered what, how long the caller waited."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from voice_slo.events import MAX_LATENCY_SECONDS
from voice_slo.facts import CallFacts, Cells, Spoken
from voice_slo.sources import PAIRED_TURNS, is_framework, turn_rank


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


SAME_MOMENT = 100_000
"""µs: two clocks of one process, read on either side of a task switch."""


class _Talk(NamedTuple):
    """What turns are read against. Times in µs, sorted.

    `agent`, `caller`: when each began to speak; `voices`: the agent's turn that began then, and `loose_tools` the
    tools, where the turn belongs to no exchange; `tools`: turns that used one; `end`: of the call.
    """

    agent: Sequence[int]
    caller: Sequence[int]
    voices: Mapping[int, str]
    loose_tools: Sequence[tuple[int, str]]
    end: int | None
    tools: frozenset[str]


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
    def answers_at(self) -> int:
        """When the caller was done with what this answers, as far as is known.

        A reply that was prepared for an earlier turn may have been kept for this one: its own start says little.
        """
        latency = self.cells.get("latency_seconds")
        if latency is None or not self.agent:
            return self.at
        return min(s.started for s in self.agent) - round(float(latency.value) * 1e6)

    def follows(self, question: _Record) -> bool:
        return question.asked is not None and abs(self.answers_at - question.asked) <= SAME_MOMENT

    @property
    def replied(self) -> bool:
        return bool(self.agent) or _flag(self.cells, "answered") is True

    @property
    def is_question(self) -> bool:
        return bool(self.caller) and not self.replied


def certain_turns(facts: CallFacts) -> list[Turn]:
    """Turns that no further event can take away, while the call is open: only what was stated, nothing derived."""
    owner = _owner(facts)
    if owner is None or not is_framework(owner):
        return []  # a framework may still report, and then its turns count
    tools = _tool_turns(facts)
    found = [r for r in _records(facts, owner) if r.spoke and not r.id.startswith("@")]
    return [_stated(r, tools) for r in found if not (r.paired and r.is_question)]


def settled_turns(facts: CallFacts) -> list[Turn]:
    """Every caller turn of a call whose facts no longer change, in the order they were spoken."""
    owner = _owner(facts)
    # Where speech recognition itself had failed, words without a transcript were not noise.
    deaf = any(s.stage == "asr" and s.ok is False and not s.turn for s in facts.stages)
    records = [r for r in _records(facts, owner) if r.spoke is not False or (deaf and r.is_question)]
    groups = _exchanges(sorted(records, key=lambda r: (r.at, r.id)))
    talk = _talk(facts, groups, paired=owner in PAIRED_TURNS)
    turns = [_settled(group, talk) for group in groups]
    taken = {turn.id for turn in turns}
    return [_numbered(turn, ordinal, taken) for ordinal, turn in enumerate(turns, start=1)]


def _talk(facts: CallFacts, groups: Sequence[tuple[_Record, ...]], *, paired: bool) -> _Talk:
    told = {record.id for group in groups for record in group}
    voices = [s for s in facts.speech if s.by == "agent"]
    tools = [s for s in facts.stages if paired and s.stage == "tool"]
    end = facts.call.get("ended_at")
    return _Talk(
        agent=sorted(s.started for s in voices),
        caller=_question_starts(groups),
        voices={s.started: s.turn for s in voices if paired and s.turn and s.turn not in told},
        loose_tools=sorted((s.at_us, s.turn) for s in tools if s.turn not in told),
        end=int(end.value) if end else None,
        tools=_tool_turns(facts),
    )


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
            own = s.turn and (s.by == "agent" or owner not in PAIRED_TURNS or ("turn", s.turn) in facts.units)
            spoken.setdefault(s.turn if own else f"@{s.started:020d}", []).append(s)
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
    began = [q.caller[0].started for q in questions]
    asked: dict[str, list[_Record]] = {}
    alone: list[tuple[_Record, ...]] = []
    for record in records:
        if record.paired and record.is_question:
            continue
        before = bisect_right(began, record.answers_at) if record.paired else 0
        if before:
            asked.setdefault(questions[before - 1].id, []).append(record)
        elif not record.paired or not record.replied or "latency_seconds" in record.cells:
            alone.append((record,))
        # What is left answers typed input: nobody spoke.
    for question in questions:
        answers = sorted(asked.get(question.id, []), key=lambda a: (not a.replied, a.answers_at, a.id))
        other = [a for a in answers[1:] if "latency_seconds" in a.cells and not a.follows(question)]
        same = [a for a in answers[1:] if a not in other]
        alone.append((question, *same, *answers[:1]))
        alone.extend((a,) for a in other)
    return sorted(alone, key=lambda g: (g[0].at, g[-1].id))


def _question_starts(groups: Sequence[tuple[_Record, ...]]) -> list[int]:
    """When the caller began to speak in each exchange; its time stands in where no speech is known."""
    return sorted(min((s.started for r in g for s in r.caller), default=g[0].at) for g in groups)


def _settled(group: tuple[_Record, ...], talk: _Talk) -> Turn:
    record = group[-1]
    stated = _stated(record, talk.tools)
    asked = _asked(group, talk.end)
    since = record.at if asked is None else asked
    next_word = _first(talk.caller, bisect_right(talk.caller, since))
    heard = _first(talk.agent, bisect_left(talk.agent, since))
    if heard is not None and next_word is not None and heard >= next_word:
        heard = None
    latency = stated.latency
    answered = stated.answered or (heard is not None and asked is not None) or bool(record.agent)
    if latency is None and asked is not None and heard is not None and (heard - asked) / 1e6 <= MAX_LATENCY_SECONDS:
        latency = (heard - asked) / 1e6 or None
    parts = _parts(group, talk, asked, heard)
    until = next_word if next_word is not None else talk.end
    waited = latency if answered else None if until is None or until < since else (until - since) / 1e6
    return Turn(
        id=record.id,
        parts=parts,
        at=group[0].at,
        asked=asked,
        answered=True if answered else stated.answered,
        latency=latency,
        waited=waited,
        superseded=not answered and next_word is not None,
        tool_used=True if talk.tools.intersection(parts) else _tool_used(group, talk.tools),
        interrupted=stated.interrupted,
    )


def _asked(group: tuple[_Record, ...], end: int | None) -> int | None:
    """When the caller stopped speaking.

    A caller who hangs up in mid-speech stopped then: the interval stays open until the session is torn down.
    """
    asked = max((r.asked for r in group if r.asked is not None), default=None)
    cut = asked is not None and end is not None and asked > end
    return end if cut and any(s.started <= (end or 0) for r in group for s in r.caller) else asked


def _parts(group: tuple[_Record, ...], talk: _Talk, asked: int | None, heard: int | None) -> tuple[str, ...]:
    """Ids under which the exchange is reported, with those of a reply that names no question.

    So replies a new agent with its greeting, and a realtime model.
    """
    own = [r.id for r in group]
    if asked is None or heard is None:
        return tuple(own)
    loose = [turn for at, turn in talk.loose_tools if asked <= at <= heard]
    voice = [talk.voices[heard]] if heard in talk.voices and not group[-1].replied else []
    return tuple(dict.fromkeys((*own, *loose, *voice)))


def _first(times: Sequence[int], index: int) -> int | None:
    return times[index] if index < len(times) else None


def _stated(record: _Record, tools: frozenset[str]) -> Turn:
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
        tool_used=_tool_used((record,), tools),
        interrupted=_flag(record.cells, "interrupted"),
    )


def _tool_turns(facts: CallFacts) -> frozenset[str]:
    return frozenset(s.turn for s in facts.stages if s.stage == "tool")


def _tool_used(group: Sequence[_Record], tools: frozenset[str]) -> bool | None:
    if any(r.id in tools for r in group):
        return True
    flags = [_flag(r.cells, "tool_used") for r in group]
    return True if True in flags else False if False in flags else None


def _numbered(turn: Turn, ordinal: int, taken: set[str]) -> Turn:
    """A turn without an id goes by its ordinal; where another turn has that for its id, by the next free number."""
    if not turn.id.startswith("@"):
        return turn
    number = ordinal
    while str(number) in taken:
        number += 1
    taken.add(str(number))
    return replace(turn, id=str(number))


def _flag(cells: Cells, name: str) -> bool | None:
    cell = cells.get(name)
    return None if cell is None else bool(cell.value)
