"""Attribution: good and bad units by every segment that has no budget of its own, linear in values.

A value of an open segment (`max: N`) is named while it is one of the N; each SLO names its own. The one unseen longest,
a week or more, gives way to a new one: its series leave, since adding its counts to `other` would look like new events
there. Every further value counts as `other`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from exporter import counts as c
from exporter.registry import Loaded
from voice_slo.segments import counted
from voice_slo.spec import NEVER_ENFORCED, OTHER, UNKNOWN, Segment

UNSEEN = 7 * 86_400 * 1_000_000
"""µs after which a value may give way."""
SEEN_STEP = 3_600 * 1_000_000
"""How exact it is kept when a value was last seen: not every unit has to write it."""
VERDICTS = (c.GOOD, c.BAD)
Named = dict[str, int]
"""Named values of an open segment with their last time, µs; the one unseen longest is the first."""


@dataclass(slots=True)
class Slices:
    """Counts within the writer's running transaction. Make a new one, or `forget`, where counts are read anew."""

    counts: c.Counts
    _named: dict[tuple[int, str], Named] = field(default_factory=dict)

    def forget(self) -> None:
        """What is named is in the counts; this is only their index."""
        self._named.clear()

    def add(self, entry: Loaded, labels: str, segments: Mapping[str, str], verdict: str, now: int) -> None:
        """Count a good or bad unit under its value of each dimension. `segments`: raw values."""
        for segment in entry.dimensions:
            value = self._value(entry.row.id, segment, segments.get(segment.name), now)
            self.counts.add(entry.row.id, labels, c.SLICE, slice_key(verdict, segment.name, value))

    def _value(self, slo: int, segment: Segment, raw: str | None, now: int) -> str:
        value = counted(segment, raw)
        if segment.max_values is None or value in NEVER_ENFORCED:
            return value
        # What cannot be printed is no name, and would not survive every reader of a scrape.
        return value if value.isprintable() and self._is_named(slo, segment, value, now) else OTHER

    def _is_named(self, slo: int, segment: Segment, value: str, now: int) -> bool:
        """Whether the value is one of the N, made so where there is room."""
        named = self._names(slo, segment.name)
        last = named.get(value)
        if last is not None and now - last < SEEN_STEP:
            return True
        if last is None and not self._make_room(slo, segment, named, now):
            return False
        named.pop(value, None)
        named[value] = now
        self.counts.put(slo, c.WHOLE_SLO, c.SLICE_SEEN, f"{segment.name}|{value}", now)
        return True

    def _names(self, slo: int, dimension: str) -> Named:
        found = self._named.get((slo, dimension))
        if found is None:
            whole = self.counts.values.get((slo, c.WHOLE_SLO), {})
            pairs = ((at, extra.partition("|")) for (name, extra), at in whole.items() if name == c.SLICE_SEEN)
            found = {value: at for at, (held, _, value) in sorted(pairs) if held == dimension}
            self._named[slo, dimension] = found
        return found

    def _make_room(self, slo: int, segment: Segment, named: Named, now: int) -> bool:
        """Whether there is room for one more, made where values may give way: also after `max` was lowered."""
        while len(named) >= (segment.max_values or 0):
            oldest, last = next(iter(named.items()))
            if last + UNSEEN > now:
                return False
            del named[oldest]
            self._give_way(slo, segment.name, oldest)
        return True

    def _give_way(self, slo: int, dimension: str, value: str) -> None:
        self.counts.remove(slo, c.WHOLE_SLO, c.SLICE_SEEN, f"{dimension}|{value}")
        for verdict in VERDICTS:
            shown, gone = slice_key(verdict, dimension, value), f"{verdict}|{dimension}"
            for labels in self.counts.label_sets(slo):
                n = self.counts.remove(slo, labels, c.SLICE, shown)
                if n:
                    self.counts.add(slo, labels, c.SLICE_GONE, gone, n)


def slice_key(verdict: str, dimension: str, value: str) -> str:
    return f"{verdict}|{dimension}|{value}"


def complete(counts: c.Counts, loaded: Iterable[Loaded]) -> None:
    """Put units that were counted before a segment was declared under `unknown`: nobody knows their value.

    So the values of each dimension, with those that gave way, always add up to the units counted.
    """
    entries = {entry.row.id: entry for entry in loaded}
    for (slo, labels), held in list(counts.values.items()):
        if labels == c.WHOLE_SLO or slo not in entries:
            continue
        sums = _sums(held)
        for verdict in VERDICTS:
            for segment in entries[slo].dimensions:
                missing = sums.get(verdict, 0) - sums.get(f"{verdict}|{segment.name}", 0)
                if missing > 0:
                    counts.add(slo, labels, c.SLICE, slice_key(verdict, segment.name, UNKNOWN), missing)


def _sums(held: Mapping[c.Name, int]) -> dict[str, int]:
    """Verdict → units of one label set; verdict and dimension → those of them that have a value or had one."""
    sums: dict[str, int] = {}
    for (name, extra), n in held.items():
        if name in VERDICTS:
            key: str = name
        elif name == c.SLICE:
            key = "|".join(extra.split("|", 2)[:2])
        elif name == c.SLICE_GONE:
            key = extra
        else:
            continue
        sums[key] = sums.get(key, 0) + n
    return sums
