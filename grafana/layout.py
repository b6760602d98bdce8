"""Rows one below the other on Grafana's grid."""

from __future__ import annotations

from collections.abc import Sequence

from grafana.panels import Json, row


def stacked(rows: Sequence[tuple[int, str, list[Json]]]) -> list[Json]:
    """Panels of all rows, each `(id, title, panels)`; the `y` of a panel counts from the top of its row."""
    placed: list[Json] = []
    top = 0
    for id_, title, panels in rows:
        placed.append(_moved(row(id_, title), top))
        placed += [_moved(panel, top + 1) for panel in panels]
        top = max(_bottom(panel) for panel in placed)
    return placed


def _moved(panel: Json, by: int) -> Json:
    grid = panel["gridPos"]
    assert isinstance(grid, dict)
    return {**panel, "gridPos": {**grid, "y": grid["y"] + by}}


def _bottom(panel: Json) -> int:
    grid = panel["gridPos"]
    assert isinstance(grid, dict)
    return int(grid["y"]) + int(grid["h"])
