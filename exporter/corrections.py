"""Outages declared afterwards: what was counted is judged again (DESIGN section 6).

Only a declared outage turns a counted unit over, from bad to excluded and back. The window of event time follows; a
counter never does: `corrected` says by how much it differs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from exporter import counts as c
from exporter.calls import Call, Calls
from exporter.outage_rows import Correction, Rejudging
from exporter.own_metrics import Notes
from exporter.registry import Loaded
from exporter.store import Store, UnitRow
from voice_slo import names
from voice_slo.judge import judge
from voice_slo.outages import outage_of
from voice_slo.spec import Slo
from voice_slo.units import Phase, UnitFacts, units

STEP = 20
"""Units, and so calls at the most, judged again in one transaction: about 20 ms of the writer's time."""
_BY_OUTAGE = "outages."


@dataclass(slots=True)
class Corrections:
    """Corrects counts within the writer's running transaction."""

    store: Store
    counts: c.Counts
    notes: Notes

    def step(self, calls: Calls, loaded: Iterable[Loaded], now: int) -> tuple[list[Call], bool]:
        """Judge some more units again that a changed outage may concern. The calls touched; whether more is due."""
        by_id = {entry.row.id: entry for entry in loaded}
        parts = [part for part in self.store.outages.rejudging() if part.slo in by_id]
        if not parts:
            return [], False
        part, entry = parts[0], by_id[parts[0].slo]
        found = self.store.outages.bad_or_excluded(part, STEP)
        touched = [calls.get(id_) for id_ in dict.fromkeys(call for _, call in found)]
        for call in touched:
            self._again(call, entry, part, now)
        more = len(found) == STEP
        self.store.outages.rejudged(part, found[-1] if more else None)
        return touched, more or len(parts) > 1

    def settled(self, call: Call, loaded: Iterable[Loaded], now: int) -> None:
        """An outage that was declared while the call was open may concern what was counted before, by facts since."""
        for entry in loaded:
            rows = _turnable(call, entry)
            if rows:
                self._correct(call, entry, rows, _by_id(call), now)

    def _again(self, call: Call, entry: Loaded, part: Rejudging, now: int) -> None:
        rows = [row for row in _turnable(call, entry) if part.start <= row.at < part.until]
        if not rows:
            return
        seen = {} if call.row.facts == b"" else _by_id(call)
        for row in rows:
            if _key(row) not in seen:
                self.notes.inc(names.NOT_REJUDGED, entry.slo.agent, entry.slo.name)
        self._correct(call, entry, rows, seen, now)

    def _correct(
        self, call: Call, entry: Loaded, rows: Sequence[UnitRow], seen: Mapping[tuple[str, str], UnitFacts], now: int
    ) -> None:  # fmt: skip
        for row in rows:
            if _key(row) not in seen:
                continue
            # It stays at the time at which it was counted, whatever came later.
            fresh = _turned(entry, row, replace(seen[_key(row)], at=row.at), _caller(call), now)
            if fresh is None or fresh == row:
                continue
            call.units[row.slo, row.unit, row.id] = fresh
            self.store.put_units([fresh])
            if fresh.outcome != row.outcome:
                self._count(entry, row, fresh, now)

    def _count(self, entry: Loaded, was: UnitRow, became: UnitRow, now: int) -> None:
        outage = became if became.outcome == c.EXCLUDED else was
        if entry.in_window(was.at):
            by = 1 if became.outcome == c.BAD else -1
            self.counts.add(was.slo, was.labels, c.WINDOW, c.ELIGIBLE, by)
            self.counts.add(was.slo, was.labels, c.WINDOW, c.BAD, by)
        if not _doubled(was):
            self.counts.add(was.slo, c.WHOLE_SLO, c.UNITS, was.outcome, -1)
            self.counts.add(was.slo, c.WHOLE_SLO, c.UNITS, became.outcome)
        if was.counted:
            self.counts.add(was.slo, was.labels, c.CORRECTED, f"{was.outcome}|{became.outcome}|{outage.reason}")
        self.store.outages.correct(
            Correction(
                was.call, was.slo, was.unit, was.id, now, was.outcome, became.outcome, outage.reason, outage.rule
            )
        )


def _turnable(call: Call, entry: Loaded) -> list[UnitRow]:
    """Rows that an outage decides or could decide, counted since the SLO's counters began."""
    return [
        row
        for row in call.units.values()
        if row.slo == entry.row.id
        and row.era == entry.row.era
        and (row.outcome == c.BAD or (row.outcome == c.EXCLUDED and _decided(entry.slo, row)))
    ]


def _decided(slo: Slo, row: UnitRow) -> bool:
    return row.rule.startswith(f"slos.{slo.name}.{_BY_OUTAGE}")


def _by_id(call: Call) -> dict[tuple[str, str], UnitFacts]:
    """Units by kind and every id under which they may have been counted."""
    seen = units(call.row.key, call.facts, Phase(min(call.row.phase, Phase.QUALITY)))
    return {(u.unit, part): u for u in seen for part in u.parts} | {(u.unit, u.id): u for u in seen}


def _key(row: UnitRow) -> tuple[str, str]:
    return row.unit, row.id.partition("\0")[0]


def _doubled(row: UnitRow) -> bool:
    """Whether it was counted a second time before its calls were merged: it is in the window, but no unit by itself."""
    return "\0" in row.id


def _caller(call: Call) -> str:
    return call.facts.caller or f"call:{call.row.key}"


def _turned(entry: Loaded, row: UnitRow, unit: UnitFacts, caller: str, now: int) -> UnitRow | None:
    """The row as the outages in force have it; None where that is open until the call settles."""
    slo = entry.slo
    outage = outage_of(slo, unit)
    if outage is None:
        return None
    if outage:
        rule = f"slos.{slo.name}.{_BY_OUTAGE}{outage.ticket}"
        if (row.outcome, row.reason, row.rule) == (c.EXCLUDED, outage.reason, rule):
            return row
        return row._replace(
            outcome=c.EXCLUDED, reason=outage.reason, would_be=c.BAD, rule=rule, judged=now, caller=None
        )  # fmt: skip
    if row.outcome == c.BAD:
        return row
    plain = judge(replace(slo, outages=()), unit)
    reason = plain.reason if plain is not None and plain.outcome == c.BAD else slo.sli.reasons[-1].name
    return row._replace(
        outcome=c.BAD, reason=reason, would_be="", rule=f"slos.{slo.name}.good", judged=now, caller=caller
    )  # fmt: skip
