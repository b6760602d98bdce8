"""Which SLOs are loaded, and what a change of one does to its counters (DESIGN section 6, "What a change does")."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from exporter.counts import (
    BAD,
    CREATED,
    ELIGIBLE,
    PERIOD_END,
    PERIOD_START,
    WHOLE_SLO,
    WINDOW,
    Counts,
    Exposed,
)
from exporter.outages_declared import note_outages
from exporter.store import SloRow, Store
from voice_slo import calendar_month
from voice_slo.spec import Segment, Slo, SloFile

_US = 1_000_000
LONGEST_OPEN = 4 * 3_600 * _US
_FOREVER = 1 << 62
WINDOW_STEP = 600 * _US
"""The start of a window in which nothing happens is written this often, not at every tick."""


@dataclass(slots=True)
class Loaded:
    """One SLO in force, with its row in the store.

    `window_end`: the calendar month ends then, µs; a rolling window goes on. `dimensions`: the segments that have no
    budget of their own here.
    """

    slo: Slo
    row: SloRow
    window_end: int = _FOREVER
    dimensions: tuple[Segment, ...] = field(init=False)

    def __post_init__(self) -> None:
        self.dimensions = tuple(s for name, s in self.slo.segments.items() if name not in self.slo.budget_by)

    def in_window(self, at: int) -> bool:
        """Whether a unit of this event time is in the SLO's period now."""
        return self.row.window_start <= at < self.window_end

    def labels(self, counted: Mapping[str, str]) -> str:
        """Budget segments as the store writes them."""
        return json.dumps([counted[name] for name in self.slo.budget_by])

    def named(self, labels: str) -> dict[str, str]:
        """The inverse of `labels`."""
        return dict(zip(self.slo.budget_by, json.loads(labels), strict=True))


def register(store: Store, counts: Counts, files: Sequence[SloFile], now: int) -> dict[str, list[Loaded]]:
    """Agent → its SLOs in force. Runs inside a transaction; births, restarts and windows are put into `counts`."""
    rows = {(row.agent, row.name): row for row in store.slos()}
    loaded: dict[str, list[Loaded]] = {}
    for file in files:
        loaded[file.agent] = [_adopt(store, counts, slo, rows.get((slo.agent, slo.name)), now) for slo in file.slos]
    return loaded


def exposed(loaded: Mapping[str, Sequence[Loaded]]) -> list[Exposed]:
    """The SLOs as scrapes show them."""
    return [
        Exposed(
            entry.row.id, entry.slo.agent, entry.slo.name, entry.slo.budget_by,
            tuple(dict.fromkeys(reason.name for reason in entry.slo.sli.reasons)), entry.row.definition,
            tuple(dict.fromkeys(outage.reason for outage in entry.slo.outages)),
            tuple(segment.name for segment in entry.dimensions), bool(entry.slo.calendar),
        )
        for entries in loaded.values()
        for entry in entries
    ]  # fmt: skip


def born(counts: Counts, entry: Loaded, labels: str, at: int, now: int) -> int:
    """Birth of a label set, µs. One that nobody declared (`other`, `unknown`) is born with its first unit.

    Its birth is put as far back as a call may stay open, or a call that began earlier and is judged later would be
    left out.
    """
    if not counts.has(entry.row.id, labels, CREATED):
        counts.put(entry.row.id, labels, CREATED, "", max(entry.row.created, min(now, at) - LONGEST_OPEN))
    return counts.get(entry.row.id, labels, CREATED)


def advance_window(store: Store, counts: Counts, entry: Loaded, now: int) -> None:
    """Let units leave the window whose event time is by now older than the period."""
    start, end = _window(entry.slo, now)
    held = entry.row.window_start
    if _is_other(entry, start):
        # What a new month has so far is less to count than what the old one had.
        _recount_window(store, counts, entry, start, end)
        store.update_slo(entry.row)
        return
    left = store.window(entry.row.id, entry.row.era, held, start) if start > held else []
    if left or start > held + WINDOW_STEP:
        _add_window(counts, entry, left, -1)
        entry.row = entry.row._replace(window_start=start)
        store.update_slo(entry.row)


