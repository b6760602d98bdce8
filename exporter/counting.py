"""Verdicts → counters: what the first verdict of a unit adds, and what a later word may still change."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from exporter import counts as c
from exporter.calls import Call
from exporter.own_metrics import Notes
from exporter.registry import Loaded, born
from exporter.slices import Slices
from exporter.store import Store, UnitRow
from voice_slo import names
from voice_slo.judge import Verdict, judge
from voice_slo.units import Phase, UnitFacts, units

CALLER_GAP = 15 * 60 * 1_000_000
"""µs of event time between two bad units of one caller that count as two callers affected."""
LATE = 2 * 3600 * 1_000_000
_WINDOWED = (c.GOOD, c.BAD)
_OPEN = (c.UNKNOWN, c.AWAITING)
NOT_CONCERNED = "not_concerned"
_WEIGHT = {c.GOOD: 4, c.BAD: 4, c.EXCLUDED: 4, c.UNKNOWN: 3, c.AWAITING: 2, NOT_CONCERNED: 1}
"""Which of two verdicts on one unit stays: what was counted before what is still open."""
HORIZON = 30 * 86_400 * 1_000_000
"""µs that a unit of an SLO that is no longer loaded waits for its evaluation."""
JUDGED_AT_ONCE = 200
"""Units; an open call with more is judged when it settles, so that no sender can keep the writer busy."""


@dataclass(slots=True)
class Counting:
    """Counts within the writer's running transaction."""

    store: Store
    counts: c.Counts
    notes: Notes
    pending: dict[int, int]
    slices: Slices

    def judge_call(self, call: Call, loaded: list[Loaded], now: int, *, late: bool = False) -> None:
        """Count every unit of the call whose verdict is due, and note how many still are not.

        `late`: facts came after the call had settled; those that disagree with a final verdict are noted.
        """
        if call.row.phase == Phase.OPEN and len(call.facts.units) + len(call.facts.speech) > JUDGED_AT_ONCE:
            return
        seen = units(call.row.key, call.facts, Phase(min(call.row.phase, Phase.QUALITY)))
        waiting: dict[int, int] = {}
        changed: list[UnitRow] = []
        for entry in loaded:
            for unit in seen:
                if unit.unit == entry.slo.sli.unit and not self._consider(call, entry, unit, now, changed):
                    waiting[entry.row.id] = waiting.get(entry.row.id, 0) + 1
        if late:
            self._note_disagreements(call, loaded, seen)
        self.store.put_units(changed)
        self.set_pending(call, waiting)

    def set_pending(self, call: Call, waiting: dict[int, int]) -> None:
        for slo in call.pending.keys() | waiting.keys():
            self.pending[slo] = self.pending.get(slo, 0) + waiting.get(slo, 0) - call.pending.get(slo, 0)
        call.pending = waiting

    def expire_awaiting(self, call: Call, loaded: list[Loaded], now: int) -> None:
        """A unit that waited for its evaluation longer than the SLO's audit horizon does not concern it any more."""
        horizons = _horizons(loaded)
        for key, row in list(call.units.items()):
            if row.outcome == c.AWAITING and row.judged + horizons.get(row.slo, HORIZON) <= now:
                self._leave(row)
                call.units[key] = row._replace(outcome=NOT_CONCERNED, judged=now, missing="")
                self._enter_state(row.slo, NOT_CONCERNED, new=False)
                self.store.put_units([call.units[key]])

    @staticmethod
    def next_expiry(call: Call, loaded: list[Loaded]) -> int | None:
        """When the first awaiting unit of the call reaches its horizon."""
        horizons = _horizons(loaded)
        waiting = (u for u in call.units.values() if u.outcome == c.AWAITING)
        return min((u.judged + horizons.get(u.slo, HORIZON) for u in waiting), default=None)

    def merge_units(self, call: Call, other: Call, loaded: list[Loaded]) -> None:
        """Units of a call that turned out to be the same call: what was counted stays, and stays once."""
        named = {entry.row.id: (entry.slo.agent, entry.slo.name) for entry in loaded}
        for row in other.units.values():
            self.store.drop_unit(row)
            id_ = call.row.key if row.unit == "call" else row.id
            moved = row._replace(call=call.row.id, id=id_)
            held = call.units.get((row.slo, row.unit, id_))
            if held is None:
                self._keep(call, moved)
                continue
            stays, goes = (held, moved) if _WEIGHT[held.outcome] >= _WEIGHT[row.outcome] else (moved, held)
            self._leave(goes)
            self.counts.add(row.slo, c.WHOLE_SLO, c.SEEN, by=-1)
            self._keep(call, stays)
            if goes.outcome not in (c.AWAITING, NOT_CONCERNED):
                # Its counts stay, so its row has to leave the window with them: under an id that no unit can have.
                self._keep(call, goes._replace(id=f"{id_}\0{other.row.key}"))
                if row.slo in named:
                    self.notes.inc(names.MERGED_UNITS, *named[row.slo])
        self.set_pending(other, {})

    def _keep(self, call: Call, row: UnitRow) -> None:
        call.units[row.slo, row.unit, row.id] = row
        self.store.put_units([row])

    def _consider(self, call: Call, entry: Loaded, unit: UnitFacts, now: int, changed: list[UnitRow]) -> bool:
        """Whether the unit has a verdict by now."""
        held = self._held(call, entry, unit)
        if held is not None and not _may_change(held):
            return True
        verdict = judge(entry.slo, unit)
        if verdict is None:
            return held is not None
        if held is not None and held.outcome == verdict.outcome:
            return True
        row = self._row(call, entry, unit, verdict, now, held)
        call.units[row.slo, row.unit, row.id] = row
        changed.append(row)
        return True

    def _held(self, call: Call, entry: Loaded, unit: UnitFacts) -> UnitRow | None:
        for id_ in (unit.id, *unit.parts):
            row = call.units.get((entry.row.id, unit.unit, id_))
            if row is not None:
                return row
        return None

    def _note_disagreements(self, call: Call, loaded: list[Loaded], seen: list[UnitFacts]) -> None:
        for entry in loaded:
            for unit in (u for u in seen if u.unit == entry.slo.sli.unit):
                held, verdict = self._held(call, entry, unit), judge(entry.slo, unit)
                if held and verdict and held.outcome != verdict.outcome and not _may_change(held):
                    self.notes.inc(names.LATE_FACTS, entry.slo.agent, entry.slo.name)

    def _row(
        self, call: Call, entry: Loaded, unit: UnitFacts, verdict: Verdict, now: int, held: UnitRow | None
    ) -> UnitRow:  # fmt: skip
        if held is not None:
            self._leave(held)
        labels = entry.labels(verdict.labels)
        caller = call.facts.caller or f"call:{call.row.key}"
        counted = self._enter(call, entry, unit, verdict, labels, caller, now)
        if held is not None and held.outcome == c.UNKNOWN and held.counted and held.era == entry.row.era:
            self.counts.add(entry.row.id, labels, c.UNKNOWN_RESOLVED)
        self._enter_state(entry.row.id, verdict.outcome, new=held is None)
        if verdict.outcome == NOT_CONCERNED:
            for field in verdict.missing:
                self.notes.inc(names.NOT_OBSERVABLE, entry.slo.agent, entry.slo.name, field)
        return UnitRow(
            call.row.id, entry.row.id, unit.unit, held.id if held else unit.id, entry.row.era, verdict.outcome,
            verdict.reason, verdict.would_be, verdict.rule, " ".join(verdict.missing), labels, unit.at, now,
            int(counted), entry.row.definition, caller if verdict.outcome == c.BAD else None,
        )  # fmt: skip

    def _enter_state(self, slo: int, outcome: str, *, new: bool) -> None:
        self.counts.add(slo, c.WHOLE_SLO, c.UNITS, outcome)
        if new:
            self.counts.add(slo, c.WHOLE_SLO, c.SEEN)

    def _leave(self, held: UnitRow) -> None:
        self.counts.add(held.slo, c.WHOLE_SLO, c.UNITS, held.outcome, -1)
        if held.outcome == c.AWAITING and held.counted and self.counts.get(held.slo, held.labels, c.AWAITING):
            self.counts.add(held.slo, held.labels, c.AWAITING, by=-1)

    def _enter(
        self, call: Call, entry: Loaded, unit: UnitFacts, verdict: Verdict, labels: str, caller: str, now: int
    ) -> bool:  # fmt: skip
        """Add the verdict to the counters of its label set. False where it precedes the birth of the series."""
        if verdict.outcome == NOT_CONCERNED:
            return False
        add = self._adder(entry, labels)
        created = born(self.counts, entry, labels, unit.at, now)
        if verdict.outcome in _WINDOWED and entry.in_window(unit.at):
            add(c.WINDOW, c.ELIGIBLE)
            if verdict.outcome == c.BAD:
                add(c.WINDOW, c.BAD)
        if unit.at < created:
            return False
        match verdict.outcome:
            case "excluded":
                add(c.EXCLUDED, f"{verdict.reason}|{verdict.would_be}")
            case "unknown" | "awaiting":
                add(verdict.outcome, "")
            case _:
                add(c.ELIGIBLE, "")
                self.slices.add(entry, labels, unit.segments, verdict.outcome, now)
                self._good_or_bad(call, entry, unit, verdict, labels, caller, now)
        return True

    def _good_or_bad(
        self, call: Call, entry: Loaded, unit: UnitFacts, verdict: Verdict, labels: str, caller: str, now: int
    ) -> None:  # fmt: skip
        add = self._adder(entry, labels)
        if verdict.outcome == c.GOOD:
            add(c.GOOD, "")
            return
        add(c.BAD, verdict.reason)
        agent, slo = entry.slo.agent, entry.slo.name
        if call.facts.caller is None:
            self.notes.inc(names.WITHOUT_CALLER, agent, slo)
        if now - max(call.facts.last_at, unit.at) > LATE:
            self.notes.inc(names.LATE_UNITS, agent, slo)
        elif not self._caller_known(call, entry, labels, caller, unit.at):
            add(c.BAD_CALLERS, "")

    def _caller_known(self, call: Call, entry: Loaded, labels: str, caller: str, at: int) -> bool:
        """Whether the caller has another bad unit there within the gap: in this call, whoever it was, or another."""
        start, end = at - CALLER_GAP, at + CALLER_GAP
        here = (
            row
            for row in call.units.values()
            if row.slo == entry.row.id and row.outcome == c.BAD and row.labels == labels
        )
        if any(start <= row.at <= end for row in here):
            return True
        return self.store.bad_near(entry.row.id, labels, caller, start, end)

    def _adder(self, entry: Loaded, labels: str) -> Callable[[str, str], None]:
        return lambda name, extra: self.counts.add(entry.row.id, labels, name, extra)


def _horizons(loaded: list[Loaded]) -> dict[int, int]:
    return {entry.row.id: entry.slo.audit_horizon * 1_000_000 for entry in loaded}


def _may_change(row: UnitRow) -> bool:
    """Unknown may be resolved once, awaiting may end; what no source could observe another source may yet."""
    return row.outcome in _OPEN or (row.outcome == NOT_CONCERNED and bool(row.missing))
