"""The incidents that alerts are measured with, as the share of bad units that is expected by minute."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from benchmarks.alerts.failures import Share
from voice_slo.spec import Severity

HOUR, DAY = 60, 1440
"""Minutes."""


@dataclass(frozen=True, slots=True)
class Incident:
    """`start`: minute of the day. `share` of all units is bad, or `burn` times the error budget. `severity`: what
    should tell of it. `usual`: one of the five that precision is measured with.
    """

    name: str
    start: int
    minutes: int
    share: float | None = None
    burn: float = 0
    severity: Severity = "page"
    usual: bool = True

    @property
    def all_bad_at_noon(self) -> bool:
        return self.share == 1 and self.start == 12 * HOUR

    def bad_share(self, error_budget: float) -> float:
        return min(1, self.burn * error_budget) if self.share is None else self.share


INCIDENTS = (
    Incident("20 min total, 03:00", 3 * HOUR, 20, share=1, usual=False),
    Incident("2 h total, 02:00", 2 * HOUR, 2 * HOUR, share=1),
    Incident("20 min total, 12:00", 12 * HOUR, 20, share=1),
    Incident("1 h at 50 %, 12:00", 12 * HOUR, HOUR, share=0.5),
    Incident("3 h at 15x, 10:00", 10 * HOUR, 3 * HOUR, burn=15),
    Incident("12 h at 6x, 08:00", 8 * HOUR, 12 * HOUR, burn=6),
    Incident("72 h at 2x, 00:00", 0, 3 * DAY, burn=2, severity="ticket", usual=False),
)


def share(error_budget: float, base: float, minutes: int, incident: Incident | None, start: int) -> Share:
    """`base` times the error budget, and from `start` on what the incident brings, if there is one."""
    found = np.full(minutes, base * error_budget)
    if incident is not None:
        found[start : start + incident.minutes] = incident.bad_share(error_budget)
    return found
