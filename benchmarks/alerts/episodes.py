"""When an alert fires, from the minutes at which its expression is true."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Minutes = NDArray[np.intp]
Episodes = NDArray[np.intp]
"""Rows of first and last minute."""


def episodes(true: Minutes, keep_firing: int) -> Episodes:
    """Runs of firing minutes. Truth returning within `keep_firing` minutes of silence prolongs the run.

    Prometheus counts `keep_firing_for` from the first evaluation without a result, so that one minute of silence does
    not end an alert that is kept firing for a minute.
    """
    if not true.size:
        return np.empty((0, 2), np.intp)
    breaks = np.flatnonzero(np.diff(true) > keep_firing + 1)
    firsts, lasts = true[np.r_[0, breaks + 1]], true[np.r_[breaks, true.size - 1]]
    return np.column_stack([firsts, lasts + keep_firing])


def merged(found: list[Episodes]) -> Episodes:
    """Episodes of several alerts as those of one that fires whenever any of them does."""
    rows = np.concatenate(found) if found else np.empty((0, 2), np.intp)
    if not rows.size:
        return rows
    rows = rows[np.argsort(rows[:, 0], kind="stable")]
    reach = np.maximum.accumulate(rows[:, 1])
    starts = np.flatnonzero(np.r_[True, rows[1:, 0] > reach[:-1] + 1])
    ends = np.r_[starts[1:] - 1, len(rows) - 1]
    return np.column_stack([rows[starts, 0], reach[ends]])


def first_within(found: Episodes, start: int, end: int) -> int | None:
    """Minutes from `start` until something fires, 0 where it fires already; None where nothing does before `end`."""
    touching = found[(found[:, 0] < end) & (found[:, 1] >= start)]
    return max(int(touching[0, 0]) - start, 0) if len(touching) else None