def _window(slo: Slo, now: int) -> tuple[int, int]:
    """Event times in [start, end) are in the SLO's period."""
    return calendar_month.month(now, slo.calendar) if slo.calendar else (now - slo.period * _US, _FOREVER)


def _reach(slo: Slo) -> int:
    """Seconds that its window may reach back."""
    return calendar_month.LONGEST_DAYS * 86_400 if slo.calendar else slo.period


def _is_other(entry: Loaded, start: int) -> bool:
    """Whether the window that is counted cannot just move on: another month, or units that had left are back in it.

    A clock that was set back a little has to wait; counting a whole period anew is work.
    """
    held = entry.row.window_start
    return start != held if entry.slo.calendar else start < held - WINDOW_STEP


def _adopt(store: Store, counts: Counts, slo: Slo, row: SloRow | None, now: int) -> Loaded:
    definition = slo.definition
    vocabulary = json.dumps(slo.vocabulary(), sort_keys=True)
    (start, end), reach = _window(slo, now), _reach(slo)
    if row is None:
        fresh = SloRow(
            0, slo.agent, slo.name, definition, slo.core_definition, vocabulary, 1, now, reach, start
        )
        entry = Loaded(slo, fresh._replace(id=store.insert_slo(fresh)), end)
    elif row.definition == definition or (row.core == slo.core_definition and _grew(row.vocabulary, slo)):
        entry = Loaded(slo, row._replace(definition=definition, vocabulary=vocabulary), end)
    else:
        counts.drop(row.id)
        store.drop_counters(row.id)
        entry = Loaded(slo, row._replace(
            definition=definition, core=slo.core_definition, vocabulary=vocabulary, era=row.era + 1, created=now,
            period=reach, window_start=start,
        ), end)  # fmt: skip
    if entry.row.period != reach or _is_other(entry, start):
        _recount_window(store, counts, entry, start, end)
    _show_period(counts, entry)
    store.update_slo(entry.row)
    note_outages(store, entry.row.id, slo.outages)
    _bear_declared(counts, entry, entry.row.created if row is None or row.era != entry.row.era else now)
    return entry


def _show_period(counts: Counts, entry: Loaded) -> None:
    """The bounds of a calendar month are shown, and change together with the window."""
    slo = entry.row.id
    for name, at in ((PERIOD_START, entry.row.window_start), (PERIOD_END, entry.window_end)):
        if entry.slo.calendar:
            counts.put(slo, WHOLE_SLO, name, "", at)
        elif counts.has(slo, WHOLE_SLO, name):
            counts.remove(slo, WHOLE_SLO, name, "")


def _grew(held: str, slo: Slo) -> bool:
    """Whether the vocabularies only gained spellings and values, so that nothing counted before would differ."""
    before = {(name, tuple(pair)) for name, pairs in json.loads(held).items() for pair in pairs}
    after = {(name, tuple(pair)) for name, pairs in slo.vocabulary().items() for pair in pairs}
    return before <= after


def _bear_declared(counts: Counts, entry: Loaded, now: int) -> None:
    for label_set in entry.slo.label_sets():
        labels = entry.labels(label_set)
        if not counts.has(entry.row.id, labels, CREATED):
            counts.put(entry.row.id, labels, CREATED, "", now)


def _recount_window(store: Store, counts: Counts, entry: Loaded, start: int, end: int) -> None:
    slo = entry.row.id
    for labels in counts.label_sets(slo):
        for extra in (ELIGIBLE, BAD):
            if counts.get(slo, labels, WINDOW, extra):
                counts.put(slo, labels, WINDOW, extra, 0)
    entry.row, entry.window_end = entry.row._replace(period=_reach(entry.slo), window_start=start), end
    _add_window(counts, entry, store.window(slo, entry.row.era, start, end), 1)
    _show_period(counts, entry)


def _add_window(counts: Counts, entry: Loaded, found: Iterable[tuple[str, str, int]], sign: int) -> None:
    for labels, outcome, n in found:
        counts.add(entry.row.id, labels, WINDOW, ELIGIBLE, sign * n)
        if outcome == BAD:
            counts.add(entry.row.id, labels, WINDOW, BAD, sign * n)
