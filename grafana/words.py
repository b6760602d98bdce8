"""The words and colours of coded values, one word per idea across all dashboards."""

from __future__ import annotations

from collections.abc import Sequence

from grafana.panels import BLUE, GREEN, GREY, ORANGE, RED, YELLOW, Word

IDLE, COLLECTING, HEALTHY, WATCH, FREEZE, EXHAUSTED = -2, -1, 0, 1, 2, 3
"""Values of `voice_slo:release_state:code`."""
UNKNOWN, OBSERVED = 4, -3
"""Given by the dashboards: rules run but the state is absent; the budget is not enforced."""

RELEASE_STATES: Sequence[Word] = (
    Word(HEALTHY, "Healthy", GREEN),
    Word(WATCH, "Watch", YELLOW),
    Word(FREEZE, "Freeze", ORANGE),
    Word(EXHAUSTED, "Exhausted", RED),
    Word(COLLECTING, "Collecting", BLUE),
    Word(IDLE, "Idle", GREY),
    Word(UNKNOWN, "Unknown", "purple"),
    Word(OBSERVED, "Observed", GREY),
)

QUIET, SERVED, SOME, AFFECTED = 0, 1, 2, 3
CALLERS: Sequence[Word] = (
    Word(AFFECTED, "YES", RED),
    Word(SOME, "SOME", ORANGE),
    Word(SERVED, "NO", GREEN),
    Word(QUIET, "NO CALLS", GREY),
)

SEVERITIES: Sequence[Word] = (
    Word(3, "page", RED),
    Word(2, "ticket", ORANGE),
    Word(1, "info", BLUE),
    Word(0, "none", GREEN),
)
