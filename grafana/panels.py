"""Panels as plain dicts in the spellings of `schemaVersion` 37, which Grafana 9 to 13 read alike.

Every option is written out, because Grafana's defaults moved between versions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

Json = dict[str, object]

DATASOURCE: Mapping[str, str] = {"type": "prometheus", "uid": "${datasource}"}
NO_DATA = "No data"
"""Also shown where a query fails, so it must say nothing about callers."""
NOTHING = "–"
"""A table's cell without a value."""

GREY, GREEN, YELLOW, ORANGE, RED, BLUE = "#6e7781", "green", "#c69026", "orange", "red", "blue"


_LEGIBLE = 190
"""Pixels."""
LOWEST = -1e9
"""Lower bound of every figure shown. A step from here, not from nowhere: what lies under it is no data, and grey."""


@dataclass(frozen=True, slots=True)
class Word:
    """What a value of a coded series is called, and the colour that goes with the word."""

    code: int
    text: str
    color: str


@dataclass(frozen=True, slots=True)
class Query:
    """One PromQL query. `legend` is a `{{label}}` template. Asked once for tables and stats, over time for graphs."""

    expr: str
    legend: str = ""


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table: the label or query it shows, its heading and how its cells look.

    `width` in pixels; None shares what is left, and a narrow screen scrolls instead of cutting it under `_LEGIBLE`.
    `cell`: a display mode of schemaVersion 37.
    """

    source: str
    heading: str
    unit: str = "none"
    width: int | None = None
    cell: str = "auto"
    words: Sequence[Word] = ()
    steps: Sequence[tuple[float | None, str]] = ()
    decimals: int | None = None
    limits: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """Grid position; `x` and `w` in 24ths of the width, `y` from the top of the row, `h` in grid heights (30 px)."""

    x: int
    y: int
    w: int
    h: int


@dataclass(frozen=True, slots=True)
class Frame:
    """What every panel has. `id_` never changes once published: links and alerts point at it."""

    id_: int
    title: str
    description: str
    place: Place


def stat(
    frame: Frame, queries: Sequence[Query], *, unit: str = "none",
    words: Sequence[Word] = (), steps: Sequence[tuple[float | None, str]] = ((None, GREY),), named: bool = False,
    background: bool = True, overrides: Sequence[Json] = (),
) -> Json:  # fmt: skip
    """One tile per series. `named` also shows the series' legend."""
    options: Json = {
        "colorMode": "background" if background else "value",
        "graphMode": "none",
        "justifyMode": "center",
        "orientation": "auto",
        "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
        "text": {},
        "textMode": "value_and_name" if named else "value",
    }
    panel = _panel("stat", frame, _instant(queries, "time_series"), _defaults(unit, words, steps, None), options)
    panel["fieldConfig"] = {"defaults": _defaults(unit, words, steps, 0), "overrides": list(overrides)}
    return panel


def table(
    frame: Frame, queries: Sequence[Query], columns: Sequence[Column], *, sort: str, descending: bool = False
) -> Json:
    """One row per set of labels that the queries share. `Column.source` is a label, or `A`, `B` … for a query."""
    sources = [_field(c.source, len(queries)) for c in columns]
    organize: Json = {
        "excludeByName": {"Time": True} | {_field(ref, len(queries)): True for ref in _refs(queries)},
        "indexByName": {source: index for index, source in enumerate(sources)},
        "renameByName": {source: c.heading for source, c in zip(sources, columns, strict=True)},
    }
    hidden = organize["excludeByName"]
    assert isinstance(hidden, dict)
    for source in sources:
        hidden.pop(source, None)
    options: Json = {
        "footer": {"countRows": False, "fields": "", "reducer": ["sum"], "show": False},
        "showHeader": True,
        "sortBy": [{"desc": descending, "displayName": sort}],
    }
    defaults = _defaults("none", (), ((None, "text"),), None)
    defaults["custom"] = {"align": "auto", "displayMode": "auto", "filterable": False, "inspect": False}
    panel = _panel("table", frame, _instant(queries, "table"), defaults, options)
    panel["fieldConfig"] = {"defaults": defaults, "overrides": [_column(c) for c in columns]}
    panel["transformations"] = [{"id": "merge", "options": {}}, {"id": "organize", "options": organize}]
    return panel


def timeseries(
    frame: Frame, queries: Sequence[Query], *, unit: str,
    steps: Sequence[tuple[float | None, str]] = ((None, "transparent"),), overrides: Sequence[Json] = (),
    soft: tuple[float, float] = (0, 1), cut_at: float | None = None, decimals: int | None = None,
) -> Json:  # fmt: skip
    """Lines over time; `steps` beyond the first are drawn as lines.

    The axis reaches at least over `soft`, which threshold lines alone do not make it do, and never beyond `cut_at`.
    """
    options: Json = {
        "legend": {"calcs": ["lastNotNull"], "displayMode": "list", "placement": "bottom", "showLegend": True},
        "tooltip": {"mode": "multi", "sort": "desc"},
    }
    defaults = _defaults(unit, (), steps, decimals)
    defaults["color"] = {"mode": "palette-classic"}
    defaults["custom"] = {
        "axisCenteredZero": False, "axisColorMode": "text", "axisLabel": "", "axisPlacement": "auto",
        "barAlignment": 0, "drawStyle": "line", "fillOpacity": 0, "gradientMode": "none",
        "hideFrom": {"legend": False, "tooltip": False, "viz": False}, "lineInterpolation": "linear",
        "lineStyle": {"fill": "solid"}, "lineWidth": 2, "pointSize": 4, "scaleDistribution": {"type": "linear"},
        "showPoints": "never", "spanNulls": False, "stacking": {"group": "A", "mode": "none"},
        "thresholdsStyle": {"mode": "dashed" if len(steps) > 1 else "off"},
        "axisSoftMin": soft[0], "axisSoftMax": soft[1],
    }  # fmt: skip
    if cut_at is not None:
        defaults["max"] = cut_at
    panel = _panel("timeseries", frame, _over_time(queries), defaults, options)
    panel["fieldConfig"] = {"defaults": defaults, "overrides": list(overrides)}
    return panel


