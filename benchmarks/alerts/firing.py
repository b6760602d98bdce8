"""Rules asked each minute over counts: which alerts fire, and when."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.alerts.episodes import Episodes, episodes, merged
from benchmarks.alerts.promql_arrays import Array, Moments, Read, Series
from benchmarks.alerts.rules import COUNTERS, Rules
from benchmarks.alerts.windows import Windows
from voice_slo.spec import Severity


@dataclass(frozen=True, slots=True)
class Firing:
    """The episodes of every alert and budget, by severity, in minutes."""

    of: Mapping[Severity, list[Episodes]]

    def told(self, severity: Severity) -> Episodes:
        """As one who is told sees it: from the first alert until none is left."""
        return merged(self.of[severity])

    def sent(self, severity: Severity) -> int:
        """Alerts that begin, each of them a message."""
        return sum(len(found) for found in self.of[severity])

    def and_also(self, other: Firing) -> Firing:
        return Firing({severity: found + other.of[severity] for severity, found in self.of.items()})


def firing(rules: Rules, counts: Windows, severities: Sequence[Severity], scope: str = "segment") -> Firing:
    """The alerts about each budget (`segment`), or about all together (`all`)."""
    found: dict[Severity, list[Episodes]] = {severity: [] for severity in severities}
    series = Series(rules.labels, _reader(rules, counts))
    for alert in (alert for alert in rules.alerts if alert.scope == scope and alert.severity in severities):
        for true in ~np.isnan(alert.burns(series)):
            found[alert.severity].append(episodes(np.flatnonzero(true) + counts.start, alert.keep_firing))
    return Firing(found)


def _reader(rules: Rules, counts: Windows) -> Read:
    """What the rules record, evaluated; a counter stands only for the label sets that constants are made of."""
    known: dict[str, Array] = {}

    def read(name: str, at: Moments) -> Array:
        if name in rules.windows:
            found = counts.events(*rules.windows[name])
            return found if at is None else found[:, at]
        if name in COUNTERS:
            return np.zeros((len(rules.labels), 1))
        if at is not None:
            return recorded(name, at)
        if name not in known:
            known[name] = recorded(name, None)
        return known[name]

    def recorded(name: str, at: Moments) -> Array:
        values = rules.records[name](Series(rules.labels, read, at))
        return np.broadcast_to(values, (len(values), counts.minutes if at is None else at.size))

    return read
