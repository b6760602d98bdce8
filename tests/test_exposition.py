from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families

from exporter.counts import Exposed, Mirror
from exporter.exposition import Exposition, series
from tests.ledgers import START, Desk, event, simple_call
from tests.slo_texts import EVERY_SLI, one
from tests.tools import tool
from voice_slo import names

HOSTILE = 'quo"te \\ and\nnewline {} é'


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    month = "period: {calendar: month, zone: Europe/Berlin}"
    text = EVERY_SLI.replace("BUDGET_BY", "[flow]").replace("objective: 99.5%}", f"objective: 99.5%, {month}}}", 1)
    held = Desk(tmp_path, [one(text)])
    held.send(simple_call("a", 1, good=False))
    held.send([*simple_call("b", 2), event("handoff", "b", 9, to="human", ok=True)])
    held.settle()
    yield held
    held.store.close()


def text(desk: Desk) -> str:
    registry = CollectorRegistry(auto_describe=False)
    registry.register(desk.own)
    return b"".join(Exposition(desk.mirror, registry).render()).decode()


def test_the_text_parses_to_exactly_the_series_of_the_mirror(desk: Desk) -> None:
    families = {f.name: f for f in text_string_to_metric_families(text(desk))}
    found = {
        (s.name, tuple(sorted(s.labels.items()))): s.value
        for f in families.values()
        for s in f.samples
        if s.name.startswith("voice_sli_")
    }
    expected = {
        (s.metric.name, tuple(sorted(s.labels))): float(s.value)
        for s in series(*desk.mirror.exposed())
    }
    assert found == expected


def test_every_sli_metric_is_there_and_typed(desk: Desk) -> None:
    shown = text(desk)
    for metric in names.METRICS:
        assert f"# TYPE {metric.name} {metric.type}\n" in shown
    for metric in names.SLI_METRICS:
        if metric not in (names.EXCLUDED, names.CORRECTED):
            assert f"\n{metric.name}{{" in shown, metric.name


def test_counters_of_a_declared_label_set_appear_together_at_zero(desk: Desk) -> None:
    shown = [s for s in series(*desk.mirror.exposed()) if ("flow", "billing") in s.labels]
    turn_latency = [s for s in shown if ("slo", "turn-latency") in s.labels]
    assert {s.metric for s in turn_latency} >= {names.ELIGIBLE, names.GOOD, names.BAD, names.BAD_CALLERS, names.CREATED}
    reasons = {dict(s.labels)["reason"] for s in turn_latency if s.metric is names.BAD}
    assert reasons == {"no_answer", "slow"}
    assert all(s.value == 0 for s in turn_latency if s.metric is not names.CREATED)
    assert {s.value for s in turn_latency if s.metric is names.CREATED} == {START / 1e6}


def test_hostile_label_values_survive_the_round_trip() -> None:
    mirror = Mirror()
    entry = Exposed(1, "a", "s", ("flow",), ("slow",), "d")
    mirror.replace([entry], {(1, json.dumps([HOSTILE])): {("created", ""): 5_000_000}})
    shown = b"".join(Exposition(mirror, CollectorRegistry()).render()).decode()
    values = {
        s.labels["flow"] for f in text_string_to_metric_families(shown) for s in f.samples if "flow" in s.labels
    }
    assert values == {HOSTILE}


def test_promtool_accepts_the_scrape(desk: Desk) -> None:
    done = subprocess.run(
        [tool("promtool"), "check", "metrics"], input=text(desk).encode(), capture_output=True, check=False
    )
    complaints = [line for line in done.stderr.decode().splitlines() if "counter metrics should" not in line]
    assert done.returncode in (0, 3), done.stderr
    assert not complaints, complaints