def state_timeline(frame: Frame, queries: Sequence[Query], *, words: Sequence[Word]) -> Json:
    """One lane per series, coloured by the word for its value; a gap is a time without data."""
    options: Json = {
        "alignValue": "left",
        "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True},
        "mergeValues": True,
        "rowHeight": 0.85,
        "showValue": "auto",
        "tooltip": {"mode": "single", "sort": "none"},
    }
    defaults = _defaults("none", words, ((None, GREY),), None)
    defaults["color"] = {"fixedColor": GREY, "mode": "fixed"}
    defaults["custom"] = {"fillOpacity": 80, "lineWidth": 0, "spanNulls": False}
    return _panel("state-timeline", frame, _over_time(queries), defaults, options)


def row(id_: int, title: str) -> Json:
    return {
        "collapsed": False,
        "gridPos": {"h": 1, "w": 24, "x": 0, "y": 0},
        "id": id_,
        "panels": [],
        "title": title,
        "type": "row",
    }


def series_override(pattern: str, properties: Mapping[str, object]) -> Json:
    """Properties for every series whose legend matches the regular expression."""
    return {
        "matcher": {"id": "byRegexp", "options": pattern},
        "properties": [{"id": name, "value": value} for name, value in sorted(properties.items())],
    }


def _panel(type_: str, frame: Frame, targets: list[Json], defaults: Json, options: Json) -> Json:
    place = frame.place
    return {
        "datasource": dict(DATASOURCE),
        "description": frame.description,
        "fieldConfig": {"defaults": defaults, "overrides": []},
        "gridPos": {"h": place.h, "w": place.w, "x": place.x, "y": place.y},
        "id": frame.id_,
        "options": options,
        "targets": targets,
        "title": frame.title,
        "transparent": False,
        "type": type_,
    }


def _defaults(
    unit: str, words: Sequence[Word], steps: Sequence[tuple[float | None, str]], decimals: int | None
) -> Json:
    defaults: Json = {
        "color": {"mode": "thresholds"},
        "mappings": _mappings(words),
        "noValue": NO_DATA,
        "thresholds": thresholds(steps),
        "unit": unit,
    }
    return defaults if decimals is None else defaults | {"decimals": decimals}


def _mappings(words: Sequence[Word]) -> list[Json]:
    if not words:
        return []
    options = {str(w.code): {"color": w.color, "index": index, "text": w.text} for index, w in enumerate(words)}
    return [{"options": options, "type": "value"}]


def thresholds(steps: Sequence[tuple[float | None, str]]) -> Json:
    """`steps` as (lower bound, colour), rising; the first bound is None."""
    return {"mode": "absolute", "steps": [{"color": color, "value": value} for value, color in steps]}


def _refs(queries: Sequence[Query]) -> list[str]:
    return [chr(ord("A") + index) for index in range(len(queries))]


def _field(source: str, queries: int) -> str:
    if len(source) > 1:
        return source
    return "Value" if queries == 1 else f"Value #{source}"


def _instant(queries: Sequence[Query], format_: str) -> list[Json]:
    return [_target(ref, query, format_, instant=True) for ref, query in zip(_refs(queries), queries, strict=True)]


def _over_time(queries: Sequence[Query]) -> list[Json]:
    return [
        _target(ref, query, "time_series", instant=False) for ref, query in zip(_refs(queries), queries, strict=True)
    ]


def _target(ref: str, query: Query, format_: str, instant: bool) -> Json:
    return {
        "datasource": dict(DATASOURCE),
        "editorMode": "code",
        "exemplar": False,
        "expr": query.expr,
        "format": format_,
        "instant": instant,
        "legendFormat": query.legend,
        "range": not instant,
        "refId": ref,
    }


def _column(column: Column) -> Json:
    properties: list[Json] = [{"id": "noValue", "value": NOTHING}, {"id": "unit", "value": column.unit}]
    properties.append(
        {"id": "custom.minWidth", "value": _LEGIBLE}
        if column.width is None
        else {"id": "custom.width", "value": column.width}
    )
    if column.cell != "auto":
        properties.append({"id": "custom.displayMode", "value": column.cell})
    if column.words:
        properties.append({"id": "mappings", "value": _mappings(column.words)})
    if column.steps:
        properties.append({"id": "thresholds", "value": thresholds(column.steps)})
    if column.decimals is not None:
        properties.append({"id": "decimals", "value": column.decimals})
    if column.limits is not None:
        properties += [{"id": "min", "value": column.limits[0]}, {"id": "max", "value": column.limits[1]}]
    return {"matcher": {"id": "byName", "options": column.heading}, "properties": properties}
