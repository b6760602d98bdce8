"""Verdicts → counters: what the first verdict of a unit adds, and what a later word may still change."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from exporter import counts as c
from exporter.calls import Call
from exporter.own_metrics import OwnMetrics
from exporter.registry import Loaded, born
from exporter.store import Store, UnitRow
from voice_slo import names
from voice_slo.judge import Verdict, judge
from voice_slo.units import Phase, UnitFacts, units

CALLER_GAP = 15 * 60 * 1_000_000
"""µs of event time between two bad units of one caller that count as two callers affected."""
LATE = 2 * 3600 * 1_000_000
_WINDOWED = (c.GOOD, c.BAD)
_OPEN = (c.UNKNOWN, c.AWAITING)
_PENDING = "pending"
NOT_CONCERNED = "not_concerned"


@dataclass(slots=True)
class Counting:
    """Counts within the writer's running transaction."""

    store: Store
    counts: c.Counts
    own: OwnMetrics
    pending: dict[int, int]

    def judge_call(self, call: Call, loaded: list[Loaded], now: int) -> None:
        """Count every unit of the call whose verdict is due, and note how many still are not."""
        seen = units(call.row.key, call.facts, Phase(min(call.row.phase, Phase.QUALITY)))
        waiting: dict[int, int] = {}
        changed: list[UnitRow] = []
        for entry in loaded:
            for unit in seen:
                if unit.unit == entry.slo.sli.unit and not self._consider(call, entry, unit, now, changed):
                    waiting[entry.row.id] = waiting.get(entry.row.id, 0) + 1
        self.store.put_units(changed)
        self.set_pending(call, waiting)

    def set_pending(self, call: Call, waiting: dict[int, int]) -> None:
        for slo in call.pending.keys() | waiting.keys():
            self.pending[slo] = self.pending.get(slo, 0) + waiting.get(slo, 0) - call.pending.get(slo, 0)
        call.pending = waiting

    def expire_awaiting(self, call: Call, loaded: list[Loaded], now: int) -> None:
        """A unit that waited for its evaluation longer than the SLO's audit horizon does not concern it any more."""
        by_id = {entry.row.id: entry for entry in loaded}
        for key, row in list(call.units.items()):
            entry = by_id.get(row.slo)
            if entry and row.outcome == c.AWAITING and row.judged + entry.slo.audit_horizon * 1_000_000 <= now:
                self._leave(entry, row)
                call.units[key] = row._replace(outcome=NOT_CONCERNED, judged=now)
                self._enter_state(entry, NOT_CONCERNED, new=False)
                self.store.put_units([call.units[key]])

    def merge_units(self, call: Call, other: Call, loaded: list[Loaded]) -> None:
        """Units of a call that turned out to be the same call: what `call` has counted stays, the rest moves over."""
        by_id = {entry.row.id: entry for entry in loaded}
        for row in other.units.values():
            id_ = call.row.key if row.unit == "call" else row.id
            key = (row.slo, row.unit, id_)
            if key not in call.units:
                self.store.drop_unit(row)
                call.units[key] = row._replace(call=call.row.id, id=id_)
                self.store.put_units([call.units[key]])
                continue
            self.counts.add(row.slo, c.WHOLE_SLO, c.UNITS, row.outcome, -1)
            self.counts.add(row.slo, c.WHOLE_SLO, c.SEEN, by=-1)
            if row.outcome == c.AWAITING:
                self.counts.add(row.slo, row.labels, c.AWAITING, by=-1)
                self.store.drop_unit(row)
            elif entry := by_id.get(row.slo):
                self.own.inc(names.MERGED_UNITS, entry.slo.agent, entry.slo.name)
        self.set_pending(other, {})

    def _consider(self, call: Call, entry: Loaded, unit: UnitFacts, now: int, changed: list[UnitRow]) -> bool:
        """Whether the unit has a verdict by now."""
        held = self._held(call, entry, unit)
        if held is not None and not _may_change(held):
            self._note_disagreement(call, entry, unit, held)
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

    def _note_disagreement(self, call: Call, entry: Loaded, unit: UnitFacts, held: UnitRow) -> None:
        if call.fresh and unit.phase is not Phase.OPEN:
            verdict = judge(entry.slo, unit)
            if verdict is not None and verdict.outcome != held.outcome:
                self.own.inc(names.LATE_FACTS, entry.slo.agent, entry.slo.name)

    def _row(
        self, call: Call, entry: Loaded, unit: UnitFacts, verdict: Verdict, now: int, held: UnitRow | None
    ) -> UnitRow:  # fmt: skip
        if held is not None:
            self._leave(entry, held)
        labels = entry.labels(verdict.labels)
        caller = call.facts.caller or f"call:{call.row.key}"
        counted = self._enter(call, entry, unit, verdict, labels, caller, now)
        if held is not None and held.outcome == c.UNKNOWN:
            self.counts.add(entry.row.id, labels, c.UNKNOWN_RESOLVED)
        self._enter_state(entry, verdict.outcome, new=held is None)
        if verdict.outcome == NOT_CONCERNED:
            for field in verdict.missing:
                self.own.inc(names.NOT_OBSERVABLE, entry.slo.agent, entry.slo.name, field)
        return UnitRow(
            call.row.id, entry.row.id, unit.unit, held.id if held else unit.id, entry.row.era, verdict.outcome,
            verdict.reason, verdict.would_be, verdict.rule, " ".join(verdict.missing), labels, unit.at, now,
            int(counted), entry.slo.definition, caller if verdict.outcome == c.BAD else None,
        )  # fmt: skip

    def _enter_state(self, entry: Loaded, outcome: str, *, new: bool) -> None:
        self.counts.add(entry.row.id, c.WHOLE_SLO, c.UNITS, outcome)
        if new:
            self.counts.add(entry.row.id, c.WHOLE_SLO, c.SEEN)

    def _leave(self, entry: Loaded, held: UnitRow) -> None:
        self.counts.add(entry.row.id, c.WHOLE_SLO, c.UNITS, held.outcome, -1)
        if held.outcome == c.AWAITING and held.era == entry.row.era:
            self.counts.add(entry.row.id, held.labels, c.AWAITING, by=-1)

    def _enter(
        self, call: Call, entry: Loaded, unit: UnitFacts, verdict: Verdict, labels: str, caller: str, now: int
    ) -> bool:  # fmt: skip
        """Add the verdict to the counters of its label set. False where it precedes the birth of the series."""
        if verdict.outcome == NOT_CONCERNED:
            return False
        add = self._adder(entry, labels)
        created = born(self.counts, entry, labels, unit.at, now)
        match verdict.outcome:
            case "excluded":
                add(c.EXCLUDED, f"{verdict.reason}|{verdict.would_be}")
            case "unknown" | "awaiting":
                add(verdict.outcome, "")
            case _:
                if unit.at >= entry.row.window_start:
                    add(c.WINDOW, c.ELIGIBLE)
                    if verdict.outcome == c.BAD:
                        add(c.WINDOW, c.BAD)
                if unit.at < created:
                    return False
                add(c.ELIGIBLE, "")
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
            self.own.inc(names.WITHOUT_CALLER, agent, slo)
        if now - max(call.facts.last_at, unit.at) > LATE:
            self.own.inc(names.LATE_UNITS, agent, slo)
        elif not self._caller_known(call, entry, labels, caller, unit.at):
            add(c.BAD_CALLERS, "")

    def _caller_known(self, call: Call, entry: Loaded, labels: str, caller: str, at: int) -> bool:
        """Whether the caller has another bad unit there within the gap, on disk or in this transaction."""
        start, end = at - CALLER_GAP, at + CALLER_GAP
        here = (
            row
            for row in call.units.values()
            if row.slo == entry.row.id and row.outcome == c.BAD and row.caller == caller and row.labels == labels
        )
        if any(start <= row.at <= end for row in here):
            return True
        return self.store.bad_near(entry.row.id, labels, caller, start, end)

    def _adder(self, entry: Loaded, labels: str) -> Callable[[str, str], None]:
        return lambda name, extra: self.counts.add(entry.row.id, labels, name, extra)


def _may_change(row: UnitRow) -> bool:
    """Unknown may be resolved once, awaiting may end; what no source could observe another source may yet."""
    return row.outcome in _OPEN or (row.outcome == NOT_CONCERNED and bool(row.missing))
