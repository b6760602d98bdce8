"""Whole events in the window that ends with each minute, as the rules record them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from benchmarks.alerts.promql_arrays import Array
from benchmarks.alerts.traffic import Counts
from voice_slo.names import Kind


class Windows:
    """Over `counts` of (budgets, minutes), asked for the minutes from `start` on. The counters began with the first."""

    def __init__(self, counts: Mapping[Kind, Counts], start: int) -> None:
        self.start = start
        self.minutes = counts["bad"].shape[1] - start
        self._totals = {kind: _from_zero(values) for kind, values in counts.items()}
        self._known: dict[tuple[Kind, int], Array] = {}

    def events(self, kind: Kind, minutes: int) -> Array:
        if (kind, minutes) not in self._known:
            self._known[kind, minutes] = self._events(self._totals[kind], minutes)
        return self._known[kind, minutes]

    def _events(self, total: Array, minutes: int) -> Array:
        first = self.start + 1
        if minutes <= first:
            return total[:, first:] - total[:, first - minutes : -minutes]
        before = np.arange(first, total.shape[1]) - minutes
        return total[:, first:] - total[:, np.maximum(before, 0)]


def _from_zero(counts: Counts) -> Array:
    """What a counter shows before the first minute and after each."""
    total = np.zeros((counts.shape[0], counts.shape[1] + 1))
    np.cumsum(counts, axis=1, out=total[:, 1:])
    return total
