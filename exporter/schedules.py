"""Scheduled test calls: which runs came and how they went, and the runs that did not come (DESIGN sections 4 and 7).

A run is due one interval after the last one came; the first, one interval after its schedule was loaded. A run that has
not come at due + grace is missed, and the next is due one interval after it was. So a schedule may drift, and runs may
come a little early or late, without a miss. When runs come and are due is told by the exporter's clock.

What was due while the exporter could not listen is unknown: nobody knows whether a run wanted to come.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from exporter.calls import Call
from exporter.counts import FlowRuns
from exporter.schedule_rows import RunRow, ScheduleRow
from exporter.store import Store
from voice_slo.facts import CallFacts, Cells
from voice_slo.segments import counted
from voice_slo.spec import NEVER_ENFORCED, OTHER, UNKNOWN, Segment, SloFile, Synthetic
from voice_slo.units import Phase, units

_US = 1_000_000
DEAF = 60 * _US
"""A longer gap between two ticks is time in which the exporter could not listen: a sleeping machine, a stuck disk."""
GOOD: Final = "good"
BAD: Final = "bad"
MISSED: Final = "missed"
RESULTS: Final = (GOOD, BAD, MISSED, UNKNOWN)

FLOW: Final = "flow"
KIND: Final = "synthetic"
Place = tuple[str, str]
"""Agent and flow."""


class Miss(NamedTuple):
    agent: str
    flow: str
    due: int


class _Seen(NamedTuple):
    """A run as the facts of its call have it. `id` is empty for the call itself; `at` its event time, µs."""

    id: str
    flow: str | None
    at: int
    result: str | None


class Schedules:
    """Works within the writer's running transaction."""

    def __init__(self, store: Store, now: int) -> None:
        self._store = store
        self._listening_since = self._listened = now
        self._segments: dict[str, Segment | None] = {}
        self.restore()

    def restore(self) -> None:
        """Read everything again, after a transaction that failed."""
        self._schedules = {(row.agent, row.flow): row for row in self._store.schedules.schedules()}
        self._counts = self._store.schedules.counts()
        self._changed_schedules: set[Place] = set()
        self._changed_counts: set[tuple[str, str, str]] = set()

    def load(self, files: Sequence[SloFile], now: int) -> None:
        """Put the schedules of these files in force. One that is new, or other than before, begins now."""
        self._segments = {file.agent: file.segments.get(FLOW) for file in files}
        wanted = {(file.agent, schedule.flow): schedule for file in files for schedule in file.synthetics}
        for place in self._schedules.keys() - wanted.keys():
            del self._schedules[place]
            self._changed_schedules.discard(place)
            self._store.schedules.drop_schedule(*place)
        for place, schedule in wanted.items():
            self._begin(place, schedule, now)

    def _begin(self, place: Place, schedule: Synthetic, now: int) -> None:
        held, every, grace = self._schedules.get(place), schedule.every * _US, schedule.grace * _US
        if held is None:
            self._put(ScheduleRow(*place, every, grace, now + every, None, 0, 0))
        elif (held.every, held.grace) != (every, grace):
            self._put(held._replace(every=every, grace=grace, due=now + every))

    def _put(self, row: ScheduleRow) -> None:
        self._schedules[row.agent, row.flow] = row
        self._changed_schedules.add((row.agent, row.flow))

    # Runs ---------------------------------------------------------------------------------------------------------

    def observe(self, call: Call, now: int) -> None:
        """Count the runs that the call is or holds: each once when it comes, and once more its result."""
        if not _may_be_run(call.facts):
            return
        held = self._store.schedules.runs(call.row.id)
        for seen in _runs(call):
            row = held.get(seen.id)
            if row is None and (itself := held.pop("", None)) is not None:
                # The call had come before anybody named its run.
                row = itself._replace(id=seen.id)
                self._store.schedules.put_run(row, instead_of=itself)
            if row is None:
                if seen.flow is None and call.row.phase == Phase.OPEN:
                    continue
                row = self._came(call, seen, now)
            if row.result == "" and seen.result is not None:
                row = row._replace(result=seen.result)
                self._store.schedules.put_run(row)
                self._ended(row)
            held[seen.id] = row

    def _came(self, call: Call, seen: _Seen, now: int) -> RunRow:
        agent, flow = call.row.agent, self._named(call.row.agent, seen.flow)
        schedule = self._schedules.get((agent, flow))
        late = schedule is not None and seen.at < now - schedule.every - schedule.grace
        came = 0 if late else now
        if schedule is not None and not late:
            # Two runs of one moment have an order too, or the result of one would hide that of the other.
            came = max(now, (schedule.last_run or 0) + 1)
            self._put(schedule._replace(last_run=came, due=now + schedule.every))
        row = RunRow(call.row.id, seen.id, agent, flow, came, "")
        self._store.schedules.put_run(row)
        return row

    def _named(self, agent: str, raw: str | None) -> str:
        """The flow as it counts; of an open or undeclared segment only flows with a schedule are named."""
        segment = self._segments.get(agent)
        if segment is None:
            return UNKNOWN if raw is None else OTHER
        flow = counted(segment, raw)
        known = segment.max_values is None or (agent, flow) in self._schedules or flow in NEVER_ENFORCED
        return flow if known else OTHER

    def _ended(self, row: RunRow) -> None:
        """The run has its result."""
        self._count(row.agent, row.flow, row.result)
        schedule = self._schedules.get((row.agent, row.flow))
        if schedule is None or row.came <= schedule.passed or row.result == UNKNOWN:
            return
        if row.result == GOOD:
            failures = self._store.schedules.failed_since(row.agent, row.flow, row.came)
            self._put(schedule._replace(passed=row.came, failures=failures))
        else:
            self._put(schedule._replace(failures=schedule.failures + 1))

    def _count(self, agent: str, flow: str, result: str, by: int = 1) -> None:
        key = (agent, flow, result)
        self._counts[key] = self._counts.get(key, 0) + by
        self._changed_counts.add(key)

    # Time ---------------------------------------------------------------------------------------------------------

    def overdue(self, now: int) -> list[Miss]:
        """Runs that are missed by now. Each is due once: what comes later belongs to the next."""
        if now - self._listened > DEAF:
            self._listening_since = now
        return [miss for schedule in list(self._schedules.values()) for miss in self._overdue(schedule, now)]

    def _overdue(self, schedule: ScheduleRow, now: int) -> list[Miss]:
        if schedule.due > now + schedule.every:
            # The clock was set back. What it told before must not keep the schedule silent until it is there again.
            last_run = None if schedule.last_run is None else min(schedule.last_run, now)
            schedule = schedule._replace(due=now + schedule.every, last_run=last_run, passed=min(schedule.passed, now))
            self._put(schedule)
        given_up = now - schedule.grace
        unsure = min(given_up, self._listening_since + schedule.grace - 1)
        if schedule.due <= unsure:
            slots = (unsure - schedule.due) // schedule.every + 1
            self._count(schedule.agent, schedule.flow, UNKNOWN, by=slots)
            schedule = schedule._replace(due=schedule.due + slots * schedule.every)
            self._put(schedule)
        dues = range(schedule.due, given_up + 1, schedule.every)
        if dues:
            self._put(schedule._replace(due=dues[-1] + schedule.every))
        return [Miss(schedule.agent, schedule.flow, due) for due in dues]

    def missed(self, miss: Miss, call: int) -> None:
        """Count a missed run, of which `call` holds the facts."""
        row = RunRow(call, "", miss.agent, miss.flow, miss.due, MISSED)
        self._store.schedules.put_run(row)
        self._ended(row)

    # Around the commit --------------------------------------------------------------------------------------------

    def write(self) -> bool:
        """Put what changed into the running transaction; whether there was any."""
        changed = bool(self._changed_schedules or self._changed_counts)
        if changed:
            self._store.schedules.put_schedules(self._schedules[place] for place in sorted(self._changed_schedules))
            self._store.schedules.put_counts((key, self._counts[key]) for key in sorted(self._changed_counts))
            self._changed_schedules.clear()
            self._changed_counts.clear()
        return changed

    def listened(self, now: int) -> None:
        """A tick has been committed."""
        self._listened = now

    def shown(self) -> list[FlowRuns]:
        """The flows of agents that are loaded: those with a schedule, and others that had runs."""
        places = {(agent, flow) for agent, flow, _ in self._counts} | self._schedules.keys()
        return [
            FlowRuns(*place, {r: self._counts.get((*place, r), 0) for r in RESULTS}, self._schedules.get(place))
            for place in sorted(places)
            if place[0] in self._segments
        ]


