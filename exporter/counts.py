"""Counters of the SLIs: the writer's working copy, and the copy that scrapes see.

The working copy is ahead of the disk while a transaction runs; `publish` is called after its commit, so that a
scrape never shows what a crash could take back.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from exporter.schedule_rows import ScheduleRow
from exporter.store import CounterRow

ELIGIBLE: Final = "eligible"
GOOD: Final = "good"
BAD: Final = "bad"
BAD_CALLERS: Final = "bad_callers"
EXCLUDED: Final = "excluded"
UNKNOWN: Final = "unknown"
UNKNOWN_RESOLVED: Final = "unknown_resolved"
AWAITING: Final = "awaiting"
CREATED: Final = "created"
WINDOW: Final = "window"
CORRECTED: Final = "corrected"
SLICE: Final = "slice"
SLICE_SEEN: Final = "slice_seen"
SLICE_GONE: Final = "slice_gone"
PERIOD_START: Final = "period_start"
PERIOD_END: Final = "period_end"
UNITS: Final = "units"
SEEN: Final = "seen"
WHOLE_SLO: Final = ""

CORRECTIONS: Final = ((BAD, EXCLUDED), (EXCLUDED, BAD))

Name = tuple[str, str]
"""Counter and what tells its series apart within one label set (a reason, a verdict)."""
Key = tuple[int, str]
"""SLO (store id) and its budget labels as a JSON list; `WHOLE_SLO` for figures without labels."""


@dataclass(slots=True)
class Counts:
    """Values by key and name. Only the writer's thread touches this."""

    values: dict[Key, dict[Name, int]] = field(default_factory=dict)
    _label_sets: dict[int, dict[str, None]] = field(default_factory=dict)
    _dirty: set[tuple[Key, Name]] = field(default_factory=set)
    _gone: list[tuple[Key, Name]] = field(default_factory=list)

    @classmethod
    def of(cls, rows: Iterable[CounterRow]) -> Counts:
        counts = cls()
        for row in rows:
            counts._held(row.slo, row.labels)[row.name, row.extra] = row.value
        return counts

    def _held(self, slo: int, labels: str) -> dict[Name, int]:
        held = self.values.get((slo, labels))
        if held is None:
            held = self.values[slo, labels] = {}
            self._label_sets.setdefault(slo, {})[labels] = None
        return held

    def label_sets(self, slo: int) -> list[str]:
        """Labels under which the SLO has values, with `WHOLE_SLO` where it has figures without."""
        return list(self._label_sets.get(slo, ()))

    def get(self, slo: int, labels: str, name: str, extra: str = "") -> int:
        return self.values.get((slo, labels), {}).get((name, extra), 0)

    def has(self, slo: int, labels: str, name: str) -> bool:
        return (name, "") in self.values.get((slo, labels), {})

    def add(self, slo: int, labels: str, name: str, extra: str = "", by: int = 1) -> None:
        self.put(slo, labels, name, extra, self.get(slo, labels, name, extra) + by)

    def put(self, slo: int, labels: str, name: str, extra: str, value: int) -> None:
        self._held(slo, labels)[name, extra] = value
        self._dirty.add(((slo, labels), (name, extra)))

    def remove(self, slo: int, labels: str, name: str, extra: str) -> int:
        """Forget one series. Returns its value, 0 where there was none."""
        value = self.values.get((slo, labels), {}).pop((name, extra), None)
        if value is None:
            return 0
        self._dirty.discard(((slo, labels), (name, extra)))
        self._gone.append(((slo, labels), (name, extra)))
        return value

    def drop(self, slo: int) -> None:
        """Forget an SLO's series, but not the totals of its units."""
        for labels in self.label_sets(slo):
            key = slo, labels
            kept = {name: value for name, value in self.values[key].items() if name[0] in (UNITS, SEEN)}
            if kept:
                self.values[key] = kept
            else:
                del self.values[key]
                del self._label_sets[slo][labels]
        self._dirty = {(key, name) for key, name in self._dirty if name in self.values.get(key, {})}

    def take_dirty(self) -> list[CounterRow]:
        """What changed since the last call, sorted as the table is."""
        changed = sorted(self._dirty)
        self._dirty.clear()
        return [CounterRow(key[0], key[1], *name, self.values[key][name]) for key, name in changed]

    def take_gone(self) -> list[CounterRow]:
        """What was removed since the last call; to be taken from the disk before what changed is put there."""
        gone = [CounterRow(key[0], key[1], *name, 0) for key, name in self._gone]
        self._gone.clear()
        return gone


@dataclass(frozen=True, slots=True)
class Exposed:
    """One SLO as scrapes see it. `reasons` are the closed words for bad, `outages` those of the declared outages.

    `dimensions` are its segments without a budget of their own. `calendar`: its period is a calendar month.
    """

    id: int
    agent: str
    slo: str
    budget_by: tuple[str, ...]
    reasons: tuple[str, ...]
    definition: str
    outages: tuple[str, ...] = ()
    dimensions: tuple[str, ...] = ()
    calendar: bool = False


@dataclass(frozen=True, slots=True)
class FlowRuns:
    """Test calls of one flow as scrapes see them, by result; `schedule` where it has one."""

    agent: str
    flow: str
    runs: Mapping[str, int]
    schedule: ScheduleRow | None


@dataclass(frozen=True, slots=True)
class Waiting:
    """What is not counted yet: SLO (store id) → units without a verdict, agent → calls that have not settled."""

    pending: Mapping[int, int] = field(default_factory=dict)
    open_calls: Mapping[str, int] = field(default_factory=dict)


class Mirror:
    """What a scrape sees: the SLOs in force, their committed values and test calls. Any thread may read it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.flows: Sequence[FlowRuns] = ()
        """Replaced as a whole after a commit."""
        self._exposed: Sequence[Exposed] = ()
        self._values: dict[Key, dict[Name, int]] = {}
        self._waiting = Waiting()

    def replace(self, exposed: Sequence[Exposed], values: Mapping[Key, Mapping[Name, int]]) -> None:
        with self._lock:
            self._exposed = tuple(exposed)
            self._values = {key: dict(names) for key, names in values.items()}

    def exposed(self) -> tuple[Sequence[Exposed], dict[Key, dict[Name, int]]]:
        """SLOs and values of one moment."""
        with self._lock:
            return self._exposed, {key: dict(names) for key, names in self._values.items()}

    def publish(self, rows: Iterable[CounterRow], gone: Iterable[CounterRow], waiting: Waiting) -> None:
        with self._lock:
            self._waiting = waiting
            for row in gone:
                self._values.get((row.slo, row.labels), {}).pop((row.name, row.extra), None)
            for row in rows:
                self._values.setdefault((row.slo, row.labels), {})[row.name, row.extra] = row.value

    def units(self) -> tuple[dict[Key, dict[Name, int]], Waiting]:
        """Values, and what still waits, of one moment."""
        with self._lock:
            return {key: dict(names) for key, names in self._values.items()}, self._waiting

    def snapshot(self) -> dict[Key, dict[Name, int]]:
        with self._lock:
            return {key: dict(names) for key, names in self._values.items()}
