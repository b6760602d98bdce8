"""Dashboards as Grafana and Prometheus meet them: structure, expressions, names, and texts that mean harm."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

import grafana
from tests import dashboard_fixtures as files
from voice_slo import names, promql
from voice_slo.quantities import prometheus_duration
from voice_slo.spec import SloFile

Json = dict[str, Any]

AGENTS = {
    "starter": files.starter(),
    "mixed": files.mixed(),
    "bare": files.without_segments_or_alerts(),
    "hostile": files.hostile(),
}
_ALERT_SERIES = {"ALERTS", "ALERTS_FOR_STATE"}
_CORE_PANELS = {"row", "stat", "table", "timeseries", "state-timeline"}


@pytest.fixture(params=list(AGENTS))
def slo_file(request: pytest.FixtureRequest) -> SloFile:
    return AGENTS[request.param]


@pytest.fixture
def dashboard(slo_file: SloFile) -> Json:
    return operator(slo_file)


def operator(slo_file: SloFile) -> Json:
    files_ = grafana.generate(slo_file, "1.2.3")
    parsed = json.loads(files_[f"grafana/dashboards/{slo_file.agent}-operator.json"])
    assert isinstance(parsed, dict)
    return parsed


def data_panels(dashboard: Json) -> list[Json]:
    return [panel for panel in dashboard["panels"] if panel["type"] != "row"]


def panel(dashboard: Json, id_: int) -> Json:
    return next(p for p in dashboard["panels"] if p["id"] == id_)


def targets(dashboard: Json) -> list[Json]:
    return [target for p in data_panels(dashboard) for target in p["targets"]]


def texts(value: object) -> Iterator[str]:
    match value:
        case str():
            yield value
        case dict():
            yield from itertools.chain.from_iterable(texts(part) for part in value.values())
        case list():
            yield from itertools.chain.from_iterable(texts(part) for part in value)


def substituted(expr: str, dashboard: Json) -> str:
    """As Grafana sends it with everything chosen."""
    for variable in dashboard["templating"]["list"]:
        expr = expr.replace(f"${{{variable['name']}}}", variable.get("allValue", ""))
    return expr


def recorded(slo_file: SloFile) -> set[str]:
    """Every series that the names know, with the windows and tiers of the file."""
    kinds: tuple[names.Kind, ...] = ("eligible", "bad", "bad_callers")
    windows = {"5m", "15m", "30m", "1h", "2h", "6h", "1d", "period"}
    tiers = [tier for slo in slo_file.slos for tier in slo.alerting.tiers]
    windows |= {prometheus_duration(seconds) for tier in tiers for seconds in (tier.long, tier.short)}
    constants = {v for v in vars(names).values() if isinstance(v, str) and v.startswith(names.RECORDED_PREFIX)}
    return (
        constants
        | {names.count(kind) for kind in kinds}
        | {names.events(kind, window) for kind in kinds for window in windows}
        | {names.burn_rate(window) for window in windows}
        | {names.threshold(tier.name) for tier in tiers}
    )


def test_the_same_file_gives_the_same_bytes_with_sorted_keys_and_a_final_newline(slo_file: SloFile) -> None:
    first, second = grafana.generate(slo_file, "1.2.3"), grafana.generate(slo_file, "1.2.3")
    assert first == second
    for content in first.values():
        text = content.decode()
        assert text == json.dumps(json.loads(text), indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def test_says_from_which_file_and_version_it_comes() -> None:
    assert "voice-slo 1.2.3 from slos/starter.yaml" in operator(files.starter())["description"]


def test_is_classic_and_leaves_to_grafana_what_is_local_to_an_instance(dashboard: Json) -> None:
    assert dashboard["schemaVersion"] == 37
    assert isinstance(dashboard["refresh"], str)
    assert {"id", "version", "__inputs", "__requires"}.isdisjoint(dashboard)
    assert {p["type"] for p in dashboard["panels"]} <= _CORE_PANELS
    assert "cellOptions" not in json.dumps(dashboard)


@pytest.mark.parametrize("agent", ["a", "front-desk", "a" * 63, "a-" * 31 + "b"])
def test_uid_fits_grafana(agent: str) -> None:
    uid = operator(files.starter(agent))["uid"]
    assert re.fullmatch(r"[a-zA-Z0-9_-]{1,40}", uid)
    assert uid == names.dashboard_uid(agent, "operator")


def test_every_reference_to_a_data_source_is_the_variable(dashboard: Json) -> None:
    expected = {"type": "prometheus", "uid": "${datasource}"}
    variables = [v for v in dashboard["templating"]["list"] if v["type"] == "query"]
    for part in [*data_panels(dashboard), *targets(dashboard), *variables]:
        assert part["datasource"] == expected


def test_every_panel_says_what_it_is(dashboard: Json) -> None:
    for p in data_panels(dashboard):
        assert p["title"]
        assert len(p["description"]) > 40
        assert p["fieldConfig"]["defaults"]["unit"]
        assert p["targets"]


def test_panel_and_query_ids_are_unique_and_panel_ids_stay(dashboard: Json) -> None:
    ids = [p["id"] for p in dashboard["panels"]]
    assert len(ids) == len(set(ids))
    for p in data_panels(dashboard):
        refs = [target["refId"] for target in p["targets"]]
        assert len(refs) == len(set(refs))
    assert {p["id"] for p in dashboard["panels"] if p["id"] < 210} == {*range(100, 112), *range(200, 205)}


def test_panels_stay_on_the_grid_and_do_not_overlap(dashboard: Json) -> None:
    taken: set[tuple[int, int]] = set()
    for p in dashboard["panels"]:
        grid = p["gridPos"]
        cells = {
            (x, y)
            for x in range(grid["x"], grid["x"] + grid["w"])
            for y in range(grid["y"], grid["y"] + grid["h"])
        }  # fmt: skip
        assert cells
        assert max(x for x, _ in cells) < 24
        assert taken.isdisjoint(cells), p["title"]
        taken |= cells


def test_the_first_panel_answers_whether_callers_are_affected(dashboard: Json) -> None:
    first = min(data_panels(dashboard), key=lambda p: (p["gridPos"]["y"], p["gridPos"]["x"]))
    assert first["title"] == "Callers affected now?"
    words = {entry["text"] for entry in first["fieldConfig"]["defaults"]["mappings"][0]["options"].values()}
    assert words == {"YES", "SOME", "NO", "NO CALLS"}


def test_rows_come_in_the_order_of_the_questions(dashboard: Json) -> None:
    assert [p["title"] for p in dashboard["panels"] if p["type"] == "row"] == ["SLO health", "Burn-rate alerts"]


def test_variables_follow_the_time_range_and_cover_every_budget_segment() -> None:
    variables = {v["name"]: v for v in operator(files.mixed())["templating"]["list"]}
    assert list(variables) == ["datasource", "slo", "flow", "language"]
    for name in ("slo", "flow", "language"):
        assert variables[name]["refresh"] == 2
        assert variables[name]["multi"]
        assert 'agent="contact-centre"' in variables[name]["query"]["query"]


def test_a_segment_that_would_take_the_data_source_variable_gets_another_name() -> None:
    slo = files.slo("task-completion", "0.9", "operations", budget_by=("datasource",))
    variables = [v["name"] for v in operator(files.slo_file("front-desk", slo))["templating"]["list"]]
    assert variables == ["datasource", "slo", "segment_datasource"]


def test_every_expression_parses_and_reads_only_series_that_exist(slo_file: SloFile, dashboard: Json) -> None:
    known = recorded(slo_file) | {metric.name for metric in names.METRICS} | _ALERT_SERIES
    for target in targets(dashboard):
        read = promql.series_read(substituted(target["expr"], dashboard))
        assert read
        assert read <= known


def test_every_selector_names_the_agent(slo_file: SloFile, dashboard: Json) -> None:
    for target in targets(dashboard):
        for series, matchers in re.findall(r"([\w:]+)\{([^{}]*)\}", substituted(target["expr"], dashboard)):
            assert f'agent="{slo_file.agent}"' in matchers, series
        bare = promql.series_read(substituted(target["expr"], dashboard)) - {
            series for series, _ in re.findall(r"([\w:]+)\{([^{}]*)\}", substituted(target["expr"], dashboard))
        }
        assert bare <= {names.LAST_EVENT.name}


def test_no_data_is_never_shown_as_zero(dashboard: Json) -> None:
    for target in targets(dashboard):
        assert "vector(" not in target["expr"]
    for p in data_panels(dashboard):
        assert p["fieldConfig"]["defaults"]["noValue"] == "No data"
        if p["type"] == "stat":
            assert p["fieldConfig"]["defaults"]["thresholds"]["steps"][0] == {"color": "#6e7781", "value": None}


def test_tables_and_stats_ask_once_and_graphs_over_time(dashboard: Json) -> None:
    for p in data_panels(dashboard):
        once = p["type"] in ("stat", "table")
        for target in p["targets"]:
            assert (target["instant"], target["range"]) == (once, not once)
            assert target["format"] == ("table" if p["type"] == "table" else "time_series")


def test_tables_stay_narrow_enough_for_a_phone(dashboard: Json) -> None:
    wide = [
        p["title"] for p in data_panels(dashboard) if p["type"] == "table" and len(p["fieldConfig"]["overrides"]) > 5
    ]
    assert wide == ["Burn rate by window: the worst enforced budget of each SLO"]


def test_every_column_that_a_table_shapes_is_one_that_it_shows(dashboard: Json) -> None:
    for p in data_panels(dashboard):
        if p["type"] == "table":
            organize = p["transformations"][1]["options"]
            by_index = [
                organize["renameByName"][source]
                for source, _ in sorted(organize["indexByName"].items(), key=lambda item: item[1])
            ]
            assert [override["matcher"]["options"] for override in p["fieldConfig"]["overrides"]] == by_index
            assert p["options"]["sortBy"][0]["displayName"] in by_index


def test_a_tier_has_one_graph_for_each_pair_of_windows_and_says_where_a_cap_lowers_it() -> None:
    found = operator(files.mixed())
    titles = [p["title"] for p in found["panels"] if p["id"] >= 210]
    assert titles == [
        "VoiceSLOFastBurn (page): burn rate over 1h, dotted over 5m",
        "VoiceSLOMediumBurn (page): burn rate over 6h, dotted over 30m",
        "VoiceSLOSlowBurn (ticket): burn rate over 1d, dotted over 2h",
        "VoiceSLOTrickleBurn (ticket): burn rate over 3d, dotted over 6h",
        "VoiceSLOFastBurn (page): burn rate over 15m, dotted over 5m",
    ]
    starter = operator(files.starter())
    assert "stands at 10, but 5 for task-completion" in panel(starter, 210)["description"]
    assert "stands at 1.5;" in panel(starter, 212)["description"]


def test_an_agent_without_alerts_or_segments_still_has_a_dashboard() -> None:
    found = operator(files.without_segments_or_alerts())
    assert [p for p in found["panels"] if p["id"] >= 210] == []
    assert "threshold" not in panel(found, 101)["targets"][0]["expr"]


def test_no_text_of_the_slo_file_reaches_the_dashboard_where_it_could_be_expanded() -> None:
    harmless = files.slo_file("front-desk", files.slo("task-completion", "0.9", "operations", budget_by=("flow",)))
    assert operator(files.hostile()) == operator(harmless)
    for text in texts(operator(files.hostile())):
        assert "<script" not in text