def _may_be_run(facts: CallFacts) -> bool:
    return any(KIND in kinds for kinds in facts.reported.values()) or _is_test(facts)


def _is_test(facts: CallFacts) -> bool:
    cell = facts.call.get("synthetic")
    return cell is not None and cell.value is True


def _runs(call: Call) -> Iterator[_Seen]:
    """While the call is open, what its events say outright; once it has settled, what follows from them too."""
    if call.row.phase == Phase.OPEN:
        yield from _said(call.facts)
        return
    phase = Phase(min(call.row.phase, Phase.QUALITY))
    for unit in units(call.row.key, call.facts, phase):
        if unit.unit == KIND:
            flow, result = unit.values.get("synthetic.flow"), unit.values.get("synthetic.result")
            run = unit.id.removeprefix(f"{flow or UNKNOWN}/")
            last_word = UNKNOWN if phase is Phase.QUALITY else None
            yield _Seen(
                run if (KIND, run) in call.facts.units else "", str(flow) if flow else None, unit.at,
                str(result) if result else last_word,
            )  # fmt: skip


def _said(facts: CallFacts) -> Iterator[_Seen]:
    of_call = _word(facts.segments, FLOW)
    at = min((_moment(facts.call, name) for name in ("started_at", "first_seen") if name in facts.call), default=0)
    explicit = {run: cells for (kind, run), cells in facts.units.items() if kind == KIND}
    for run, cells in explicit.items():
        result = _word(cells, "result")
        yield _Seen(run, _word(cells, FLOW) or of_call, at, result if result in (GOOD, BAD) else None)
    if not explicit and _is_test(facts) and facts.has_lifecycle:
        yield _Seen("", of_call, at, None)


def _word(cells: Cells, name: str) -> str | None:
    cell = cells.get(name)
    return None if cell is None else str(cell.value)


def _moment(cells: Cells, name: str) -> int:
    value = cells[name].value
    assert isinstance(value, int)
    return value
